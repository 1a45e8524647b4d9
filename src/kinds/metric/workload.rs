//! Work in the unit that the scenario declares (`load.workload`).

use super::catalogue::Metric;

pub(super) const METRICS: &[Metric] = &[Metric::throughput(
    "workload_throughput",
    "workload of ok / duration, in the declared unit per second",
    |totals| totals.per_second(totals.workload.total),
)];
