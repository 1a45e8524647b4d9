//! A lane's records: encoded where they arise, handed over in blocks, never waited for.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::Sender;

use super::live::{Gathered, Live};
use crate::foundation::units::Offset;
use crate::instruments::record::{Attempt, journal};

/// A block is handed over when it is this long, or 100 ms old.
const BLOCK_BYTES: usize = 64 << 10;
/// Past so many bytes on their way to the disk the repeat is void, so that memory stays flat.
const WAITING_CAP_BYTES: u64 = 64 << 20;

/// The lane's end of the way to the journal.
pub(super) struct Recorder {
    block: Vec<u8>,
    blocks: Sender<Vec<u8>>,
    live: Arc<Live>,
    pub(super) gathered: Gathered,
}

impl Recorder {
    pub(super) fn new(blocks: Sender<Vec<u8>>, live: Arc<Live>) -> Self {
        Self {
            block: Vec::with_capacity(BLOCK_BYTES + 4096),
            blocks,
            live,
            gathered: Gathered::default(),
        }
    }

    /// Takes a record.
    pub(super) fn push(&mut self, attempt: &Attempt) {
        match journal::encode(attempt, std::mem::take(&mut self.block)) {
            Ok(block) => self.block = block,
            Err(error) => tracing::error!(%error, "an attempt could not be encoded"),
        }
        if self.block.len() >= BLOCK_BYTES {
            self.hand_over_block();
        }
    }

    fn hand_over_block(&mut self) {
        if self.block.is_empty() {
            return;
        }
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK_BYTES + 4096));
        let bytes = block.len() as u64;
        let waiting = self.live.waiting_bytes.fetch_add(bytes, Relaxed) + bytes;
        if waiting > WAITING_CAP_BYTES {
            self.live.overflowed.store(true, Relaxed);
        }
        // The receiver is gone only after it failed to write; then the repeat is being ended.
        let _ = self.blocks.send(block);
    }

    /// Hands over what there is, and merges what was gathered.
    pub(super) fn hand_over(&mut self, now: Offset, intended: u64) {
        self.hand_over_block();
        self.live.merge(&mut self.gathered, now, intended);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::instruments::record::{Clocks, Phase};

    const RECORD_BYTES: usize = 1 << 20;

    /// An attempt whose record is a mebibyte, to the byte.
    fn attempt() -> Attempt {
        let mut attempt = Attempt::unsent(Phase::Measured, 0, Clocks::default());
        attempt.params = "x".repeat(RECORD_BYTES);
        let beside = journal::encode(&attempt, Vec::new()).unwrap().len() - RECORD_BYTES;
        attempt.params.truncate(RECORD_BYTES - beside);
        attempt
    }

    #[test]
    fn more_than_64_mebibytes_that_wait_for_the_disk_overflow() {
        let (sender, on_the_way) = mpsc::channel();
        let live = Arc::new(Live::new());
        let mut recorder = Recorder::new(sender, Arc::clone(&live));
        let attempt = attempt();
        for _ in 0..64 {
            recorder.push(&attempt);
        }
        assert_eq!(live.waiting_bytes.load(Relaxed), 64 << 20);
        assert!(!live.overflowed.load(Relaxed), "64 MiB may wait");
        recorder.push(&attempt);
        assert!(live.overflowed.load(Relaxed), "nobody took the 65th");
        drop(recorder);
        let bytes: usize = on_the_way.iter().map(|block| block.len()).sum();
        assert_eq!(bytes, 65 << 20, "what waits is counted whole");
    }
}
