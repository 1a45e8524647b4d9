//! The table of latency percentiles.

use super::axes::Axes;
use super::table::{Column, Table, Value};
use super::tables::{axis_columns, axis_values, distribution, row, scale_of};
use crate::kinds::metric::{percentile_name, percentile_share};
use crate::report::number::Scale;
use crate::results::Results;

/// Latency distributions that the report shows, each with its statistics; where one has no data, its columns are left out.
const LATENCIES: &[(&str, &[&str])] = &[
    ("ttft", &["p50", "p99"]),
    ("tpot", &["p50", "p99"]),
    ("load", &["p50", "p99"]),
    ("e2e", &["p50", "p95", "p99", "max"]),
];

/// A column of the table.
struct Shown {
    metric: &'static str,
    statistic: String,
    scale: Scale,
}

impl Shown {
    /// `e2e p99`; what the scenario adds with its point, `e2e p97.5`.
    fn title(&self) -> String {
        let digits = self.statistic.trim_start_matches('p');
        match digits.split_at_checked(2) {
            Some((whole, decimals))
                if !decimals.is_empty() && percentile_share(&self.statistic).is_some() =>
            {
                let whole = whole.strip_prefix('0').unwrap_or(whole);
                format!("{} p{whole}.{decimals}", self.metric)
            }
            _ => format!("{} {}", self.metric, self.statistic),
        }
    }
}

/// The statistics of a metric with those percentiles that `report.percentiles` adds, in their order, the maximum last.
fn statistics(usual: &[&str], further: &[f64]) -> Vec<String> {
    let mut names: Vec<String> = usual.iter().map(|name| (*name).to_owned()).collect();
    for name in further.iter().map(|share| percentile_name(*share)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let share = |name: &String| percentile_share(name).unwrap_or(1.0);
    names.sort_by(|one, two| share(one).total_cmp(&share(two)));
    names
}

/// Latency percentiles over ok requests.
pub fn latency(results: &Results, axes: &Axes) -> Table {
    let has_data = |metric: &str| {
        let mut cells = results.cells.iter();
        cells.any(|cell| distribution(cell, metric).is_some())
    };
    let shown: Vec<Shown> = LATENCIES
        .iter()
        .filter(|(metric, _)| *metric == "e2e" || has_data(metric))
        .flat_map(|(metric, usual)| {
            let scale = scale_of(results, metric, usual);
            let statistics = statistics(usual, &results.report.percentiles);
            statistics.into_iter().map(move |statistic| Shown {
                metric,
                statistic,
                scale,
            })
        })
        .collect();
    let mut columns = axis_columns(axes);
    columns.push(Column::number("n", Scale::Count));
    columns.extend(
        shown
            .iter()
            .map(|shown| Column::number(shown.title(), shown.scale)),
    );
    let rows = results.cells.iter().enumerate().map(|(index, cell)| {
        let mut values = axis_values(axes, cell);
        values.push(Value::count(
            distribution(cell, "e2e").map_or(0, |summary| summary.n),
        ));
        values.extend(shown.iter().map(|shown| {
            let Shown {
                metric,
                statistic,
                scale,
            } = shown;
            Value::statistic(distribution(cell, metric), statistic, *scale)
                .with_spread(cell.spread.get(&format!("{metric}.{statistic}")), *scale)
        }));
        row(index, cell, values)
    });
    Table {
        rows: rows.collect(),
        columns,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::results::MetricValue;

    #[test]
    fn what_percentiles_the_scenario_adds_are_columns_in_their_order() {
        let mut results = fixture::results();
        results.report.percentiles = vec![0.975, 0.099, 0.95];
        let e2e = results.cells[0].metrics.get_mut("e2e");
        let Some(Some(MetricValue::Distribution(summary))) = e2e else {
            panic!("e2e is a distribution")
        };
        summary.statistics.insert("p975".to_owned(), Some(1.0));
        let table = latency(&results, &Axes::of(&results));
        let titles: Vec<&str> = table
            .columns
            .iter()
            .map(|column| column.title.as_str())
            .filter(|title| title.starts_with("e2e"))
            .collect();
        assert_eq!(
            titles,
            [
                "e2e p9.9",
                "e2e p50",
                "e2e p95",
                "e2e p97.5",
                "e2e p99",
                "e2e max"
            ]
        );
        let at = table.columns.len() - 3;
        assert_ne!(table.rows[0].values[at].text, "–");
    }
}
