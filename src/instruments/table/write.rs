//! Rows to columns to Parquet, a bounded batch at a time.

use std::fs::File;
use std::path::{Path, PathBuf};

use polars::prelude::Int64Type;
use polars::prelude::{
    Column, DataFrame, DataType, IntoSeries as _, ListBuilderTrait as _,
    ListPrimitiveChunkedBuilder, NamedFrom as _, PolarsError, Schema, Series,
};
use polars_io::parquet::write::{BatchedWriter, ParquetCompression, ParquetWriter};

use super::TableError;
use crate::foundation::units::Offset;
use crate::instruments::record::{Attempt, TokensSource};

/// Rows of a batch: one row group of the file.
const BATCH_ROWS: usize = 64 * 1024;
/// Gaps of a batch: 16 MiB, so that long streams keep memory flat too.
const BATCH_GAPS: usize = 2 * 1024 * 1024;

/// An attempt, and what the table holds of it beside what was seen.
#[derive(Debug, Clone, Copy)]
pub struct TableRow<'a> {
    /// What was seen.
    pub attempt: &'a Attempt,
    /// The cell's id.
    pub cell: &'a str,
    /// The repeat, from 1.
    pub repeat: u32,
    /// The target's name.
    pub target: &'a str,
    /// The limit on e2e in milliseconds, where one is known.
    pub slo_ms: Option<f64>,
    /// Whether the request was good; `None` where its SLO is undefined.
    pub slo_met: Option<bool>,
    /// Whether `load.window.skip` leaves it out of the statistics.
    pub skipped: bool,
}

/// Writes `requests.parquet`.
pub struct Writer {
    path: PathBuf,
    file: BatchedWriter<File>,
    batch: Batch,
    rows: u64,
}

impl Writer {
    /// Makes the file, replacing what stands there.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn create(path: &Path) -> Result<Self, TableError> {
        let file = File::create(path).map_err(|source| TableError::Create {
            path: path.to_owned(),
            source,
        })?;
        let schema = Batch::default()
            .take()
            .map(|frame| Schema::clone(frame.schema()))
            .and_then(|schema| {
                ParquetWriter::new(file)
                    .with_compression(ParquetCompression::Snappy)
                    .batched(&schema)
            });
        let file = schema.map_err(|source| TableError::Write {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            file,
            batch: Batch::default(),
            rows: 0,
        })
    }

    /// Adds a row. The rows of a repeat should follow each other: they are read back as a range.
    ///
    /// # Errors
    /// Where a batch is full and cannot be written.
    pub fn push(&mut self, row: &TableRow<'_>) -> Result<(), TableError> {
        self.batch.push(row);
        self.rows += 1;
        if self.batch.cell.len() >= BATCH_ROWS || self.batch.gap_count >= BATCH_GAPS {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes what is left and the file's end; returns the number of rows.
    ///
    /// # Errors
    /// Where that cannot be written.
    pub fn finish(mut self) -> Result<u64, TableError> {
        self.flush()?;
        self.file.finish().map_err(|source| TableError::Write {
            path: self.path,
            source,
        })?;
        Ok(self.rows)
    }

    fn flush(&mut self) -> Result<(), TableError> {
        if self.batch.cell.is_empty() {
            return Ok(());
        }
        let written = self
            .batch
            .take()
            .and_then(|frame| self.file.write_batch(&frame));
        written.map_err(|source| TableError::Write {
            path: self.path.clone(),
            source,
        })
    }
}

/// Declares the columns once: name, type of the values, and where a row's value comes from.
macro_rules! columns {
    ($($name:ident: $type:ty = $value:expr;)*) => {
        /// The columns by name, in their order; `gaps_ns`, which alone can be large, stands after them.
        pub const COLUMNS: [&str; [$(stringify!($name)),*].len()] = [$(stringify!($name)),*];

        /// The rows that wait to be written, by column.
        #[derive(Default)]
        struct Batch {
            $($name: Vec<$type>,)*
            gaps: Vec<Vec<i64>>,
            gap_count: usize,
        }

        impl Batch {
            fn push(&mut self, row: &TableRow<'_>) {
                $({
                    let value: fn(&TableRow<'_>) -> $type = $value;
                    self.$name.push(value(row));
                })*
                let gaps = &row.attempt.gaps_ns;
                self.gap_count += gaps.len();
                self.gaps.push(gaps.iter().map(|gap| integer(*gap)).collect());
            }

            /// The rows as a table; the batch is empty after it.
            fn take(&mut self) -> Result<DataFrame, PolarsError> {
                let batch = std::mem::take(self);
                let rows = batch.gaps.len();
                let gaps = list(&batch.gaps, batch.gap_count);
                let columns: Vec<Column> = vec![
                    $(Series::new(stringify!($name).into(), batch.$name).into(),)*
                    gaps.into(),
                ];
                DataFrame::new(rows, columns)
            }
        }
    };
}

columns! {
    cell: String = |row| row.cell.to_owned();
    repeat: u32 = |row| row.repeat;
    phase: &'static str = |row| row.attempt.phase.name();
    index: i64 = |row| integer(row.attempt.index);
    attempt: u32 = |row| row.attempt.attempt;
    target: String = |row| row.target.to_owned();
    dataset_row: Option<i64> = |row| row.attempt.dataset_row.map(integer);
    scheduled_ns: i64 = |row| stamp(row.attempt.clocks.scheduled);
    sent_ns: Option<i64> = |row| row.attempt.clocks.sent.map(stamp);
    connected_ns: Option<i64> = |row| row.attempt.clocks.connected.map(stamp);
    first_byte_ns: Option<i64> = |row| row.attempt.clocks.first_byte.map(stamp);
    first_content_ns: Option<i64> = |row| row.attempt.clocks.first_content.map(stamp);
    first_answer_ns: Option<i64> = |row| row.attempt.clocks.first_answer.map(stamp);
    last_content_ns: Option<i64> = |row| row.attempt.clocks.last_content.map(stamp);
    end_ns: Option<i64> = |row| row.attempt.clocks.end.map(stamp);
    outcome: String = |row| row.attempt.outcome.to_string();
    http_status: Option<u32> = |row| row.attempt.http_status.map(u32::from);
    error: Option<String> = |row| row.attempt.error.clone();
    bytes_sent: i64 = |row| integer(row.attempt.traffic.bytes_sent);
    bytes_received: i64 = |row| integer(row.attempt.traffic.bytes_received);
    image_bytes: Option<i64> = |row| row.attempt.traffic.image_bytes.map(integer);
    reused: bool = |row| row.attempt.traffic.reused;
    input_tokens: Option<i64> = |row| row.attempt.tokens.input.map(integer);
    output_tokens: Option<i64> = |row| row.attempt.tokens.output.map(integer);
    reasoning_tokens: Option<i64> = |row| row.attempt.tokens.reasoning.map(integer);
    tokens_source: Option<&'static str> = |row| row.attempt.tokens.source.map(TokensSource::name);
    chunks: i64 = |row| integer(row.attempt.chunks);
    choices: u32 = |row| row.attempt.choices.max(1);
    workload: Option<f64> = |row| row.attempt.workload.filter(|workload| workload.is_finite());
    slo_ms: Option<f64> = |row| row.slo_ms;
    slo_met: Option<bool> = |row| row.slo_met;
    skipped: bool = |row| row.skipped;
    params: String = |row| row.attempt.params.clone();
    server: Option<String> = |row| server(row.attempt);
    notes: Option<String> = |row| notes(row.attempt);
}

/// A stamp as the integer that the table holds.
fn stamp(at: Offset) -> i64 {
    integer(at.as_nanos())
}

/// Signed, since that is what readers subtract without surprises; two centuries of nanoseconds fit.
fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The server's own measures as a JSON object; null where there are none.
fn server(attempt: &Attempt) -> Option<String> {
    if attempt.server.is_empty() {
        return None;
    }
    serde_json::to_string(&attempt.server).ok()
}

fn notes(attempt: &Attempt) -> Option<String> {
    (!attempt.notes.is_empty()).then(|| attempt.notes.join(","))
}

fn list(rows: &[Vec<i64>], values: usize) -> Series {
    let mut builder = ListPrimitiveChunkedBuilder::<Int64Type>::new(
        "gaps_ns".into(),
        rows.len(),
        values,
        DataType::Int64,
    );
    for row in rows {
        builder.append_slice(row);
    }
    builder.finish().into_series()
}
