//! The sums that a cell's scalars are made of: of one repeat, of one group, or of all repeats together.

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
    /// Σ service of all that was sent, in seconds.
    pub service_s: Option<f64>,
    /// Scheduled gaps: (n − 1) and (last − first scheduled) in seconds, summed over repeats. None in a closed loop.
    pub arrivals: Option<(u64, f64)>,
    /// Most requests in flight at once.
    pub in_flight_max: Option<u64>,
    /// Tokens of ok requests.
    pub tokens: TokenTotals,
    /// Σ workload of ok requests.
    pub workload: Option<f64>,
    /// Requests whose limits are defined.
    pub slo_defined: u64,
    /// Good requests.
    pub slo_met: u64,
    /// Price of an hour of the target.
    pub price_per_hour: Option<f64>,
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

    /// The totals of both, as if their repeats had followed each other.
    #[must_use]
    pub fn pooled(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            duration_s: sum(self.duration_s, other.duration_s),
            service_s: sum(self.service_s, other.service_s),
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
            workload: sum(self.workload, other.workload),
            slo_defined: self.slo_defined + other.slo_defined,
            slo_met: self.slo_met + other.slo_met,
            price_per_hour: self.price_per_hour.or(other.price_per_hour),
        }
    }
}

/// A quotient, `None` over nothing: a rate over no time is unknown, not infinite.
pub fn ratio(numerator: f64, denominator: f64) -> Option<f64> {
    (denominator > 0.0).then(|| numerator / denominator)
}

/// A count as a number.
pub fn count(n: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of requests stay far below 2^53")]
    let number = n as f64;
    number
}

fn sum(one: Option<f64>, two: Option<f64>) -> Option<f64> {
    match (one, two) {
        (Some(one), Some(two)) => Some(one + two),
        (one, two) => one.or(two),
    }
}
