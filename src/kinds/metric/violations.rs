//! Which requests of a cell violate a bound, one by one and in the order in which they were due: what a verdict over a
//! share of requests is made from.

use polars::prelude::*;

use super::aggregate::MetricError;
use super::catalogue::{Better, Compute, Metric, Unit};
use super::part::Requests;
use super::wanted::columns_of;
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
    table: &Table,
    cell: &str,
    violation: &Violation<'_>,
) -> Result<Vec<bool>, MetricError> {
    let runs: Vec<&Run> = table.runs().iter().filter(|run| run.cell == cell).collect();
    let requests = Requests::of(table, &runs)?;
    let violated = expression(violation);
    let columns: Vec<&str> = columns_of(&violated).collect();
    let mut found = Vec::new();
    for part in requests.parts() {
        let rows = requests.rows(part, &columns)?;
        let counted = requests.counted(&rows)?;
        let of_part = counted
            .lazy()
            .select([
                col("repeat"),
                col("scheduled_ns"),
                violated.clone().alias("violated"),
            ])
            .collect()
            .and_then(|frame| of_part(&frame));
        found.extend(of_part.map_err(|source| requests.failed(source))?);
    }
    found.sort_by_key(|(repeat, scheduled, _)| (*repeat, *scheduled));
    Ok(found.into_iter().map(|(_, _, violated)| violated).collect())
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

/// When a request was due, by repeat and time, and whether it violates the bound.
type Due = (Option<u32>, Option<i64>, bool);

/// The requests of a part; one of which it cannot be said is left out.
fn of_part(frame: &DataFrame) -> PolarsResult<Vec<Due>> {
    let repeats = frame.column("repeat")?.u32()?;
    let scheduled = frame.column("scheduled_ns")?.i64()?;
    let violated = frame.column("violated")?.bool()?;
    let rows = repeats.iter().zip(scheduled.iter()).zip(violated.iter());
    Ok(rows
        .filter_map(|((repeat, scheduled), violated)| Some((repeat, scheduled, violated?)))
        .collect())
}
