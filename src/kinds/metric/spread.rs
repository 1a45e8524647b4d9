//! How numbers spread over the repeats.

use std::collections::BTreeMap;

use super::aggregate::CellMetrics;
use super::value::{MetricValue, Spread};
use crate::instruments::statistics;

/// The spread of each scalar and of each statistic (`e2e.p99`) that some repeat has.
pub(super) fn over_repeats(cell: &CellMetrics) -> BTreeMap<String, Spread> {
    let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for repeat in &cell.repeats {
        for (name, value) in &repeat.metrics {
            match value {
                Some(MetricValue::Number(number)) => {
                    values.entry(name.clone()).or_default().push(*number);
                }
                Some(MetricValue::Distribution(summary)) => {
                    for (statistic, number) in &summary.statistics {
                        values
                            .entry(format!("{name}.{statistic}"))
                            .or_default()
                            .extend(*number);
                    }
                }
                None => {}
            }
        }
    }
    values
        .into_iter()
        .filter(|(_, values)| !values.is_empty())
        .map(|(name, values)| (name, spread(&values)))
        .collect()
}

fn spread(values: &[f64]) -> Spread {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    Spread {
        n: sorted.len() as u64,
        mean: statistics::mean(&sorted),
        stddev: statistics::stddev(&sorted),
        ci95: statistics::mean_interval(&sorted, 0.95),
        min: sorted.first().copied(),
        max: sorted.last().copied(),
        median: statistics::quantile(&sorted, 0.5),
    }
}
