//! The writing end: blocks of attempts, and the commits that make them count.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use postcard::ser_flavors::Flavor;
use serde::Serialize;

use super::{Contents, FRAME_CAP, HEADER_BYTES, JournalError, Kind, MAGIC, Observation, checksum};
use crate::instruments::record::{Attempt, Commit};

/// Appends an attempt to a block, as [`Journal::block`] takes it.
///
/// # Errors
/// Where the attempt cannot be encoded, which for this type does not happen.
pub fn encode(attempt: &Attempt, block: Vec<u8>) -> Result<Vec<u8>, postcard::Error> {
    postcard::serialize_with_flavor(attempt, Appended(block))
}

/// Bytes behind those of a block. postcard's own way to do so takes them one by one, at a quarter more of the cost.
struct Appended(Vec<u8>);

impl Flavor for Appended {
    type Output = Vec<u8>;

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> Result<(), postcard::Error> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, byte: u8) -> Result<(), postcard::Error> {
        self.0.push(byte);
        Ok(())
    }

    #[inline]
    fn finalize(self) -> Result<Vec<u8>, postcard::Error> {
        Ok(self.0)
    }
}

/// The writing end. One process has it: the out folder's lock sees to that.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Begins a journal; an existing file is an error.
    ///
    /// # Errors
    /// Where the file cannot be made.
    pub fn create(path: &Path) -> Result<Self, JournalError> {
        let failed = |source| JournalError::Io {
            doing: "create",
            path: path.into(),
            source,
        };
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)
            .map_err(failed)?;
        let mut journal = Self {
            path: path.into(),
            file,
        };
        journal.file.write_all(MAGIC).map_err(failed)?;
        journal.sync()?;
        Ok(journal)
    }

    /// Goes on with a journal: its torn tail is cut off, what was not committed is let go.
    ///
    /// # Errors
    /// Where the file cannot be read or written, or is no journal.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "a resumed run reads and goes on with its journal")
    )]
    pub fn open(path: &Path) -> Result<(Self, Contents), JournalError> {
        let contents = Contents::read(path)?;
        let failed = |source| JournalError::Io {
            doing: "write",
            path: path.into(),
            source,
        };
        let mut file = OpenOptions::new().write(true).open(path).map_err(failed)?;
        file.set_len(contents.end).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        let mut journal = Self {
            path: path.into(),
            file,
        };
        if contents.uncommitted {
            journal.discard()?;
        }
        journal.sync()?;
        Ok((journal, contents))
    }

    /// Appends a block of attempts, made by [`encode`].
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn block(&mut self, attempts: &[u8]) -> Result<(), JournalError> {
        if attempts.is_empty() {
            Ok(())
        } else {
            self.frame(Kind::Block, attempts)
        }
    }

    /// Commits the blocks since the last commit as one repeat; on return it is on disk.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn commit(&mut self, commit: &Commit) -> Result<(), JournalError> {
        self.json(Kind::Commit, commit)
    }

    /// Lets go of all repeats of a cell that were committed: it is measured again. On return that is on disk.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn forget(&mut self, cell_id: &str) -> Result<(), JournalError> {
        self.json(Kind::Forget, &cell_id)
    }

    /// Notes something about the whole run; on return it is on disk.
    ///
    /// # Errors
    /// Where the disk refuses.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "a resumed run reads and goes on with its journal")
    )]
    pub fn observe(&mut self, observation: &Observation) -> Result<(), JournalError> {
        self.json(Kind::Observation, observation)
    }

    /// Lets go of the blocks since the last commit: the repeat is void.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn discard(&mut self) -> Result<(), JournalError> {
        self.frame(Kind::Discard, &[])
    }

    fn json(&mut self, kind: Kind, value: &impl Serialize) -> Result<(), JournalError> {
        let payload = serde_json::to_vec(value).map_err(|error| JournalError::Record {
            path: self.path.clone(),
            reason: error.to_string(),
        })?;
        self.frame(kind, &payload)?;
        self.sync()
    }

    fn frame(&mut self, kind: Kind, payload: &[u8]) -> Result<(), JournalError> {
        let length = u32::try_from(payload.len())
            .ok()
            .filter(|&length| length <= FRAME_CAP);
        let Some(length) = length else {
            let reason = format!("a block of {} bytes is too long", payload.len());
            return Err(JournalError::Record {
                path: self.path.clone(),
                reason,
            });
        };
        let mut header = [0; HEADER_BYTES];
        header[0] = kind as u8;
        header[1..5].copy_from_slice(&length.to_le_bytes());
        header[5..].copy_from_slice(&checksum(kind as u8, payload).to_le_bytes());
        self.file
            .write_all(&header)
            .and_then(|()| self.file.write_all(payload))
            .map_err(|source| JournalError::Io {
                doing: "write",
                path: self.path.clone(),
                source,
            })
    }

    /// The file and its folder, so that after a power cut the name is there too.
    fn sync(&self) -> Result<(), JournalError> {
        let folder = self
            .path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        self.file
            .sync_data()
            .and_then(|()| File::open(folder.unwrap_or(Path::new(".")))?.sync_all())
            .map_err(|source| JournalError::Io {
                doing: "write",
                path: self.path.clone(),
                source,
            })
    }
}
