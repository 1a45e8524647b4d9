//! All metrics of all cells, from `requests.parquet` alone.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};

use polars::prelude::{BooleanChunked, PolarsError, PolarsResult};

use super::catalogue::{self, Compute, Metric, Shape};
use super::frame::Requests;
use super::group::Groups;
use super::rows::SMALL;
use super::sample::{Sorted, Values};
use super::totals::{Totals, count, ratio};
use super::value::{
    GroupResult, MetricValue, Metrics, SloResult, Spread, TimelinePoint, Warning, number,
};
use super::{spread, value, warnings};
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
    /// The distributions over all that were sent.
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

    /// How many values (of a distribution), requests (of a scalar) or repeats (of a scalar's spread) are behind it.
    pub fn n(&self, metric: &str, statistic: Option<&str>) -> u64 {
        match (self.metrics.get(metric), statistic) {
            (Some(Some(MetricValue::Distribution(summary))), _) => summary.n,
            (Some(Some(MetricValue::Number(_))), Some(_)) => {
                self.spread.get(metric).map_or(0, |spread| spread.n)
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
pub fn aggregate(requests: &Path, cells: &[CellContext]) -> Result<Vec<CellMetrics>, MetricError> {
    let table = Table::open(requests)?;
    let mut runs: HashMap<String, Vec<Run>> = HashMap::new();
    for run in table.runs()? {
        runs.entry(run.cell.clone()).or_default().push(run);
    }
    cells
        .iter()
        .map(|context| {
            let runs = runs.get(&context.id).map_or(&[] as &[Run], Vec::as_slice);
            cell(&table, runs, context)
        })
        .collect()
}

fn cell(table: &Table, runs: &[Run], context: &CellContext) -> Result<CellMetrics, MetricError> {
    let requests = Requests::of(table, runs)?;
    let groups = Groups::of(&requests, &context.group_by)?;
    let slices = Slices {
        repeats: requests.repeats(),
        ok: requests.mask("ok")?,
        failed: requests.mask("failed")?,
        groups: &groups.ok,
    };
    let totals = totals(&requests, context)?;
    let pooled = totals
        .iter()
        .cloned()
        .reduce(|one, two| one.pooled(&two))
        .unwrap_or_default();
    let mut cell = CellMetrics {
        id: context.id.clone(),
        requests: pooled.requests,
        outcomes: requests.outcomes()?,
        http_status: requests.http_status()?,
        slo: slo(&pooled),
        repeats: requests
            .repeats()
            .iter()
            .zip(&totals)
            .map(|((repeat, _), totals)| RepeatMetrics {
                repeat: *repeat,
                requests: totals.requests,
                metrics: scalars(totals),
            })
            .collect(),
        metrics: scalars(&pooled),
        groups: groups.results(&requests, &pooled, context)?,
        tokens_source: requests.tokens_source()?,
        ..CellMetrics::default()
    };
    distributions(&requests, &slices, context, &mut cell)?;
    cell.spread = spread::over_repeats(&cell);
    cell.warnings = warnings::of(&requests.notes()?, &cell, pooled.workload.n);
    for (repeat, rows) in requests.repeats() {
        cell.timeline.extend(requests.timeline(*repeat, rows)?);
    }
    Ok(cell)
}

/// Computes every distribution, of all metrics at once where the cell is small, else with the columns of one at a time.
fn distributions(
    requests: &Requests<'_>,
    slices: &Slices<'_>,
    context: &CellContext,
    cell: &mut CellMetrics,
) -> Result<(), MetricError> {
    let metrics: Vec<&'static Metric> = catalogue::all()
        .filter(|metric| metric.shape == Shape::Distribution)
        .collect();
    let at_once = if requests.len() <= SMALL {
        metrics.len()
    } else {
        1
    };
    for metrics in metrics.chunks(at_once) {
        let expressions: Vec<_> = metrics
            .iter()
            .filter_map(|metric| metric.compute.expression())
            .collect();
        let frame = requests.with_columns_of(&expressions)?;
        let values = Values::of(metrics, &frame).map_err(|source| requests.failed(source))?;
        drop(frame);
        for (metric, values) in values {
            let computed = slices.distribution(&values, &context.percentiles);
            computed
                .map_err(|source| requests.failed(source))?
                .put(metric.name, cell);
        }
    }
    for (name, values) in requests.server_measures()? {
        let computed = slices.distribution(&Values::told(values), &context.percentiles);
        computed
            .map_err(|source| requests.failed(source))?
            .put(&name, cell);
    }
    Ok(())
}

/// The sums of each repeat, in order.
fn totals(requests: &Requests<'_>, context: &CellContext) -> Result<Vec<Totals>, MetricError> {
    let summed = requests.sums("repeat", None)?;
    let failed = |source| requests.failed(source);
    let found = summed
        .column("repeat")
        .and_then(|column| column.u32().cloned())
        .map_err(failed)?;
    let found: Vec<Option<u32>> = found.iter().collect();
    requests
        .repeats()
        .iter()
        .map(|(repeat, rows)| {
            let Some(row) = found.iter().position(|other| *other == Some(*repeat)) else {
                return Ok(Totals {
                    price_per_hour: context.price_per_hour,
                    ..Totals::default()
                });
            };
            let mut totals = Totals::read(&summed, row, context).map_err(failed)?;
            totals.in_flight_max = requests.in_flight_max(rows)?;
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
    }
}

/// The parts of a cell's requests that statistics are given for.
struct Slices<'a> {
    repeats: &'a [(u32, Range<usize>)],
    ok: BooleanChunked,
    failed: BooleanChunked,
    /// The ok requests of each group.
    groups: &'a [BooleanChunked],
}

/// One metric's statistics for all slices.
struct Distribution {
    pooled: Option<MetricValue>,
    failed: Option<MetricValue>,
    all: Option<MetricValue>,
    repeats: Vec<Option<MetricValue>>,
    groups: Vec<Option<MetricValue>>,
}

impl Slices<'_> {
    /// Each value is sorted once, within its repeat; what is pooled is merged.
    fn distribution(&self, values: &Values, percentiles: &[f64]) -> PolarsResult<Distribution> {
        let whole = 0..self.ok.len();
        let ok: Vec<Sorted> = self
            .repeats
            .iter()
            .map(|(_, rows)| Ok(Sorted::new(values.within(&self.ok, rows)?)))
            .collect::<PolarsResult<_>>()?;
        let pooled = Sorted::merged(&ok);
        let failed = Sorted::new(values.within(&self.failed, &whole)?);
        let groups = self.groups.iter().map(|group| {
            PolarsResult::Ok(Sorted::new(values.within(group, &whole)?).summary(percentiles))
        });
        let groups = groups.collect::<PolarsResult<_>>()?;
        let summary = pooled.summary(percentiles);
        let all = if failed.is_empty() {
            summary.clone()
        } else {
            Sorted::merged([&pooled, &failed]).summary(percentiles)
        };
        Ok(Distribution {
            failed: failed.summary(percentiles),
            all,
            repeats: ok
                .iter()
                .map(|values| values.summary(percentiles))
                .collect(),
            groups,
            pooled: summary,
        })
    }
}

impl Distribution {
    fn put(self, name: &str, cell: &mut CellMetrics) {
        cell.metrics.insert(name.to_owned(), self.pooled);
        cell.failed.insert(name.to_owned(), self.failed);
        cell.all.insert(name.to_owned(), self.all);
        for (repeat, value) in cell.repeats.iter_mut().zip(self.repeats) {
            repeat.metrics.insert(name.to_owned(), value);
        }
        for (group, value) in cell.groups.iter_mut().zip(self.groups) {
            group.metrics.insert(name.to_owned(), value);
        }
    }
}
