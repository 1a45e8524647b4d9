//! The same numbers in the files that other tools read, under `exports/<name>/`.
//!
//! A tool owns one file and one line of [`EXPORTS`]; the language lists its name (`scenario::document::report`). Only
//! what a reader may act on leaves: the figures of a void cell do not, nor the throughput of one that the client held down,
//! nor a percentile of too few requests.

mod bencher;
mod github_action_benchmark;

use super::context::Axes;
use super::{Rendered, ReportError};
use crate::kinds::metric::{Better, Unit, catalogue};
use crate::results::{CellResult, MetricValue, Results, ValidityStatus};

/// A tool that the numbers are written for.
#[derive(Debug, Clone, Copy)]
pub struct Export {
    /// Its name in `report.exports`, and its folder.
    pub name: &'static str,
    /// Makes its files.
    files: fn(&[Figure]) -> Files,
}

/// An export's files: names within its folder with their content.
type Files = Result<Vec<(&'static str, Vec<u8>)>, serde_json::Error>;

/// Every export, in the order in which they are written.
pub const EXPORTS: &[Export] = &[bencher::EXPORT, github_action_benchmark::EXPORT];

/// Statistics of a distribution that leave.
const STATISTICS: [&str; 3] = ["p50", "p95", "p99"];

/// One number of one cell.
#[derive(Debug, Clone, PartialEq)]
struct Figure {
    /// The cell, by what varies; the scenario's name where nothing does.
    cell: String,
    /// `e2e.p99`, `goodput`.
    metric: String,
    unit: &'static str,
    better: Better,
    value: f64,
    /// The 95 % interval over the repeats, where there are several.
    interval: Option<[f64; 2]>,
}

/// The files of the exports of those names.
pub(super) fn render(results: &Results, names: &[String]) -> Result<Vec<Rendered>, ReportError> {
    let figures = figures(results);
    let mut rendered = Vec::new();
    for export in EXPORTS
        .iter()
        .filter(|export| names.iter().any(|name| name == export.name))
    {
        let files = (export.files)(&figures).map_err(|error| ReportError::Write {
            file: export.name,
            reason: error.to_string(),
        })?;
        rendered.extend(files.into_iter().map(|(file, bytes)| Rendered {
            path: format!("exports/{}/{file}", export.name),
            bytes,
        }));
    }
    Ok(rendered)
}

fn figures(results: &Results) -> Vec<Figure> {
    let axes = Axes::of(results);
    let fit = results
        .cells
        .iter()
        .filter(|cell| cell.validity.status != ValidityStatus::Invalid);
    fit.flat_map(|cell| {
        let label = axes.label(cell);
        let name = if label.is_empty() {
            results.scenario.name.clone()
        } else {
            label
        };
        of_cell(cell, &name)
    })
    .collect()
}

fn of_cell(cell: &CellResult, name: &str) -> Vec<Figure> {
    let mut figures = Vec::new();
    // Where the client was the limit, a rate is "at least": a bare number would say too little of the target.
    let limited = cell.validity.status == ValidityStatus::ClientLimited;
    let leaves = |metric: &&catalogue::Metric| {
        metric.better != Better::Neither && !(limited && metric.is_throughput())
    };
    for metric in catalogue::all().filter(leaves) {
        let mut push = |metric_name: String, value: f64| {
            figures.push(Figure {
                cell: name.to_owned(),
                unit: unit(metric.unit),
                better: metric.better,
                value,
                interval: cell.spread.get(&metric_name).and_then(|spread| spread.ci95),
                metric: metric_name,
            });
        };
        match cell.metrics.get(metric.name) {
            Some(Some(MetricValue::Number(value))) => push(metric.name.to_owned(), *value),
            Some(Some(MetricValue::Distribution(summary))) => {
                for statistic in STATISTICS {
                    let share = catalogue::percentile_share(statistic);
                    let enough = share.is_some_and(|share| summary.n >= catalogue::least_n(share));
                    if let (true, Some(value)) = (enough, summary.get(statistic)) {
                        push(format!("{}.{statistic}", metric.name), value);
                    }
                }
            }
            _ => {}
        }
    }
    figures
}

/// The unit's sign, as these tools print it beside a number.
const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Seconds => "s",
        Unit::PerSecond => "1/s",
        Unit::Ratio => "ratio",
        Unit::Count => "count",
        Unit::Bytes => "B",
        Unit::Megabytes => "MB",
        Unit::Currency => "currency",
        Unit::None => "units",
    }
}

#[cfg(test)]
mod tests;
