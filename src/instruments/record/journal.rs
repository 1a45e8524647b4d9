//! The append-only journal: records in blocks, one commit a repeat.
//!
//! ```text
//! file  = magic frame*
//! frame = kind u8, length u32, crc32c u32 (over kind and payload), payload      numbers little-endian
//! ```
//!
//! Blocks of attempts belong to the commit that follows them; what no commit follows is not part of any repeat. A frame
//! that is cut short or does not match its checksum ends the journal: it and what follows it is a torn tail.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

use super::{Attempt, Commit};

const MAGIC: &[u8] = b"plimsoll journal 1\n";
const HEADER_BYTES: usize = 9;

/// A frame longer than this is no frame of ours: a lane hands over some 64 KiB, and one record holds at most a body.
const FRAME_CAP: u32 = 1 << 30;

/// Blocks that are read together.
const PIECE_BYTES: u32 = 4 << 20;

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
                "free some space; what was committed is kept, in the folder that ends in .part"
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

/// One committed repeat.
#[derive(Debug, Clone, PartialEq)]
pub struct Committed {
    /// Its commit.
    pub commit: Commit,
    /// Where its blocks' payloads stand.
    blocks: Vec<Place>,
}

/// Where a block's payload stands in the file, and how long it is.
pub type Place = (u64, u32);

impl Committed {
    /// Its blocks in pieces that follow each other, each of four megabytes or so: they can be read apart. Where one ends
    /// and the next begins depends on the journal alone.
    pub fn pieces(&self) -> impl Iterator<Item = &[Place]> {
        let mut bytes = 0;
        self.blocks.chunk_by(move |_, (_, next)| {
            bytes += *next;
            let same = bytes < PIECE_BYTES;
            if !same {
                bytes = 0;
            }
            same
        })
    }
}

/// What a journal holds.
#[derive(Debug)]
pub struct Contents {
    path: PathBuf,
    /// Committed repeats that count, in the order of their commits.
    pub repeats: Vec<Committed>,
    /// Observations about the whole run, in their order.
    pub observations: Vec<Observation>,
    /// Where the last whole frame ends.
    end: u64,
    /// Whether blocks follow the last commit.
    uncommitted: bool,
}

impl Contents {
    /// Reads what a journal holds; attempts stay on disk until [`Contents::attempts`].
    ///
    /// # Errors
    /// Where the file cannot be read or is no journal. A torn tail is no error.
    pub fn read(path: &Path) -> Result<Self, JournalError> {
        let read = |source| JournalError::Io {
            doing: "read",
            path: path.into(),
            source,
        };
        let file = File::open(path).map_err(read)?;
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let mut magic = [0; MAGIC.len()];
        let whole = read_whole(&mut reader, &mut magic).map_err(read)?;
        if !whole || magic != *MAGIC {
            return Err(JournalError::Foreign { path: path.into() });
        }
        let mut contents = Self {
            path: path.into(),
            repeats: Vec::new(),
            observations: Vec::new(),
            end: MAGIC.len() as u64,
            uncommitted: false,
        };
        let mut blocks = Vec::new();
        let mut payload = Vec::new();
        while let Some(kind) = next_frame(&mut reader, &mut payload).map_err(read)? {
            let at = contents.end + HEADER_BYTES as u64;
            let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
            match kind {
                Kind::Block => blocks.push((at, length)),
                Kind::Discard => blocks.clear(),
                Kind::Commit => {
                    let commit = contents.json(&payload)?;
                    contents.repeats.push(Committed {
                        commit,
                        blocks: std::mem::take(&mut blocks),
                    });
                }
                Kind::Forget => {
                    let cell: String = contents.json(&payload)?;
                    contents
                        .repeats
                        .retain(|known| known.commit.cell_id != cell);
                }
                Kind::Observation => {
                    let observation = contents.json(&payload)?;
                    contents.observations.push(observation);
                }
            }
            contents.end = at + u64::from(length);
        }
        contents.uncommitted = !blocks.is_empty();
        Ok(contents)
    }

    fn json<T: serde::de::DeserializeOwned>(&self, payload: &[u8]) -> Result<T, JournalError> {
        serde_json::from_slice(payload).map_err(|error| JournalError::Record {
            path: self.path.clone(),
            reason: error.to_string(),
        })
    }

    /// The attempts of a repeat, read a block at a time.
    ///
    /// # Errors
    /// Where the file cannot be opened. Each item may fail where it cannot be read.
    pub fn attempts(&self, repeat: &Committed) -> Result<Attempts, JournalError> {
        self.attempts_of(&repeat.blocks)
    }

    /// The attempts of some blocks of a repeat: see [`Committed::pieces`].
    ///
    /// # Errors
    /// As [`Contents::attempts`].
    pub fn attempts_of(&self, blocks: &[Place]) -> Result<Attempts, JournalError> {
        let file = File::open(&self.path).map_err(|source| JournalError::Io {
            doing: "read",
            path: self.path.clone(),
            source,
        })?;
        Ok(Attempts {
            path: self.path.clone(),
            file,
            blocks: Vec::from(blocks).into_iter(),
            payload: Vec::new(),
            from: 0,
        })
    }
}

/// Reads as much as is asked for; false where the file ends before.
fn read_whole(reader: &mut impl io::Read, into: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(into) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// The next frame; `None` at the end or where the tail is torn.
fn next_frame(reader: &mut impl io::Read, payload: &mut Vec<u8>) -> io::Result<Option<Kind>> {
    let mut header = [0; HEADER_BYTES];
    if !read_whole(reader, &mut header)? {
        return Ok(None);
    }
    let [kind, l0, l1, l2, l3, c0, c1, c2, c3] = header;
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    let Some(known) = Kind::of(kind).filter(|_| length <= FRAME_CAP) else {
        return Ok(None);
    };
    payload.clear();
    // A torn length must not cost memory: only what is really there is read.
    reader.take(u64::from(length)).read_to_end(payload)?;
    let whole = payload.len() == length as usize;
    let intact = checksum(kind, payload) == u32::from_le_bytes([c0, c1, c2, c3]);
    Ok((whole && intact).then_some(known))
}

fn checksum(kind: u8, payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&[kind]), payload)
}

/// The attempts of a repeat, in the order in which they ended.
#[derive(Debug)]
pub struct Attempts {
    path: PathBuf,
    file: File,
    blocks: std::vec::IntoIter<Place>,
    payload: Vec<u8>,
    from: usize,
}

impl Attempts {
    fn next_block(&mut self) -> Option<Result<(), JournalError>> {
        let (at, length) = self.blocks.next()?;
        self.payload.resize(length as usize, 0);
        self.from = 0;
        let read = self
            .file
            .seek(SeekFrom::Start(at))
            .and_then(|_| self.file.read_exact(&mut self.payload));
        Some(read.map_err(|source| JournalError::Io {
            doing: "read",
            path: self.path.clone(),
            source,
        }))
    }
}

impl Iterator for Attempts {
    type Item = Result<Attempt, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.from == self.payload.len() {
            if let Err(error) = self.next_block()? {
                return Some(Err(error));
            }
        }
        match postcard::take_from_bytes::<Attempt>(&self.payload[self.from..]) {
            Ok((attempt, rest)) => {
                self.from = self.payload.len() - rest.len();
                Some(Ok(attempt))
            }
            Err(error) => {
                self.from = self.payload.len();
                Some(Err(JournalError::Record {
                    path: self.path.clone(),
                    reason: error.to_string(),
                }))
            }
        }
    }
}

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

/// Reads a block back.
///
/// # Errors
/// Where it was not made by [`encode`].
#[cfg(test)]
pub fn decode(mut block: &[u8]) -> Result<Vec<Attempt>, postcard::Error> {
    let mut attempts = Vec::new();
    while !block.is_empty() {
        let (attempt, rest) = postcard::take_from_bytes(block)?;
        attempts.push(attempt);
        block = rest;
    }
    Ok(attempts)
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

#[cfg(test)]
mod tests;
