//! The command line: one file a subcommand. The only room that prints, and that knows exit codes.

pub mod terminal;

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the command that `arguments` name (the program's own name first) and says how the process should exit.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let _ = arguments.into_iter();
    ExitCode::SUCCESS
}
