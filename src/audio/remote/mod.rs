//! Clips that lie on a server, heard on a laptop: what passes between the two, and both ends of it.
//!
//! Deliberately absent: how the two are connected (ssh does that, see `cli::ssh`), and anything but sound: the companion plays
//! what it is sent, keeps some of it in its cache, and can be asked for nothing else.

mod client;
mod companion;
mod find;
mod flow;
mod keep;
mod packing;
mod secret;
mod sending;
mod stream;
pub mod wire;

pub use client::{Hearth, serve};
pub use companion::Companion;
pub use find::{Note, VARIABLE, find, is_expected, note, read};
pub use secret::{End, Secret};
pub use stream::{Address, Stream};

#[cfg(test)]
mod tests;
