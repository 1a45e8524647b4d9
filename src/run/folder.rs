//! The out folder of a run: claimed before anything is sent, replaced only by a complete report.

use std::path::{Path, PathBuf};

use super::RunError;
use crate::foundation::files::{self, FilesError, Lock};
use crate::results::folder::{self, Occupant};

/// Whether an unfinished run may be thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// An unfinished run is an error.
    Refuse,
    /// It is thrown away.
    Restart,
}

/// The folder that a run writes beside its out folder, held by a lock until it is published or dropped.
pub struct Workplace {
    out: PathBuf,
    part: PathBuf,
    _lock: Lock,
}

impl Workplace {
    /// Claims the out folder.
    pub fn claim(out: &Path, existing: Existing) -> Result<Self, RunError> {
        let out = absolute(out)?;
        files::recover_folder(&out)?;
        let occupant = folder::occupant(&out).map_err(|source| read(&out, source))?;
        if occupant == Occupant::Foreign {
            return Err(RunError::Foreign { path: out });
        }
        if occupant == Occupant::Incomplete && existing == Existing::Refuse {
            return Err(RunError::Unfinished { path: out });
        }
        let part = folder::part(&out);
        if let Some(parent) = part.parent() {
            create(parent)?;
        }
        let lock = Lock::acquire(&lock_path(&part))?;
        let unfinished = part.join(folder::JOURNAL).exists();
        if unfinished && existing == Existing::Refuse {
            return Err(RunError::Unfinished { path: part });
        }
        if part.exists() {
            std::fs::remove_dir_all(&part).map_err(|source| write(&part, source))?;
        }
        create(&part.join(folder::JOURNAL))?;
        create(&part.join(folder::SAMPLES))?;
        Ok(Self { out, part, _lock: lock })
    }

    /// Where the report is made.
    pub fn part(&self) -> &Path {
        &self.part
    }

    /// The journal's file.
    pub fn journal(&self) -> PathBuf {
        self.part.join(folder::JOURNAL).join("repeats.log")
    }

    /// Lets go of the folder where nothing was measured: it stands in nobody's way then.
    pub fn abandon(self) {
        let _ = std::fs::remove_dir_all(&self.part);
    }

    /// Puts the report in the out folder's place; returns where it stands.
    ///
    /// That of an interrupted run stays beside a complete one, which is never lost to it.
    pub fn publish(self, complete: bool) -> Result<PathBuf, RunError> {
        let stands = folder::occupant(&self.out).map_err(|source| read(&self.out, source))?;
        if !complete && stands == Occupant::Complete {
            return Ok(self.part);
        }
        if complete {
            let journal = self.part.join(folder::JOURNAL);
            std::fs::remove_dir_all(&journal).map_err(|source| write(&journal, source))?;
        }
        files::publish_folder(&self.part, &self.out)?;
        Ok(self.out)
    }
}

/// Beside the folder, so that replacing the folder does not free it.
fn lock_path(part: &Path) -> PathBuf {
    let mut name = part.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    part.with_file_name(name)
}

fn absolute(path: &Path) -> Result<PathBuf, RunError> {
    std::path::absolute(path).map_err(|source| read(path, source))
}

fn create(folder: &Path) -> Result<(), RunError> {
    std::fs::create_dir_all(folder).map_err(|source| write(folder, source))
}

fn read(path: &Path, source: std::io::Error) -> RunError {
    RunError::Files(FilesError::Read { path: path.to_owned(), source })
}

fn write(path: &Path, source: std::io::Error) -> RunError {
    RunError::Files(FilesError::Write { path: path.to_owned(), source })
}
