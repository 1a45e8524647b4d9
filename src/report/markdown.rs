//! `report.md`: for a pull request. Nothing in it that differs between two runs of the same result.

use serde_json::Value;

use super::context::Context;
use super::{Format, Page, ReportError, escape, template};

/// The format.
pub const FORMAT: Format = Format {
    name: "md",
    file: "report.md",
    render,
};

/// The built-in template.
const SOURCE: &str = include_str!("../../reports/templates/report.md.jinja");

fn render(page: &Page<'_>) -> Result<Vec<u8>, ReportError> {
    template::render("report.md.jinja", SOURCE, &context(page)?).map(|text| tidy(&text))
}

/// The context with texts that a forge makes nothing of.
pub fn context(page: &Page<'_>) -> Result<Value, ReportError> {
    let written = if page.plot_files {
        page.plots.as_slice()
    } else {
        &[]
    };
    Context::of(page.results, written)
        .document(escape::markdown)
        .map_err(|error| ReportError::Write {
            file: FORMAT.file,
            reason: error.to_string(),
        })
}

/// At most one empty line in a row, none at the ends, no blanks before a line's end.
fn tidy(text: &str) -> Vec<u8> {
    let mut out = String::with_capacity(text.len());
    let mut empty = true;
    for line in text.lines().map(str::trim_end) {
        if !(line.is_empty() && empty) {
            out.push_str(line);
            out.push('\n');
        }
        empty = line.is_empty();
    }
    while out.ends_with("\n\n") {
        out.pop();
    }
    out.into_bytes()
}
