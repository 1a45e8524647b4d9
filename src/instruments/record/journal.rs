//! The append-only journal: records in blocks, one commit a repeat.
//!
//! ```text
//! file  = magic frame*
//! frame = kind u8, length u32, crc32c u32 (over kind and payload), payload      numbers little-endian
//! ```
//!
//! Blocks of attempts belong to the commit that follows them; what no commit follows is not part of any repeat. A frame
//! that is cut short or does not match its checksum ends the journal: it and what follows it is a torn tail.

mod read;
mod write;

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

#[cfg(test)]
pub use read::decode;
pub use read::{Committed, Contents, Place};
pub use write::{Journal, encode};

const MAGIC: &[u8] = b"plimsoll journal 1\n";
const HEADER_BYTES: usize = 9;

/// A frame longer than this is no frame of ours: a lane hands over some 64 KiB, and one record holds at most a body.
const FRAME_CAP: u32 = 1 << 30;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Attempts, one after the other.
    Block = 1,
    /// The commit of the blocks before it.
    Commit = 2,
    /// Something about the whole run.
    Observation = 3,
    /// The blocks before it belong to nothing.
    Discard = 4,
    /// What was committed of a cell counts no more.
    Forget = 5,
}

impl Kind {
    const fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Block),
            2 => Some(Self::Commit),
            3 => Some(Self::Observation),
            4 => Some(Self::Discard),
            5 => Some(Self::Forget),
            _ => None,
        }
    }
}

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system refused.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// `write`, `read`, `create`.
        doing: &'static str,
        /// The journal.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no journal, or one of another version.
    #[error("{} is no journal of this version", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A frame whose checksum is right cannot be read.
    #[error("{} holds a record that cannot be read: {reason}", path.display())]
    Record {
        /// The journal.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl JournalError {
    /// What the user can do.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Io { doing: "write", .. } => {
                "free some space; what was committed is kept in the folder that ends in .part until `--restart` begins anew"
            }
            Self::Io { .. } => "check the folder and its permissions",
            Self::Foreign { .. } | Self::Record { .. } => {
                "it was written by another version; `--restart` begins anew"
            }
        }
    }
}

/// Something about the whole run: what a target's metadata answered, a dataset's hash, the environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// What it is about: `metadata/<target>`, `dataset/<name>`, `environment`.
    pub name: String,
    /// The observation.
    pub value: serde_json::Value,
}

fn checksum(kind: u8, payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&[kind]), payload)
}

#[cfg(test)]
mod tests;
