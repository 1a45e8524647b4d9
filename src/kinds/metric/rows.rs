//! The rows of one cell in `requests.parquet`, by column.

use std::ops::Range;

use polars::prelude::*;

use super::aggregate::MetricError;
use crate::instruments::table::{COLUMNS, Run, Table};

/// Rows up to which a cell's columns are read all at once, gaps excepted; of a larger cell they are read as they are
/// asked for, to bound memory.
pub(super) const SMALL: usize = 500_000;

/// A cell's rows, repeat by repeat.
pub(super) struct Rows<'a> {
    table: &'a Table,
    ranges: Vec<Range<usize>>,
    /// All columns but `gaps_ns`, of a small cell.
    loaded: Option<DataFrame>,
}

impl<'a> Rows<'a> {
    /// The rows of `runs`, which are in the order of their repeats.
    pub(super) fn of(table: &'a Table, runs: &[&Run]) -> Result<Self, MetricError> {
        let mut rows = Self {
            table,
            ranges: joined(runs),
            loaded: None,
        };
        if rows.ranges.iter().map(Range::len).sum::<usize>() <= SMALL {
            rows.loaded = Some(rows.read(&COLUMNS)?);
        }
        Ok(rows)
    }

    /// Some columns of all rows.
    pub(super) fn columns(&self, names: &[&str]) -> Result<DataFrame, MetricError> {
        match &self.loaded {
            Some(loaded)
                if names
                    .iter()
                    .all(|name| loaded.get_column_index(name).is_some()) =>
            {
                loaded
                    .select(names.iter().copied())
                    .map_err(|source| self.failed(source))
            }
            Some(loaded) => {
                let (kept, apart): (Vec<&str>, Vec<&str>) = names
                    .iter()
                    .partition(|name| loaded.get_column_index(name).is_some());
                let kept = loaded.select(kept).map_err(|source| self.failed(source))?;
                let apart = self.read(&apart)?;
                kept.hstack(apart.columns())
                    .map_err(|source| self.failed(source))
            }
            None => self.read(names),
        }
    }

    /// Turns a failure of Polars into this room's error.
    pub(super) fn failed(&self, source: PolarsError) -> MetricError {
        MetricError::Compute {
            path: self.table.path().to_owned(),
            source,
        }
    }

    fn read(&self, names: &[&str]) -> Result<DataFrame, MetricError> {
        let mut ranges = self.ranges.iter();
        let first = ranges.next().cloned().unwrap_or(0..0);
        let mut whole = self.table.read(names, Some(first))?;
        for range in ranges {
            let part = self.table.read(names, Some(range.clone()))?;
            whole
                .vstack_mut(&part)
                .map_err(|source| self.failed(source))?;
        }
        whole.rechunk_mut_par();
        Ok(whole)
    }
}

/// The rows of all runs; those that follow each other as one range, so that they are read at once.
fn joined(runs: &[&Run]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for run in runs {
        match ranges.last_mut() {
            Some(last) if last.end == run.rows.start => last.end = run.rows.end,
            _ => ranges.push(run.rows.clone()),
        }
    }
    ranges
}
