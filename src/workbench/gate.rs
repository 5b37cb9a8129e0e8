//! A gate that failed: what was asked for was done, or refused, and the answer is no. The command line ends with 3.
//!
//! Deliberately absent: the gates themselves (leaks in `folds`; bars that scores are held to where they are asked for).

/// What did not pass, in words for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GateFailed(pub String);

/// True when the error, or one below it, is a failed gate.
pub fn is_gate(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<GateFailed>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context, anyhow};

    #[test]
    fn a_gate_is_found_below_what_was_done_meanwhile() {
        let failed: Result<(), _> = Err(GateFailed("a leak".to_owned()));
        assert!(is_gate(&failed.context("comparing").unwrap_err()));
        assert!(!is_gate(&anyhow!("a leak")));
    }
}
