//! A value that knows when it may have changed, so that what was computed from it is computed again then and only then.
//!
//! Deliberately absent: what is computed from it.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};

/// Versions given so far; no two values share one unless one is the other's clone.
static GIVEN: AtomicU64 = AtomicU64::new(1);

/// A value with a version that is new after each time somebody could write to it.
#[derive(Debug, Clone)]
pub struct Versioned<T> {
    value: T,
    version: u64,
}

impl<T> Versioned<T> {
    /// With a version of its own.
    pub fn new(value: T) -> Versioned<T> {
        Versioned { value, version: next() }
    }

    /// Equal versions mean equal values.
    pub fn version(&self) -> u64 {
        self.version
    }
}

impl<T> Deref for Versioned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Versioned<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.version = next();
        &mut self.value
    }
}

fn next() -> u64 {
    GIVEN.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_chance_to_write_makes_a_new_version() {
        let mut value = Versioned::new(vec![1.0, 2.0]);
        let (before, twin) = (value.version(), value.clone());
        assert_eq!((value[0], value.len(), value.version()), (1.0, 2, before));
        value[0] = 3.0;
        assert_ne!(value.version(), before);
        assert_eq!((twin[0], twin.version()), (1.0, before));
        assert_ne!(Versioned::new(0).version(), Versioned::new(0).version());
    }
}
