//! Bencher Metric Format: benchmark → measure → value with bounds (bencher.dev, "Bencher Metric Format"), for
//! `bencher run --adapter json --file`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Export, Figure, Files};

/// The export.
pub(super) const EXPORT: Export = Export {
    name: "bencher",
    files,
};

#[derive(Serialize)]
struct Measure {
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lower_value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upper_value: Option<f64>,
}

fn files(figures: &[Figure]) -> Files {
    let mut benchmarks: BTreeMap<&str, BTreeMap<&str, Measure>> = BTreeMap::new();
    for figure in figures {
        let measure = Measure {
            value: figure.value,
            lower_value: figure.interval.map(|[low, _]| low),
            upper_value: figure.interval.map(|[_, high]| high),
        };
        benchmarks
            .entry(&figure.cell)
            .or_default()
            .insert(&figure.metric, measure);
    }
    Ok(vec![(
        "results.json",
        serde_json::to_vec_pretty(&benchmarks)?,
    )])
}
