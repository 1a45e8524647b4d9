//! Whether and how text is coloured.

use anstyle::{AnsiColor, Style};

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColourChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colour {
    /// With ANSI styles.
    On,
    /// Plain text.
    #[default]
    Off,
}

/// What a text is coloured by: its meaning. Words say it too, colour never alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Titles.
    Strong,
    /// What matters less.
    Dim,
    /// Well.
    Good,
    /// Wrong.
    Bad,
    /// To be read with care.
    Doubt,
}

impl Colour {
    /// Decides: `no_color` is the variable's value where set (an empty one counts as unset, as no-color.org says), `dumb`
    /// whether `TERM` is `dumb`.
    pub fn decide(
        choice: ColourChoice,
        no_color: Option<&str>,
        dumb: bool,
        terminal: bool,
    ) -> Self {
        let on = match choice {
            ColourChoice::Always => true,
            ColourChoice::Never => false,
            ColourChoice::Auto => terminal && !dumb && no_color.is_none_or(str::is_empty),
        };
        if on { Self::On } else { Self::Off }
    }

    /// The text, painted where colours are on.
    pub fn paint(self, paint: Paint, text: &str) -> String {
        if self == Self::Off || text.is_empty() {
            return text.to_owned();
        }
        let style = match paint {
            Paint::Strong => Style::new().bold(),
            Paint::Dim => Style::new().dimmed(),
            Paint::Good => AnsiColor::Green.on_default(),
            Paint::Bad => AnsiColor::Red.on_default().bold(),
            Paint::Doubt => AnsiColor::Yellow.on_default(),
        };
        format!("{style}{text}{style:#}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_on_only_at_a_terminal_that_wants_it() {
        for (choice, no_color, dumb, terminal, expected) in [
            (ColourChoice::Auto, None, false, true, Colour::On),
            (ColourChoice::Auto, None, false, false, Colour::Off),
            (ColourChoice::Auto, Some("1"), false, true, Colour::Off),
            (ColourChoice::Auto, Some(""), false, true, Colour::On),
            (ColourChoice::Auto, None, true, true, Colour::Off),
            (ColourChoice::Always, Some("1"), true, false, Colour::On),
            (ColourChoice::Never, None, false, true, Colour::Off),
        ] {
            assert_eq!(
                Colour::decide(choice, no_color, dumb, terminal),
                expected,
                "{choice:?} {no_color:?} {dumb} {terminal}"
            );
        }
    }

    #[test]
    fn plain_text_has_no_escape_in_it() {
        assert_eq!(Colour::Off.paint(Paint::Bad, "x"), "x");
        assert_eq!(Colour::On.paint(Paint::Bad, ""), "");
        assert!(Colour::On.paint(Paint::Bad, "x").contains('\u{1b}'));
    }
}
