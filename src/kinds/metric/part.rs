//! The requests of one cell, a part at a time: rows of `requests.parquet` read, attempts joined to requests, metrics
//! computed by Polars as columns.
//!
//! Nothing here outlives its part, so that memory does not grow with the number of requests.

use std::ops::Range;

use polars::prelude::*;

use super::aggregate::MetricError;
use super::group::Parameters;
use super::server;
use super::told::Told;
use super::totals::{Sums, aggregations};
use super::values::{BySlice, Slice, Values};
use super::wanted::Wanted;
use crate::instruments::table::{Run, Table};

/// Rows of a part, or a row group of the table where that has more.
const PART_ROWS: usize = 16 * 1024;

/// Columns that tell which rows count, and how they ended.
const MARKS: [&str; 9] = [
    "repeat",
    "phase",
    "skipped",
    "index",
    "attempt",
    "outcome",
    "scheduled_ns",
    "sent_ns",
    "end_ns",
];

/// How a request ended, as statistics tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Ok,
    Failed,
    Unsent,
}

/// Where the requests of one cell stand.
pub(super) struct Requests<'a> {
    table: &'a Table,
    parts: Vec<Vec<Range<usize>>>,
    /// Which rows are their request's last attempt, and its whole clock; where there were further attempts.
    joined: Option<DataFrame>,
    repeats: Vec<u32>,
}

impl<'a> Requests<'a> {
    /// Those of `runs`.
    pub(super) fn of(table: &'a Table, runs: &[&Run]) -> Result<Self, MetricError> {
        let mut runs = runs.to_vec();
        runs.sort_by_key(|run| (run.repeat, run.rows.start));
        let mut repeats: Vec<u32> = runs.iter().map(|run| run.repeat).collect();
        repeats.dedup();
        let mut requests = Self {
            table,
            parts: parts(table, &runs),
            joined: None,
            repeats,
        };
        let single = |run: &&Run| table.at_most("attempt", &run.rows) == Some(1);
        if !runs.iter().all(single) {
            requests.joined = Some(requests.join()?);
        }
        Ok(requests)
    }

    /// The repeats that have rows, in their order.
    pub(super) fn repeats(&self) -> &[u32] {
        &self.repeats
    }

    /// The parts by number.
    pub(super) fn parts(&self) -> Vec<usize> {
        (0..self.parts.len()).collect()
    }

    /// Turns a failure of Polars into this room's error.
    pub(super) fn failed(&self, source: PolarsError) -> MetricError {
        MetricError::Compute {
            path: self.table.path().to_owned(),
            source,
        }
    }

    /// Marks each request's last attempt, and lets its clock begin where its first attempt began.
    fn join(&self) -> Result<DataFrame, MetricError> {
        let ranges: Vec<Range<usize>> = self.parts.concat();
        let raw = self.read(&MARKS, &ranges)?;
        let joined = || {
            let request = [col("repeat"), col("phase"), col("index")];
            raw.lazy()
                .select([
                    col("attempt")
                        .eq(col("attempt").max().over(&request)?)
                        .alias("last"),
                    col("scheduled_ns").min().over(&request)?,
                    col("sent_ns").min().over(&request)?,
                ])
                .collect()
        };
        joined().map_err(|source| self.failed(source))
    }

    fn read(&self, columns: &[&str], ranges: &[Range<usize>]) -> Result<DataFrame, MetricError> {
        let mut whole: Option<DataFrame> = None;
        for range in ranges {
            let part = self.table.read(columns, range.clone())?;
            match &mut whole {
                None => whole = Some(part),
                Some(whole) => {
                    whole
                        .vstack_mut(&part)
                        .map_err(|source| self.failed(source))?;
                }
            }
        }
        let mut whole = whole.unwrap_or_default();
        whole.rechunk_mut_par();
        Ok(whole)
    }

    /// The rows of a part with the columns `names`, and with `ok`, `failed`, `sent` and `chosen`.
    pub(super) fn rows(&self, part: usize, names: &[&str]) -> Result<DataFrame, MetricError> {
        let mut columns = MARKS.to_vec();
        columns.extend(names.iter().filter(|name| !MARKS.contains(name)));
        let mut raw = self.read(&columns, &self.parts[part])?;
        let counted = col("phase").eq(lit("measured")).and(col("skipped").not());
        let mut chosen = counted;
        if let Some(joined) = &self.joined {
            let before: usize = self.parts[..part].iter().flatten().map(Range::len).sum();
            let offset = i64::try_from(before).unwrap_or(i64::MAX);
            let joined = joined.slice(offset, raw.height());
            for column in joined.columns() {
                raw.with_column(column.clone())
                    .map_err(|source| self.failed(source))?;
            }
            chosen = chosen.and(col("last"));
        }
        let unsent = || col("outcome").eq(lit("unsent"));
        let ok = || col("outcome").eq(lit("ok"));
        raw.lazy()
            .with_columns([
                chosen.alias("chosen"),
                ok().alias("ok"),
                ok().or(unsent()).not().alias("failed"),
                unsent().not().alias("sent"),
            ])
            .collect()
            .map_err(|source| self.failed(source))
    }

    /// The last moment that is known to have happened in a repeat, what the window skips included.
    pub(super) fn last_known(&self, repeat: u32) -> Result<Option<i64>, MetricError> {
        let mut last = None;
        for part in self.parts() {
            let rows = self.rows(part, &[])?;
            let of_part = || {
                let own = col("repeat").eq(lit(repeat));
                let moments = [col("scheduled_ns").max(), col("end_ns").max()];
                let known = rows
                    .lazy()
                    .filter(own.and(col("phase").eq(lit("measured"))))
                    .select([max_horizontal(moments)?.cast(DataType::Int64).alias("last")])
                    .collect()?;
                Ok(known.column("last")?.i64()?.get(0))
            };
            last = last.max(of_part().map_err(|source| self.failed(source))?);
        }
        Ok(last)
    }

    /// The counted requests among `rows`: warm-ups, what the window skips and earlier attempts left out.
    pub(super) fn counted(&self, rows: &DataFrame) -> Result<DataFrame, MetricError> {
        let counted = || {
            let chosen = rows.column("chosen")?.bool()?;
            if chosen.all() {
                Ok(rows.clone())
            } else {
                rows.filter(chosen)
            }
        };
        counted().map_err(|source| self.failed(source))
    }
}

/// The rows of `runs` in parts: each of one row group where there are many, of several ranges where these are small.
fn parts(table: &Table, runs: &[&Run]) -> Vec<Vec<Range<usize>>> {
    let mut parts: Vec<Vec<Range<usize>>> = Vec::new();
    let mut rows = 0;
    for run in runs {
        for group in &table.groups()[table.touched(&run.rows)] {
            let range = group.start.max(run.rows.start)..group.end.min(run.rows.end);
            if parts.is_empty() || rows + range.len() > PART_ROWS {
                parts.push(Vec::new());
                rows = 0;
            }
            rows += range.len();
            let Some(part) = parts.last_mut() else {
                continue;
            };
            match part.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => part.push(range),
            }
        }
    }
    parts
}

/// What is computed of one part's counted requests: plain numbers, which is all that leaves the thread that read them.
pub(super) struct Part {
    /// Which of its requests belong to which repeat.
    pub(super) repeats: Vec<(u32, Range<usize>)>,
    /// How each ended.
    pub(super) class: Vec<Class>,
    /// The sums of each repeat, in the order of `repeats`; at the first look alone.
    pub(super) sums: Vec<Sums>,
    /// Every distribution's values, slice by slice.
    pub(super) values: Vec<(String, BySlice)>,
    /// The e2e of each request in seconds.
    pub(super) e2e_s: Vec<Option<f64>>,
    /// The requests by their parameters, where they are grouped.
    pub(super) groups: Option<Parameters>,
    /// What its rows say of themselves; at the first look alone.
    pub(super) told: Told,
    /// When each was due, sent and ended.
    pub(super) stamps: Stamps,
}

/// Clocks of a part's requests; `None` for what did not happen.
pub(super) struct Stamps {
    pub(super) scheduled: Vec<Option<i64>>,
    pub(super) sent: Vec<Option<i64>>,
    pub(super) end: Vec<Option<i64>>,
}

impl Stamps {
    fn of(requests: &DataFrame) -> PolarsResult<Self> {
        let stamps = |name| PolarsResult::Ok(requests.column(name)?.i64()?.iter().collect());
        Ok(Self {
            scheduled: stamps("scheduled_ns")?,
            sent: stamps("sent_ns")?,
            end: stamps("end_ns")?,
        })
    }

    /// When each request that was sent was sent, and when it ended.
    pub(super) fn flights(&self, rows: &Range<usize>) -> impl Iterator<Item = (i64, i64)> + '_ {
        let sent = self.sent[rows.clone()].iter();
        let both = sent.zip(&self.end[rows.clone()]);
        both.filter_map(|(sent, end)| (*sent).zip(*end))
    }
}

impl Requests<'_> {
    /// Reads and computes a part.
    pub(super) fn part(
        &self,
        number: usize,
        wanted: &Wanted,
        first_look: bool,
    ) -> Result<Part, MetricError> {
        let columns = if first_look {
            &wanted.first
        } else {
            &wanted.second
        };
        let rows = self.rows(number, columns)?;
        let requests = self.counted(&rows)?;
        let computed = || {
            let mut part = computed(&requests, wanted)?;
            if first_look {
                part.add_up(&rows, &requests)?;
            }
            Ok(part)
        };
        computed().map_err(|source| self.failed(source))
    }
}

impl Part {
    /// The requests that statistics are given for, by their numbers.
    fn slices(&self) -> Vec<(Slice, Vec<usize>)> {
        let of =
            |rows: Range<usize>, wanted: Class| rows.filter(move |row| self.class[*row] == wanted);
        let all = 0..self.class.len();
        let mut slices = vec![(Slice::Failed, of(all.clone(), Class::Failed).collect())];
        for (repeat, rows) in &self.repeats {
            slices.push((Slice::Ok(*repeat), of(rows.clone(), Class::Ok).collect()));
        }
        if let Some(groups) = &self.groups {
            let first = slices.len();
            slices.extend((0..groups.by.len()).map(|number| (Slice::Group(number), Vec::new())));
            for row in of(all, Class::Ok) {
                slices[first + groups.of[row]].1.push(row);
            }
        }
        slices
    }

    /// What is added up and counted, at the first look: of the counted `requests` among `rows`.
    fn add_up(&mut self, rows: &DataFrame, requests: &DataFrame) -> PolarsResult<()> {
        self.sums = summed(requests, self.repeats.len())?;
        if let Some(groups) = &mut self.groups {
            groups.sum(requests)?;
        }
        self.told = Told::of(rows, requests, &self.class)?;
        Ok(())
    }
}

fn computed(requests: &DataFrame, wanted: &Wanted) -> PolarsResult<Part> {
    let measures = server::measures(requests.column("server")?.str()?);
    let mut with_total = requests.clone();
    with_total.with_column(measures.total().into())?;
    let mut values = Values::of(&wanted.metrics, &with_total)?;
    values.extend(measures.into_values());
    let e2e_s = match values.iter().find(|(name, _)| name == "e2e") {
        Some((_, Values::Each(e2e))) => e2e.iter().collect(),
        _ => vec![None; requests.height()],
    };
    let groups = match wanted.group_by.as_slice() {
        [] => None,
        names => Some(Parameters::of(requests.column("params")?.str()?, names)),
    };
    let mut part = Part {
        class: classes(requests)?,
        stamps: Stamps::of(requests)?,
        repeats: repeats(requests.column("repeat")?.u32()?),
        sums: Vec::new(),
        values: Vec::new(),
        e2e_s,
        groups,
        told: Told::default(),
    };
    let slices = part.slices();
    for (name, values) in values {
        let of = |(slice, numbers): &(Slice, Vec<usize>)| (*slice, values.of_requests(numbers));
        part.values.push((name, slices.iter().map(of).collect()));
    }
    Ok(part)
}

/// The sums of each repeat, in their order.
fn summed(requests: &DataFrame, repeats: usize) -> PolarsResult<Vec<Sums>> {
    let requests = requests.clone().lazy();
    let summed = match repeats {
        0 | 1 => requests.select(aggregations()),
        _ => requests
            .group_by_stable([col("repeat")])
            .agg(aggregations()),
    };
    let summed = summed.collect()?;
    (0..repeats).map(|row| Sums::read(&summed, row)).collect()
}

fn classes(requests: &DataFrame) -> PolarsResult<Vec<Class>> {
    let (ok, failed) = (
        requests.column("ok")?.bool()?,
        requests.column("failed")?.bool()?,
    );
    let class = |(ok, failed)| match (ok, failed) {
        (Some(true), _) => Class::Ok,
        (_, Some(true)) => Class::Failed,
        _ => Class::Unsent,
    };
    Ok(ok.iter().zip(failed.iter()).map(class).collect())
}

/// Where each repeat begins and ends; its rows follow each other.
fn repeats(column: &UInt32Chunked) -> Vec<(u32, Range<usize>)> {
    let mut repeats: Vec<(u32, Range<usize>)> = Vec::new();
    for (row, repeat) in column.iter().enumerate() {
        let repeat = repeat.unwrap_or_default();
        match repeats.last_mut() {
            Some((last, rows)) if *last == repeat => rows.end = row + 1,
            _ => repeats.push((repeat, row..row + 1)),
        }
    }
    repeats
}
