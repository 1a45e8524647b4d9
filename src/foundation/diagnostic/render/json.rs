//! Findings for programs: `{errors: [{file, line, column, pointer, code, message, help}], warnings: […]}`.

use serde::Serialize;

use super::shown::{Shown, harmless, path};
use crate::foundation::diagnostic::{Finding, Severity};

#[derive(Serialize)]
struct Document<'f> {
    errors: Vec<Row<'f>>,
    warnings: Vec<Row<'f>>,
    /// How many findings are not listed; absent where all are.
    #[serde(skip_serializing_if = "is_zero")]
    omitted: usize,
}

#[derive(Serialize)]
struct Row<'f> {
    /// Null, like line and column, where a finding has no place.
    file: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
    pointer: String,
    code: &'f str,
    message: String,
    help: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// The findings as one JSON document, with a line feed at its end. Lines and columns count from 1, columns in
/// characters.
pub fn json(findings: &[Finding]) -> String {
    let shown = Shown::of(findings);
    let rows = |severity| {
        shown
            .findings
            .iter()
            .filter(move |finding| finding.severity == severity)
            .map(|finding| row(finding))
            .collect()
    };
    let document = Document {
        errors: rows(Severity::Error),
        warnings: rows(Severity::Warning),
        omitted: shown.omitted(),
    };
    // Strings and numbers alone cannot fail to be written.
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

fn row(finding: &Finding) -> Row<'_> {
    let place = finding.place.as_ref();
    let at = place.map(crate::foundation::diagnostic::Place::line_column);
    Row {
        file: place.map(|_| harmless(path(finding)).into_owned()),
        line: at.map(|(line, _)| line),
        column: at.map(|(_, column)| column),
        pointer: harmless(&finding.pointer).into_owned(),
        code: finding.code,
        message: harmless(&finding.message).into_owned(),
        help: finding
            .help
            .as_deref()
            .map(|help| harmless(help).into_owned()),
    }
}
