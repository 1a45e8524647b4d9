//! Findings as workflow commands, which GitHub shows beside the lines of a pull request.

use super::shown::{Shown, harmless, path};
use crate::foundation::diagnostic::{Finding, Severity};

/// One `::error file=…,line=…,col=…::…` (or `::warning`) a line.
pub fn github(findings: &[Finding]) -> String {
    let shown = Shown::of(findings);
    let mut text: String = shown
        .findings
        .iter()
        .map(|finding| command(finding))
        .collect();
    for more in &shown.more {
        let place = if more.file.is_empty() {
            String::new()
        } else {
            format!(" file={}", property(more.file))
        };
        let command = format!(
            "::{}{place}::{}\n",
            level(more.severity),
            data(&more.sentence())
        );
        text.push_str(&command);
    }
    text
}

fn command(finding: &Finding) -> String {
    let place = finding.place.as_ref().map_or_else(String::new, |place| {
        let (line, column) = place.line_column();
        format!(" file={},line={line},col={column}", property(path(finding)))
    });
    let help = finding
        .help
        .as_ref()
        .map_or_else(String::new, |help| format!("\nhelp: {help}"));
    let message = format!("{} [{}]{help}", finding.message, finding.code);
    format!("::{}{place}::{}\n", level(finding.severity), data(&message))
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// The text after `::`, escaped as the runner unescapes it (`actions/toolkit`, `core/src/command.ts`).
fn data(text: &str) -> String {
    harmless(text)
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The value of a property, which `:` and `,` would end.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
