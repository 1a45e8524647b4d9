//! Findings shown in the format that was asked for: people's words to stderr, machines' to stdout.

use super::arguments::FindingFormat;
use super::output;
use super::surroundings::Surroundings;
use super::terminal::Colour;
use crate::foundation::diagnostic::{Finding, Severity, render};

/// Shows findings, wherever they came from.
pub fn show(findings: &[Finding], format: FindingFormat, surroundings: &Surroundings) {
    match format {
        FindingFormat::Human => people(findings, surroundings),
        FindingFormat::Json => output::data(&render::json(findings)),
        FindingFormat::Github => output::data(&render::github(findings)),
        FindingFormat::Sarif => output::data(&render::sarif(findings)),
    }
}

/// Shows findings to people, with a line that counts them.
pub fn people(findings: &[Finding], surroundings: &Surroundings) {
    let quiet = surroundings.global.quiet;
    let shown: Vec<Finding> = findings
        .iter()
        .filter(|finding| !quiet || finding.severity == Severity::Error)
        .cloned()
        .collect();
    let look = render::Look {
        colour: surroundings.colour() == Colour::On,
        width: surroundings.width(),
    };
    output::words(&render::human(&shown, look));
}

/// `1 error`, `3 errors and 1 warning`.
pub fn count(findings: &[Finding]) -> String {
    let number = |severity, word| {
        let n = findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count();
        (n > 0).then(|| format!("{n} {word}{}", if n == 1 { "" } else { "s" }))
    };
    let parts: Vec<String> = [
        number(Severity::Error, "error"),
        number(Severity::Warning, "warning"),
    ]
    .into_iter()
    .flatten()
    .collect();
    parts.join(" and ")
}
