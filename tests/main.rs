//! All integration tests in one binary: one link, one list of topics.

mod corpus;
mod features;
mod store;
