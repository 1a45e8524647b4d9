//! A run's events and figures, turned into what people see.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::surroundings::Surroundings;
use super::terminal::{CellDone, Progress, Snapshot};
use crate::foundation::clock::Clock;
use crate::foundation::units::{HumanDuration, Offset};
use crate::instruments::record::Phase;
use crate::load;
use crate::plan::Plan;
use crate::run::event::{Event, Stage, Watcher};

/// Shows a run on stderr.
pub struct Watch {
    clock: Clock,
    quiet: bool,
    /// Axes that vary: what tells one cell from another.
    varying: Vec<String>,
    shown: Mutex<Shown>,
}

struct Shown {
    progress: Progress,
    stage: Snapshot,
}

impl Watch {
    /// Live on a terminal, a line a cell without one, nothing where it should be quiet.
    pub fn new(surroundings: &Surroundings, plan: &Plan) -> Self {
        let progress = Progress::stderr(surroundings.terminal(), surroundings.colour());
        Self {
            clock: Clock::real(),
            quiet: surroundings.global.quiet,
            varying: varying(plan),
            shown: Mutex::new(Shown { progress, stage: Snapshot::default() }),
        }
    }

    /// Takes the live view away.
    pub fn finish(&self) {
        self.shown().progress.finish();
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn elapsed(&self) -> Duration {
        self.clock.now().since(Offset::ZERO)
    }

    /// The id's parts that vary.
    fn label(&self, id: &str) -> String {
        let parts: Vec<&str> = id
            .split(',')
            .filter(|part| part.split_once('=').is_some_and(|(axis, _)| self.varying.iter().any(|known| known == axis)))
            .collect();
        if parts.is_empty() { id.to_owned() } else { parts.join(",") }
    }

    fn began(&self, stage: &Stage<'_>) {
        let mut shown = self.shown();
        #[expect(clippy::cast_precision_loss, reason = "executions are few")]
        let done = (stage.execution - 1) as f64 / stage.executions.max(1) as f64;
        shown.stage = Snapshot {
            elapsed: self.elapsed(),
            cell: stage.number,
            cells: stage.cells,
            label: self.label(stage.cell),
            repeat: stage.repeat,
            repeats: stage.repeats,
            offered_rate: stage.rate,
            done,
            remaining: stage.remaining,
            ..Snapshot::default()
        };
        let Shown { progress, stage } = &mut *shown;
        progress.update(stage);
    }
}

fn varying(plan: &Plan) -> Vec<String> {
    let Some(first) = plan.cells.first() else { return Vec::new() };
    first
        .axes
        .iter()
        .filter(|(axis, value)| plan.cells.iter().any(|cell| cell.axes.get(*axis) != Some(value)))
        .map(|(axis, _)| axis.clone())
        .collect()
}

impl Watcher for Watch {
    fn event(&self, event: &Event<'_>) {
        if self.quiet {
            return;
        }
        match event {
            Event::Waiting { target, url } => {
                self.shown().progress.note(&format!("target {target}: waiting for {url}"));
            }
            Event::Ready { target, url, after } => {
                let rounded = Duration::from_millis(u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
                self.shown().progress.note(&format!("target {target}: ready at {url} after {}", HumanDuration(rounded)));
            }
            Event::Began(stage) => self.began(stage),
            Event::Ended { stage, ok, failed, unsent, p50, p99, seconds } => {
                #[expect(clippy::cast_precision_loss, reason = "counts of requests stay far below 2^53")]
                let throughput = (*seconds > 0.0).then(|| *ok as f64 / seconds);
                self.shown().progress.cell_done(&CellDone {
                    cell: stage.number,
                    cells: stage.cells,
                    label: self.label(stage.cell),
                    repeat: stage.repeat,
                    repeats: stage.repeats,
                    ok: *ok,
                    failed: *failed,
                    unsent: *unsent,
                    throughput,
                    p50: *p50,
                    p99: *p99,
                });
            }
            Event::Note { text } => self.shown().progress.note(text),
            Event::Reporting => {}
        }
    }

    fn figures(&self, figures: &load::Figures) {
        if self.quiet {
            return;
        }
        let mut shown = self.shown();
        let stage = &mut shown.stage;
        stage.elapsed = self.elapsed();
        stage.warmup = figures.phase == Phase::Warmup;
        stage.in_flight = figures.in_flight;
        stage.ok = figures.ok;
        stage.failed = figures.failed;
        stage.p50 = figures.e2e_p50.map(|time| time.as_secs_f64());
        stage.p99 = figures.e2e_p99.map(|time| time.as_secs_f64());
        let seconds = figures.elapsed.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "counts of requests stay far below 2^53")]
        let achieved = (seconds > 0.0).then(|| figures.sent as f64 / seconds);
        stage.achieved_rate = achieved;
        let Shown { progress, stage } = &mut *shown;
        progress.update(stage);
    }
}
