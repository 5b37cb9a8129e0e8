//! All integration tests in one binary.

mod label;
mod store;
