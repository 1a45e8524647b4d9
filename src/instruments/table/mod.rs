//! `requests.parquet`: attempts as columns, in and out (cli.md "A report folder").
//!
//! [`Writer`] takes rows one by one and writes them in bounded batches; [`Table`] brings back the columns that are asked
//! for, of a range of rows. What the columns mean is `metric`'s concern; nothing is computed here.

mod write;

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use polars::prelude::{DataFrame, PolarsError};
use polars_io::SerReader as _;
use polars_io::parquet::metadata::FileMetadataRef;
use polars_io::parquet::read::ParquetReader;

pub use write::{COLUMNS, TableRow, Writer};

/// Why a table cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be made.
    #[error("cannot write {}: {source}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Rows could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PolarsError,
    },
    /// The file cannot be opened.
    #[error("cannot read {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no Parquet file, is damaged, or lacks a column.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PolarsError,
    },
}

impl TableError {
    /// What the user can do.
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Create { .. } | Self::Write { .. } => {
                "free space or pass --out; what was measured is kept in the journal, in the folder that ends in .part"
            }
            Self::Open { .. } => "name a report folder that a run has written",
            Self::Read { .. } => {
                "the file is damaged or of another version; run the scenario again, or take it from the run's own folder"
            }
        }
    }
}

/// Rows that follow each other and belong to one repeat of one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The cell's id.
    pub cell: String,
    /// The repeat, from 1.
    pub repeat: u32,
    /// The rows' numbers.
    pub rows: Range<usize>,
}

/// A table that was opened: its footer is read once.
pub struct Table {
    path: PathBuf,
    metadata: FileMetadataRef,
}

impl Table {
    /// Opens `requests.parquet`.
    ///
    /// # Errors
    /// Where the file is missing or is no Parquet file.
    pub fn open(path: &Path) -> Result<Self, TableError> {
        let metadata = ParquetReader::new(open(path)?)
            .get_metadata()
            .cloned()
            .map_err(|source| TableError::Read {
                path: path.to_owned(),
                source,
            })?;
        Ok(Self {
            path: path.to_owned(),
            metadata,
        })
    }

    /// Where it stands.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads some columns, of all rows or of a range of them. Row groups outside of the range are not decoded.
    ///
    /// # Errors
    /// Where the file is damaged or lacks a column.
    pub fn read(
        &self,
        columns: &[&str],
        rows: Option<Range<usize>>,
    ) -> Result<DataFrame, TableError> {
        let mut reader = ParquetReader::new(open(&self.path)?)
            .with_columns(Some(columns.iter().map(ToString::to_string).collect()))
            .with_slice(rows.map(|rows| (rows.start, rows.len())))
            .set_rechunk(true);
        reader.set_metadata(self.metadata.clone());
        reader.finish().map_err(|source| self.damaged(source))
    }

    /// Which rows belong to which repeat of which cell, in the order of the file.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn runs(&self) -> Result<Vec<Run>, TableError> {
        let frame = self.read(&["cell", "repeat"], None)?;
        let cells = frame
            .column("cell")
            .and_then(|column| column.str().cloned());
        let cells = cells.map_err(|source| self.damaged(source))?;
        let repeats = frame
            .column("repeat")
            .and_then(|column| column.u32().cloned());
        let repeats = repeats.map_err(|source| self.damaged(source))?;
        let mut runs: Vec<Run> = Vec::new();
        for (row, (cell, repeat)) in cells.iter().zip(repeats.iter()).enumerate() {
            let (cell, repeat) = (cell.unwrap_or_default(), repeat.unwrap_or_default());
            match runs.last_mut() {
                Some(run) if run.repeat == repeat && run.cell == cell => run.rows.end = row + 1,
                _ => runs.push(Run {
                    cell: cell.to_owned(),
                    repeat,
                    rows: row..row + 1,
                }),
            }
        }
        Ok(runs)
    }

    fn damaged(&self, source: PolarsError) -> TableError {
        TableError::Read {
            path: self.path.clone(),
            source,
        }
    }
}

fn open(path: &Path) -> Result<File, TableError> {
    File::open(path).map_err(|source| TableError::Open {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
