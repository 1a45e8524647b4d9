//! Metrics: what each number means, once. Polars computes them from the records; nothing else defines one.
//!
//! Begin at [`catalogue`]; each family's file has the metrics with their expressions. [`aggregate`] applies all of
//! them to `requests.parquet`. Limits of a request are judged in [`slo`], once, when the table is made. This room
//! knows nothing of scenarios, targets or transports.

mod aggregate;
pub mod catalogue;
mod concurrency;
mod cost;
mod distribution;
pub mod estimate;
mod flight;
mod group;
mod latency;
mod looks;
mod outcomes;
mod part;
mod server;
pub mod slo;
mod spread;
mod throughput;
mod timeline;
mod tokens;
mod told;
mod totals;
mod value;
mod values;
mod violations;
mod wanted;
mod warnings;
mod workload;

pub use aggregate::{CellContext, CellMetrics, MetricError, RepeatMetrics, aggregate};
pub use catalogue::{Better, Shape, Unit, percentile_name, percentile_share};
pub use value::{
    GroupResult, MetricValue, Requests, SloResult, Spread, Summary, TimelinePoint, Warning, number,
};
pub use violations::{Held, Violation, held_against};

#[cfg(test)]
mod tests;
