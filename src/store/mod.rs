//! The SQLite file that keeps annotations and runs.
//!
//! Deliberately absent: caches (safe to delete, elsewhere) and a trait: there is one store.
