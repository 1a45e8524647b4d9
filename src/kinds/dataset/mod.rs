//! Datasets: where requests come from. A source names what it wants and reads rows; it fetches nothing.

mod declared;
mod fields;
mod find;
mod kept;
mod mix;
mod options;
mod prompts;
mod python;
mod random;
mod read;
mod request;
mod row;
mod task;
mod trace;
mod urls;
mod vbench;
pub mod workload;

pub use declared::{Kind, Of, Owned};
pub use kept::INLINE;
pub use options::{Amount, AmountRange, Common, OnBadRow, Origin, Paths};
pub use request::{Layers, Request, estimate_tokens, position};
pub use row::{Params, Prompt, Row};
pub use task::Task;

use std::path::{Path, PathBuf};

use crate::foundation::files;
use crate::foundation::seed::Seed;

declared::datasets! {
    /// One request a row, as it was recorded: `Request(…)` lines, JSON Lines, CSV or Parquet.
    Trace = "trace" => trace::Options,
    /// VBench's prompt suite.
    Vbench = "vbench" => vbench::Options,
    /// Synthetic prompts from the seed.
    Random = "random" => random::Options,
    /// Prompts or chat messages, one a row.
    Prompts = "prompts" => prompts::Options,
    /// URLs or paths for the `http` protocol, drawn with replacement.
    Urls = "urls" => urls::Options,
    /// Rows of other datasets, drawn by weight.
    Mix = "mix" => mix::Options,
}

/// What a source may read: paths are resolved against the scenario's folder and kept inside the project root.
#[derive(Debug, Clone)]
pub struct Folders {
    /// Where relative paths start: the scenario's folder.
    pub scenario: PathBuf,
    /// What no path may leave, symlinks resolved.
    pub root: PathBuf,
}

impl Folders {
    /// The real path of `path`, which is relative to the scenario or absolute.
    ///
    /// # Errors
    /// Where it lies outside the project root, symlinks resolved.
    pub fn inside(&self, path: &Path) -> Result<PathBuf, DatasetError> {
        files::inside(&self.root, &self.scenario.join(path)).map_err(|error| DatasetError::Other {
            message: error.to_string(),
            help: error.help(),
        })
    }
}

/// A declared dataset, before it is opened.
pub trait Source: Send + Sync {
    /// Reads and checks the rows (or makes ready to generate them). Every bad row is reported, not only the first.
    ///
    /// # Errors
    /// Where the rows cannot be had: missing files, bad rows, nothing left.
    fn open(&self, folders: &Folders, seed: Seed) -> Result<Box<dyn Rows>, DatasetError>;
}

/// Rows of an opened dataset, by their position in the order of sending.
pub trait Rows: Send + Sync {
    /// How many rows there are; `None` where they never end.
    fn len(&self) -> Option<u64>;

    /// The row at that position. Within `len` this cannot fail for what was checked on opening.
    ///
    /// # Errors
    /// Where a row cannot be made.
    fn row(&self, position: u64) -> Result<Row, DatasetError>;

    /// SHA-256 over the rows as read, in hex; for generated rows over what generates them.
    fn sha256(&self) -> String;

    /// Rows that were skipped by `on_bad_row: skip`.
    fn skipped(&self) -> u64 {
        0
    }

    /// The rows that were skipped, 20 at most, for the report.
    fn bad_rows(&self) -> &[BadRow] {
        &[]
    }
}

/// Why a dataset cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A file or folder cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The path as resolved.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Rows that are wrong, all of them (20 at most are kept).
    #[error("{total} bad rows, the first: {}", rows.first().map(ToString::to_string).unwrap_or_default())]
    BadRows {
        /// Each with its place.
        rows: Vec<BadRow>,
        /// How many there are, those that are not kept included.
        total: u64,
    },
    /// Nothing is left.
    #[error("the dataset is empty: {what}")]
    Empty {
        /// What was read.
        what: String,
    },
    /// A part of the language that cannot be read yet; nothing is wrong with the scenario.
    #[error("{what} cannot be read yet")]
    NotSupported {
        /// What.
        what: String,
        /// What to do in its place.
        help: String,
    },
    /// Anything else, with what the user can do.
    #[error("{message}")]
    Other {
        /// What is wrong.
        message: String,
        /// What to do.
        help: String,
    },
}

impl DatasetError {
    /// What the user can do.
    pub fn help(&self) -> String {
        match self {
            Self::Read { .. } => "paths are relative to the scenario file".to_owned(),
            Self::BadRows { rows, .. } => {
                let rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
                let rows = rows.join("\n    ");
                format!("mend them, or set `on_bad_row: skip` to count and skip them:\n    {rows}")
            }
            Self::Empty { .. } => {
                "give it rows; paths and patterns are relative to the scenario file".to_owned()
            }
            Self::NotSupported { help, .. } | Self::Other { help, .. } => help.clone(),
        }
    }
}

/// A row that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// The file as the scenario names it; [`INLINE`] for rows of the scenario itself.
    pub file: String,
    /// Line number from 1; the row's own number where rows stand in the scenario.
    pub line: u64,
    /// The field at fault, where one is.
    pub field: Option<String>,
    /// The reason.
    pub reason: String,
}

impl std::fmt::Display for BadRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if let Some(field) = &self.field {
            write!(f, "`{field}` ")?;
        }
        f.write_str(&self.reason)
    }
}
