//! One repeat of one cell: lanes, pace, slots, attempts, records. Never looks into a body and knows no JSON.
//!
//! Begin at [`run_repeat`]. A phase (warm-up, then measured) has one [`pace`] cursor that all lanes claim from; a
//! [`lane`] gives what it claimed to a [`slot`]; an [`attempt`] carries a protocol's steps out over the slot's connection;
//! a [`recorder`] hands records over in blocks. Pace, stop condition, transport and recording know nothing of each other.

mod attempt;
mod clients;
mod descriptors;
mod error;
mod lane;
mod live;
mod pace;
mod phase;
mod recorder;
mod row;
mod samples;
mod slot;
mod slots;
mod stop;
mod supply;
mod threads;
mod watch;

use std::sync::Arc;
use std::time::Duration;

pub use descriptors::Descriptors;
pub use error::LoadError;
pub use live::{Figures, Live};
pub use samples::KeptSample;
pub use stop::Stop;
pub use supply::Requests;

use crate::foundation::secret::Redactor;
use crate::foundation::seed::Seed;
use crate::instruments::record::journal::{Journal, JournalError};
use crate::instruments::record::{Counts, Ended, OwnFigures, Phase};
use crate::instruments::transport::Origin;
use crate::plan::Cell;
use crate::scenario::Timeouts;
use descriptors::Grants;
use phase::PhaseRun;
use samples::Samples;
use threads::run_phase;

/// One repeat of one cell, with all that it needs.
pub struct Work<'a> {
    /// The cell.
    pub cell: &'a Cell,
    /// The repeat, from 1.
    pub repeat: u32,
    /// Where requests come from.
    pub requests: Requests,
    /// Where they go, round robin.
    pub origins: Vec<Arc<Origin>>,
    /// Connections that may be opened at once; `None` where the system is the one to refuse ([`Descriptors`]).
    pub connections: Option<u64>,
    /// Requests whose samples are kept.
    pub samples: u32,
    /// Stands before every text that is recorded.
    pub redactor: Arc<Redactor>,
    /// Ends it early.
    pub stop: Stop,
    /// Lanes at most; one a core where none is said. No result depends on it.
    pub lanes: Option<u32>,
    /// Figures for whoever watches.
    pub live: Arc<Live>,
}

/// What came of a repeat, beside its records.
#[derive(Debug, Clone)]
pub struct RepeatReport {
    /// Why it ended.
    pub ended: Ended,
    /// Requests, warm-ups left out.
    pub counts: Counts,
    /// What the generator saw of itself.
    pub own: OwnFigures,
    /// What was kept of the first ok requests.
    pub samples: Vec<KeptSample>,
}

/// Takes blocks of records.
pub trait Blocks {
    /// Takes a block made by [`journal::encode`].
    ///
    /// # Errors
    /// Where it cannot be kept; the repeat ends then.
    fn block(&mut self, attempts: &[u8]) -> Result<(), JournalError>;
}

impl Blocks for Journal {
    fn block(&mut self, attempts: &[u8]) -> Result<(), JournalError> {
        Self::block(self, attempts)
    }
}

/// What holds for all attempts of a phase.
struct Settings {
    phase: Phase,
    pace: PaceKind,
    requests: Requests,
    origins: Vec<Arc<Origin>>,
    grants: Grants,
    timing: Timing,
    seed: Seed,
    samples: Samples,
    redactor: Arc<Redactor>,
}

/// How requests follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PaceKind {
    /// The schedule is fixed beforehand.
    Open,
    /// Batches.
    Batch,
    /// Each slot is a client.
    Closed,
}

/// When things are done, and when they are given up.
struct Timing {
    timeouts: Timeouts,
    drain: Duration,
    retries: u32,
    precise: bool,
    catch_up_burst: bool,
    /// A client's think time: least and most.
    think: (Duration, Duration),
    ramp: Duration,
}

/// Runs a repeat: its warm-ups, then its measured requests. Blocks the calling thread, which writes the records.
///
/// Nothing is committed: that is for who knows what the repeat is worth.
///
/// # Errors
/// Where rows cannot be had, records cannot be written, or the machine grants no threads. Whether it grants descriptors is
/// asked before ([`Descriptors`]).
pub fn run_repeat(work: &Work<'_>, blocks: &mut dyn Blocks) -> Result<RepeatReport, LoadError> {
    if work.cell.load.warmup.requests > 0 {
        let phase = PhaseRun::new(work, Phase::Warmup, false)?;
        run_phase(&phase, blocks)?;
        if let Some(report) = phase.after_warmup()? {
            return Ok(report);
        }
    }
    let phase = PhaseRun::new(work, Phase::Measured, false)?;
    let (seconds, stopped) = run_phase(&phase, blocks)?;
    phase.finish(blocks, stopped, seconds)
}

/// Runs a repeat on the simulated clock, in one lane within the current runtime: a paused lane.
///
/// # Errors
/// As [`run_repeat`].
#[cfg(test)]
pub async fn simulate_repeat(
    work: &Work<'_>,
    blocks: &mut dyn Blocks,
) -> Result<RepeatReport, LoadError> {
    if work.cell.load.warmup.requests > 0 {
        let phase = PhaseRun::new(work, Phase::Warmup, true)?;
        threads::simulate_phase(&phase, blocks).await?;
        if let Some(report) = phase.after_warmup()? {
            return Ok(report);
        }
    }
    let phase = PhaseRun::new(work, Phase::Measured, true)?;
    let stopped = threads::simulate_phase(&phase, blocks).await?;
    phase.finish(blocks, stopped, Vec::new())
}

#[cfg(test)]
mod tests;
