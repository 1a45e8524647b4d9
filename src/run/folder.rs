//! The out folder of a run: claimed before anything is sent, replaced only by a report that is at least as complete.

use std::io;
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

/// Where a report was put.
pub struct Published {
    /// Its folder.
    pub folder: PathBuf,
    /// Files of the user's that stood in the folder and were kept, relative to it.
    pub kept: Vec<PathBuf>,
}

impl Workplace {
    /// Claims the out folder for a run of a whole plan, or of some of its cells.
    pub fn claim(out: &Path, existing: Existing, whole: bool) -> Result<Self, RunError> {
        let out = absolute(out)?;
        files::recover_folder(&out)?;
        check(&out, existing)?;
        if !whole && occupant(&out)? == Occupant::Complete {
            return Err(RunError::Selection { path: out });
        }
        let part = folder::part(&out);
        if let Some(parent) = part.parent() {
            create(parent)?;
        }
        let lock = Lock::acquire(&lock_path(&part))?;
        check(&part, existing)?;
        if part.exists() {
            std::fs::remove_dir_all(&part).map_err(|source| write(&part, source))?;
        }
        create(&part.join(folder::JOURNAL))?;
        create(&part.join(folder::SAMPLES))?;
        Ok(Self {
            out,
            part,
            _lock: lock,
        })
    }

    /// Where the report is made.
    pub fn part(&self) -> &Path {
        &self.part
    }

    /// Where the report will stand, if nothing better does.
    pub fn out(&self) -> &Path {
        &self.out
    }

    /// The journal's file.
    pub fn journal(&self) -> PathBuf {
        self.part.join(folder::JOURNAL).join("repeats.log")
    }

    /// Lets go of the folder where nothing was measured: it stands in nobody's way then.
    pub fn abandon(self) {
        let _ = std::fs::remove_dir_all(&self.part);
    }

    /// Puts the report in the out folder's place, with what there is of the user's in it.
    ///
    /// A report that is less complete than the one that stands there stays beside it, so that none is lost to it.
    pub fn publish(self, report: Occupant) -> Result<Published, RunError> {
        if report > Occupant::Incomplete {
            let journal = self.part.join(folder::JOURNAL);
            std::fs::remove_dir_all(&journal).map_err(|source| write(&journal, source))?;
        }
        if occupant(&self.out)? > report {
            return Ok(Published {
                folder: self.part,
                kept: Vec::new(),
            });
        }
        let kept = folder::others(&self.out).map_err(|source| read(&self.out, source))?;
        for file in &kept {
            let from = self.out.join(file);
            keep(&from, &self.part.join(file)).map_err(|source| write(&from, source))?;
        }
        files::publish_folder(&self.part, &self.out)?;
        Ok(Published {
            folder: self.out,
            kept,
        })
    }
}

/// Refuses a folder of somebody else's, and an unfinished run that may not be thrown away.
fn check(path: &Path, existing: Existing) -> Result<(), RunError> {
    match occupant(path)? {
        Occupant::Foreign => Err(RunError::Foreign {
            path: path.to_owned(),
        }),
        Occupant::Incomplete if existing == Existing::Refuse => Err(RunError::Unfinished {
            path: path.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Lets a file stand at a second place too, under another name where its own is taken: the first place goes as a whole
/// once the new report stands, so that a crash at any moment loses nothing.
fn keep(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut free = to.to_owned();
    while free.symlink_metadata().is_ok() {
        free.as_mut_os_string().push(".kept");
    }
    std::fs::hard_link(from, &free).or_else(|_| std::fs::copy(from, &free).map(drop))
}

fn occupant(path: &Path) -> Result<Occupant, RunError> {
    folder::occupant(path).map_err(|source| read(path, source))
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

fn read(path: &Path, source: io::Error) -> RunError {
    RunError::Files(FilesError::Read {
        path: path.to_owned(),
        source,
    })
}

fn write(path: &Path, source: io::Error) -> RunError {
    RunError::Files(FilesError::Write {
        path: path.to_owned(),
        source,
    })
}

/// Writes a file of the report.
pub fn put(part: &Path, path: &str, bytes: &[u8]) -> Result<(), RunError> {
    let path = part.join(path);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|source| write(folder, source))?;
    }
    Ok(files::write_atomically(&path, bytes)?)
}
