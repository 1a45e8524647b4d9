//! Values of a distribution, and what is told of them.

use std::collections::BTreeMap;
use std::ops::Range;

use polars::prelude::*;

use super::catalogue::{Compute, PERCENTILES, percentile_name};
use super::statistics;
use super::value::{MetricValue, Summary};

/// The values of one metric over the requests of a cell: a column with a value (or a list of them) a request.
pub(super) struct Values {
    column: Column,
    /// For a list: how many of its members make one unit.
    per_unit: Option<f64>,
}

impl Values {
    /// Computes a metric over `requests`; `None` for a scalar.
    pub(super) fn compute(compute: Compute, requests: &DataFrame) -> PolarsResult<Option<Self>> {
        let (expression, per_unit) = match compute {
            Compute::Each(each) => (each().cast(DataType::Float64), None),
            Compute::Pooled(list, per_unit) => (list(), Some(per_unit)),
            Compute::Scalar(_) => return Ok(None),
        };
        let frame = requests
            .clone()
            .lazy()
            .select([expression.alias("value")])
            .collect()?;
        let column = frame.column("value")?.clone();
        Ok(Some(Self { column, per_unit }))
    }

    /// Values that were read from elsewhere, one a request.
    pub(super) fn of(values: Vec<Option<f64>>) -> Self {
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
