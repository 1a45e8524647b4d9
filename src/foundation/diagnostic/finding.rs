//! What a finding is.

use std::ops::Range;
use std::sync::Arc;

/// The stable, kebab-case name of a kind of finding: `unknown-key`, `exclude-removes-nothing`.
pub type Code = &'static str;

/// Whether a finding makes the file unusable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The scenario is invalid.
    Error,
    /// Worth knowing; nothing fails by it.
    Warning,
}

/// A file that findings point into. `text` has every secret already masked where it is to be shown.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The path as the user gave it, or relative to the scenario.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// A stretch of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<SourceFile>,
    /// Byte range within the file's text.
    pub span: Range<usize>,
}

impl Place {
    /// Line and column of the place's start, both from 1; the column counts characters.
    pub fn line_column(&self) -> (usize, usize) {
        let before = &self.file.text[..self.span.start.min(self.file.text.len())];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        // A byte-order mark is no character of the first line.
        let column = before[line_start..]
            .trim_start_matches('\u{feff}')
            .chars()
            .count()
            + 1;
        (line, column)
    }
}

/// A second place that helps to understand the first: "first defined here".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub place: Place,
    /// What is there.
    pub text: String,
}

/// A problem in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its kind.
    pub code: Code,
    /// Whether it makes the file unusable.
    pub severity: Severity,
    /// The JSON pointer of the value (or key) that it is about: `/load/requests`.
    pub pointer: String,
    /// Whether the key, not the value, is at fault (an unknown key).
    pub at_key: bool,
    /// The reason, in one sentence without a full stop.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// Where it stands; filled in by the room that knows the file.
    pub place: Option<Place>,
    /// Further places.
    pub labels: Vec<Label>,
}

impl Finding {
    /// An error at the value that `pointer` names.
    pub fn error(code: Code, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            pointer: pointer.into(),
            at_key: false,
            message: message.into(),
            help: None,
            place: None,
            labels: Vec::new(),
        }
    }

    /// A warning at the value that `pointer` names.
    pub fn warning(code: Code, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, pointer, message)
        }
    }

    /// The same finding with what the user can do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same finding about the key instead of its value.
    #[must_use]
    pub fn at_key(mut self) -> Self {
        self.at_key = true;
        self
    }

    /// The same finding with a place of its own, for files other than the scenario.
    #[cfg(test)]
    #[must_use]
    pub fn in_place(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }
}

/// Findings as they are collected.
pub type Findings = Vec<Finding>;
