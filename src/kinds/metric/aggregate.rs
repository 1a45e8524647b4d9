//! All metrics of all cells, from `requests.parquet` alone.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use polars::prelude::PolarsError;

use super::catalogue::{self, Compute, Metric, Shape};
use super::distribution::shares;
use super::looks::Looks;
use super::part::Requests;
use super::slo::OF_DEFINED;
use super::totals::{Totals, count, ratio};
use super::value::{
    GroupResult, MetricValue, Metrics, SloResult, Spread, TimelinePoint, Warning, number,
};
use super::wanted::Wanted;
use super::{spread, value, warnings};
use crate::foundation::cores;
use crate::instruments::table::{Run, Table, TableError};

/// What the aggregation must know of a cell that its rows do not hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CellContext {
    /// The cell's id, as in the table.
    pub id: String,
    /// Whether the target paces the load (closed loop, batch): it then has no offered rate.
    pub closed: bool,
    /// Price of an hour of the target, where known.
    pub price_per_hour: Option<f64>,
    /// Percentiles beside the usual ones, as shares: `report.percentiles` and those that objectives and gates name.
    pub percentiles: Vec<f64>,
    /// Parameters to give statistics by.
    pub group_by: Vec<String>,
}

/// One cell's numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CellMetrics {
    /// The cell's id.
    pub id: String,
    /// Requests of all repeats, warm-ups and what the window skips left out.
    pub requests: value::Requests,
    /// Requests by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Requests by status.
    pub http_status: BTreeMap<String, u64>,
    /// Every metric, over ok requests of all repeats.
    pub metrics: Metrics,
    /// The distributions over requests that failed.
    pub failed: Metrics,
    /// The distributions over all that were tried, sent or not.
    pub all: Metrics,
    /// How scalars and statistics (`e2e.p99`) spread over the repeats.
    pub spread: BTreeMap<String, Spread>,
    /// Each repeat alone, in order.
    pub repeats: Vec<RepeatMetrics>,
    /// Statistics by parameters.
    pub groups: Vec<GroupResult>,
    /// Limits; the base is not known here.
    pub slo: SloResult,
    /// Where output tokens were counted, several joined by `+`.
    pub tokens_source: Option<String>,
    /// What a reader must know.
    pub warnings: Vec<Warning>,
    /// At most 60 points a repeat.
    pub timeline: Vec<TimelinePoint>,
}

impl CellMetrics {
    /// The number behind `metric` and `statistic`; `None` without data.
    pub fn value(&self, metric: &str, statistic: Option<&str>) -> Option<f64> {
        number(&self.metrics, &self.spread, metric, statistic)
    }

    /// How many values (of a distribution), requests (of a scalar; of limits those that have them) or repeats (of a
    /// scalar's spread) are behind it.
    pub fn n(&self, metric: &str, statistic: Option<&str>) -> u64 {
        match (self.metrics.get(metric), statistic) {
            (Some(Some(MetricValue::Distribution(summary))), _) => summary.n,
            (Some(Some(MetricValue::Number(_))), Some(_)) => {
                self.spread.get(metric).map_or(0, |spread| spread.n)
            }
            (Some(Some(MetricValue::Number(_))), None) if OF_DEFINED.contains(&metric) => {
                self.slo.defined
            }
            (Some(Some(MetricValue::Number(_))), None) => self.requests.intended,
            _ => 0,
        }
    }
}

/// One repeat's numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RepeatMetrics {
    /// Its number, from 1.
    pub repeat: u32,
    /// Its requests.
    pub requests: value::Requests,
    /// Its metrics.
    pub metrics: Metrics,
}

/// Why nothing could be computed.
#[derive(Debug, thiserror::Error)]
pub enum MetricError {
    /// The table cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Polars refused: the table is of another version, or a bug of ours.
    #[error("cannot aggregate {}: {source}", path.display())]
    Compute {
        /// The table.
        path: PathBuf,
        /// Why.
        source: PolarsError,
    },
}

impl MetricError {
    /// What the user can do.
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Table(error) => error.help(),
            Self::Compute { .. } => {
                "the records are whole; please report this with the message above"
            }
        }
    }
}

/// Every number of metrics.md for `cells`, in their order. A cell without rows has no data: its counts are 0, its
/// metrics null.
///
/// # Errors
/// Where the table cannot be read.
pub fn aggregate(table: &Table, cells: &[CellContext]) -> Result<Vec<CellMetrics>, MetricError> {
    let mut runs: HashMap<&str, Vec<&Run>> = HashMap::new();
    for run in table.runs() {
        runs.entry(&run.cell).or_default().push(run);
    }
    cells
        .iter()
        .map(|context| {
            let runs = runs.get(context.id.as_str()).map_or(&[][..], Vec::as_slice);
            cell(table, runs, context)
        })
        .collect()
}

fn cell(table: &Table, runs: &[&Run], context: &CellContext) -> Result<CellMetrics, MetricError> {
    let requests = Requests::of(table, runs)?;
    let mut looks = looked(&requests, context)?;
    let mut totals = totals(&requests, &looks, context)?;
    let pooled = totals
        .iter()
        .cloned()
        .reduce(|one, two| one.pooled(&two))
        .unwrap_or_default();
    for repeat in &mut totals {
        repeat.nothing_where_none_was_ok(&pooled);
    }
    let told = std::mem::take(&mut looks.told);
    let tokens_source = told
        .tokens_sources
        .into_keys()
        .collect::<Vec<_>>()
        .join("+");
    let mut cell = CellMetrics {
        id: context.id.clone(),
        requests: pooled.requests,
        outcomes: told.outcomes,
        http_status: told.http_status,
        slo: slo(&pooled),
        repeats: requests
            .repeats()
            .iter()
            .zip(&totals)
            .map(|(repeat, totals)| RepeatMetrics {
                repeat: *repeat,
                requests: totals.requests,
                metrics: scalars(totals),
            })
            .collect(),
        metrics: scalars(&pooled),
        groups: looks.groups.results(&pooled, context),
        tokens_source: Some(tokens_source).filter(|source| !source.is_empty()),
        timeline: looks.timeline(),
        ..CellMetrics::default()
    };
    let shares = shares(&context.percentiles);
    for (name, distribution) in looks.distributions {
        distribution.put(&name, &shares, &mut cell);
    }
    cell.spread = spread::over_repeats(&cell);
    cell.warnings = warnings::of(&told.notes, &cell, pooled.workload.n);
    Ok(cell)
}

/// Looks at every part of the cell twice: on all cores, and in their order. A cell of one part is read once.
fn looked(requests: &Requests<'_>, context: &CellContext) -> Result<Looks, MetricError> {
    let distributions = catalogue::all().filter(|metric| metric.shape == Shape::Distribution);
    let wanted = Wanted::new(distributions.collect(), &context.group_by);
    let mut looks = Looks::at(requests, &wanted.metrics);
    let parts = requests.parts();
    if let [only] = parts[..] {
        let part = requests.part(only, &wanted, true)?;
        looks.first(&part);
        looks.again(&context.percentiles);
        looks.second(only, &part);
        return Ok(looks);
    }
    let read = |first_look: bool| {
        let wanted = &wanted;
        move |number: &usize| (*number, requests.part(*number, wanted, first_look))
    };
    cores::in_order(&parts, read(true), |(_, part)| {
        looks.first(&part?);
        Ok::<(), MetricError>(())
    })?;
    looks.again(&context.percentiles);
    cores::in_order(&parts, read(false), |(number, part)| {
        looks.second(number, &part?);
        Ok::<(), MetricError>(())
    })?;
    Ok(looks)
}

/// The totals of each repeat, in order.
fn totals(
    requests: &Requests<'_>,
    looks: &Looks,
    context: &CellContext,
) -> Result<Vec<Totals>, MetricError> {
    let each = requests.repeats().iter().zip(&looks.sums);
    each.zip(looks.most_in_flight())
        .map(|((repeat, sums), in_flight_max)| {
            let mut totals = Totals {
                in_flight_max,
                ..Totals::of(sums, context)
            };
            if totals.requests.tried == 0 {
                let last = requests.last_known(*repeat)?;
                totals.duration_s = last.and_then(|last| sums.waited_s(last));
            }
            Ok(totals)
        })
        .collect()
}

/// The scalars that totals give.
pub(super) fn scalars(totals: &Totals) -> Metrics {
    let value = |metric: &Metric| match metric.compute {
        Compute::Scalar(compute) => {
            let number = compute(totals).filter(|number| number.is_finite());
            Some((metric.name.to_owned(), number.map(MetricValue::Number)))
        }
        Compute::Each(_) | Compute::Pooled(..) => None,
    };
    catalogue::all().filter_map(value).collect()
}

pub(super) fn slo(totals: &Totals) -> SloResult {
    SloResult {
        defined: totals.slo_defined,
        met: totals.slo_met,
        attainment: ratio(count(totals.slo_met), count(totals.slo_defined)),
        base_ms: None,
        intercept_ms: None,
    }
}
