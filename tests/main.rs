//! All integration tests in one binary: one link, one list of topics.

mod features;
mod store;
