//! Which findings are shown, and how their texts are made harmless.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::foundation::diagnostic::{Finding, Severity};

/// The most errors (and the most warnings) that are shown for one file; the rest is counted.
const MOST_SHOWN: usize = 20;

/// What is shown of some findings.
pub(super) struct Shown<'f> {
    /// In the order given.
    pub(super) findings: Vec<&'f Finding>,
    /// How many more there are of each file and severity.
    pub(super) more: Vec<More<'f>>,
}

/// What is not shown of one file.
pub(super) struct More<'f> {
    pub(super) file: &'f str,
    pub(super) severity: Severity,
    pub(super) count: usize,
}

impl<'f> Shown<'f> {
    pub(super) fn of(findings: &'f [Finding]) -> Self {
        let mut counts: BTreeMap<(&str, Severity), usize> = BTreeMap::new();
        let mut shown = Vec::new();
        for finding in findings {
            let count = counts.entry((path(finding), finding.severity)).or_default();
            *count += 1;
            if *count <= MOST_SHOWN {
                shown.push(finding);
            }
        }
        let more = counts.into_iter().filter(|(_, count)| *count > MOST_SHOWN);
        let more = more.map(|((file, severity), count)| More {
            file,
            severity,
            count: count - MOST_SHOWN,
        });
        Self {
            findings: shown,
            more: more.collect(),
        }
    }

    /// How many findings are not shown at all.
    pub(super) fn omitted(&self) -> usize {
        self.more.iter().map(|more| more.count).sum()
    }
}

impl More<'_> {
    /// `and 3 more errors in a.yaml`.
    pub(super) fn sentence(&self) -> String {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let plural = if self.count == 1 { "" } else { "s" };
        let place = if self.file.is_empty() {
            String::new()
        } else {
            format!(" in {}", harmless(self.file))
        };
        format!("and {} more {word}{plural}{place}", self.count)
    }
}

/// The file that a finding is in; empty where it has no place.
pub(super) fn path(finding: &Finding) -> &str {
    finding
        .place
        .as_ref()
        .map_or("", |place| place.file.path.as_str())
}

/// A text in which no character moves the cursor, changes colours, or turns the direction of reading: each stands as
/// its escape. Line feeds and tabs stay, for formats that can hold them.
pub(super) fn harmless(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut harmless = String::with_capacity(text.len());
    for character in text.chars() {
        if is_harmful(character) {
            // Writing to a string cannot fail.
            let _ = write!(harmless, "{}", character.escape_unicode());
        } else {
            harmless.push(character);
        }
    }
    Cow::Owned(harmless)
}

/// The same on one line.
pub(super) fn one_line(text: &str) -> String {
    harmless(text).replace('\n', "\\n").replace('\t', " ")
}

/// Source text in which every character keeps its length in bytes, so that places stay where they are. Control
/// characters of one byte are left to the renderer, which draws them.
pub(super) fn harmless_source(text: &str) -> Cow<'_, str> {
    let replaced = |character: char| is_harmful(character) && character.len_utf8() > 1;
    if !text.chars().any(replaced) {
        return Cow::Borrowed(text);
    }
    let stand_in = |character: char| match character.len_utf8() {
        _ if !replaced(character) => character,
        2 => '\u{b7}',
        _ => char::REPLACEMENT_CHARACTER,
    };
    Cow::Owned(text.chars().map(stand_in).collect())
}

fn is_harmful(character: char) -> bool {
    let directs = matches!(character,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    directs || (character.is_control() && !matches!(character, '\n' | '\t'))
}
