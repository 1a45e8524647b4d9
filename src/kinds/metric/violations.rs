//! Which requests of a cell violate a bound, one by one and in the order in which they were due: what a verdict over a
//! share of requests is made from.

use std::collections::BTreeSet;
use std::time::Duration;

use polars::prelude::*;

use super::aggregate::MetricError;
use super::catalogue::{Better, Compute, Metric, Unit};
use super::latency::{between, tpot};
use super::part::Requests;
use super::slo::{Limits, SloClock};
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
    /// That it missed its limits, which these are; requests without limits are left out.
    LimitMissed(&'a Limits),
}

impl Metric {
    /// Whether it is a time of a request, of which less is better.
    pub fn is_time_of_request(&self) -> bool {
        self.unit == Unit::Seconds
            && self.better == Better::Lower
            && matches!(self.compute, Compute::Each(_))
    }
}

/// A request held against a bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Held {
    /// The repeat, from 1.
    pub repeat: u32,
    /// When it was due, in nanoseconds from the beginning of its repeat.
    pub due_ns: i64,
    /// When it ended; `None` where it was not sent.
    pub ended_ns: Option<i64>,
    /// Whether it violates the bound.
    pub violates: bool,
    /// By how many seconds its time is over the bound, or over the limit of which it is furthest (below nought where it is
    /// not); `None` of what has no such time, a failure say, or where that is not known.
    pub over_s: Option<f64>,
}

/// Each request of a cell held against a bound, repeat by repeat in the order of their schedule.
///
/// # Errors
/// Where the table cannot be read.
pub fn held_against(
    table: &Table,
    cell: &str,
    violation: &Violation<'_>,
) -> Result<Vec<Held>, MetricError> {
    let runs: Vec<&Run> = table.runs().iter().filter(|run| run.cell == cell).collect();
    let requests = Requests::of(table, &runs)?;
    let [violated, over] = expressions(violation);
    let columns = columns_of(&violated).chain(columns_of(&over));
    let columns: BTreeSet<&str> = columns.collect();
    let columns: Vec<&str> = columns.into_iter().collect();
    let mut found = Vec::new();
    for part in requests.parts() {
        let rows = requests.rows(part, &columns)?;
        let counted = requests.counted(&rows)?;
        let of_part = counted
            .lazy()
            .select([
                col("repeat"),
                col("scheduled_ns"),
                col("end_ns"),
                violated.clone().alias("violated"),
                over.clone().alias("over"),
            ])
            .collect()
            .and_then(|frame| of_part(&frame));
        found.extend(of_part.map_err(|source| requests.failed(source))?);
    }
    found.sort_by_key(|held| (held.repeat, held.due_ns));
    Ok(found)
}

/// Whether a row violates the bound, and by how much its time is over it.
fn expressions(violation: &Violation<'_>) -> [Expr; 2] {
    let no_time = || lit(NULL).cast(DataType::Float64);
    match violation {
        Violation::Failed => [col("ok").not(), no_time()],
        Violation::LimitMissed(limits) => [
            col("slo_met").not(),
            when(col("ok"))
                .then(over_limits(limits).unwrap_or_else(no_time))
                .otherwise(no_time()),
        ],
        Violation::Over {
            metric,
            bound,
            at_equality,
        } => {
            let value = metric.compute.expression().unwrap_or_else(no_time);
            let over = value.clone() - lit(*bound);
            let violated = if *at_equality {
                value.gt_eq(lit(*bound))
            } else {
                value.gt(lit(*bound))
            };
            [
                when(col("ok")).then(violated).otherwise(lit(true)),
                when(col("ok")).then(over).otherwise(no_time()),
            ]
        }
    }
}

/// By how many seconds a request is over the limit of which it is furthest; `None` where there is one on its longest gap,
/// which no column tells.
fn over_limits(limits: &Limits) -> Option<Expr> {
    if limits.itl.is_some() {
        return None;
    }
    let started = match limits.clock {
        SloClock::Scheduled => "scheduled_ns",
        SloClock::Sent => "sent_ns",
    };
    let over = |value: Expr, limit: Option<Duration>| Some(value - lit(limit?.as_secs_f64()));
    let of_e2e = between(started, "end_ns") - col("slo_ms") / lit(1e3);
    let others = [
        over(between(started, "first_content_ns"), limits.ttft),
        over(tpot(), limits.tpot),
        over(between("scheduled_ns", "sent_ns"), limits.queue),
    ];
    // A comparison with what is null is null, and so chooses what was found before.
    let further = |one: Expr, other: Expr| {
        when(one.clone().is_null().or(other.clone().gt(one.clone())))
            .then(other)
            .otherwise(one)
    };
    Some(others.into_iter().flatten().fold(of_e2e, further))
}

/// The requests of a part; one of which it cannot be said is left out.
fn of_part(frame: &DataFrame) -> PolarsResult<Vec<Held>> {
    let repeats = frame.column("repeat")?.u32()?.iter();
    let due = frame.column("scheduled_ns")?.i64()?.iter();
    let ended = frame.column("end_ns")?.i64()?.iter();
    let violated = frame.column("violated")?.bool()?.iter();
    let over = frame.column("over")?.f64()?.iter();
    let rows = repeats.zip(due).zip(ended).zip(violated.zip(over));
    Ok(rows
        .filter_map(|(((repeat, due), ended_ns), (violated, over_s))| {
            Some(Held {
                repeat: repeat?,
                due_ns: due?,
                ended_ns,
                violates: violated?,
                over_s,
            })
        })
        .collect())
}
