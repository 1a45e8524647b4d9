//! The reading end: what was committed, and its attempts a block at a time.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::{FRAME_CAP, HEADER_BYTES, JournalError, Kind, MAGIC, Observation, checksum};
use crate::instruments::record::{Attempt, Commit};

/// Blocks that are read together.
const PIECE_BYTES: u32 = 2 << 20;

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
    /// Its blocks in pieces that follow each other, each of two megabytes or so: they can be read apart. Where one ends
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
    pub(super) end: u64,
    /// Whether blocks follow the last commit.
    pub(super) uncommitted: bool,
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
