//! The figures of results computed again from the rows, and held against what the results say (cli.md, "A report
//! folder": `report DIR`).
//!
//! What the rows do not give is no figure of ours: results and rows of two runs, or edited by hand, are refused.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::assemble::{definitions, with_numbers};
use super::document::{
    CellResult, MetricValue, ObjectiveResult, ObjectiveVerdict, ReportSettings, Results,
};
use super::relative::relative_to_baseline;
use super::{ResultsError, folder};
use crate::instruments::table::{Table, TableError};
use crate::kinds::metric::{CellContext, CellMetrics, MetricError, aggregate, percentile_share};
use crate::kinds::verdict::objective::{NoData, Objective};
use crate::kinds::verdict::parse;

/// How far two sums of the same rows may lie apart: processors add in different orders.
const ROUNDING: f64 = 1e-9;

/// Why results and rows do not make a report.
#[derive(Debug, thiserror::Error)]
pub enum AgainError {
    /// The rows cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The rows cannot be aggregated.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// Rows of a cell that the results do not have.
    #[error("{} has rows of the cell {cell}, which {} does not know", path.display(), folder::RESULTS)]
    Unknown {
        /// The rows' file.
        path: PathBuf,
        /// The cell's id.
        cell: String,
    },
    /// A figure that the rows do not give.
    #[error("{} says that {figure} of the cell {cell} is {told}, and by the rows of {} it is {found}", folder::RESULTS, path.display())]
    Differs {
        /// The rows' file.
        path: PathBuf,
        /// The cell's id.
        cell: String,
        /// Where the figure stands: `metrics.e2e.p99`.
        figure: String,
        /// What the results say.
        told: String,
        /// What the rows give.
        found: String,
    },
    /// Results could not be turned into JSON and back.
    #[error(transparent)]
    Results(#[from] ResultsError),
}

impl AgainError {
    /// What the user can do.
    pub fn help(&self) -> String {
        match self {
            Self::Table(error) => error.help().to_owned(),
            Self::Metric(error) => error.help().to_owned(),
            Self::Unknown { .. } | Self::Differs { .. } => {
                "the two are not of one run, one was changed, or another version of plimsoll wrote them: \
                 take both from the run's own folder, or run the scenario again"
                    .to_owned()
            }
            Self::Results(error) => error.help(),
        }
    }
}

/// The results with every figure of their cells computed again from the rows at `table`: those that were there must
/// come out as they are, those that were not are added.
///
/// # Errors
/// The first figure that the rows do not give, and rows that cannot be read.
pub fn again(mut results: Results, table: &Path) -> Result<Results, AgainError> {
    let known: BTreeSet<&str> = results.cells.iter().map(|cell| cell.id.as_str()).collect();
    let rows = Table::open(table)?;
    if let Some(run) = rows
        .runs()
        .iter()
        .find(|run| !known.contains(run.cell.as_str()))
    {
        return Err(AgainError::Unknown {
            path: table.to_owned(),
            cell: run.cell.clone(),
        });
    }
    let contexts: Vec<CellContext> = results
        .cells
        .iter()
        .map(|cell| context(cell, &results.report))
        .collect();
    let numbers = aggregate(&rows, &contexts)?;
    let mut found: Vec<CellResult> = results
        .cells
        .iter()
        .zip(numbers)
        .map(|(cell, numbers)| computed(cell, numbers))
        .collect();
    relative_to_baseline(&mut found, &results.report.baseline);
    for (told, found) in results.cells.iter_mut().zip(&found) {
        *told = held(told, found, table)?;
    }
    for (name, definition) in definitions(&results.cells) {
        results.definitions.entry(name).or_insert(definition);
    }
    Ok(results)
}

/// What the aggregation was told of the cell when the results were made.
fn context(cell: &CellResult, report: &ReportSettings) -> CellContext {
    let named = cell
        .metrics
        .values()
        .flatten()
        .flat_map(|value| match value {
            MetricValue::Distribution(summary) => summary.statistics.keys().collect(),
            MetricValue::Number(_) => Vec::new(),
        });
    let named: BTreeSet<&String> = named.collect();
    let mut percentiles = report.percentiles.clone();
    percentiles.extend(named.into_iter().filter_map(|name| percentile_share(name)));
    CellContext {
        id: cell.id.clone(),
        closed: !cell.paced_by.offers_rate(),
        price_per_hour: cell.price_per_hour,
        percentiles,
        group_by: report.group_by.clone(),
    }
}

fn computed(told: &CellResult, numbers: CellMetrics) -> CellResult {
    let positions: Vec<u32> = told.repeats.iter().map(|repeat| repeat.position).collect();
    let objectives = told
        .objectives
        .iter()
        .map(|objective| evaluated(objective, &numbers))
        .collect();
    with_numbers(
        CellResult {
            objectives,
            ..told.clone()
        },
        numbers,
        &positions,
    )
}

/// The objective held against the numbers again. What it does without data, and in a void cell, was decided before.
fn evaluated(told: &ObjectiveResult, numbers: &CellMetrics) -> ObjectiveResult {
    let Ok(parsed) = parse::objective(&told.text) else {
        return told.clone();
    };
    let objective = Objective {
        text: told.text.clone(),
        metric: parsed.metric,
        statistic: parsed.statistic,
        op: parsed.op,
        bound: parsed.bound,
        only: indexmap::IndexMap::new(),
        pointer: String::new(),
    };
    let found = objective.evaluate(numbers, NoData::Warn);
    let decided = found.value.is_none()
        || matches!(
            told.verdict,
            ObjectiveVerdict::Void | ObjectiveVerdict::NoData
        );
    ObjectiveResult {
        verdict: if decided { told.verdict } else { found.verdict },
        ..found
    }
}

/// The cell as it was told, with what only the rows have, if nothing in it differs from what they give.
fn held(told: &CellResult, found: &CellResult, table: &Path) -> Result<CellResult, AgainError> {
    let document = |cell| serde_json::to_value(cell).map_err(ResultsError::Write);
    let (mut document, found) = (document(told)?, document(found)?);
    if let Some(difference) = merge(&mut document, &found, String::new()) {
        return Err(AgainError::Differs {
            path: table.to_owned(),
            cell: told.id.clone(),
            figure: difference.figure,
            told: difference.told,
            found: difference.found,
        });
    }
    Ok(serde_json::from_value(document).map_err(ResultsError::Write)?)
}

struct Difference {
    figure: String,
    told: String,
    found: String,
}

/// Adds what only `found` has; the first difference in what both should have, if there is one.
fn merge(told: &mut Value, found: &Value, figure: String) -> Option<Difference> {
    let within = |name: &dyn std::fmt::Display| match figure.as_str() {
        "" => name.to_string(),
        figure => format!("{figure}.{name}"),
    };
    match (&mut *told, found) {
        (Value::Object(told), Value::Object(found)) => {
            for (name, value) in &mut *told {
                if let Some(difference) =
                    merge(value, found.get(name).unwrap_or(&Value::Null), within(name))
                {
                    return Some(difference);
                }
            }
            for (name, value) in found {
                told.entry(name).or_insert_with(|| value.clone());
            }
            return None;
        }
        (Value::Array(told), Value::Array(found)) if told.len() == found.len() => {
            let mut both = told.iter_mut().zip(found).enumerate();
            return both.find_map(|(place, (told, found))| merge(told, found, within(&place)));
        }
        (Value::Number(one), Value::Number(two)) => {
            if let (Some(one), Some(two)) = (one.as_f64(), two.as_f64())
                && (one - two).abs() <= ROUNDING * one.abs().max(two.abs()).max(1e-3)
            {
                return None;
            }
        }
        _ => {}
    }
    (told != found).then(|| Difference {
        figure,
        told: shown(told),
        found: shown(found),
    })
}

fn shown(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(map) => format!("a map of {}", map.len()),
        Value::Null => "not there".to_owned(),
        scalar => scalar.to_string(),
    }
}
