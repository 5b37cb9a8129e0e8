//! The `emolab` binary: parse, run, print the error chain, choose the exit code. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    emolab::cli::main()
}
