//! Metrics: what each number means, once. Polars computes them from the records; nothing else defines one.

pub mod catalogue;
pub mod slo;

pub use catalogue::{Better, Metric, Shape, Unit};
