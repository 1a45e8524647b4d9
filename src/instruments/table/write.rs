//! Rows to columns to Parquet, a bounded batch at a time.

use std::borrow::Cow;
use std::fs::File;
use std::path::{Path, PathBuf};

use polars::prelude::{
    BooleanChunkedBuilder, ChunkedBuilder as _, Column, DataFrame, DataType, Float64Type,
    Int64Type, IntoColumn as _, IntoSeries as _, ListBuilderTrait as _,
    ListPrimitiveChunkedBuilder, PolarsError, PolarsResult, PrimitiveChunkedBuilder, Schema,
    StringChunkedBuilder, UInt32Type,
};
use polars_io::parquet::write::{BatchedWriter, ParquetCompression, ParquetWriter};

use super::TableError;
use crate::foundation::units::Offset;
use crate::instruments::record::{Attempt, TokensSource};

/// Rows of a row group, at least where there are so many.
const GROUP_ROWS: usize = 32 * 1024;
/// Gaps of a row group: 16 MiB, so that long streams keep memory flat too.
const GROUP_GAPS: usize = 2 * 1024 * 1024;

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
    /// Rows that are too few for a row group.
    waiting: Option<DataFrame>,
    waiting_gaps: usize,
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
        let written = || {
            let schema = Schema::clone(Batch::default().finish()?.schema());
            ParquetWriter::new(file)
                .with_compression(ParquetCompression::Snappy)
                .batched(&schema)
        };
        let file = written().map_err(|source| TableError::Write {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            file,
            waiting: None,
            waiting_gaps: 0,
            rows: 0,
        })
    }

    /// Adds rows after those that are there. The rows of a repeat should follow each other: they are read back as a
    /// range.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn write(&mut self, batch: Batch) -> Result<(), TableError> {
        self.rows += batch.rows as u64;
        self.waiting_gaps += batch.gaps;
        let added = batch.finish().and_then(|rows| match &mut self.waiting {
            None => {
                self.waiting = Some(rows);
                Ok(())
            }
            Some(waiting) => waiting.vstack_mut_owned(rows).map(drop),
        });
        added.map_err(|source| self.failed(source))?;
        let rows = self.waiting.as_ref().map_or(0, DataFrame::height);
        if rows >= GROUP_ROWS || self.waiting_gaps >= GROUP_GAPS {
            self.flush()?;
        }
        Ok(())
    }

    /// Adds one row.
    ///
    /// # Errors
    /// As [`Writer::write`].
    #[cfg(test)]
    pub fn push(&mut self, row: &TableRow<'_>) -> Result<(), TableError> {
        let mut batch = Batch::default();
        batch.push(row);
        self.write(batch)
    }

    /// Writes what is left and the file's end; returns the number of rows.
    ///
    /// # Errors
    /// Where that cannot be written.
    pub fn finish(mut self) -> Result<u64, TableError> {
        self.flush()?;
        self.file.finish().map_err(|source| self.failed(source))?;
        Ok(self.rows)
    }

    fn flush(&mut self) -> Result<(), TableError> {
        self.waiting_gaps = 0;
        let Some(mut rows) = self.waiting.take() else {
            return Ok(());
        };
        if rows.height() == 0 {
            return Ok(());
        }
        rows.rechunk_mut_par();
        self.file
            .write_batch(&rows)
            .map_err(|source| self.failed(source))
    }

    fn failed(&self, source: PolarsError) -> TableError {
        TableError::Write {
            path: self.path.clone(),
            source,
        }
    }
}

/// A column that is being made of rows' values.
trait Build {
    type Value<'a>;
    fn new(name: &str) -> Self;
    fn push(&mut self, value: Self::Value<'_>);
    fn finish(self) -> Column;
}

/// Builders of Polars that take values of one type, null or not.
macro_rules! builders {
    ($($name:ident $builder:ty, $value:ty;)*) => {
        $(
            impl Build for $name {
                type Value<'a> = Option<$value>;

                fn new(name: &str) -> Self {
                    Self(<$builder>::new(name.into(), 0))
                }

                fn push(&mut self, value: Self::Value<'_>) {
                    self.0.append_option(value);
                }

                fn finish(self) -> Column {
                    self.0.finish().into_column()
                }
            }

            struct $name($builder);
        )*
    };
}

builders! {
    Text StringChunkedBuilder, Cow<'a, str>;
    Whole PrimitiveChunkedBuilder<Int64Type>, i64;
    Small PrimitiveChunkedBuilder<UInt32Type>, u32;
    Real PrimitiveChunkedBuilder<Float64Type>, f64;
    Truth BooleanChunkedBuilder, bool;
}

/// Declares the columns once: name, what it is built of, and where a row's value comes from.
macro_rules! columns {
    ($($name:ident: $builder:ident = $value:expr;)*) => {
        /// The columns by name, in their order; `gaps_ns`, which alone can be large, stands after them.
        pub const COLUMNS: [&str; [$(stringify!($name)),*].len()] = [$(stringify!($name)),*];

        /// Rows by column, on their way to the table.
        pub struct Batch {
            $($name: $builder,)*
            gaps_ns: ListPrimitiveChunkedBuilder<Int64Type>,
            rows: usize,
            gaps: usize,
        }

        impl Default for Batch {
            fn default() -> Self {
                Self {
                    $($name: $builder::new(stringify!($name)),)*
                    gaps_ns: ListPrimitiveChunkedBuilder::new("gaps_ns".into(), 0, 0, DataType::Int64),
                    rows: 0,
                    gaps: 0,
                }
            }
        }

        impl Batch {
            /// Adds a row.
            pub fn push(&mut self, row: &TableRow<'_>) {
                $({
                    let value: for<'a> fn(&'a TableRow<'_>) -> <$builder as Build>::Value<'a> = $value;
                    self.$name.push(value(row));
                })*
                let gaps = &row.attempt.gaps_ns;
                self.gaps_ns.append_values_iter(gaps.iter().map(|gap| integer(*gap)));
                self.rows += 1;
                self.gaps += gaps.len();
            }

            fn finish(mut self) -> PolarsResult<DataFrame> {
                let columns: Vec<Column> = vec![
                    $(self.$name.finish(),)*
                    self.gaps_ns.finish().into_series().into(),
                ];
                DataFrame::new(self.rows, columns)
            }
        }
    };
}

columns! {
    cell: Text = |row| Some(row.cell.into());
    repeat: Small = |row| Some(row.repeat);
    phase: Text = |row| Some(row.attempt.phase.name().into());
    index: Whole = |row| Some(integer(row.attempt.index));
    attempt: Small = |row| Some(row.attempt.attempt);
    target: Text = |row| Some(row.target.into());
    dataset_row: Whole = |row| row.attempt.dataset_row.map(integer);
    scheduled_ns: Whole = |row| Some(stamp(row.attempt.clocks.scheduled));
    sent_ns: Whole = |row| row.attempt.clocks.sent.map(stamp);
    connected_ns: Whole = |row| row.attempt.clocks.connected.map(stamp);
    first_byte_ns: Whole = |row| row.attempt.clocks.first_byte.map(stamp);
    first_content_ns: Whole = |row| row.attempt.clocks.first_content.map(stamp);
    first_answer_ns: Whole = |row| row.attempt.clocks.first_answer.map(stamp);
    last_content_ns: Whole = |row| row.attempt.clocks.last_content.map(stamp);
    end_ns: Whole = |row| row.attempt.clocks.end.map(stamp);
    outcome: Text = |row| Some(row.attempt.outcome.name());
    http_status: Small = |row| row.attempt.http_status.map(u32::from);
    error: Text = |row| row.attempt.error.as_deref().map(Cow::from);
    bytes_sent: Whole = |row| Some(integer(row.attempt.traffic.bytes_sent));
    bytes_received: Whole = |row| Some(integer(row.attempt.traffic.bytes_received));
    image_bytes: Whole = |row| row.attempt.traffic.image_bytes.map(integer);
    reused: Truth = |row| Some(row.attempt.traffic.reused);
    input_tokens: Whole = |row| row.attempt.tokens.input.map(integer);
    output_tokens: Whole = |row| row.attempt.tokens.output.map(integer);
    reasoning_tokens: Whole = |row| row.attempt.tokens.reasoning.map(integer);
    tokens_source: Text = |row| row.attempt.tokens.source.map(|source| TokensSource::name(source).into());
    chunks: Whole = |row| Some(integer(row.attempt.chunks));
    choices: Small = |row| Some(row.attempt.choices.max(1));
    workload: Real = |row| row.attempt.workload.filter(|workload| workload.is_finite());
    slo_ms: Real = |row| row.slo_ms;
    slo_met: Truth = |row| row.slo_met;
    skipped: Truth = |row| Some(row.skipped);
    params: Text = |row| Some(row.attempt.params.as_str().into());
    server: Text = |row| server(row.attempt).map(Cow::from);
    notes: Text = |row| notes(row.attempt).map(Cow::from);
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
