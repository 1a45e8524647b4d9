//! How much a second (metrics.md, "Statistics of a cell").

use super::catalogue::{Better, Metric, Unit};
use super::totals::{Totals, count, ratio};

pub(super) const METRICS: &[Metric] = &[
    Metric::throughput("request_throughput", "ok / duration", |totals| {
        totals.per_second(Some(count(totals.requests.ok)))
    }),
    Metric::throughput(
        "attempt_rate",
        "all attempts / duration: what the target had to take, whatever became of it",
        |totals| totals.per_second(Some(count(totals.requests.attempts))),
    ),
    Metric::throughput(
        "goodput",
        "requests that were ok and within their limits / duration",
        |totals| {
            let good = (totals.slo_defined > 0).then(|| count(totals.slo_met));
            totals.per_second(good)
        },
    ),
    Metric::throughput(
        "output_throughput",
        "output tokens of ok / duration",
        |totals| totals.per_second(totals.tokens.output),
    ),
    Metric::throughput(
        "input_throughput",
        "input tokens of ok / duration",
        |totals| totals.per_second(totals.tokens.input),
    ),
    Metric::throughput(
        "total_throughput",
        "input and output tokens of ok / duration",
        |totals| totals.per_second(Some(totals.tokens.input? + totals.tokens.output?)),
    ),
    Metric::scalar(
        "offered_rate",
        (Unit::PerSecond, Better::Neither),
        "(n − 1) / (last − first scheduled); none in a closed loop",
        |totals| {
            totals
                .arrivals
                .and_then(|(gaps, span)| ratio(count(gaps), span))
        },
    ),
    Metric::scalar(
        "achieved_ratio",
        (Unit::Ratio, Better::Higher),
        "requests whose first byte was handed to a socket / intended",
        achieved,
    ),
    Metric::scalar(
        "duration",
        (Unit::Seconds, Better::Neither),
        "last end − first scheduled, warm-ups excluded, summed over repeats",
        |totals| totals.duration_s,
    ),
];

fn achieved(totals: &Totals) -> Option<f64> {
    let requests = totals.requests;
    ratio(count(requests.sent), count(requests.intended))
}
