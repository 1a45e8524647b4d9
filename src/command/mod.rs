//! The command line: one file a subcommand. The only room that prints, reads the environment and knows the process.

pub mod terminal;

mod arguments;
mod calibrate;
mod calibration;
mod diff;
mod exit;
mod findings;
mod init;
mod interrupt;
mod logging;
mod mock;
mod output;
mod packaging;
mod plan;
mod report;
mod run;
mod scenario;
mod schema;
mod surroundings;
mod validate;
mod watch;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

use crate::results::Ending;
use arguments::{Arguments, Command};
use surroundings::Surroundings;

/// Runs the command that `arguments` name (the program's own name first) and says how the process should exit.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // A panic is a bug of ours, and says so by its exit code; the default hook has printed where.
    let ending = std::panic::catch_unwind(|| run(arguments)).unwrap_or_else(|_| {
        output::error(
            "plimsoll has a bug: it panicked",
            Some("please report it with the scenario; what was committed to the journal is kept"),
        );
        Ending::Bug
    });
    exit::code(ending)
}

fn run(arguments: Vec<OsString>) -> Ending {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let surroundings = Surroundings::read(arguments.global);
    logging::start(&surroundings);
    match &arguments.command {
        Command::Init(arguments) => init::run(arguments, &surroundings),
        Command::Validate(arguments) => validate::run(arguments, &surroundings),
        Command::Plan(arguments) => plan::run(arguments, &surroundings),
        Command::Run(arguments) => run::run(arguments, &surroundings),
        Command::Report(arguments) => report::run(arguments, &surroundings),
        Command::Diff(arguments) => diff::run(arguments),
        Command::Calibrate(arguments) => calibrate::run(arguments, &surroundings),
        Command::Mock(arguments) => mock::run(arguments, &surroundings),
        Command::Schema(arguments) => schema::run(arguments),
        Command::Completions(arguments) => packaging::completions(arguments),
        Command::Man => packaging::man(),
    }
}

/// Shows clap's own message: help and version are data, the rest is bad usage.
fn usage(error: &clap::Error) -> Ending {
    let text = error.render().to_string();
    if error.use_stderr() {
        output::words(&text);
        Ending::Usage
    } else {
        output::data(&text);
        Ending::Well
    }
}
