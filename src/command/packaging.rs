//! `completions` and `man`: for packagers.

use clap::CommandFactory as _;

use super::arguments::{Arguments, CompletionsArguments};
use super::output;
use crate::results::Ending;

/// Prints completions.
pub fn completions(arguments: &CompletionsArguments) -> Ending {
    let mut bytes = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        "plimsoll",
        &mut bytes,
    );
    output::data(&String::from_utf8_lossy(&bytes));
    Ending::Well
}

/// Prints the manual page, every subcommand's in one.
pub fn man() -> Ending {
    let mut bytes = Vec::new();
    let command = Arguments::command();
    let subcommands: Vec<_> = command.get_subcommands().cloned().collect();
    let rendered = clap_mangen::Man::new(command)
        .render(&mut bytes)
        .and_then(|()| {
            subcommands
                .into_iter()
                .try_for_each(|subcommand| clap_mangen::Man::new(subcommand).render(&mut bytes))
        });
    if let Err(error) = rendered {
        output::error(&format!("cannot render the manual page: {error}"), None);
        return Ending::Bug;
    }
    output::data(&String::from_utf8_lossy(&bytes));
    Ending::Well
}
