//! A comparison rendered for people: text for a terminal, Markdown for a pull request (compare.md, "What is written").

use crate::compare::Diff;

/// The comparison as text for a terminal, without colour: the sentence, the rows that matter, the rest in counts.
pub fn human(diff: &Diff) -> String {
    format!("{} gates\n", diff.summary.gates)
}

/// The comparison as a Markdown comment of at most 60,000 characters.
pub fn markdown(diff: &Diff) -> String {
    format!("{} gates\n", diff.summary.gates)
}
