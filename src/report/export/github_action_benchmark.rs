//! The action `benchmark-action/github-action-benchmark`: a list of name, unit and value for each of its two custom tools,
//! `customSmallerIsBetter` and `customBiggerIsBetter`.

use serde::Serialize;

use super::{Export, Figure, Files};
use crate::kinds::metric::Better;

/// The export.
pub(super) const EXPORT: Export = Export {
    name: "github-action-benchmark",
    files,
};

#[derive(Serialize)]
struct Entry<'a> {
    name: String,
    unit: &'a str,
    value: f64,
    /// The half width of the 95 % interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<String>,
}

fn files(figures: &[Figure]) -> Files {
    let entries = |better: Better| {
        let entries: Vec<Entry<'_>> = figures
            .iter()
            .filter(|figure| figure.better == better)
            .map(|figure| Entry {
                name: format!("{} {}", figure.cell, figure.metric),
                unit: figure.unit,
                value: figure.value,
                range: figure
                    .interval
                    .map(|[low, high]| format!("± {}", (high - low) / 2.0)),
            })
            .collect();
        serde_json::to_vec_pretty(&entries)
    };
    Ok(vec![
        ("smaller-is-better.json", entries(Better::Lower)?),
        ("bigger-is-better.json", entries(Better::Higher)?),
    ])
}
