//! The server's own measures: the JSON column `server`, opened.

use std::collections::BTreeMap;

use polars::prelude::{ChunkedArray, Float64Chunked, NamedFrom as _, Series, StringChunked};

use super::values::Values;

/// The column that [`Measures::total`] makes: the server's own total of a request, in seconds.
pub(super) const TOTAL: &str = "server_total_s";

/// The measure under which every protocol records the server's total, in seconds.
const TOLD: &str = "total_s";

/// Measures by name, each with a value a request.
pub(super) struct Measures {
    requests: usize,
    by_name: BTreeMap<String, Vec<Option<f64>>>,
}

/// The server's own measures of each request; null where an answer lacks one.
pub(super) fn measures(server: &StringChunked) -> Measures {
    let requests = server.len();
    let mut by_name: BTreeMap<String, Vec<Option<f64>>> = BTreeMap::new();
    let mut known: (&str, Vec<(String, f64)>) = ("", Vec::new());
    for (row, text) in server.iter().enumerate() {
        let Some(text) = text else { continue };
        // Many answers tell the same.
        if text != known.0 {
            known = (text, told(text));
        }
        for (name, value) in &known.1 {
            if !by_name.contains_key(name) {
                by_name.insert(name.clone(), vec![None; requests]);
            }
            if let Some(values) = by_name.get_mut(name) {
                values[row] = Some(*value);
            }
        }
    }
    Measures { requests, by_name }
}

impl Measures {
    /// The server's own total of each request in seconds, as the column [`TOTAL`].
    pub(super) fn total(&self) -> Series {
        match self.by_name.get(TOLD) {
            Some(values) => Series::new(TOTAL.into(), values),
            None => Series::full_null(
                TOTAL.into(),
                self.requests,
                &polars::prelude::DataType::Float64,
            ),
        }
    }

    /// Each measure's values under its name in the results.
    pub(super) fn into_values(self) -> impl Iterator<Item = (String, Values)> {
        self.by_name.into_iter().map(|(name, values)| {
            let column: Float64Chunked = ChunkedArray::new(name.as_str().into(), values);
            (qualified(name), Values::Each(column))
        })
    }
}

fn told(text: &str) -> Vec<(String, f64)> {
    let told: BTreeMap<String, Option<f64>> = serde_json::from_str(text).unwrap_or_default();
    told.into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// `server.<name>`, but what already names its family (`step.<name>`, `server.<name>`) keeps it.
fn qualified(name: String) -> String {
    if name.starts_with("server.") || name.starts_with("step.") {
        name
    } else {
        format!("server.{name}")
    }
}
