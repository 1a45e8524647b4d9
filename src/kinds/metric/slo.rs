//! Limits of one request, and whether it kept them (scenario.md `slo`, metrics.md "Estimated SLOs").

use std::collections::HashMap;
use std::time::Duration;

use super::catalogue::{Better, Metric, Unit};
use super::estimate::{Base, demand};
use super::totals::{Totals, count, ratio};
use crate::foundation::units::Offset;
use crate::instruments::record::{Attempt, Phase};

pub(super) const METRICS: &[Metric] = &[
    Metric::scalar(
        "slo_attainment",
        (Unit::Ratio, Better::Higher),
        "good / requests whose limits are defined; failures with limits count as misses",
        |totals| ratio(count(totals.slo_met), count(totals.slo_defined)),
    ),
    Metric::scalar(
        "slo_defined",
        (Unit::Count, Better::Neither),
        "requests whose limits are defined",
        |totals| Some(count(totals.slo_defined)),
    ),
    Metric::scalar(
        "slo_met",
        (Unit::Count, Better::Higher),
        "requests that were ok and within their limits",
        met,
    ),
];

/// Metrics of those requests alone whose limits are defined.
pub(super) const OF_DEFINED: [&str; 3] = ["slo_attainment", "slo_met", "goodput"];

fn met(totals: &Totals) -> Option<f64> {
    (totals.slo_defined > 0).then(|| count(totals.slo_met))
}

/// From which clock a limit counts.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum SloClock {
    /// From the intended time.
    #[default]
    Scheduled,
    /// From the actual sending.
    Sent,
}

/// The limit on e2e.
#[derive(Debug, Clone, PartialEq)]
pub enum E2eLimit {
    /// The same for all requests.
    Fixed(Duration),
    /// The row's `slo_ms`.
    FromRow,
    /// Estimated from warm-ups.
    Estimate(Estimate),
}

/// How a limit is estimated.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Factor on the expected time.
    pub scale: f64,
    /// `linear` (base · D) or `affine` (a + b · D).
    pub affine: bool,
    /// The base in milliseconds, where it is given instead of measured.
    pub base_ms: Option<f64>,
}

/// The limits that make a request good.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Limits {
    /// On e2e.
    pub e2e: Option<E2eLimit>,
    /// On time to first token.
    pub ttft: Option<Duration>,
    /// On time per output token.
    pub tpot: Option<Duration>,
    /// On the longest gap.
    pub itl: Option<Duration>,
    /// On the wait before sending.
    pub queue: Option<Duration>,
    /// From which clock they count.
    pub clock: SloClock,
}

impl Limits {
    /// Whether any is asked for; a row's own is one beside these.
    pub const fn any(&self) -> bool {
        self.e2e.is_some()
            || self.ttft.is_some()
            || self.tpot.is_some()
            || self.itl.is_some()
            || self.queue.is_some()
    }
}

/// What became of a request's limits: the columns `slo_ms` and `slo_met`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Judged {
    /// The limit on e2e in milliseconds, where one is known for this request.
    pub slo_ms: Option<f64>,
    /// Whether the request was ok and within all limits; `None` where its SLO is undefined.
    pub met: Option<bool>,
}

/// Whether an attempt kept its limits, its clocks being those of its request (one attempt a request).
///
/// A limit is met at equality. What is null leaves the SLO undefined, unless another limit is missed; a failure misses
/// every limit that is known. A row's own limit wins over any other on e2e and is not scaled.
pub fn judge(attempt: &Attempt, limits: &Limits, base: Option<&Base>) -> Judged {
    let clocks = attempt.clocks;
    let started = match limits.clock {
        SloClock::Scheduled => Some(clocks.scheduled),
        SloClock::Sent => clocks.sent,
    };
    let slo_ms = e2e_limit_ms(attempt, limits, base);
    let wants_e2e = limits.e2e.is_some() || slo_ms.is_some();
    let check = |limit: Option<Duration>, value: &dyn Fn() -> Option<f64>| {
        limit.map(|limit| Check {
            value: value(),
            limit: Some(nanos(limit)),
        })
    };
    let checks = [
        wants_e2e.then(|| Check {
            value: since(started, clocks.end).map(|ns| ns / 1e6),
            limit: slo_ms,
        }),
        check(limits.ttft, &|| since(started, clocks.first_content)),
        check(limits.tpot, &|| tpot_ns(attempt)),
        check(limits.itl, &|| longest_gap_ns(attempt)),
        check(limits.queue, &|| since(Some(clocks.scheduled), clocks.sent)),
    ];
    Judged {
        slo_ms,
        met: verdict(checks.iter().flatten(), attempt.outcome.is_ok()),
    }
}

/// One limit beside the value that it is for, both in one unit.
struct Check {
    value: Option<f64>,
    limit: Option<f64>,
}

fn verdict<'a>(mut checks: impl Iterator<Item = &'a Check> + Clone, ok: bool) -> Option<bool> {
    if !ok {
        return checks.any(|check| check.limit.is_some()).then_some(false);
    }
    let mut kept = checks.map(|check| Some(check.value? <= check.limit?));
    if kept.clone().any(|kept| kept == Some(false)) {
        return Some(false);
    }
    // No check at all, or one that cannot be made, is undefined.
    let first = kept.next()??;
    kept.all(|kept| kept.is_some()).then_some(first)
}

fn e2e_limit_ms(attempt: &Attempt, limits: &Limits, base: Option<&Base>) -> Option<f64> {
    if attempt.row_slo_ms.is_some() {
        return attempt.row_slo_ms;
    }
    match limits.e2e.as_ref()? {
        E2eLimit::Fixed(limit) => Some(nanos(*limit) / 1e6),
        E2eLimit::FromRow => None,
        E2eLimit::Estimate(estimate) => {
            Some(base?.expected_ms(demand(&attempt.params)?)? * estimate.scale)
        }
    }
}

fn nanos(duration: Duration) -> f64 {
    count(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

fn since(from: Option<Offset>, to: Option<Offset>) -> Option<f64> {
    Some(nanos(to?.since(from?)))
}

/// The same as `metrics.tpot`, for one attempt.
fn tpot_ns(attempt: &Attempt) -> Option<f64> {
    let span = since(attempt.clocks.first_content, attempt.clocks.last_content)?;
    let tokens = count(attempt.tokens.output?) / f64::from(attempt.choices.max(1));
    (tokens >= 2.0 && span > 0.0).then(|| span / (tokens - 1.0))
}

/// `None` for an answer that was not streamed or whose content came in one read.
fn longest_gap_ns(attempt: &Attempt) -> Option<f64> {
    since(attempt.clocks.first_content, attempt.clocks.last_content).filter(|span| *span > 0.0)?;
    attempt.gaps_ns.iter().max().map(|gap| count(*gap))
}

/// Judges the attempts of one repeat, in the order in which they ended, where a request may have several.
///
/// A request's clock runs from its schedule and first sending to the end of its last attempt; so the first attempt's
/// stamps are kept until the request is settled.
#[derive(Debug)]
pub struct Judge<'a> {
    limits: &'a Limits,
    base: Option<&'a Base>,
    retries: u32,
    begun: HashMap<u64, (Offset, Option<Offset>)>,
}

impl<'a> Judge<'a> {
    /// A judge for one repeat whose load allows so many `retries`.
    pub fn new(limits: &'a Limits, base: Option<&'a Base>, retries: u32) -> Self {
        Self {
            limits,
            base,
            retries,
            begun: HashMap::new(),
        }
    }

    /// What became of the limits of the attempt's request, were this its last attempt. Warm-ups have no limits.
    pub fn judge(&mut self, attempt: &Attempt) -> Judged {
        if attempt.phase == Phase::Warmup {
            return Judged::default();
        }
        if self.retries == 0 {
            return judge(attempt, self.limits, self.base);
        }
        let earlier = self.begun.remove(&attempt.index);
        let Some((scheduled, sent)) = earlier else {
            self.remember(attempt, attempt.clocks.scheduled, attempt.clocks.sent);
            return judge(attempt, self.limits, self.base);
        };
        let mut whole = attempt.clone();
        whole.clocks.scheduled = scheduled.min(attempt.clocks.scheduled);
        whole.clocks.sent = sent.or(attempt.clocks.sent);
        self.remember(attempt, whole.clocks.scheduled, whole.clocks.sent);
        judge(&whole, self.limits, self.base)
    }

    fn remember(&mut self, attempt: &Attempt, scheduled: Offset, sent: Option<Offset>) {
        if !attempt.outcome.is_ok() && attempt.attempt <= self.retries {
            self.begun.insert(attempt.index, (scheduled, sent));
        }
    }
}

#[cfg(test)]
mod tests;
