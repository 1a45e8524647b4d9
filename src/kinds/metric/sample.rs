//! Values of a distribution, and what is told of them.

use std::collections::BTreeMap;
use std::ops::Range;

use polars::prelude::*;

use super::catalogue::{Compute, Metric, PERCENTILES, percentile_name};
use super::value::{MetricValue, Summary};
use crate::instruments::statistics;

/// The values of one metric over the requests of a cell: a column with a value (or a list of them) a request.
pub(super) struct Values {
    column: Column,
    /// For a list: how many of its members make one unit.
    per_unit: Option<f64>,
}

impl Values {
    /// Computes `metrics` over `requests`, in their order; scalars have no values.
    pub(super) fn of(
        metrics: &[&'static Metric],
        requests: &DataFrame,
    ) -> PolarsResult<Vec<(&'static Metric, Self)>> {
        let expressions: Vec<Expr> = metrics
            .iter()
            .filter_map(|metric| Some(metric.compute.expression()?.alias(metric.name)))
            .collect();
        let frame = requests.clone().lazy().select(expressions).collect()?;
        let mut all = Vec::new();
        for metric in metrics {
            let per_unit = match metric.compute {
                Compute::Each(_) => None,
                Compute::Pooled(_, per_unit) => Some(per_unit),
                Compute::Scalar(_) => continue,
            };
            let column = frame.column(metric.name)?.clone();
            all.push((*metric, Self { column, per_unit }));
        }
        Ok(all)
    }

    /// Values that were read from elsewhere, one a request.
    pub(super) fn told(values: Vec<Option<f64>>) -> Self {
        Self {
            column: Series::new("value".into(), values).into(),
            per_unit: None,
        }
    }

    /// The values of the requests that `mask` chooses within `rows`, in no order.
    pub(super) fn within(
        &self,
        mask: &BooleanChunked,
        rows: &Range<usize>,
    ) -> PolarsResult<Vec<f64>> {
        let offset = i64::try_from(rows.start).unwrap_or(i64::MAX);
        let chosen = self
            .column
            .slice(offset, rows.len())
            .filter(&mask.slice(offset, rows.len()))?;
        let Some(per_unit) = self.per_unit else {
            return Ok(chosen
                .f64()?
                .iter()
                .flatten()
                .filter(|value| value.is_finite())
                .collect());
        };
        if chosen.null_count() == chosen.len() {
            return Ok(Vec::new());
        }
        let members = chosen.explode(ExplodeOptions {
            empty_as_null: false,
            keep_nulls: false,
        })?;
        let members = members.cast(&DataType::Float64)?;
        Ok(members
            .f64()?
            .iter()
            .flatten()
            .map(|value| value / per_unit)
            .collect())
    }
}

/// Values in ascending order.
#[derive(Default)]
pub(super) struct Sorted(Vec<f64>);

impl Sorted {
    pub(super) fn new(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        Self(values)
    }

    /// The values of all parts. A stable sort finds the sorted runs and only merges them.
    pub(super) fn merged<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut values: Vec<f64> = Vec::new();
        for part in parts {
            values.extend_from_slice(&part.0);
        }
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A percentile by linear interpolation between order statistics, k = (n − 1) · share.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        statistics::quantile(&self.0, share)
    }

    /// Statistics of the values; `None` where there are none.
    pub(super) fn summary(&self, percentiles: &[f64]) -> Option<MetricValue> {
        let (first, last) = (self.0.first()?, self.0.last()?);
        let mean = statistics::mean(&self.0);
        let mut all: BTreeMap<String, Option<f64>> = BTreeMap::from([
            ("mean".to_owned(), mean),
            ("stddev".to_owned(), statistics::stddev(&self.0)),
            ("min".to_owned(), Some(*first)),
            ("max".to_owned(), Some(*last)),
        ]);
        for share in PERCENTILES.iter().chain(percentiles) {
            all.insert(
                percentile_name(*share),
                statistics::quantile(&self.0, *share),
            );
        }
        Some(MetricValue::Distribution(Summary {
            n: self.0.len() as u64,
            statistics: all,
        }))
    }
}
