//! The values of one distribution over the requests of a part, and where they belong.

use std::ops::Range;

use polars::prelude::*;

use super::catalogue::{Compute, Metric};
use super::part::{Class, Part};

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

    /// Gives the values of every slice of `part` to `take`, slice by slice; a slice without values is left out.
    pub(super) fn by_slice(&self, part: &Part, mut take: impl FnMut(Slice, &[f64])) {
        let mut chosen: Vec<f64> = Vec::with_capacity(part.class.len());
        for (repeat, rows) in &part.repeats {
            if let Some(all) = self.all_of(rows, &part.class[rows.clone()]) {
                take(Slice::Ok(*repeat), all);
                continue;
            }
            self.of_rows(rows, |row| part.class[row] == Class::Ok, &mut chosen);
            give(Slice::Ok(*repeat), &mut chosen, &mut take);
        }
        let all = 0..part.class.len();
        if part.class.contains(&Class::Failed) {
            self.of_rows(&all, |row| part.class[row] == Class::Failed, &mut chosen);
            give(Slice::Failed, &mut chosen, &mut take);
        }
        let Some(groups) = &part.groups else { return };
        for number in 0..groups.by.len() {
            let ok = |row: usize| groups.of[row] == number && part.class[row] == Class::Ok;
            self.of_rows(&all, ok, &mut chosen);
            give(Slice::Group(number), &mut chosen, &mut take);
        }
    }

    /// The values of `rows` as they stand, where each request was ok and has one.
    fn all_of(&self, rows: &Range<usize>, class: &[Class]) -> Option<&[f64]> {
        let Self::Each(column) = self else {
            return None;
        };
        let array = column.downcast_iter().next()?;
        let values = &array.values().as_slice()[rows.clone()];
        let all = array.validity().is_none()
            && class.iter().all(|class| *class == Class::Ok)
            && values.iter().all(|value| value.is_finite());
        (all && !values.is_empty()).then_some(values)
    }

    /// Adds the finite values of those of `rows` that `wanted` chooses.
    fn of_rows(&self, rows: &Range<usize>, wanted: impl Fn(usize) -> bool, into: &mut Vec<f64>) {
        match self {
            Self::Each(column) => {
                let Some(array) = column.downcast_iter().next() else {
                    return;
                };
                let values = array.values().as_slice();
                let valid = array.validity();
                for row in rows.clone() {
                    let there = valid.is_none_or(|valid| valid.get_bit(row));
                    if wanted(row) && there && values[row].is_finite() {
                        into.push(values[row]);
                    }
                }
            }
            Self::Lists {
                of,
                lists,
                per_unit,
            } => {
                let inner = lists.get_inner();
                let (Some(lists), Ok(members)) = (lists.downcast_iter().next(), inner.i64()) else {
                    return;
                };
                let Some(members) = members.downcast_iter().next() else {
                    return;
                };
                let (offsets, members) = (lists.offsets(), members.values().as_slice());
                for row in rows.clone() {
                    if wanted(row) && of.get(row) == Some(true) {
                        let (from, to) = offsets.start_end(row);
                        into.extend(
                            members[from..to]
                                .iter()
                                .map(|member| number(*member) / per_unit),
                        );
                    }
                }
            }
        }
    }

    /// The value of each request, where there is one a request.
    pub(super) fn each(&self) -> Option<&Float64Chunked> {
        match self {
            Self::Each(column) => Some(column),
            Self::Lists { .. } => None,
        }
    }
}

/// Gives the chosen values, if there are any, and makes room for others.
fn give(slice: Slice, chosen: &mut Vec<f64>, take: &mut impl FnMut(Slice, &[f64])) {
    if !chosen.is_empty() {
        take(slice, chosen);
        chosen.clear();
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gap in nanoseconds stays far below 2^53, which is a hundred days"
)]
const fn number(member: i64) -> f64 {
    member as f64
}
