//! Requests by their parameters (`report.group_by`).

use std::collections::HashMap;

use indexmap::IndexMap;
use polars::prelude::*;
use serde_json::{Map, Value};

use super::aggregate::{CellContext, scalars, slo};
use super::totals::{Sums, Totals, aggregations};
use super::value::GroupResult;

/// The groups of a part's requests, in the order in which they first occur.
pub(super) struct Parameters {
    /// The parameters of each group.
    pub(super) by: Vec<IndexMap<String, Value>>,
    /// The group of each request.
    pub(super) of: Vec<usize>,
    /// The sums of each group; at the first look alone.
    pub(super) sums: Vec<Sums>,
}

impl Parameters {
    /// Groups by the values of `names`; a request that lacks a parameter is in the group of `null`.
    pub(super) fn of(params: &StringChunked, names: &[String]) -> Self {
        let mut groups = Self {
            by: Vec::new(),
            of: Vec::with_capacity(params.len()),
            sums: Vec::new(),
        };
        // Requests mostly share their parameters: each distinct text is read once.
        let mut known: HashMap<&str, usize> = HashMap::new();
        for text in params.iter() {
            let text = text.unwrap_or_default();
            let group = *known.entry(text).or_insert_with(|| {
                let by = chosen(text, names);
                let same = groups.by.iter().position(|other| *other == by);
                same.unwrap_or_else(|| {
                    groups.by.push(by);
                    groups.by.len() - 1
                })
            });
            groups.of.push(group);
        }
        groups
    }

    /// Adds up each group's requests.
    pub(super) fn sum(&mut self, requests: &DataFrame) -> PolarsResult<()> {
        let of: Vec<u32> = self
            .of
            .iter()
            .map(|group| u32::try_from(*group).unwrap_or(u32::MAX))
            .collect();
        let mut requests = requests.clone();
        requests.with_column(Series::new("group".into(), of).into())?;
        let summed = requests
            .lazy()
            .group_by_stable([col("group")])
            .agg(aggregations())
            .collect()?;
        self.sums = (0..summed.height())
            .map(|row| Sums::read(&summed, row))
            .collect::<PolarsResult<_>>()?;
        Ok(())
    }
}

fn chosen(params: &str, names: &[String]) -> IndexMap<String, Value> {
    let params: Map<String, Value> = serde_json::from_str(params).unwrap_or_default();
    let value = |name: &String| params.get(name).cloned().unwrap_or(Value::Null);
    names
        .iter()
        .map(|name| (name.clone(), value(name)))
        .collect()
}

/// The groups of a cell, in the order in which they first occur.
#[derive(Default)]
pub(super) struct Groups {
    numbers: HashMap<String, usize>,
    by: Vec<IndexMap<String, Value>>,
    sums: Vec<Sums>,
}

impl Groups {
    /// The number of each of a part's groups within the cell.
    pub(super) fn places(&mut self, part: &Parameters) -> Vec<usize> {
        let mut place = |by: &IndexMap<String, Value>| {
            let key = serde_json::to_string(by).unwrap_or_default();
            *self.numbers.entry(key).or_insert_with(|| {
                self.by.push(by.clone());
                self.sums.push(Sums::default());
                self.by.len() - 1
            })
        };
        part.by.iter().map(&mut place).collect()
    }

    /// Adds a part's sums.
    pub(super) fn add(&mut self, part: &Parameters) {
        let places = self.places(part);
        for (place, sums) in places.into_iter().zip(&part.sums) {
            self.sums[place].add(sums);
        }
    }

    /// Each group's counts and scalars. A group's rates are over the cell's whole duration, so that they add up to
    /// the cell's.
    pub(super) fn results(&self, whole: &Totals, context: &CellContext) -> Vec<GroupResult> {
        let result = |(by, sums): (&IndexMap<String, Value>, &Sums)| {
            let totals = Totals {
                duration_s: whole.duration_s,
                arrivals: None,
                ..Totals::of(sums, context)
            };
            GroupResult {
                by: by.clone(),
                requests: totals.requests,
                metrics: scalars(&totals),
                slo: slo(&totals),
            }
        };
        self.by.iter().zip(&self.sums).map(result).collect()
    }
}
