//! The server's own measures: the JSON column `server`, opened.

use std::collections::BTreeMap;

use polars::prelude::{NamedFrom as _, Series, StringChunked};

/// The column that [`total`] makes: the server's own total of a request, in seconds.
pub(super) const TOTAL: &str = "server_total_s";

/// The measure under which every protocol records the server's total, in seconds.
const TOLD: &str = "total_s";

/// Measures by name, each with a value a request.
pub(super) type Measures = Vec<(String, Vec<Option<f64>>)>;

/// The server's own measures of each request by their name in the results; null where an answer lacks one.
///
/// `server.<name>`, but what already names its family (`step.<name>`, `server.<name>`) keeps it.
pub(super) fn columns(server: &StringChunked) -> Measures {
    let mut columns: BTreeMap<String, Vec<Option<f64>>> = BTreeMap::new();
    for (row, text) in server.iter().enumerate() {
        for (name, value) in measures(text) {
            let values = columns
                .entry(name)
                .or_insert_with(|| vec![None; server.len()]);
            values[row] = Some(value);
        }
    }
    columns
        .into_iter()
        .map(|(name, values)| (qualified(name), values))
        .collect()
}

/// The server's own total of each request in seconds, as the column [`TOTAL`].
pub(super) fn total(server: &StringChunked) -> Series {
    let totals: Vec<Option<f64>> = server
        .iter()
        .map(|text| measures(text).get(TOLD).copied())
        .collect();
    Series::new(TOTAL.into(), totals)
}

fn measures(text: Option<&str>) -> BTreeMap<String, f64> {
    let told: BTreeMap<String, Option<f64>> = text
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    told.into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

fn qualified(name: String) -> String {
    if name.starts_with("server.") || name.starts_with("step.") {
        name
    } else {
        format!("server.{name}")
    }
}
