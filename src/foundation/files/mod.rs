//! Project root, atomic writes, locks: what must hold of files even when something goes wrong halfway.
//!
//! Knows nothing of what the files mean.

#[cfg(test)]
pub mod committed;
mod inside;
mod lock;
mod publish;

pub use inside::{inside, project_root, tidy};
pub use lock::Lock;
pub use publish::{publish_folder, recover_folder, write_atomically};

use std::io;
use std::path::PathBuf;

/// Why a file cannot be used or written.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The path leaves the project.
    #[error("{} is outside the project root {}", path.display(), root.display())]
    Outside {
        /// The path as asked for.
        path: PathBuf,
        /// What it may not leave.
        root: PathBuf,
    },
    /// The path can name no file (it holds a NUL).
    #[error("{path:?} is not a path")]
    NotAPath {
        /// The path as asked for.
        path: PathBuf,
    },
    /// The path cannot be read or resolved.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The path as asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The path cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The path as asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process holds the lock.
    #[error("{} is held by process {pid}", path.display())]
    Held {
        /// The lock file.
        path: PathBuf,
        /// Who holds it.
        pid: u32,
    },
}

impl FilesError {
    /// What the user can do.
    pub fn help(&self) -> String {
        match self {
            Self::Outside { root, .. } => format!(
                "paths stay inside {} (the nearest folder upward with .git, else the scenario's own)",
                root.display()
            ),
            Self::NotAPath { .. } => "remove the NUL character".to_owned(),
            Self::Read { .. } => "check that it exists and may be read".to_owned(),
            Self::Write { .. } => {
                "check that the folder exists, may be written and has space".to_owned()
            }
            Self::Held { pid, .. } => {
                format!("wait for process {pid} to end, or choose another folder")
            }
        }
    }
}
