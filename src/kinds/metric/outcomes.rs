//! How requests ended, as shares.

use super::catalogue::{Better, Metric, Unit};
use super::totals::{Totals, count, ratio};

pub(super) const METRICS: &[Metric] = &[
    Metric::scalar(
        "error_rate",
        (Unit::Ratio, Better::Lower),
        "1 − ok / all, unsent included",
        |totals| {
            let failed = totals.requests.intended - totals.requests.ok;
            ratio(count(failed), count(totals.requests.intended))
        },
    ),
    Metric::scalar(
        "success_rate",
        (Unit::Ratio, Better::Higher),
        "ok / all, unsent included",
        success,
    ),
];

fn success(totals: &Totals) -> Option<f64> {
    ratio(count(totals.requests.ok), count(totals.requests.intended))
}
