//! A legal document becomes the scenario: defaults filled exactly as the specification says, references found.
//!
//! What is illegal was refused before; what still fails here is a finding and never a panic.

mod axes;
mod compare;
mod dataset;
mod load;
mod place;
mod slo;
mod target;

use indexmap::IndexMap;
use serde_json::Value;

pub use axes::{MAX_CELLS, canonical};
pub use target::parse as parse_url;

use super::document::Document;
use super::document::report::{Export, Format};
use super::domain::{Report, Scenario};
use crate::foundation::diagnostic::Finding;
use crate::kinds::dataset::Folders;
use crate::kinds::metric::{percentile_name, percentile_share};

/// What a document is resolved with.
pub struct Given<'a> {
    /// The document as checked, unset leaves taken out.
    pub value: &'a Value,
    /// Where its paths start, and what they may not leave.
    pub folders: Folders,
    /// The scenario after defaults.
    pub effective: Value,
    /// Its hash.
    pub hash: String,
}

/// The scenario that a legal document stands for.
///
/// # Errors
/// Where a value is illegal after all.
pub fn scenario(given: Given<'_>) -> Result<Scenario, Finding> {
    let document: Document = serde_json::from_value(given.value.clone())
        .map_err(|error| place::of(given.value, &error))?;
    let part = |key: &str| {
        given
            .value
            .get(key)
            .cloned()
            .unwrap_or_else(|| Value::Object(serde_json::Map::new()))
    };
    let slo_document = part("slo");
    let targets = target::targets(
        &document.targets,
        &slo_document,
        given.value,
        &given.folders.scenario,
    )?;
    let datasets = dataset::datasets(document.datasets);
    Ok(Scenario {
        matrix: axes::matrix(&document.matrix, &part("load")),
        load: load::load(document.load)?,
        load_document: part("load"),
        slo: slo::file(&slo_document)?,
        compare: document.compare.map(compare::compare).transpose()?,
        report: report(document.report),
        name: document.name,
        description: document.description,
        labels: document
            .labels
            .into_iter()
            .map(|(name, label)| (name, label.to_string()))
            .collect(),
        folders: given.folders,
        hash: given.hash,
        targets,
        datasets,
        effective: given.effective,
    })
}

fn report(written: super::document::report::Report) -> Report {
    let formats = written.formats.unwrap_or_else(|| Format::ALL.to_vec());
    let names = written.exports.into_iter().map(Export::name);
    Report {
        formats: formats
            .into_iter()
            .map(|format| format.name().to_owned())
            .collect(),
        template: written.template,
        baseline: canonical_map(written.baseline),
        group_by: written.group_by,
        samples: written.samples.unwrap_or(1),
        percentiles: written
            .percentiles
            .into_iter()
            .map(|percentile| {
                // As its name is read: 99.9 / 100 is 0.999 only to within the last bit.
                let share = percentile.0 / 100.0;
                percentile_share(&percentile_name(share)).unwrap_or(share)
            })
            .collect(),
        exports: names.map(str::to_owned).collect(),
    }
}

/// Axis values in their canonical form.
fn canonical_map(values: IndexMap<String, Value>) -> IndexMap<String, Value> {
    values
        .into_iter()
        .map(|(axis, value)| {
            let value = canonical(&axis, &value);
            (axis, value)
        })
        .collect()
}

/// A value that the schema took and the reader does not.
fn refused(pointer: &str, error: &serde_json::Error) -> Finding {
    Finding::error("unreadable-value", pointer, error.to_string())
}
