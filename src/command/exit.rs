//! From how things ended to the process's exit code.

use std::process::ExitCode;

use crate::results::Ending;

/// The process's exit code for an ending.
pub fn code(ending: Ending) -> ExitCode {
    ExitCode::from(ending.code())
}
