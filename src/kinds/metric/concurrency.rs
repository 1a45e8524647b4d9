//! Requests in flight.

use super::catalogue::{Better, Metric, Unit};
use super::totals::count;

const A_FACT: (Unit, Better) = (Unit::Count, Better::Neither);

pub(super) const METRICS: &[Metric] = &[
    Metric::scalar(
        "concurrency.mean",
        A_FACT,
        "Σ service / duration (Little's law)",
        |totals| totals.per_second(totals.service.total),
    ),
    Metric::scalar(
        "concurrency.max",
        A_FACT,
        "most requests in flight at once",
        |totals| totals.in_flight_max.map(count),
    ),
];
