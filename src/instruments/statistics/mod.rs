//! Slices in, numbers out: quantiles, intervals, tests. Knows no metric and no file.
//!
//! A test is over repeats, never over the requests of a run, which are not independent (ci.md B-1): no function here
//! takes two runs' requests.

mod binomial;
mod bootstrap;
mod buckets;
mod describe;
mod estimate;
mod moderated;
mod multiplicity;
mod rank;
mod sample;
mod student;

#[cfg(test)]
mod tests;

pub use binomial::{binomial_at_least, binomial_at_most};
pub use bootstrap::ratio_interval;
pub use describe::{mean, quantile, quantile_of, stddev, variance};
pub use estimate::{Estimate, enough_for, mean_interval};
pub use moderated::moderate;
pub use multiplicity::benjamini_hochberg;
pub use rank::{fisher_more_in_second, signed_rank};
pub use sample::{Sample, description, want};
