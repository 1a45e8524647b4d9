//! Requests by their parameters (`report.group_by`).

use std::collections::HashMap;

use indexmap::IndexMap;
use polars::prelude::*;
use serde_json::{Map, Value};

use super::aggregate::{CellContext, MetricError, scalars, slo};
use super::frame::Requests;
use super::totals::Totals;
use super::value::GroupResult;

/// The groups of a cell's requests, in the order in which they first occur.
pub(super) struct Groups {
    by: Vec<IndexMap<String, Value>>,
    /// The group of each request.
    of: Vec<u32>,
    /// The ok requests of each group.
    pub(super) ok: Vec<BooleanChunked>,
}

impl Groups {
    /// Groups by the values of `names`; a request that lacks a parameter is in the group of `null`.
    pub(super) fn of(requests: &Requests<'_>, names: &[String]) -> Result<Self, MetricError> {
        let mut groups = Self {
            by: Vec::new(),
            of: Vec::new(),
            ok: Vec::new(),
        };
        if names.is_empty() || requests.len() == 0 {
            return Ok(groups);
        }
        // Requests mostly share their parameters: each distinct text is read once.
        let params = requests.params()?;
        let mut known: HashMap<&str, u32> = HashMap::new();
        let mut numbers: HashMap<String, u32> = HashMap::new();
        for text in params.iter() {
            let text = text.unwrap_or_default();
            let group = *known
                .entry(text)
                .or_insert_with(|| groups.number(text, names, &mut numbers));
            groups.of.push(group);
        }
        let ok = requests.mask("ok")?;
        for number in 0..u32::try_from(groups.by.len()).unwrap_or(u32::MAX) {
            let own: BooleanChunked = groups
                .of
                .iter()
                .map(|group| Some(*group == number))
                .collect();
            groups.ok.push(&own & &ok);
        }
        Ok(groups)
    }

    fn number(
        &mut self,
        params: &str,
        names: &[String],
        numbers: &mut HashMap<String, u32>,
    ) -> u32 {
        let params: Map<String, Value> = serde_json::from_str(params).unwrap_or_default();
        let by: IndexMap<String, Value> = names
            .iter()
            .map(|name| {
                (
                    name.clone(),
                    params.get(name).cloned().unwrap_or(Value::Null),
                )
            })
            .collect();
        let key = serde_json::to_string(&by).unwrap_or_default();
        *numbers.entry(key).or_insert_with(|| {
            self.by.push(by);
            u32::try_from(self.by.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// Each group's counts and scalars. A group's rates are over the cell's whole duration, so that they add up to
    /// the cell's.
    pub(super) fn results(
        &self,
        requests: &Requests<'_>,
        whole: &Totals,
        context: &CellContext,
    ) -> Result<Vec<GroupResult>, MetricError> {
        if self.by.is_empty() {
            return Ok(Vec::new());
        }
        let column = Series::new("group".into(), self.of.clone()).into();
        let summed = requests.sums("group", Some(column))?;
        let failed = |source| requests.failed(source);
        let found = summed
            .column("group")
            .and_then(|column| column.u32().cloned())
            .map_err(failed)?;
        let mut results = Vec::new();
        for (row, group) in found.into_no_null_iter().enumerate() {
            let mut totals = Totals::read(&summed, row, context).map_err(failed)?;
            totals.duration_s = whole.duration_s;
            totals.arrivals = None;
            results.push(GroupResult {
                by: self.by[group as usize].clone(),
                requests: totals.requests,
                metrics: scalars(&totals),
                slo: slo(&totals),
            });
        }
        Ok(results)
    }
}
