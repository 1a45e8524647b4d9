//! Which requests of a cell violate a bound, one by one and in the order in which they were due: what a verdict over a
//! share of requests is made from.

use std::path::Path;

use polars::prelude::*;

use super::aggregate::MetricError;
use super::catalogue::{Better, Compute, Metric, Unit};
use super::frame::Requests;
use crate::instruments::table::{Run, Table};

/// What of a request violates a bound.
#[derive(Debug, Clone, Copy)]
pub enum Violation<'a> {
    /// A time over the bound in seconds, and any failure; what was ok without that time is left out.
    Over {
        /// The time.
        metric: &'a Metric,
        /// The bound.
        bound: f64,
        /// Whether the bound itself violates it.
        at_equality: bool,
    },
    /// That it was not ok.
    Failed,
    /// That it missed its limits; requests without limits are left out.
    LimitMissed,
}

impl Metric {
    /// Whether it is a time of a request, of which less is better.
    pub fn is_time_of_request(&self) -> bool {
        self.unit == Unit::Seconds
            && self.better == Better::Lower
            && matches!(self.compute, Compute::Each(_))
    }
}

/// Whether each request of a cell violates a bound, repeat by repeat in the order of their schedule.
///
/// # Errors
/// Where the table cannot be read.
pub fn violations(
    requests: &Path,
    cell: &str,
    violation: &Violation<'_>,
) -> Result<Vec<bool>, MetricError> {
    let table = Table::open(requests)?;
    let runs: Vec<Run> = table
        .runs()?
        .into_iter()
        .filter(|run| run.cell == cell)
        .collect();
    let requests = Requests::of(&table, &runs)?;
    let violated = expression(violation);
    let frame = requests.with_columns_of(std::slice::from_ref(&violated))?;
    let failed = |source| requests.failed(source);
    let frame = frame
        .lazy()
        .select([
            col("repeat"),
            col("scheduled_ns"),
            violated.alias("violated"),
        ])
        .collect()
        .map_err(failed)?;
    in_order(&frame).map_err(failed)
}

fn expression(violation: &Violation<'_>) -> Expr {
    match violation {
        Violation::Failed => col("ok").not(),
        Violation::LimitMissed => col("slo_met").not(),
        Violation::Over {
            metric,
            bound,
            at_equality,
        } => {
            let value = metric.compute.expression().unwrap_or_else(|| lit(NULL));
            let over = if *at_equality {
                value.gt_eq(lit(*bound))
            } else {
                value.gt(lit(*bound))
            };
            when(col("ok")).then(over).otherwise(lit(true))
        }
    }
}

fn in_order(frame: &DataFrame) -> PolarsResult<Vec<bool>> {
    let repeats = frame.column("repeat")?.u32()?;
    let scheduled = frame.column("scheduled_ns")?.i64()?;
    let violated = frame.column("violated")?.bool()?;
    let mut rows: Vec<(Option<u32>, Option<i64>, bool)> = repeats
        .iter()
        .zip(scheduled.iter())
        .zip(violated.iter())
        .filter_map(|((repeat, scheduled), violated)| Some((repeat, scheduled, violated?)))
        .collect();
    rows.sort_by_key(|(repeat, scheduled, _)| (*repeat, *scheduled));
    Ok(rows.into_iter().map(|(_, _, violated)| violated).collect())
}
