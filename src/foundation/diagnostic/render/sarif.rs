//! Findings as SARIF 2.1.0, for code scanning and editors.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::shown::{Shown, harmless};
use crate::foundation::diagnostic::{Finding, Place, Severity};

/// The findings as one SARIF log with one run, with a line feed at its end.
pub fn sarif(findings: &[Finding]) -> String {
    let shown = Shown::of(findings);
    let codes: BTreeSet<&str> = shown.findings.iter().map(|finding| finding.code).collect();
    let rules: Vec<Value> = codes.iter().map(|code| rule(code)).collect();
    let index = |code| codes.iter().position(|known| *known == code);
    let results: Vec<Value> = shown
        .findings
        .iter()
        .map(|finding| result(finding, index(finding.code)))
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": env!("CARGO_PKG_NAME"),
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
            "properties": { "omitted": shown.omitted() },
        }],
    });
    format!("{log:#}\n")
}

fn rule(code: &str) -> Value {
    json!({ "id": code, "shortDescription": { "text": code.replace('-', " ") } })
}

fn result(finding: &Finding, rule: Option<usize>) -> Value {
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let help = finding
        .help
        .as_ref()
        .map_or_else(String::new, |help| format!("\nhelp: {help}"));
    let mut result = json!({
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": level,
        "message": { "text": harmless(&format!("{}{help}", finding.message)) },
    });
    let pointer = harmless(&finding.pointer).into_owned();
    if let Some(place) = &finding.place {
        let mut own = location(place);
        own["logicalLocations"] = json!([{ "fullyQualifiedName": pointer }]);
        result["locations"] = json!([own]);
    }
    if !finding.labels.is_empty() {
        let labels = finding.labels.iter().map(|label| {
            let mut own = location(&label.place);
            own["message"] = json!({ "text": harmless(&label.text) });
            own
        });
        result["relatedLocations"] = labels.collect();
    }
    result
}

fn location(place: &Place) -> Value {
    let (line, column) = place.line_column();
    let end = place.span.end.max(place.span.start);
    let (end_line, end_column) = Place {
        span: end..end,
        file: place.file.clone(),
    }
    .line_column();
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(&place.file.path) },
        "region": { "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column },
    } })
}

/// A path as a URI reference (RFC 3986): relative ones stay relative to the checkout.
fn uri(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}
