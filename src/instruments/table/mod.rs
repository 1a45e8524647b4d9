//! `requests.parquet`: attempts as columns, in and out (cli.md "A report folder").
//!
//! A [`Piece`] turns rows into columns and these into pages, wherever there is a core for it; [`Writer`] writes pieces
//! in their order; [`Table`] brings back the columns that are asked for, of a range of rows. What the
//! columns mean is `metric`'s concern; nothing is computed here.

mod batch;
mod column;
mod group;
mod write;

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use polars::prelude::{DataFrame, PolarsError, PolarsResult};
use polars_io::SerReader as _;
use polars_io::parquet::metadata::FileMetadataRef;
use polars_io::parquet::read::{ParallelStrategy, ParquetReader};
use polars_parquet::read::{FileMetadata, RowGroupMetadata};

use crate::foundation::cores;

pub use batch::{COLUMNS, TableRow};
pub use write::{Piece, Writer};

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

/// A table that was opened: its footer was read, and which rows belong to which repeat of which cell.
pub struct Table {
    path: PathBuf,
    /// The footer without its row groups, which are in `row_groups`.
    footer: FileMetadata,
    row_groups: Vec<RowGroupMetadata>,
    groups: Vec<Range<usize>>,
    runs: Vec<Run>,
}

impl Table {
    /// Opens `requests.parquet`.
    ///
    /// # Errors
    /// Where the file is missing, is no Parquet file, or lacks the columns `cell` and `repeat`.
    pub fn open(path: &Path) -> Result<Self, TableError> {
        let metadata = ParquetReader::new(open(path)?)
            .get_metadata()
            .cloned()
            .map_err(|source| TableError::Read {
                path: path.to_owned(),
                source,
            })?;
        let mut footer = FileMetadataRef::unwrap_or_clone(metadata);
        let row_groups = std::mem::take(&mut footer.row_groups);
        let mut from = 0;
        let groups = row_groups.iter().map(|group| {
            from += group.num_rows();
            from - group.num_rows()..from
        });
        let mut table = Self {
            path: path.to_owned(),
            groups: groups.collect(),
            footer,
            row_groups,
            runs: Vec::new(),
        };
        table.runs = table.find_runs()?;
        Ok(table)
    }

    /// Where it stands.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which rows belong to which repeat of which cell, in the order of the file.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The row groups: rows that are decoded together.
    pub fn groups(&self) -> &[Range<usize>] {
        &self.groups
    }

    /// Reads some columns of a range of rows, each in one piece. Row groups outside of the range are not looked at: what a
    /// read costs does not depend on how many there are.
    ///
    /// # Errors
    /// Where the file is damaged or lacks a column.
    pub fn read(&self, columns: &[&str], rows: Range<usize>) -> Result<DataFrame, TableError> {
        let touched = self.touched(&rows);
        let before = self
            .groups
            .get(touched.start)
            .map_or(0, |group| group.start);
        let mut reader = ParquetReader::new(open(&self.path)?)
            .with_columns(Some(columns.iter().map(ToString::to_string).collect()))
            .with_slice(Some((rows.start - before, rows.len())))
            // Whoever reads much does so on every core already: more threads at once are more columns at once.
            .read_parallel(ParallelStrategy::None)
            .set_rechunk(true);
        // Polars goes through all row groups that it is told of, those outside of the slice too.
        reader.set_metadata(FileMetadataRef::new(FileMetadata {
            row_groups: self.row_groups[touched].to_vec(),
            ..self.footer.clone()
        }));
        reader.finish().map_err(|source| self.damaged(source))
    }

    /// A number that no value of a column of small whole numbers exceeds within `rows`, by what the file says of its row
    /// groups; `None` where it does not say.
    pub fn at_most(&self, column: &str, rows: &Range<usize>) -> Option<i32> {
        self.row_groups[self.touched(rows)]
            .iter()
            .map(|group| {
                let mut chunks = group.columns_under_root_iter(column)?;
                let told = chunks.next()?.statistics(&self.footer.footer_buf)?.ok()?;
                // What is stored as a number without sign may look negative.
                told.as_int32()?.max_value.filter(|most| *most >= 0)
            })
            .try_fold(0, |most, told| Some(most.max(told?)))
    }

    /// The row groups that hold rows of a range, by their places in [`Table::groups`].
    pub fn touched(&self, rows: &Range<usize>) -> Range<usize> {
        let first = self.groups.partition_point(|group| group.end <= rows.start);
        let behind = self.groups.partition_point(|group| group.start < rows.end);
        first..behind.max(first)
    }

    fn find_runs(&self) -> Result<Vec<Run>, TableError> {
        let mut runs: Vec<Run> = Vec::new();
        let found = |group: &Range<usize>| self.runs_of_group(group);
        cores::in_order(&self.groups, found, |found| {
            for run in found? {
                match runs.last_mut() {
                    Some(last) if last.repeat == run.repeat && last.cell == run.cell => {
                        last.rows.end = run.rows.end;
                    }
                    _ => runs.push(run),
                }
            }
            Ok(())
        })?;
        Ok(runs)
    }

    fn runs_of_group(&self, group: &Range<usize>) -> Result<Vec<Run>, TableError> {
        let frame = self.read(&["cell", "repeat"], group.clone())?;
        let columns =
            || PolarsResult::Ok((frame.column("cell")?.str()?, frame.column("repeat")?.u32()?));
        let (cells, repeats) = columns().map_err(|source| self.damaged(source))?;
        let mut runs: Vec<Run> = Vec::new();
        for (row, (cell, repeat)) in cells.iter().zip(repeats.iter()).enumerate() {
            let (cell, repeat) = (cell.unwrap_or_default(), repeat.unwrap_or_default());
            let row = group.start + row;
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
