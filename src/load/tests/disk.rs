//! A disk that takes no record: what waits for it is bounded, and the load does not go on unwritten.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed, Ordering::SeqCst};
use std::time::{Duration, Instant};

use super::bench::*;
use super::faults::{OK, request, server};
use crate::instruments::record::Ended;
use crate::instruments::record::journal::{self, JournalError};
use crate::instruments::transport::Options;
use crate::load::{Blocks, Live};

/// Takes nothing while one of the target's connections is open, which is until the load has ended.
struct Stuck {
    opened: Arc<AtomicU32>,
    closed: Arc<AtomicU32>,
    live: Arc<Live>,
    /// What waited when the load had ended.
    waited_bytes: u64,
    kept: Kept,
}

impl Blocks for Stuck {
    fn block(&mut self, attempts: &[u8]) -> Result<(), JournalError> {
        let begun = Instant::now();
        while self.opened.load(SeqCst) == 0 || self.closed.load(SeqCst) < self.opened.load(SeqCst) {
            assert!(
                begun.elapsed() < Duration::from_secs(120),
                "the load goes on with {} bytes that wait",
                self.live.waiting_bytes.load(Relaxed)
            );
            std::thread::yield_now();
        }
        self.waited_bytes = self.waited_bytes.max(self.live.waiting_bytes.load(Relaxed));
        self.kept.block(attempts)
    }
}

/// A gibibyte of records is asked for.
#[test]
fn a_disk_that_is_stuck_ends_the_load_with_little_more_than_64_mebibytes_waiting() {
    const RECORD_BYTES: usize = 64 << 10;
    const REQUESTS: u64 = 16 << 10;
    let closed = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&closed);
    let (address, opened) = server(move |mut stream| {
        while request(&mut stream) {
            let _ = stream.write_all(OK);
        }
        count.fetch_add(1, SeqCst);
    });
    let mut cell = cell();
    cell.concurrency = at_most(4);
    cell.load.requests = Some(REQUESTS);
    let live = Arc::new(Live::new());
    let mut disk = Stuck {
        opened,
        closed,
        live: Arc::clone(&live),
        waited_bytes: 0,
        kept: Kept::default(),
    };
    let report = over_sockets_onto(&mut disk, &Options::default(), (&cell, address), |work| {
        work.live = live;
        let text = "x".repeat(RECORD_BYTES).into();
        work.requests.layers.matrix.insert("text".into(), text);
    });
    assert_eq!(report.ended, Ended::RecordsOverflowed);
    assert!(
        (64 << 20..128 << 20).contains(&disk.waited_bytes),
        "{} bytes waited",
        disk.waited_bytes
    );
    let tried = report.counts.ok + report.counts.failed;
    assert!(tried < REQUESTS / 4, "{:?}", report.counts);
    let written = journal::decode(&disk.kept.0).unwrap();
    assert_eq!(
        written.len() as u64,
        report.counts.intended,
        "what was sent is written once the disk goes on"
    );
}
