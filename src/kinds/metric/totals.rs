//! The sums that a cell's scalars are made of: of one repeat, of one group, or of all repeats together.

use polars::prelude::*;

use super::latency::between;
use super::value::Requests;

/// Counts and sums over requests; `None` where nothing was there to add.
///
/// What is pooled over repeats is added here, numerators and denominators each, so that a pooled rate is the sum of
/// rows over the sum of durations (metrics.md, "A scalar of a cell is pooled").
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Totals {
    /// Requests.
    pub requests: Requests,
    /// Last end − first scheduled in seconds, summed over repeats.
    pub duration_s: Option<f64>,
    /// Services in seconds, of all whose first byte was handed to a socket.
    pub service: Sum,
    /// Scheduled gaps: (n − 1) and (last − first scheduled) in seconds, summed over repeats. None in a closed loop.
    pub arrivals: Option<(u64, f64)>,
    /// Most requests in flight at once.
    pub in_flight_max: Option<u64>,
    /// Tokens of ok requests.
    pub tokens: TokenTotals,
    /// Costs of ok requests, of those that have one.
    pub workload: Sum,
    /// Requests whose limits are defined.
    pub slo_defined: u64,
    /// Good requests.
    pub slo_met: u64,
    /// Price of an hour of the target.
    pub price_per_hour: Option<f64>,
}

/// A sum, and of how many.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sum {
    /// How many values there were to add.
    pub n: u64,
    /// Their sum; `None` where there was none.
    pub total: Option<f64>,
}

impl Sum {
    fn pooled(self, other: Self) -> Self {
        Self {
            n: self.n + other.n,
            total: sum(self.total, other.total),
        }
    }
}

/// Sums over ok requests.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TokenTotals {
    /// Tokens of the prompts.
    pub input: Option<f64>,
    /// Tokens generated.
    pub output: Option<f64>,
    /// Content chunks of streamed answers whose tokens were counted by the server or a tokenizer.
    pub chunks: Option<f64>,
    /// Output tokens of the same answers.
    pub counted: Option<f64>,
}

impl Totals {
    /// `sum` per second of the duration; `None` where there is no sum or no duration.
    pub fn per_second(&self, sum: Option<f64>) -> Option<f64> {
        ratio(sum?, self.duration_s?)
    }

    /// Sums of 0 for a repeat that had a time and no ok request, of what other repeats (`pooled`) have: its throughput is
    /// 0, and not unknown.
    pub(super) fn nothing_where_none_was_ok(&mut self, pooled: &Self) {
        if self.requests.ok > 0 || self.duration_s.is_none() {
            return;
        }
        let nothing = |pooled: Option<f64>| pooled.map(|_| 0.0);
        self.tokens.input = nothing(pooled.tokens.input);
        self.tokens.output = nothing(pooled.tokens.output);
        self.workload.total = nothing(pooled.workload.total);
    }

    /// The totals of both, as if their repeats had followed each other.
    #[must_use]
    pub fn pooled(self, other: &Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            duration_s: sum(self.duration_s, other.duration_s),
            service: self.service.pooled(other.service),
            arrivals: match (self.arrivals, other.arrivals) {
                (Some((n, span)), Some((m, further))) => Some((n + m, span + further)),
                (one, two) => one.or(two),
            },
            in_flight_max: self.in_flight_max.max(other.in_flight_max),
            tokens: TokenTotals {
                input: sum(self.tokens.input, other.tokens.input),
                output: sum(self.tokens.output, other.tokens.output),
                chunks: sum(self.tokens.chunks, other.tokens.chunks),
                counted: sum(self.tokens.counted, other.tokens.counted),
            },
            workload: self.workload.pooled(other.workload),
            slo_defined: self.slo_defined + other.slo_defined,
            slo_met: self.slo_met + other.slo_met,
            price_per_hour: self.price_per_hour.or(other.price_per_hour),
        }
    }
}

/// What [`Totals`] are read from: one row a group of requests.
///
/// Duration, service and arrivals are of what was scheduled in the group; `unsent` requests have a schedule and no end.
pub(super) fn aggregations() -> Vec<Expr> {
    let of_ok = |column: &str| col(column).filter(col("ok"));
    let summed = |column: &'static str| {
        [
            of_ok(column).cast(DataType::Float64).sum().alias(column),
            of_ok(column)
                .count()
                .cast(DataType::Int64)
                .alias(format!("{column}.n")),
        ]
    };
    let counted_by = |source: &str| col("tokens_source").eq(lit(source));
    let streamed = || {
        let counted_apart = counted_by("usage").or(counted_by("tokenizer"));
        col("ok")
            .and(col("first_content_ns").is_not_null())
            .and(counted_apart)
    };
    let number = |expression: Expr| expression.cast(DataType::Int64);
    let mut all = vec![
        number(len()).alias("intended"),
        number(col("ok").sum()).alias("ok"),
        number(col("failed").sum()).alias("failed"),
        number(col("attempt").filter(col("sent")).sum()).alias("attempts"),
        number(col("slo_met").count()).alias("slo_defined"),
        number(col("slo_met").sum()).alias("slo_met"),
        col("scheduled_ns").min().alias("first_scheduled"),
        col("scheduled_ns").max().alias("last_scheduled"),
        col("end_ns").filter(col("sent")).max().alias("last_end"),
        between("sent_ns", "end_ns").sum().alias("service"),
        number(between("sent_ns", "end_ns").count()).alias("service.n"),
        number(col("chunks").filter(streamed()).sum()).alias("chunks"),
        col("output_tokens")
            .filter(streamed())
            .sum()
            .alias("counted"),
    ];
    for column in ["input_tokens", "output_tokens", "workload"] {
        all.extend(summed(column));
    }
    all
}

/// What [`aggregations`] made of some requests of one repeat, or of one group: added up part by part.
#[derive(Debug, Clone, Default)]
pub(super) struct Sums {
    requests: Requests,
    /// When the first and the last was due.
    scheduled: Option<(i64, i64)>,
    last_end: Option<i64>,
    service: Sum,
    input: Sum,
    output: Sum,
    workload: Sum,
    /// Chunks and output tokens of answers that were streamed and counted apart.
    streamed: (u64, u64),
    slo_defined: u64,
    slo_met: u64,
}

impl Sums {
    /// Reads one row of what [`aggregations`] made.
    pub(super) fn read(frame: &DataFrame, row: usize) -> PolarsResult<Self> {
        let integer = |name: &str| PolarsResult::Ok(frame.column(name)?.i64()?.get(row));
        let whole = |name: &str| PolarsResult::Ok(integer(name)?.unwrap_or(0).unsigned_abs());
        let added = |name: &str| {
            let n = whole(&format!("{name}.n"))?;
            let total = frame.column(name)?.f64()?.get(row);
            PolarsResult::Ok(Sum {
                n,
                total: total.filter(|_| n > 0),
            })
        };
        let (intended, ok, failed) = (whole("intended")?, whole("ok")?, whole("failed")?);
        let (tried, service) = (ok + failed, added("service")?);
        Ok(Self {
            requests: Requests {
                intended,
                tried,
                sent: service.n,
                ok,
                failed,
                unsent: intended - tried,
                attempts: whole("attempts")?,
            },
            scheduled: integer("first_scheduled")?.zip(integer("last_scheduled")?),
            last_end: integer("last_end")?,
            service,
            input: added("input_tokens")?,
            output: added("output_tokens")?,
            workload: added("workload")?,
            streamed: (whole("chunks")?, whole("counted")?),
            slo_defined: whole("slo_defined")?,
            slo_met: whole("slo_met")?,
        })
    }

    /// Adds what was made of further requests of the same repeat or group.
    pub(super) fn add(&mut self, other: &Self) {
        let earlier = self.scheduled.unwrap_or((i64::MAX, i64::MIN));
        self.requests = self.requests + other.requests;
        self.scheduled = other
            .scheduled
            .map(|(first, last)| (first.min(earlier.0), last.max(earlier.1)))
            .or(self.scheduled);
        self.last_end = self.last_end.max(other.last_end);
        self.service = self.service.pooled(other.service);
        self.input = self.input.pooled(other.input);
        self.output = self.output.pooled(other.output);
        self.workload = self.workload.pooled(other.workload);
        self.streamed.0 += other.streamed.0;
        self.streamed.1 += other.streamed.1;
        self.slo_defined += other.slo_defined;
        self.slo_met += other.slo_met;
    }

    /// From when to when they lasted: the first scheduled time, and the last end or scheduled time.
    pub(super) fn span(&self) -> Option<(i64, i64)> {
        let (first, last) = self.scheduled?;
        Some((first, last.max(self.last_end.unwrap_or(last))))
    }

    /// Seconds that the requests of a repeat waited of which none was sent, until the `last` moment that is known of that
    /// repeat. Nothing of it has an end of its own, and a repeat without a duration would vanish from the pooled rates.
    pub(super) fn waited_s(&self, last: i64) -> Option<f64> {
        let (first, _) = self.scheduled?;
        Some(seconds(first, last))
    }
}

impl Totals {
    /// Of all requests of a repeat, or of a group.
    pub(super) fn of(sums: &Sums, context: &super::CellContext) -> Self {
        let (chunks, counted) = sums.streamed;
        Self {
            requests: sums.requests,
            duration_s: sums
                .scheduled
                .zip(sums.last_end)
                .map(|((first, _), end)| seconds(first, end)),
            service: sums.service,
            arrivals: sums
                .scheduled
                .filter(|_| !context.closed)
                .map(|(first, last)| {
                    let gaps = sums.requests.intended.saturating_sub(1);
                    (gaps, seconds(first, last))
                }),
            in_flight_max: None,
            tokens: TokenTotals {
                input: sums.input.total,
                output: sums.output.total,
                chunks: (counted > 0).then(|| count(chunks)),
                counted: (counted > 0).then(|| count(counted)),
            },
            workload: sums.workload,
            slo_defined: sums.slo_defined,
            slo_met: sums.slo_met,
            price_per_hour: context.price_per_hour,
        }
    }
}

/// Seconds between two stamps of nanoseconds.
fn seconds(from: i64, to: i64) -> f64 {
    count((to - from).max(0).unsigned_abs()) / 1e9
}

/// A quotient, `None` over nothing: a rate over no time is unknown, not infinite.
pub fn ratio(numerator: f64, denominator: f64) -> Option<f64> {
    (denominator > 0.0).then(|| numerator / denominator)
}

/// A count as a number.
pub fn count(n: u64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of requests stay far below 2^53"
    )]
    let number = n as f64;
    number
}

fn sum(one: Option<f64>, two: Option<f64>) -> Option<f64> {
    match (one, two) {
        (Some(one), Some(two)) => Some(one + two),
        (one, two) => one.or(two),
    }
}
