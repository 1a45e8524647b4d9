//! What is to be computed of each part of a cell, and the columns that it needs.

use polars::prelude::Expr;

use super::catalogue::{Compute, Metric};
use super::totals::aggregations;
use crate::instruments::table::COLUMNS;

/// What is to be computed of each part.
pub(super) struct Wanted {
    /// The distributions.
    pub(super) metrics: Vec<&'static Metric>,
    /// Parameters to group by.
    pub(super) group_by: Vec<String>,
    /// The columns that the first look needs, and the second.
    pub(super) first: Vec<&'static str>,
    pub(super) second: Vec<&'static str>,
}

/// What a request says of itself, counted over a cell.
const TOLD: [&str; 3] = ["http_status", "tokens_source", "notes"];

impl Wanted {
    /// All of `metrics`, and what `group_by` needs.
    pub(super) fn new(metrics: Vec<&'static Metric>, group_by: &[String]) -> Self {
        let mut second: Vec<&'static str> = vec!["server"];
        for metric in &metrics {
            if let Compute::Pooled(pooled) = metric.compute {
                second.push(pooled.column);
            }
            second.extend(metric.compute.expression().iter().flat_map(columns_of));
        }
        if !group_by.is_empty() {
            second.push("params");
        }
        let sums = aggregations();
        let mut first = second.clone();
        first.extend(sums.iter().flat_map(columns_of).chain(TOLD));
        for columns in [&mut first, &mut second] {
            columns.sort_unstable();
            columns.dedup();
        }
        Self {
            metrics,
            group_by: group_by.to_vec(),
            first,
            second,
        }
    }
}

/// The columns of the table that an expression reads.
pub(super) fn columns_of(expression: &Expr) -> impl Iterator<Item = &'static str> + '_ {
    expression.into_iter().filter_map(|node| match node {
        Expr::Column(name) => COLUMNS.into_iter().find(|known| *known == name.as_str()),
        _ => None,
    })
}
