//! One repeat within a run: what it needs put together, executed, watched, its samples kept, committed.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::credentials::{self, Vault};
use super::event::{Event, Stage};
use super::target;
use super::{Rooms, RunError, Session};
use crate::foundation::clock::{self, Clock};
use crate::foundation::units::Offset;
use crate::instruments::record::journal::Journal;
use crate::instruments::record::{Commit, SampleFile};
use crate::instruments::transport::Origin;
use crate::kinds::dataset::workload::Workload;
use crate::kinds::protocol::{self, Protocol};
use crate::load::{self, Descriptors, KeptSample, Live, RepeatReport, Requests, Work};
use crate::plan::{Cell, Execution, Opened, Plan};
use crate::results::folder;
use crate::scenario;

/// Longest text of a sample that stands in the results themselves.
const TEXT_CHARS: usize = 2000;

/// One repeat of one cell, at its place in the run.
pub struct Repeat<'a> {
    pub session: &'a Session<'a>,
    pub cell: &'a Cell,
    pub execution: Execution,
    pub place: Place,
    /// Where its cell finds the target.
    pub origins: &'a [Arc<Origin>],
}

/// Where a repeat stands in the run.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Its number in the order of the run, from 0.
    pub number: usize,
    /// How many the run has.
    pub executions: usize,
    /// How many cells the plan has.
    pub cells: usize,
    /// How long all after it take by their schedules, where that is known.
    pub rest: Option<Duration>,
}

impl Repeat<'_> {
    /// Executes it and commits it to the journal.
    pub fn execute(
        &self,
        rooms: &Rooms<'_>,
        place: (&mut Journal, &Path),
    ) -> Result<Commit, RunError> {
        let (journal, part) = place;
        let stage = self.stage();
        self.session.watcher.event(&Event::Began(stage));
        let failed = |source| RunError::Load {
            cell: self.cell.id.clone(),
            repeat: self.execution.repeat,
            source,
        };
        let target = target_of(self.session, self.cell)?;
        let connections = rooms
            .descriptors
            .enough_for(self.cell, target)
            .map_err(failed)?;
        let work = self.work(rooms, connections)?;
        let live = Arc::clone(&work.live);
        let before = self.session.signals.suspensions();
        let report = self
            .watched(&live, || load::run_repeat(&work, journal))
            .map_err(failed)?;
        let mut commit = self.commit(&report, self.keep(&report.samples, (part, rooms))?);
        commit.suspensions = self.session.signals.suspensions() - before;
        journal.commit(&commit)?;
        self.session.watcher.event(&ended(stage, &commit));
        Ok(commit)
    }

    /// What is to be done, over so many connections at once at most.
    fn work(&self, rooms: &Rooms<'_>, connections: Option<u64>) -> Result<Work<'_>, RunError> {
        let repeat = u64::from(self.execution.repeat);
        let seed = self.cell.seed.index(repeat).derive("dataset");
        Ok(Work {
            cell: self.cell,
            repeat: self.execution.repeat,
            requests: Requests {
                rows: rooms.datasets.rows(self.cell, seed)?.map(Arc::from),
                ..requests(self.session, self.cell)?
            },
            origins: self.origins.to_vec(),
            connections,
            samples: if self.execution.repeat == 1 {
                self.session.scenario.report.samples
            } else {
                0
            },
            redactor: Arc::new(rooms.redactor.clone()),
            stop: self.session.signals.stop().clone(),
            lanes: None,
            live: Arc::new(Live::new()),
        })
    }

    /// Runs the load while a thread shows its figures four times a second.
    fn watched<T>(&self, live: &Arc<Live>, run: impl FnOnce() -> T) -> T {
        let done = AtomicBool::new(false);
        let parked = std::sync::Condvar::new();
        let lock = std::sync::Mutex::new(());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
                while !done.load(Ordering::SeqCst) {
                    (guard, _) = parked
                        .wait_timeout(guard, Duration::from_millis(250))
                        .unwrap_or_else(PoisonError::into_inner);
                    self.session.watcher.figures(&live.figures());
                }
            });
            let result = run();
            // Under the lock, so that the word is not lost between the look and the wait.
            let guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
            done.store(true, Ordering::SeqCst);
            drop(guard);
            parked.notify_all();
            result
        })
    }

    fn stage(&self) -> Stage<'_> {
        let load = &self.cell.load;
        Stage {
            cell: &self.cell.id,
            number: self.execution.cell + 1,
            cells: self.place.cells,
            execution: self.place.number + 1,
            executions: self.place.executions,
            repeat: self.execution.repeat,
            // A probe that shows nothing yet is gone on with.
            repeats: load.repeats.max(self.execution.repeat),
            rate: self.cell.rate.per_second(),
            intended: load.requests,
            expected: expected(self.cell),
            rest: self.place.rest,
        }
    }

    fn commit(&self, report: &RepeatReport, samples: Vec<SampleFile>) -> Commit {
        Commit {
            cell_key: self.cell.key.clone(),
            cell_id: self.cell.id.clone(),
            repeat: self.execution.repeat,
            position: self.execution.position,
            counts: report.counts,
            ended: report.ended,
            own: report.own.clone(),
            suspensions: 0,
            addresses: target::addresses(self.origins),
            connections: target::connections(self.origins),
            samples,
            notes: Vec::new(),
        }
    }

    /// Writes kept texts, pictures and videos under `samples/`.
    fn keep(
        &self,
        kept: &[KeptSample],
        place: (&Path, &Rooms<'_>),
    ) -> Result<Vec<SampleFile>, RunError> {
        let (part, rooms) = place;
        let mut files = Vec::new();
        for (number, kept) in kept.iter().enumerate() {
            let file = format!(
                "{}-{}-{number}.{}",
                self.cell.key, kept.index, kept.sample.extension
            );
            let path = part.join(folder::SAMPLES).join(&file);
            let bytes = rooms.redactor.bytes(kept.sample.bytes.clone());
            let text = (kept.sample.extension == "txt").then(|| {
                String::from_utf8_lossy(&bytes)
                    .chars()
                    .take(TEXT_CHARS)
                    .collect()
            });
            crate::foundation::files::write_atomically(&path, &bytes).map_err(RunError::Files)?;
            files.push(SampleFile {
                index: kept.index,
                file,
                text,
            });
        }
        Ok(files)
    }
}

/// Pauses after a repeat of a cell; a stop ends the pause.
pub fn cool_down(session: &Session<'_>, cell: &Cell) -> Result<(), RunError> {
    let pause = cell.load.cooldown;
    if pause.is_zero() {
        return Ok(());
    }
    let lane = clock::lane(false).map_err(|source| RunError::Machine {
        what: "start a runtime to cool down on",
        source,
    })?;
    lane.block_on(async {
        let clock = Clock::real();
        tokio::select! {
            () = clock.sleep_until(Offset::ZERO + pause) => {}
            () = session.signals.stop().stopped() => {}
        }
    });
    Ok(())
}

/// How long a repeat of the cell takes by its schedule, its pause after it included; `None` where the target sets the
/// pace, and for a search.
pub fn expected(cell: &Cell) -> Option<Duration> {
    if cell.search.is_some() {
        return None;
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of requests stay far below 2^53"
    )]
    let by_requests =
        cell.load
            .requests
            .zip(cell.rate.per_second())
            .and_then(|(requests, rate)| {
                Duration::try_from_secs_f64(requests.saturating_sub(1) as f64 / rate).ok()
            });
    let bounds = [cell.load.duration, by_requests];
    Some(bounds.into_iter().flatten().min()? + cell.load.cooldown)
}

fn ended<'a>(stage: Stage<'a>, commit: &Commit) -> Event<'a> {
    Event::Ended {
        stage,
        ok: commit.counts.ok,
        failed: commit.counts.failed,
        unsent: commit.counts.unsent,
    }
}

/// Looks whether the machine grants every cell its connections. A search ends below what it does not grant.
pub fn check_descriptors(
    session: &Session<'_>,
    plan: &Plan,
    descriptors: Descriptors,
) -> Result<(), RunError> {
    let declared = plan.cells.iter().filter(|cell| cell.search.is_none());
    for cell in declared {
        descriptors
            .enough_for(cell, target_of(session, cell)?)
            .map_err(|source| RunError::Descriptors {
                cell: cell.id.clone(),
                source,
            })?;
    }
    Ok(())
}

/// Makes the first request of every cell with all that it is sent with, secrets too, so that what cannot be asked ends
/// the run before a byte is sent.
pub fn check(session: &Session<'_>, plan: &Plan, opened: &Opened) -> Result<(), RunError> {
    for cell in &plan.cells {
        let requests = requests(session, cell)?;
        let seed = cell.seed.derive("check");
        let rows = cell.dataset.as_ref().and_then(|name| opened.get(name));
        let row = match rows {
            Some(rows) => rows.row(0).map_err(|source| RunError::Dataset {
                name: cell.dataset.clone().unwrap_or_default(),
                source,
            })?,
            None => crate::kinds::dataset::Row::default(),
        };
        let request = requests
            .layers
            .request(row, seed, requests.workload.as_deref());
        requests
            .protocol
            .prepare(request)
            .map_err(|source| RunError::Protocol {
                target: cell.target.clone(),
                source,
            })?;
    }
    Ok(())
}

fn target_of<'a>(session: &Session<'a>, cell: &Cell) -> Result<&'a scenario::Target, RunError> {
    let target = session.scenario.targets.get(&cell.target);
    target.ok_or_else(|| RunError::Missing {
        what: "target",
        name: cell.target.clone(),
    })
}

/// What the requests of a cell are made with; the rows are a repeat's own.
fn requests(session: &Session<'_>, cell: &Cell) -> Result<Requests, RunError> {
    let scenario = session.scenario;
    let target = target_of(session, cell)?;
    let dataset = cell
        .dataset
        .as_ref()
        .and_then(|name| scenario.datasets.get(name));
    Ok(Requests {
        rows: None,
        cycle: dataset.is_none_or(|dataset| dataset.cycle),
        layers: cell.layers(scenario, target),
        workload: workload(cell)?.map(Arc::new),
        protocol: Arc::from(build(session, cell, target)?),
    })
}

fn build(
    session: &Session<'_>,
    cell: &Cell,
    target: &scenario::Target,
) -> Result<Box<dyn Protocol>, RunError> {
    let vault = Vault {
        environment: session.environment,
        folders: &session.scenario.folders,
    };
    let settings = cell.settings(
        session.scenario,
        target,
        credentials::in_bodies(target, &vault)?,
    );
    let protocol =
        protocol::build(target.protocol, settings).map_err(|source| RunError::Protocol {
            target: target.name.clone(),
            source,
        })?;
    Ok(session.watcher.beside(cell, protocol))
}

fn workload(cell: &Cell) -> Result<Option<Workload>, RunError> {
    cell.workload().map_err(|error| RunError::Protocol {
        target: cell.target.clone(),
        source: protocol::PrepareError {
            at: None,
            message: format!("load.workload: {error}"),
            help: "an expression over the request's parameters, such as `width * height / 1e6`"
                .to_owned(),
        },
    })
}
