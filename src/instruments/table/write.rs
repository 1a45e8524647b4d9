//! Columns to Parquet, a bounded piece at a time.

use std::fs::File;
use std::path::{Path, PathBuf};

use polars::prelude::{PolarsError, PolarsResult};
use polars_io::parquet::write::{BatchedWriter, ParquetCompression, ParquetWriter};

use super::TableError;
use super::batch::Batch;
use super::group::Group;

/// Rows that are ready to be written.
pub struct Piece(PolarsResult<Kind>);

enum Kind {
    Group(Group),
    /// Too few for a row group: they wait for others.
    Few(Box<Batch>),
}

impl From<Batch> for Piece {
    /// Does the work of writing that can be done wherever there is a core for it.
    fn from(batch: Batch) -> Self {
        Self(if batch.is_large() {
            Group::of(batch).map(Kind::Group)
        } else {
            Ok(Kind::Few(Box::new(batch)))
        })
    }
}

/// Writes `requests.parquet`.
pub struct Writer {
    path: PathBuf,
    file: BatchedWriter<File>,
    /// Rows that are too few for a row group.
    waiting: Batch,
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
        let file = ParquetWriter::new(file)
            .with_compression(ParquetCompression::Snappy)
            .batched(&Batch::schema())
            .map_err(|source| TableError::Write {
                path: path.to_owned(),
                source,
            })?;
        Ok(Self {
            path: path.to_owned(),
            file,
            waiting: Batch::default(),
            rows: 0,
        })
    }

    /// Adds rows after those that are there. The rows of a repeat should follow each other: they are read back as a
    /// range.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn write(&mut self, piece: Piece) -> Result<(), TableError> {
        self.take(piece).map_err(|source| self.failed(source))
    }

    fn take(&mut self, piece: Piece) -> PolarsResult<()> {
        match piece.0? {
            Kind::Group(group) => {
                self.flush()?;
                self.group(&group)
            }
            Kind::Few(batch) => {
                self.waiting.join(*batch);
                if self.waiting.is_large() {
                    self.flush()?;
                }
                Ok(())
            }
        }
    }

    /// Adds one row.
    ///
    /// # Errors
    /// As [`Writer::write`].
    #[cfg(test)]
    pub fn push(&mut self, row: &super::TableRow<'_>) -> Result<(), TableError> {
        let mut batch = Batch::default();
        batch.push(row);
        self.write(batch.into())
    }

    /// Writes what is left and the file's end; returns the number of rows.
    ///
    /// # Errors
    /// Where that cannot be written.
    pub fn finish(mut self) -> Result<u64, TableError> {
        let done = self.flush().and_then(|()| self.file.finish());
        done.map_err(|source| self.failed(source))?;
        Ok(self.rows)
    }

    fn flush(&mut self) -> PolarsResult<()> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.rows() == 0 {
            return Ok(());
        }
        self.group(&Group::of(waiting)?)
    }

    fn group(&mut self, group: &Group) -> PolarsResult<()> {
        self.rows += group.rows;
        self.file.write_row_group(group.rows, &group.pages)
    }

    fn failed(&self, source: PolarsError) -> TableError {
        TableError::Write {
            path: self.path.clone(),
            source,
        }
    }
}
