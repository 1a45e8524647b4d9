//! `results.json`, as every other place writes it too.

use super::{Format, Page, ReportError};
use crate::results;

/// The format.
pub const FORMAT: Format = Format {
    name: "json",
    file: "results.json",
    render,
};

fn render(page: &Page<'_>) -> Result<Vec<u8>, ReportError> {
    results::to_json(page.results).map_err(|error| ReportError::Write {
        file: FORMAT.file,
        reason: error.to_string(),
    })
}
