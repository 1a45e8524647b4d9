//! One metric's statistics for all slices of a cell.

use std::collections::BTreeMap;

use super::aggregate::CellMetrics;
use super::catalogue::{PERCENTILES, percentile_name};
use super::value::{MetricValue, Summary};
use super::values::Slice;
use crate::instruments::statistics::{self, Sample};

/// A metric's values, looked at twice.
#[derive(Default)]
pub(super) struct Distribution {
    /// The ok requests of each repeat.
    ok: Vec<Sample>,
    failed: Sample,
    /// The ok requests of each group.
    groups: Vec<Sample>,
}

impl Distribution {
    /// Without values as yet, of a cell of so many repeats.
    pub(super) fn of(repeats: usize) -> Self {
        Self {
            ok: vec![Sample::default(); repeats],
            ..Self::default()
        }
    }

    /// The sample of a slice; repeats and groups by their places within the cell.
    pub(super) fn sample(&mut self, slice: Slice, place: usize) -> &mut Sample {
        match slice {
            Slice::Failed => &mut self.failed,
            Slice::Ok(_) => &mut self.ok[place],
            Slice::Group(_) => {
                if self.groups.len() <= place {
                    self.groups.resize_with(place + 1, Sample::default);
                }
                &mut self.groups[place]
            }
        }
    }

    /// Prepares the second look.
    pub(super) fn want(&mut self, shares: &[f64]) {
        for sample in self.ok.iter_mut().chain(&mut self.groups) {
            statistics::want([sample], shares);
        }
        statistics::want([&mut self.failed], shares);
        statistics::want(&mut self.ok, shares);
        statistics::want(self.ok.iter_mut().chain([&mut self.failed]), shares);
    }

    /// Writes the statistics into the cell, its repeats and its groups.
    pub(super) fn put(mut self, name: &str, shares: &[f64], cell: &mut CellMetrics) {
        let pooled = summary(&mut self.ok, shares);
        let failed = summary([&mut self.failed], shares);
        let all = if failed.is_none() {
            pooled.clone()
        } else {
            summary(self.ok.iter_mut().chain([&mut self.failed]), shares)
        };
        let only = self.ok.len() == 1;
        for (repeat, sample) in cell.repeats.iter_mut().zip(&mut self.ok) {
            // The only repeat is the cell.
            let value = if only {
                pooled.clone()
            } else {
                summary([sample], shares)
            };
            repeat.metrics.insert(name.to_owned(), value);
        }
        for (number, group) in cell.groups.iter_mut().enumerate() {
            let value = summary(self.groups.get_mut(number), shares);
            group.metrics.insert(name.to_owned(), value);
        }
        cell.metrics.insert(name.to_owned(), pooled);
        cell.failed.insert(name.to_owned(), failed);
        cell.all.insert(name.to_owned(), all);
    }
}

/// The shares of every percentile that a distribution has: the usual ones, and `further` ones.
pub(super) fn shares(further: &[f64]) -> Vec<f64> {
    PERCENTILES.iter().chain(further).copied().collect()
}

/// Statistics of all `samples` together; `None` where they have no values.
fn summary<'a>(
    samples: impl IntoIterator<Item = &'a mut Sample>,
    shares: &[f64],
) -> Option<MetricValue> {
    let told = statistics::description(samples, shares)?;
    let mut statistics: BTreeMap<String, Option<f64>> = BTreeMap::from([
        ("mean".to_owned(), Some(told.mean)),
        ("stddev".to_owned(), told.stddev),
        ("min".to_owned(), Some(told.min)),
        ("max".to_owned(), Some(told.max)),
    ]);
    for (share, value) in shares.iter().zip(told.quantiles) {
        statistics.insert(percentile_name(*share), Some(value));
    }
    Some(MetricValue::Distribution(Summary {
        n: told.n,
        statistics,
    }))
}
