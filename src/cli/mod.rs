//! The command line: every verb without a screen.

use std::process::ExitCode;

/// Parses the arguments, runs the verb, prints the error chain.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
