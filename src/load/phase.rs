//! A phase: its cursor, supply and settings made from the cell, and what came of it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::descriptors::Grants;
use super::lane::Common;
use super::pace::{self, Batch, Bounds, Cursor, Open, Pace, Schedule};
use super::samples::Samples;
use super::supply::{Maker, Supply};
use super::{Blocks, LoadError, PaceKind, RepeatReport, Settings, Stop, Timing, Work, row};
use crate::foundation::seed::Seed;
use crate::foundation::units::{Offset, Rate};
use crate::instruments::record::{Counts, Ended, OwnFigures, OwnSecond, Phase, journal};
use crate::instruments::telemetry::process;
use crate::kinds::arrival;

/// Requests that are made ready ahead of the cursor at least.
const WINDOW: usize = 1024;
/// Rows of what was not sent are written in blocks of about this length.
const BLOCK_BYTES: usize = 64 << 10;

/// A phase that is ready to run.
pub(super) struct PhaseRun<'a> {
    work: &'a Work<'a>,
    pub(super) common: Common,
    pub(super) slots: Option<u32>,
}

impl<'a> PhaseRun<'a> {
    pub(super) fn new(
        work: &'a Work<'a>,
        phase: Phase,
        simulated: bool,
    ) -> Result<Self, LoadError> {
        let cell = work.cell;
        let load = &cell.load;
        let seed = cell.seed.index(u64::from(work.repeat));
        let warming = phase == Phase::Warmup;
        let slots = if warming {
            Some(load.warmup.concurrency.max(1))
        } else {
            cell.concurrency.limit()
        };
        let (pace, again, burst) = pace(work, phase, seed)?;
        let kind = match &pace {
            Pace::Open(_) => PaceKind::Open,
            Pace::Batch(_) => PaceKind::Batch,
            Pace::Closed => PaceKind::Closed,
        };
        let name = if warming { "warmup" } else { "request" };
        let maker = Maker::new(&work.requests, phase, requests_of(work), seed.derive(name));
        let supply = if simulated {
            Supply::inline(maker)
        } else {
            Supply::ahead(maker, burst.saturating_mul(2).max(WINDOW))?
        };
        let settings = Settings {
            phase,
            pace: kind,
            requests: work.requests.clone(),
            origins: work.origins.clone(),
            grants: Grants::new(work.connections),
            timing: Timing {
                timeouts: load.timeouts,
                drain: load.drain.unwrap_or(load.timeouts.total),
                retries: load.retries,
                precise: load.precise,
                catch_up_burst: load.catch_up_burst,
                think: if warming {
                    Default::default()
                } else {
                    load.think_time
                },
                ramp: if warming { Duration::ZERO } else { load.ramp },
            },
            seed,
            samples: Samples::wanting(if warming { 0 } else { work.samples }),
            redactor: Arc::clone(&work.redactor),
        };
        work.live.begin(phase);
        let common = Common {
            settings: Arc::new(settings),
            cursor: Arc::new(Cursor::new(pace, bounds(work, phase), supply, again)),
            live: Arc::clone(&work.live),
            stops: [work.stop.clone(), Stop::default()],
        };
        Ok(Self {
            work,
            common,
            slots,
        })
    }

    pub(super) fn lanes(&self) -> u32 {
        let cores = || u32::try_from(process::cores()).unwrap_or(1);
        let cores = self.work.lanes.unwrap_or_else(cores);
        self.slots.map_or(cores, |slots| cores.min(slots)).max(1)
    }

    /// What the repeat came to where it ends with its warm-ups: none was ok, or it was stopped.
    ///
    /// # Errors
    /// Where requests could not be made ready.
    pub(super) fn after_warmup(&self) -> Result<Option<RepeatReport>, LoadError> {
        if let Some(error) = self.common.cursor.supply().failure() {
            return Err(error);
        }
        let ended = if self.work.stop.is_stopped() {
            Ended::Interrupted
        } else if self.common.live.ok.load(Relaxed) > 0 {
            return Ok(None);
        } else {
            Ended::WarmupFailed
        };
        let (counts, own) = (Counts::default(), OwnFigures::default());
        Ok(Some(RepeatReport {
            ended,
            counts,
            own,
            samples: Vec::new(),
        }))
    }

    /// Writes the rows of what was due and not sent, and says what came of the repeat.
    pub(super) fn finish(
        &self,
        blocks: &mut dyn Blocks,
        stopped: Offset,
        seconds: Vec<OwnSecond>,
    ) -> Result<RepeatReport, LoadError> {
        let Common {
            cursor,
            live,
            settings,
            ..
        } = &self.common;
        if let Some(error) = cursor.supply().failure() {
            return Err(error);
        }
        let unsent_for_slots = self.write_unsent(blocks, stopped)?;
        let (ok, failed, unsent) = (
            live.ok.load(Relaxed),
            live.failed.load(Relaxed),
            live.unsent.load(Relaxed),
        );
        let (out_of_descriptors, out_of_ports) = live.hits();
        let ended = if self.work.stop.is_stopped() {
            Ended::Interrupted
        } else if live.overflowed.load(Relaxed) {
            Ended::RecordsOverflowed
        } else if cursor.dataset_ended() && requests_missing(self.work, ok + failed + unsent) {
            Ended::DatasetEnded
        } else {
            Ended::Complete
        };
        Ok(RepeatReport {
            ended,
            counts: Counts {
                intended: ok + failed + unsent,
                ok,
                failed,
                unsent,
            },
            own: OwnFigures {
                lateness: live.lateness(),
                lateness_counts: live.lateness_counts(),
                canary_counts: live.canary_counts(),
                read_late_counts: live.read_late_counts(),
                went_out: live.went_out(),
                last_sent: live.last_sent(),
                spun_ns: live.spun_ns(),
                seconds,
                out_of_descriptors,
                out_of_ports,
                starved: cursor.starved(),
                waited_for_slot: live.waited_for_slot.load(Relaxed),
                unsent_for_slots,
            },
            samples: settings.samples.take(),
        })
    }

    /// Rows of what was scheduled before the end and never claimed; how many of them since no slot was free.
    fn write_unsent(&self, blocks: &mut dyn Blocks, stopped: Offset) -> Result<u64, LoadError> {
        let Common {
            cursor,
            live,
            settings,
            ..
        } = &self.common;
        let mut block = Vec::new();
        let mut count = 0;
        while let Some(ticket) = cursor.unsent(stopped) {
            count += 1;
            let unsent = row::unsent(settings.phase, &ticket, stopped);
            block = journal::encode(&unsent, block).map_err(|_| LoadError::Bug)?;
            if block.len() >= BLOCK_BYTES {
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

/// When no more are begun.
fn bounds(work: &Work<'_>, phase: Phase) -> Bounds {
    let load = &work.cell.load;
    if phase == Phase::Warmup {
        return Bounds {
            requests: Some(load.warmup.requests),
            until: None,
        };
    }
    Bounds {
        requests: requests_of(work),
        until: load.duration.map(|duration| Offset::ZERO + duration),
    }
}

/// How requests follow each other; the same schedule once more where there is one; how many may be due at one moment.
fn pace(
    work: &Work<'_>,
    phase: Phase,
    seed: Seed,
) -> Result<(Pace, Option<Schedule>, usize), LoadError> {
    let cell = work.cell;
    let at_once = |requests: u64| usize::try_from(requests).unwrap_or(usize::MAX);
    if phase == Phase::Warmup {
        return Ok((
            Pace::Closed,
            None,
            at_once(u64::from(cell.load.warmup.concurrency)),
        ));
    }
    if cell.arrival == arrival::Kind::Batch {
        let size = cell.load.batch;
        return Ok((
            Pace::Batch(Batch::new(size)),
            None,
            at_once(u64::from(size)),
        ));
    }
    let paced = cell.rate != Rate::Infinite || cell.arrival.sets_own_times();
    if let (false, Some(slots)) = (paced, cell.concurrency.limit()) {
        return Ok((Pace::Closed, None, at_once(u64::from(slots))));
    }
    let schedule = || -> Result<Schedule, LoadError> {
        let arrival = cell.arrival.open(parameters(work)?)?;
        let arrival = arrival.unwrap_or_else(|| Box::new(pace::AtOnce));
        Ok(Schedule::new(arrival, seed.derive("arrivals").generator()))
    };
    let burst = if paced {
        1
    } else {
        at_once(requests_of(work).unwrap_or(1))
    };
    Ok((Pace::Open(Open::new(schedule()?)), Some(schedule()?), burst))
}

/// What the cell's arrival process is opened from.
fn parameters(work: &Work<'_>) -> Result<arrival::Parameters, LoadError> {
    let cell = work.cell;
    let mut timestamps_s = Vec::new();
    if let (true, Some(rows)) = (cell.arrival.sets_own_times(), &work.requests.rows) {
        for at in 0..rows.len().unwrap_or_default() {
            timestamps_s.extend(rows.row(at)?.timestamp_s);
        }
    }
    Ok(arrival::Parameters {
        per_second: cell.rate.per_second(),
        burstiness: cell.load.burstiness,
        timestamps_s: timestamps_s.into(),
        speed: cell.load.speed,
    })
}
