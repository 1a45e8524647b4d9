//! Progress of a run: a live view on a terminal, plain lines without one.

use std::io::Write;
use std::time::Duration;

use super::Colour;

/// The figures of a run at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    /// Time since the run began.
    pub elapsed: Duration,
    /// The cell's number, from 1.
    pub cell: usize,
    /// How many cells there are.
    pub cells: usize,
    /// What tells the cell from the others: `rate=2,concurrency=8`.
    pub label: String,
    /// The repeat, from 1.
    pub repeat: u32,
    /// How many repeats.
    pub repeats: u32,
    /// Whether warm-ups are being sent.
    pub warmup: bool,
    /// Rate offered in requests per second; none in a closed loop.
    pub offered_rate: Option<f64>,
    /// Rate at which requests were sent over the last seconds.
    pub achieved_rate: Option<f64>,
    /// Requests in flight.
    pub in_flight: u64,
    /// Requests of this repeat that were ok so far.
    pub ok: u64,
    /// Requests of this repeat that failed so far.
    pub failed: u64,
    /// Median e2e in seconds so far.
    pub p50: Option<f64>,
    /// p99 of e2e in seconds so far.
    pub p99: Option<f64>,
    /// Share of the whole run that is done, 0 to 1.
    pub done: f64,
    /// Time that the rest will take, where it can be told.
    pub remaining: Option<Duration>,
}

/// A cell whose repeats are all done, or one repeat of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CellDone {
    /// Its number, from 1.
    pub cell: usize,
    /// How many cells there are.
    pub cells: usize,
    /// What tells it from the others.
    pub label: String,
    /// The repeat, from 1.
    pub repeat: u32,
    /// How many repeats.
    pub repeats: u32,
    /// Requests that were ok.
    pub ok: u64,
    /// Requests that failed or were not sent.
    pub failed: u64,
    /// ok / duration.
    pub throughput: Option<f64>,
    /// Median e2e in seconds.
    pub p50: Option<f64>,
    /// p99 of e2e in seconds.
    pub p99: Option<f64>,
    /// `INVALID`, `CLIENT_LIMITED`, or nothing to say.
    pub status: Option<String>,
}

/// Shows progress on a stream.
pub struct Progress {
    out: Box<dyn Write + Send>,
}

impl Progress {
    /// Progress on stderr: live where `live`, else a line a cell and a line a minute.
    pub fn stderr(live: bool, colour: Colour) -> Self {
        let _ = (live, colour);
        Self { out: Box::new(std::io::stderr()) }
    }

    /// Shows the figures of this moment; to be called a few times a second.
    pub fn update(&mut self, snapshot: &Snapshot) {
        let _ = snapshot;
    }

    /// Shows that a repeat of a cell is done.
    pub fn cell_done(&mut self, done: &CellDone) {
        let _ = done;
    }

    /// Shows a line above the live view.
    pub fn note(&mut self, text: &str) {
        // A closed stderr ends no run.
        let _ = writeln!(self.out, "{text}");
    }

    /// Takes the live view away.
    pub fn finish(&mut self) {}
}
