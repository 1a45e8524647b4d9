//! `results.csv`: a row a cell, RFC 4180, numbers in full in the units of the results.

use std::collections::BTreeSet;

use super::context::{names, shown, status_of};
use super::{Format, Page, ReportError, escape};
use crate::kinds::metric::{Shape, catalogue};
use crate::results::{CellResult, MetricValue, Requests, Results};

/// The format.
pub const FORMAT: Format = Format {
    name: "csv",
    file: "results.csv",
    render,
};

/// Statistics of each distribution, beside `n`.
const STATISTICS: [&str; 10] = [
    "mean", "stddev", "min", "max", "p50", "p75", "p90", "p95", "p99", "p999",
];
/// How a scalar spread over the repeats.
const SPREAD: [&str; 5] = ["n", "mean", "stddev", "ci95_low", "ci95_high"];

/// A count of requests by its name.
type Count = (&'static str, fn(&Requests) -> u64);

/// The counts, in the order of their columns.
const COUNTS: [Count; 7] = [
    ("intended", |requests| requests.intended),
    ("tried", |requests| requests.tried),
    ("sent", |requests| requests.sent),
    ("ok", |requests| requests.ok),
    ("failed", |requests| requests.failed),
    ("unsent", |requests| requests.unsent),
    ("attempts", |requests| requests.attempts),
];

/// What a column holds.
enum Column {
    Id,
    Key,
    Axis(String),
    Validity,
    Requests(Count),
    Scalar(String),
    Spread(String, &'static str),
    Statistic(String, String),
    Objectives(&'static str),
    SloDefined,
    SloMet,
    Warnings,
}

fn render(page: &Page<'_>) -> Result<Vec<u8>, ReportError> {
    let fail = |reason: String| ReportError::Write {
        file: FORMAT.file,
        reason,
    };
    let columns = columns(page.results);
    let mut writer = ::csv::WriterBuilder::new()
        .terminator(::csv::Terminator::CRLF)
        .from_writer(Vec::new());
    writer
        .write_record(columns.iter().map(|column| escape::csv(&column.title())))
        .map_err(|error| fail(error.to_string()))?;
    for cell in &page.results.cells {
        writer
            .write_record(columns.iter().map(|column| column.of(cell)))
            .map_err(|error| fail(error.to_string()))?;
    }
    writer.into_inner().map_err(|error| fail(error.to_string()))
}

fn columns(results: &Results) -> Vec<Column> {
    let mut columns = vec![Column::Id, Column::Key];
    columns.extend(names(results).into_iter().cloned().map(Column::Axis));
    columns.push(Column::Validity);
    columns.extend(COUNTS.map(Column::Requests));
    columns.extend([Column::SloDefined, Column::SloMet]);
    for (name, distribution) in metrics(results) {
        if distribution {
            columns.push(Column::Statistic(name.clone(), "n".to_owned()));
            columns.extend(
                statistics(results, &name)
                    .into_iter()
                    .map(|statistic| Column::Statistic(name.clone(), statistic)),
            );
        } else {
            columns.push(Column::Scalar(name.clone()));
            if results
                .cells
                .iter()
                .any(|cell| cell.spread.contains_key(&name))
            {
                columns.extend(SPREAD.map(|part| Column::Spread(name.clone(), part)));
            }
        }
    }
    columns.extend(["met", "missed", "no_data"].map(Column::Objectives));
    columns.push(Column::Warnings);
    columns
}

/// Metrics of any cell and whether they are distributions: first those of the catalogue, in its order, then the others.
fn metrics(results: &Results) -> Vec<(String, bool)> {
    let present: BTreeSet<&String> = results
        .cells
        .iter()
        .flat_map(|cell| cell.metrics.keys())
        .collect();
    let is_distribution = |name: &str| {
        let seen = results
            .cells
            .iter()
            .find_map(|cell| cell.metrics.get(name)?.as_ref());
        match seen {
            Some(value) => matches!(value, MetricValue::Distribution(_)),
            None => catalogue::find(name).is_some_and(|metric| metric.shape == Shape::Distribution),
        }
    };
    let known = catalogue::all()
        .map(|metric| metric.name)
        .filter(|name| present.iter().any(|other| other == name));
    let others = present
        .iter()
        .map(|name| name.as_str())
        .filter(|name| catalogue::find(name).is_none());
    known
        .chain(others)
        .map(|name| (name.to_owned(), is_distribution(name)))
        .collect()
}

/// The usual statistics, then those that the scenario asked for.
fn statistics(results: &Results, metric: &str) -> Vec<String> {
    let mut names: Vec<String> = STATISTICS.map(str::to_owned).to_vec();
    for cell in &results.cells {
        if let Some(Some(MetricValue::Distribution(summary))) = cell.metrics.get(metric) {
            for name in summary
                .statistics
                .keys()
                .filter(|name| !STATISTICS.contains(&name.as_str()))
            {
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
        }
    }
    names
}

impl Column {
    fn title(&self) -> String {
        match self {
            Self::Id => "id".to_owned(),
            Self::Key => "key".to_owned(),
            Self::Axis(name) => format!("axis.{name}"),
            Self::Validity => "validity".to_owned(),
            Self::Requests((name, _)) => format!("requests.{name}"),
            Self::Scalar(metric) => metric.clone(),
            Self::Spread(metric, part) => format!("spread.{metric}.{part}"),
            Self::Statistic(metric, statistic) => format!("{metric}.{statistic}"),
            Self::Objectives(which) => format!("objectives.{which}"),
            Self::SloDefined => "slo.defined".to_owned(),
            Self::SloMet => "slo.met".to_owned(),
            Self::Warnings => "warnings".to_owned(),
        }
    }

    fn of(&self, cell: &CellResult) -> String {
        match self {
            Self::Id => escape::csv(&cell.id),
            Self::Key => escape::csv(&cell.key),
            Self::Axis(name) => axis(cell, name),
            Self::Validity => status_of(cell).to_owned(),
            Self::Requests((_, count)) => count(&cell.requests).to_string(),
            Self::Scalar(metric) => number(cell.value(metric, None)),
            Self::Spread(metric, part) => spread(cell, metric, part),
            Self::Statistic(metric, statistic) => statistic_of(cell, metric, statistic),
            Self::Objectives(which) => objectives(cell, which).to_string(),
            Self::SloDefined => cell.slo.defined.to_string(),
            Self::SloMet => cell.slo.met.to_string(),
            Self::Warnings => warnings(cell),
        }
    }
}

/// In full; nothing where there is no data, never 0.
fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn axis(cell: &CellResult, name: &str) -> String {
    cell.axes.get(name).map_or_else(String::new, |value| {
        // A number is no text that could be a formula.
        if value.is_number() {
            shown(Some(value))
        } else {
            escape::csv(&shown(Some(value)))
        }
    })
}

fn spread(cell: &CellResult, metric: &str, part: &str) -> String {
    let Some(spread) = cell.spread.get(metric) else {
        return String::new();
    };
    match part {
        "n" => spread.n.to_string(),
        "mean" => number(spread.mean),
        "stddev" => number(spread.stddev),
        "ci95_low" => number(spread.ci95.map(|[low, _]| low)),
        _ => number(spread.ci95.map(|[_, high]| high)),
    }
}

fn statistic_of(cell: &CellResult, metric: &str, statistic: &str) -> String {
    match cell.metrics.get(metric) {
        Some(Some(MetricValue::Distribution(summary))) if statistic == "n" => summary.n.to_string(),
        Some(Some(MetricValue::Distribution(summary))) => number(summary.get(statistic)),
        _ => String::new(),
    }
}

fn objectives(cell: &CellResult, which: &str) -> usize {
    cell.objectives
        .iter()
        .filter(|objective| serde_json::to_value(objective.verdict).is_ok_and(|name| name == which))
        .count()
}

fn warnings(cell: &CellResult) -> String {
    let codes: Vec<&str> = cell
        .warnings
        .iter()
        .map(|warning| warning.code.as_str())
        .collect();
    escape::csv(&codes.join(" "))
}
