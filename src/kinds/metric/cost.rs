//! What it costs, where the target has `prices`.

use super::catalogue::{Better, Metric, Unit};
use super::totals::{Totals, count, ratio};

const A_COST: (Unit, Better) = (Unit::Currency, Better::Lower);

pub(super) const METRICS: &[Metric] = &[
    Metric::scalar(
        "cost_per_1k_requests",
        A_COST,
        "price of the duration per 1,000 ok requests",
        |totals| ratio(price(totals)? * 1e3, count(totals.requests.ok)),
    ),
    Metric::scalar(
        "cost_per_1m_output_tokens",
        A_COST,
        "price of the duration per 1,000,000 output tokens of ok",
        |totals| ratio(price(totals)? * 1e6, totals.tokens.output?),
    ),
];

/// The price of the time that the measurement took.
fn price(totals: &Totals) -> Option<f64> {
    Some(totals.price_per_hour? * totals.duration_s? / 3600.0)
}
