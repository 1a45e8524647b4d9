//! The values of one distribution over the requests of a part, and where they belong.

use polars::prelude::*;

use super::catalogue::{Compute, Metric};

/// Some requests of a cell that statistics are given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slice {
    /// The ok ones of a repeat.
    Ok(u32),
    /// The failed ones of all repeats.
    Failed,
    /// The ok ones of a group, by its number within the part.
    Group(usize),
}

/// The values of slices of a part.
pub(super) type BySlice = Vec<(Slice, Vec<f64>)>;

/// A value of each request, or several.
pub(super) enum Values {
    /// One, or none.
    Each(Float64Chunked),
    /// The members of a list.
    Lists {
        /// Whether a request's list counts.
        of: BooleanChunked,
        lists: ListChunked,
        per_unit: f64,
    },
}

impl Values {
    /// Computes `metrics` over `requests`, in their order; scalars have no values.
    pub(super) fn of(
        metrics: &[&'static Metric],
        requests: &DataFrame,
    ) -> PolarsResult<Vec<(String, Self)>> {
        let expressions: Vec<Expr> = metrics
            .iter()
            .filter_map(|metric| Some(metric.compute.expression()?.alias(metric.name)))
            .collect();
        let computed = requests.clone().lazy().select(expressions).collect()?;
        let mut all = Vec::new();
        for metric in metrics {
            let values = match metric.compute {
                Compute::Scalar(_) => continue,
                Compute::Each(_) => {
                    let column = computed.column(metric.name)?.f64()?;
                    Self::Each(column.rechunk().into_owned())
                }
                Compute::Pooled(pooled) => Self::Lists {
                    of: computed.column(metric.name)?.bool()?.clone(),
                    lists: requests
                        .column(pooled.column)?
                        .list()?
                        .rechunk()
                        .into_owned(),
                    per_unit: pooled.per_unit,
                },
            };
            all.push((metric.name.to_owned(), values));
        }
        Ok(all)
    }

    /// The finite values of some requests, by their numbers among those that this was computed over.
    pub(super) fn of_requests(&self, numbers: &[usize]) -> Vec<f64> {
        match self {
            Self::Each(column) => of_each(column, numbers),
            Self::Lists {
                of,
                lists,
                per_unit,
            } => of_lists(lists, numbers, *per_unit, |row| of.get(row) == Some(true)),
        }
    }
}

fn of_each(column: &Float64Chunked, numbers: &[usize]) -> Vec<f64> {
    // Many metrics have no value at all: a plain answer has no first token.
    let there = column.null_count() < column.len();
    let Some(array) = column.downcast_iter().next().filter(|_| there) else {
        return Vec::new();
    };
    let (values, valid) = (array.values().as_slice(), array.validity());
    let mut chosen = Vec::with_capacity(numbers.len());
    match valid {
        None => chosen.extend(numbers.iter().map(|row| values[*row])),
        Some(valid) => {
            let there = numbers.iter().filter(|row| valid.get_bit(**row));
            chosen.extend(there.map(|row| values[*row]));
        }
    }
    chosen.retain(|value| value.is_finite());
    chosen
}

fn of_lists(
    lists: &ListChunked,
    numbers: &[usize],
    per_unit: f64,
    counts: impl Fn(usize) -> bool,
) -> Vec<f64> {
    let mut chosen = Vec::new();
    let inner = lists.get_inner();
    let (Some(lists), Ok(members)) = (lists.downcast_iter().next(), inner.i64()) else {
        return chosen;
    };
    let Some(members) = members.downcast_iter().next() else {
        return chosen;
    };
    let (offsets, members) = (lists.offsets(), members.values().as_slice());
    for row in numbers.iter().copied().filter(|row| counts(*row)) {
        let (from, to) = offsets.start_end(row);
        let values = members[from..to].iter();
        chosen.extend(values.map(|member| number(*member) / per_unit));
    }
    chosen
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gap in nanoseconds stays far below 2^53, which is a hundred days"
)]
const fn number(member: i64) -> f64 {
    member as f64
}
