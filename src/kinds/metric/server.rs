//! The server's own measures: the JSON column `server`, opened.

use std::collections::BTreeMap;

use polars::prelude::{NamedFrom as _, Series, StringChunked};

/// The column that [`total`] makes: the server's own total of a request, in seconds.
pub(super) const TOTAL: &str = "server_total_s";

/// What servers call their total, and how many of it make a second. The first that an answer has is taken.
const TOTALS: [(&str, f64); 4] =
    [("total_s", 1.0), ("total_ms", 1e3), ("total_time_ms", 1e3), ("total_duration_ns", 1e9)];

/// Parts that make up the server's total where it tells no sum (llama.cpp's `timings`), in milliseconds.
const PARTS_MS: [&str; 2] = ["prompt_ms", "predicted_ms"];

/// The server's own measures of each request by their name in the results; null where an answer lacks one.
///
/// `server.<name>`, but what already names its family (`step.<name>`, `server.<name>`) keeps it.
pub(super) fn columns(server: &StringChunked) -> Vec<(String, Vec<Option<f64>>)> {
    let mut columns: BTreeMap<String, Vec<Option<f64>>> = BTreeMap::new();
    for (row, text) in server.iter().enumerate() {
        for (name, value) in measures(text) {
            let values = columns.entry(name).or_insert_with(|| vec![None; server.len()]);
            values[row] = Some(value);
        }
    }
    columns.into_iter().map(|(name, values)| (qualified(name), values)).collect()
}

/// The server's own total of each request in seconds, as the column [`TOTAL`].
pub(super) fn total(server: &StringChunked) -> Series {
    let totals: Vec<Option<f64>> = server.iter().map(|text| total_s(&measures(text))).collect();
    Series::new(TOTAL.into(), totals)
}

fn total_s(measures: &BTreeMap<String, f64>) -> Option<f64> {
    let told = TOTALS.iter().find_map(|(name, a_second)| Some(measures.get(*name)? / a_second));
    told.or_else(|| {
        let parts: Option<Vec<f64>> = PARTS_MS.iter().map(|name| measures.get(*name).copied()).collect();
        Some(parts?.iter().sum::<f64>() / 1e3)
    })
}

fn measures(text: Option<&str>) -> BTreeMap<String, f64> {
    let told: BTreeMap<String, Option<f64>> =
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    told.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn qualified(name: String) -> String {
    if name.starts_with("server.") || name.starts_with("step.") { name } else { format!("server.{name}") }
}
