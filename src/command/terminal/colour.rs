//! Whether and how text is coloured.

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

impl Colour {
    /// Decides: `no_color` is the variable's value where set (an empty one counts as unset, as no-color.org says), `dumb`
    /// whether `TERM` is `dumb`.
    pub fn decide(choice: ColourChoice, no_color: Option<&str>, dumb: bool, terminal: bool) -> Self {
        let on = match choice {
            ColourChoice::Always => true,
            ColourChoice::Never => false,
            ColourChoice::Auto => terminal && !dumb && no_color.is_none_or(str::is_empty),
        };
        if on { Self::On } else { Self::Off }
    }
}
