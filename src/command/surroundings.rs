//! The process's surroundings: environment, streams, the options of every command. Read once, passed on as values.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;

use super::arguments::{Color, Global};
use super::terminal::{Colour, ColourChoice};

/// What every command is given beside its own arguments.
pub struct Surroundings {
    /// The environment variables that are text.
    pub environment: BTreeMap<String, String>,
    /// Options of every command.
    pub global: Global,
}

impl Surroundings {
    /// Reads them.
    pub fn read(global: Global) -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self {
            environment,
            global,
        }
    }

    /// Whether people's words are coloured.
    pub fn colour(&self) -> Colour {
        let choice = match self.global.color {
            Color::Auto => ColourChoice::Auto,
            Color::Always => ColourChoice::Always,
            Color::Never => ColourChoice::Never,
        };
        let no_color = self.environment.get("NO_COLOR").map(String::as_str);
        let dumb = self
            .environment
            .get("TERM")
            .is_some_and(|terminal| terminal == "dumb");
        Colour::decide(choice, no_color, dumb, self.terminal())
    }

    /// Whether somebody watches: stderr is a terminal and no CI says otherwise.
    pub fn terminal(&self) -> bool {
        std::io::stderr().is_terminal() && !self.environment.contains_key("CI")
    }

    /// Columns of the terminal, 100 where there is none.
    pub fn width(&self) -> usize {
        self.environment
            .get("COLUMNS")
            .and_then(|columns| columns.parse().ok())
            .or_else(terminal_width)
            .unwrap_or(100)
    }
}

fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}
