//! Rows to Parquet, a row group at a time.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use polars::prelude::{PolarsError, PolarsResult};
use polars_io::parquet::write::{BatchedWriter, ParquetCompression, ParquetWriter};

use super::TableError;
use super::batch::{Batch, TableRow};
use super::group::Group;

/// Rows that follow each other, on their way to the table. All the work of writing that can be done wherever there is a
/// core for it is done here: of any number of rows one row group at most is held as columns.
#[derive(Default)]
pub struct Piece {
    groups: Vec<PolarsResult<Group>>,
    rest: Batch,
}

impl Piece {
    /// Adds a row.
    pub fn push(&mut self, row: &TableRow<'_>) {
        self.rest.push(row);
        if self.rest.is_full() {
            self.close();
        }
    }

    /// Lays out what is left, where that is worth a row group; fewer rows wait for others.
    #[must_use]
    pub fn done(mut self) -> Self {
        if self.rest.is_worth_a_group() {
            self.close();
        }
        self
    }

    fn close(&mut self) {
        let full = std::mem::take(&mut self.rest);
        self.groups.push(Group::of(full));
    }
}

/// Writes `requests.parquet`.
pub struct Writer {
    path: PathBuf,
    // Polars writes heads of pages and the file's end a byte or two at a time.
    file: BatchedWriter<BufWriter<File>>,
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
        let file = ParquetWriter::new(BufWriter::new(file))
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
        for group in piece.groups {
            self.flush()?;
            self.group(&group?)?;
        }
        self.waiting.join(piece.rest);
        if self.waiting.is_full() {
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
        let mut piece = Piece::default();
        piece.push(row);
        self.write(piece.done())
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
