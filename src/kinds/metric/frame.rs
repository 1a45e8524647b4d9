//! The requests of one cell: rows of `requests.parquet` chosen, attempts joined to requests, columns brought in as
//! expressions ask for them.
//!
//! One column group is in memory at a time, so that a cell of ten million requests fits.

use std::collections::BTreeMap;
use std::ops::Range;

use polars::prelude::*;

use super::aggregate::MetricError;
use super::rows::Rows;
use super::totals::aggregations;
use super::value::TimelinePoint;
use super::{server, timeline};
use crate::instruments::table::{Run, Table};

/// Columns that every computation needs; kept for as long as the cell is.
const KEPT: [&str; 4] = ["repeat", "scheduled_ns", "sent_ns", "end_ns"];

/// The requests of one cell, in the order of their repeats.
pub(super) struct Requests<'a> {
    rows: Rows<'a>,
    /// Which of the rows are a counted request's last attempt; none where all are.
    chosen: Option<BooleanChunked>,
    /// [`KEPT`], and `ok`, `failed`, `sent`; a request's clocks span all its attempts.
    kept: DataFrame,
    /// Which requests belong to which repeat.
    repeats: Vec<(u32, Range<usize>)>,
}

impl<'a> Requests<'a> {
    /// The measured requests of a cell: warm-ups and what the window skips left out, one row a request.
    pub(super) fn of(table: &'a Table, runs: &[Run]) -> Result<Self, MetricError> {
        let mut runs: Vec<&Run> = runs.iter().collect();
        runs.sort_by_key(|run| (run.repeat, run.rows.start));
        let rows = Rows::of(table, &runs)?;
        let compute = |source| rows.failed(source);
        let raw = rows.columns(&[
            "repeat",
            "phase",
            "skipped",
            "index",
            "attempt",
            "outcome",
            "scheduled_ns",
            "sent_ns",
            "end_ns",
        ])?;
        let marked = mark(raw).map_err(compute)?;
        let chosen = marked
            .column("chosen")
            .and_then(|column| column.bool().cloned())
            .map_err(compute)?;
        let kept = marked
            .select(KEPT.into_iter().chain(["ok", "failed", "sent"]))
            .map_err(compute)?;
        drop(marked);
        let chosen = Some(chosen).filter(|chosen| !chosen.all());
        let kept = match &chosen {
            Some(chosen) => kept.filter(chosen).map_err(compute)?,
            None => kept,
        };
        let repeats = repeats(&kept, &runs).map_err(compute)?;
        Ok(Self {
            rows,
            chosen,
            kept,
            repeats,
        })
    }

    /// How many requests there are.
    pub(super) fn len(&self) -> usize {
        self.kept.height()
    }

    /// Which requests belong to which repeat; a repeat of warm-ups alone has none.
    pub(super) fn repeats(&self) -> &[(u32, Range<usize>)] {
        &self.repeats
    }

    /// The requests with the columns that `expressions` name.
    pub(super) fn with_columns_of(&self, expressions: &[Expr]) -> Result<DataFrame, MetricError> {
        let mut wanted: Vec<&str> = Vec::new();
        for node in expressions.iter().flatten() {
            if let Expr::Column(name) = node
                && !wanted.contains(&name.as_str())
                && self.kept.get_column_index(name).is_none()
            {
                wanted.push(name);
            }
        }
        self.with_columns(&wanted)
    }

    /// The requests with further columns of the table.
    pub(super) fn with_columns(&self, names: &[&str]) -> Result<DataFrame, MetricError> {
        if names.is_empty() {
            return Ok(self.kept.clone());
        }
        let derived = names.contains(&server::TOTAL);
        let mut stored: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| *name != server::TOTAL)
            .collect();
        if derived && !stored.contains(&"server") {
            stored.push("server");
        }
        let compute = |source| self.failed(source);
        let mut columns = self.rows.columns(&stored)?;
        if let Some(chosen) = &self.chosen {
            columns = columns.filter(chosen).map_err(compute)?;
        }
        if derived {
            let total = server::total(
                columns
                    .column("server")
                    .and_then(|column| column.str())
                    .map_err(compute)?,
            );
            columns.with_column(total.into()).map_err(compute)?;
        }
        self.kept.hstack(columns.columns()).map_err(compute)
    }

    /// A kept column of truth values.
    pub(super) fn mask(&self, name: &str) -> Result<BooleanChunked, MetricError> {
        self.kept
            .column(name)
            .and_then(|column| column.bool().cloned())
            .map_err(|source| self.failed(source))
    }

    /// What totals are read from, a row for each value of the column `by`; `with` joins that column.
    pub(super) fn sums(&self, by: &str, with: Option<Column>) -> Result<DataFrame, MetricError> {
        let expressions = aggregations();
        let mut frame = self.with_columns_of(&expressions)?;
        let summed = with
            .map_or(Ok(()), |column| frame.with_column(column).map(drop))
            .and_then(|()| {
                frame
                    .lazy()
                    .group_by_stable([col(by)])
                    .agg(expressions)
                    .collect()
            });
        summed.map_err(|source| self.failed(source))
    }

    /// Requests by outcome.
    pub(super) fn outcomes(&self) -> Result<BTreeMap<String, u64>, MetricError> {
        self.counts("outcome")
    }

    /// Requests by the status of their last answer.
    pub(super) fn http_status(&self) -> Result<BTreeMap<String, u64>, MetricError> {
        self.counts("http_status")
    }

    fn counts(&self, column: &str) -> Result<BTreeMap<String, u64>, MetricError> {
        let frame = self.with_columns_of(&[col(column)])?;
        let counted = frame
            .lazy()
            .filter(col(column).is_not_null())
            .group_by([col(column).cast(DataType::String).alias("of")])
            .agg([len().cast(DataType::Int64).alias("count")])
            .collect();
        counted
            .and_then(|frame| pairs(&frame))
            .map_err(|source| self.failed(source))
    }

    /// Where the output tokens of ok requests were counted, several joined by `+`.
    pub(super) fn tokens_source(&self) -> Result<Option<String>, MetricError> {
        let frame = self.with_columns(&["tokens_source", "output_tokens"])?;
        let counted = frame
            .lazy()
            .filter(
                col("ok")
                    .and(col("output_tokens").is_not_null())
                    .and(col("tokens_source").is_not_null()),
            )
            .group_by([col("tokens_source").alias("of")])
            .agg([len().cast(DataType::Int64).alias("count")])
            .collect();
        let sources = counted
            .and_then(|frame| pairs(&frame))
            .map_err(|source| self.failed(source))?;
        let joined = sources.into_keys().collect::<Vec<_>>().join("+");
        Ok(Some(joined).filter(|joined| !joined.is_empty()))
    }

    /// How often each note stands in the cell's rows, warm-ups included.
    pub(super) fn notes(&self) -> Result<BTreeMap<String, u64>, MetricError> {
        let frame = self.rows.columns(&["notes"])?;
        let column = frame
            .column("notes")
            .and_then(|column| column.str().cloned());
        let mut notes = BTreeMap::new();
        for row in column
            .map_err(|source| self.failed(source))?
            .iter()
            .flatten()
        {
            for note in row.split(',') {
                *notes.entry(note.to_owned()).or_default() += 1;
            }
        }
        Ok(notes)
    }

    /// The server's own measures by name, a value a request.
    pub(super) fn server_measures(&self) -> Result<server::Measures, MetricError> {
        let frame = self.with_columns(&["server"])?;
        let column = frame
            .column("server")
            .and_then(|column| column.str().cloned());
        Ok(server::columns(
            &column.map_err(|source| self.failed(source))?,
        ))
    }

    /// The parameters of each request, as JSON.
    pub(super) fn params(&self) -> Result<StringChunked, MetricError> {
        let frame = self.with_columns(&["params"])?;
        frame
            .column("params")
            .and_then(|column| column.str().cloned())
            .map_err(|source| self.failed(source))
    }

    /// Most requests of a repeat that were in flight at one moment; `None` where none was sent.
    pub(super) fn in_flight_max(&self, rows: &Range<usize>) -> Result<Option<u64>, MetricError> {
        let stamps = |name: &str| -> PolarsResult<Vec<i64>> {
            let offset = i64::try_from(rows.start).unwrap_or(i64::MAX);
            let both = self.kept.column("sent_ns")?.is_not_null()
                & self.kept.column("end_ns")?.is_not_null();
            let part = self
                .kept
                .column(name)?
                .slice(offset, rows.len())
                .filter(&both.slice(offset, rows.len()))?;
            let mut stamps: Vec<i64> = part.i64()?.into_no_null_iter().collect();
            stamps.sort_unstable();
            Ok(stamps)
        };
        let failed = |source| self.failed(source);
        Ok(most_at_once(
            &stamps("sent_ns").map_err(failed)?,
            &stamps("end_ns").map_err(failed)?,
        ))
    }

    /// The repeat over its time.
    pub(super) fn timeline(
        &self,
        repeat: u32,
        rows: &Range<usize>,
    ) -> Result<Vec<TimelinePoint>, MetricError> {
        timeline::points(&self.kept, repeat, rows).map_err(|source| self.failed(source))
    }

    /// Turns a failure of Polars into this room's error.
    pub(super) fn failed(&self, source: PolarsError) -> MetricError {
        self.rows.failed(source)
    }
}

/// Marks the last attempt of each counted request, and lets its clock begin where its first attempt began.
fn mark(raw: DataFrame) -> PolarsResult<DataFrame> {
    let attempts = raw.column("attempt")?.u32()?.max().unwrap_or(1);
    let counted = col("phase").eq(lit("measured")).and(col("skipped").not());
    let mut frame = raw.lazy().with_column(counted.alias("chosen"));
    if attempts > 1 {
        let request = [col("repeat"), col("phase"), col("index")];
        let last = col("attempt").eq(col("attempt").max().over(&request)?);
        frame = frame.with_columns([
            col("chosen").and(last),
            col("scheduled_ns").min().over(&request)?,
            col("sent_ns").min().over(&request)?,
        ]);
    }
    let unsent = || col("outcome").eq(lit("unsent"));
    frame
        .with_columns([
            col("outcome").eq(lit("ok")).alias("ok"),
            col("outcome")
                .neq(lit("ok"))
                .and(unsent().not())
                .alias("failed"),
            unsent().not().alias("sent"),
        ])
        .collect()
}

/// Where each repeat of the table begins and ends among the chosen requests.
fn repeats(kept: &DataFrame, runs: &[&Run]) -> PolarsResult<Vec<(u32, Range<usize>)>> {
    let mut counts: Vec<(u32, usize)> = Vec::new();
    for run in runs {
        if counts
            .last()
            .is_none_or(|(repeat, _)| *repeat != run.repeat)
        {
            counts.push((run.repeat, 0));
        }
    }
    let mut place = 0;
    for repeat in kept.column("repeat")?.u32()?.into_no_null_iter() {
        while counts[place].0 != repeat {
            place += 1;
        }
        counts[place].1 += 1;
    }
    let mut start = 0;
    Ok(counts
        .into_iter()
        .map(|(repeat, count)| {
            start += count;
            (repeat, start - count..start)
        })
        .collect())
}

/// Rows of `of` and `count`.
fn pairs(frame: &DataFrame) -> PolarsResult<BTreeMap<String, u64>> {
    let names = frame.column("of")?.str()?;
    let counts = frame.column("count")?.i64()?;
    let pairs = names.iter().zip(counts.iter());
    Ok(pairs
        .filter_map(|(name, count)| Some((name?.to_owned(), count?.unsigned_abs())))
        .collect())
}

/// Most intervals open at once, of their sorted starts and sorted ends; one that ends as another starts is closed.
fn most_at_once(starts: &[i64], ends: &[i64]) -> Option<u64> {
    let mut ended = 0;
    let mut most = None;
    for (begun, start) in starts.iter().enumerate() {
        while ends.get(ended).is_some_and(|end| end <= start) {
            ended += 1;
        }
        // An exchange of no length ends as it starts, and was in flight all the same.
        most = most.max(Some((begun + 1).saturating_sub(ended).max(1) as u64));
    }
    most
}
