//! One repeat of one cell: lanes, pace, slots, attempts, records. Never looks into a body and knows no JSON.
//!
//! Begin at [`run_repeat`]. A phase (warm-up, then measured) has one [`pace`] cursor that all lanes claim from; a
//! [`lane`] gives what it claimed to a [`slot`]; an [`attempt`] carries a protocol's steps out over the slot's connection;
//! a [`recorder`] hands records over in blocks. Pace, stop condition, transport and recording know nothing of each other.

mod attempt;
mod error;
mod lane;
mod live;
mod pace;
mod recorder;
mod samples;
mod slot;
mod stop;
mod supply;
mod watch;

use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

pub use error::LoadError;
pub use live::{Figures, Live};
pub use samples::KeptSample;
pub use stop::Stop;
pub use supply::Requests;

use crate::foundation::clock::{self, Clock, Timer};
use crate::foundation::secret::Redactor;
use crate::foundation::seed::Seed;
use crate::foundation::units::{Offset, Rate};
use crate::instruments::record::journal::{Journal, JournalError};
use crate::instruments::record::{Attempt, Counts, Ended, OwnFigures, OwnSecond, Phase, journal};
use crate::instruments::telemetry::process;
use crate::instruments::transport::Origin;
use crate::kinds::arrival;
use crate::plan::Cell;
use crate::scenario::Timeouts;
use lane::{Common, Lane, Share};
use pace::{Batch, Bounds, Cursor, Open, Pace, Schedule};
use samples::Samples;
use supply::{Maker, Supply};

/// Requests that are made ready ahead of the cursor at least.
const WINDOW: usize = 1024;
/// Descriptors that we need beside the connections.
const OWN_DESCRIPTORS: u64 = 64;

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
    /// Requests whose samples are kept.
    pub samples: u32,
    /// Stands before every text that is recorded.
    pub redactor: Arc<Redactor>,
    /// Ends it early.
    pub stop: Stop,
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
    /// The last attempt at each warm-up, by index: what SLOs are estimated from.
    pub warmups: Vec<Attempt>,
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
    /// Each slot is a client.
    closed: bool,
    /// The schedule is fixed beforehand.
    open: bool,
    requests: Requests,
    origins: Vec<Arc<Origin>>,
    timeouts: Timeouts,
    drain: Duration,
    retries: u32,
    precise: bool,
    catch_up_burst: bool,
    think: (Duration, Duration),
    ramp: Duration,
    seed: Seed,
    samples: Samples,
    redactor: Arc<Redactor>,
    /// Where the last attempts at warm-ups are kept too.
    warmups: Option<Mutex<Vec<Attempt>>>,
}

/// Runs a repeat: its warm-ups, then its measured requests. Blocks the calling thread, which writes the records.
///
/// Nothing is committed: that is for who knows what the repeat is worth.
///
/// # Errors
/// Where rows cannot be had, records cannot be written, or the machine grants no threads or descriptors.
pub fn run_repeat(work: &Work<'_>, blocks: &mut dyn Blocks) -> Result<RepeatReport, LoadError> {
    enough_descriptors(work)?;
    let mut warmups = Vec::new();
    if work.cell.load.warmup.requests > 0 {
        let phase = PhaseRun::new(work, Phase::Warmup, false)?;
        run_phase(&phase, blocks)?;
        warmups = phase.warmups();
        if let Some(report) = phase.after_warmup(&warmups) {
            return Ok(report);
        }
    }
    let phase = PhaseRun::new(work, Phase::Measured, false)?;
    let (seconds, stopped) = run_phase(&phase, blocks)?;
    phase.finish(blocks, stopped, seconds, warmups)
}

/// Runs a repeat on the simulated clock, in one lane within the current runtime: a paused [`clock::Lane`].
///
/// # Errors
/// As [`run_repeat`].
pub async fn simulate_repeat(work: &Work<'_>, blocks: &mut dyn Blocks) -> Result<RepeatReport, LoadError> {
    let mut warmups = Vec::new();
    if work.cell.load.warmup.requests > 0 {
        let phase = PhaseRun::new(work, Phase::Warmup, true)?;
        simulate_phase(&phase, blocks).await?;
        warmups = phase.warmups();
        if let Some(report) = phase.after_warmup(&warmups) {
            return Ok(report);
        }
    }
    let phase = PhaseRun::new(work, Phase::Measured, true)?;
    let stopped = simulate_phase(&phase, blocks).await?;
    phase.finish(blocks, stopped, Vec::new(), warmups)
}

fn enough_descriptors(work: &Work<'_>) -> Result<(), LoadError> {
    let (Some(slots), Some(limit)) = (work.cell.concurrency.limit(), process::raise_descriptor_limit()) else {
        return Ok(());
    };
    let needed = u64::from(slots) + OWN_DESCRIPTORS;
    if needed > limit { Err(LoadError::Descriptors { needed, limit }) } else { Ok(()) }
}

/// A phase that is ready to run.
struct PhaseRun<'a> {
    work: &'a Work<'a>,
    phase: Phase,
    common: Common,
    slots: Option<u32>,
}

impl<'a> PhaseRun<'a> {
    fn new(work: &'a Work<'a>, phase: Phase, simulated: bool) -> Result<Self, LoadError> {
        let cell = work.cell;
        let load = &cell.load;
        let seed = cell.seed.index(u64::from(work.repeat));
        let warming = phase == Phase::Warmup;
        let slots = if warming { Some(load.warmup.concurrency.max(1)) } else { cell.concurrency.limit() };
        let bounds = if warming {
            Bounds { requests: Some(load.warmup.requests), until: None }
        } else {
            Bounds { requests: requests_of(work), until: load.duration.map(|duration| Offset::ZERO + duration) }
        };
        let (pace, again, burst) = pace(work, phase, seed)?;
        let closed = matches!(pace, Pace::Closed);
        let open = matches!(pace, Pace::Open(_));
        let name = if warming { "warmup" } else { "request" };
        let maker = Maker::new(&work.requests, phase, requests_of(work), seed.derive(name));
        let supply = if simulated {
            Supply::inline(maker)
        } else {
            Supply::ahead(maker, burst.saturating_mul(2).max(WINDOW))?
        };
        let settings = Settings {
            phase,
            closed,
            open,
            requests: work.requests.clone(),
            origins: work.origins.clone(),
            timeouts: load.timeouts,
            drain: load.drain.unwrap_or(load.timeouts.total),
            retries: load.retries,
            precise: load.precise,
            catch_up_burst: load.catch_up_burst,
            think: if warming { (Duration::ZERO, Duration::ZERO) } else { load.think_time },
            ramp: if warming { Duration::ZERO } else { load.ramp },
            seed,
            samples: Samples::wanting(if warming { 0 } else { work.samples }),
            redactor: Arc::clone(&work.redactor),
            warmups: warming.then(Mutex::default),
        };
        work.live.begin(phase);
        let common = Common {
            settings: Arc::new(settings),
            cursor: Arc::new(Cursor::new(pace, bounds, supply, again)),
            live: Arc::clone(&work.live),
            stops: [work.stop.clone(), Stop::default()],
        };
        Ok(Self { work, phase, common, slots })
    }

    fn lanes(&self) -> u32 {
        let cores = u32::try_from(process::cores()).unwrap_or(1);
        self.slots.map_or(cores, |slots| cores.min(slots)).max(1)
    }

    fn warmups(&self) -> Vec<Attempt> {
        let Some(warmups) = &self.common.settings.warmups else { return Vec::new() };
        let mut warmups = std::mem::take(&mut *warmups.lock().unwrap_or_else(PoisonError::into_inner));
        warmups.sort_by_key(|attempt| attempt.index);
        warmups
    }

    /// What the repeat came to where it ends with its warm-ups: none was ok, or it was stopped.
    fn after_warmup(&self, warmups: &[Attempt]) -> Option<RepeatReport> {
        let ended = if self.work.stop.is_stopped() {
            Ended::Interrupted
        } else if warmups.iter().any(|attempt| attempt.outcome.is_ok()) {
            return None;
        } else {
            Ended::WarmupFailed
        };
        let (counts, own) = (Counts::default(), OwnFigures::default());
        Some(RepeatReport { ended, counts, own, warmups: warmups.to_vec(), samples: Vec::new() })
    }

    /// Writes the rows of what was due and not sent, and says what came of the repeat.
    fn finish(
        &self,
        blocks: &mut dyn Blocks,
        stopped: Offset,
        seconds: Vec<OwnSecond>,
        warmups: Vec<Attempt>,
    ) -> Result<RepeatReport, LoadError> {
        let Common { cursor, live, settings, .. } = &self.common;
        if let Some(error) = cursor.supply().failure() {
            return Err(error);
        }
        let unsent_for_slots = self.write_unsent(blocks, stopped)?;
        let (ok, failed, unsent) =
            (live.ok.load(Relaxed), live.failed.load(Relaxed), live.unsent.load(Relaxed));
        let (out_of_descriptors, out_of_ports) = live.hits();
        let ended = if self.work.stop.is_stopped() {
            Ended::Interrupted
        } else if cursor.dataset_ended() && requests_missing(self.work, ok + failed + unsent) {
            Ended::DatasetEnded
        } else {
            Ended::Complete
        };
        Ok(RepeatReport {
            ended,
            counts: Counts { intended: ok + failed + unsent, sent: ok + failed, ok, failed, unsent },
            own: OwnFigures {
                lateness: live.lateness(),
                seconds,
                out_of_descriptors,
                out_of_ports,
                records_overflowed: live.overflowed.load(Relaxed),
                starved: cursor.starved(),
                waited_for_slot: live.waited_for_slot.load(Relaxed),
                unsent_for_slots,
            },
            warmups,
            samples: settings.samples.take(),
        })
    }

    /// Rows of what was scheduled before the end and never claimed; how many of them since no slot was free.
    fn write_unsent(&self, blocks: &mut dyn Blocks, stopped: Offset) -> Result<u64, LoadError> {
        let Common { cursor, live, settings, .. } = &self.common;
        let mut block = Vec::new();
        let mut count = 0;
        while let Some(ticket) = cursor.unsent(stopped) {
            count += 1;
            let row = attempt::unsent(settings.phase, &ticket);
            block = journal::encode(&row, block).map_err(|_| LoadError::Bug)?;
            if block.len() >= 64 << 10 {
                blocks.block(&block)?;
                block.clear();
            }
        }
        blocks.block(&block)?;
        live.unsent.fetch_add(count, Relaxed);
        Ok(if self.slots.is_some() { count } else { 0 })
    }
}

/// Requests of the measured phase, where that is known: with neither `requests` nor `duration`, each row once.
fn requests_of(work: &Work<'_>) -> Option<u64> {
    let load = &work.cell.load;
    match (load.requests, load.duration) {
        (None, None) => match &work.requests.rows {
            Some(rows) => rows.len(),
            None => Some(1),
        },
        (requests, _) => requests,
    }
}

/// Whether a dataset's end cut the repeat short of what was asked for.
fn requests_missing(work: &Work<'_>, done: u64) -> bool {
    match work.cell.load.requests {
        Some(requests) => done < requests,
        None => work.cell.load.duration.is_some(),
    }
}

/// How requests follow each other; the same schedule once more where there is one; how many may be due at one moment.
fn pace(work: &Work<'_>, phase: Phase, seed: Seed) -> Result<(Pace, Option<Schedule>, usize), LoadError> {
    let cell = work.cell;
    let at_once = |requests: u64| usize::try_from(requests).unwrap_or(usize::MAX);
    if phase == Phase::Warmup {
        return Ok((Pace::Closed, None, at_once(u64::from(cell.load.warmup.concurrency))));
    }
    if cell.arrival == arrival::Kind::Batch {
        let size = cell.load.batch;
        return Ok((Pace::Batch(Batch::new(size)), None, at_once(u64::from(size))));
    }
    let paced = cell.rate != Rate::Infinite || cell.arrival == arrival::Kind::Trace;
    if let (false, Some(slots)) = (paced, cell.concurrency.limit()) {
        return Ok((Pace::Closed, None, at_once(u64::from(slots))));
    }
    let schedule = || -> Result<Schedule, LoadError> {
        let arrival = match process(work)? {
            Some(process) => arrival::open(process)?,
            None => Box::new(pace::AtOnce),
        };
        Ok(Schedule::new(arrival, seed.derive("arrivals").generator()))
    };
    let burst = if paced { 1 } else { at_once(requests_of(work).unwrap_or(1)) };
    Ok((Pace::Open(Open::new(schedule()?)), Some(schedule()?), burst))
}

/// The cell's arrival process; `None` where all is sent at once.
fn process(work: &Work<'_>) -> Result<Option<arrival::Process>, LoadError> {
    let cell = work.cell;
    let burstiness = cell.load.burstiness;
    Ok(match (cell.arrival, cell.rate.per_second()) {
        (arrival::Kind::Trace, _) => {
            let mut timestamps_s = Vec::new();
            if let Some(rows) = &work.requests.rows {
                for at in 0..rows.len().unwrap_or_default() {
                    timestamps_s.extend(rows.row(at)?.timestamp_s);
                }
            }
            Some(arrival::Process::Trace { timestamps_s: timestamps_s.into(), speed: cell.load.speed })
        }
        (_, None) | (arrival::Kind::Batch, _) => None,
        (arrival::Kind::Constant, Some(per_second)) => Some(arrival::Process::Constant { per_second }),
        (arrival::Kind::Poisson, Some(per_second)) => Some(arrival::Process::Poisson { per_second }),
        (arrival::Kind::Gamma, Some(per_second)) => Some(arrival::Process::Gamma { per_second, burstiness }),
    })
}

/// Runs a phase over the lanes of this machine; this thread writes the records. Gives the generator's seconds, and the
/// moment at which sending had ended.
fn run_phase(phase: &PhaseRun<'_>, blocks: &mut dyn Blocks) -> Result<(Vec<OwnSecond>, Offset), LoadError> {
    let lanes = phase.lanes();
    let common = &phase.common;
    let clock = OnceLock::new();
    let (sender, receiver) = mpsc::channel();
    let (ready, all_ready) = mpsc::channel();
    let (watching, done) = mpsc::channel();
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        let mut result = Ok(());
        for number in 0..lanes {
            let share = Share { lane: number, lanes, slots: phase.slots };
            let (sender, ready, clock) = (sender.clone(), ready.clone(), &clock);
            let lane = move || run_lane(common, share, sender, (ready, clock));
            match std::thread::Builder::new().name(format!("lane-{number}")).spawn_scoped(scope, lane) {
                Ok(thread) => threads.push(thread),
                Err(source) => {
                    result = Err(LoadError::Thread { source });
                    common.stops[1].stop();
                }
            }
        }
        // All lanes begin together: the clock starts when the last is ready, or has failed.
        drop(ready);
        while all_ready.recv().is_ok() {}
        let _ = clock.set(Clock::real());
        drop(sender);
        let started = &clock;
        let watch = scope.spawn(move || watch::watch(common, started, &done));
        let written = write(&receiver, common, blocks);
        let mut stopped = Offset::ZERO;
        for thread in threads {
            match thread.join() {
                Ok(Ok(over)) => stopped = stopped.max(over),
                Ok(Err(error)) => result = Err(error),
                Err(_) => result = Err(LoadError::Bug),
            }
        }
        drop(watching);
        let seconds = watch.join().map_err(|_| LoadError::Bug)?;
        written?;
        result?;
        Ok((seconds, stopped))
    })
}

/// One lane's thread.
fn run_lane(
    common: &Common,
    share: Share,
    blocks: Sender<Vec<u8>>,
    (ready, clock): (Sender<()>, &OnceLock<Clock>),
) -> Result<Offset, LoadError> {
    let runtime = clock::lane(false);
    drop(ready);
    let runtime = runtime.map_err(|source| LoadError::Lane { source })?;
    let clock = clock.wait();
    runtime.block_on(async {
        let timer = Timer::new(clock).map_err(|source| LoadError::Lane { source })?;
        let lane = Lane::new(common, share, timer, blocks);
        Ok(lane.run().await)
    })
}

/// Writes blocks until no lane has any more. A disk that refuses ends the phase.
fn write(receiver: &Receiver<Vec<u8>>, common: &Common, blocks: &mut dyn Blocks) -> Result<(), LoadError> {
    let mut result = Ok(());
    while let Ok(block) = receiver.recv() {
        if result.is_ok() {
            result = blocks.block(&block);
            if result.is_err() {
                common.stops[1].stop();
            }
        }
        common.live.waiting_bytes.fetch_sub(block.len() as u64, Relaxed);
    }
    Ok(result?)
}

/// Runs a phase on the simulated clock.
async fn simulate_phase(phase: &PhaseRun<'_>, blocks: &mut dyn Blocks) -> Result<Offset, LoadError> {
    let (sender, receiver) = mpsc::channel();
    let timer = Timer::new(&Clock::simulated()).map_err(|source| LoadError::Lane { source })?;
    let share = Share { lane: 0, lanes: 1, slots: phase.slots };
    let lane = Lane::new(&phase.common, share, timer, sender);
    let stopped = Box::pin(lane.run()).await;
    write(&receiver, &phase.common, blocks)?;
    Ok(stopped)
}

#[cfg(test)]
mod tests;
