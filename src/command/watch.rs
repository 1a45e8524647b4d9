//! A run's events and figures, turned into what people see.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::surroundings::Surroundings;
use super::terminal::{CellDone, Progress, Snapshot};
use crate::foundation::clock::Clock;
use crate::foundation::units::{HumanDuration, Offset};
use crate::instruments::record::Phase;
use crate::load;
use crate::plan::{Cell, Plan};
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
    course: Course,
}

/// What is known of the run's length.
#[derive(Debug, Clone, Copy, Default)]
struct Course {
    /// Executions before the one that runs.
    before: usize,
    /// All executions.
    executions: usize,
    /// Requests of the one that runs.
    intended: Option<u64>,
    /// Its length by its schedule.
    expected: Option<Duration>,
    /// The length of all after it by theirs.
    rest: Option<Duration>,
}

impl Course {
    fn of(stage: &Stage<'_>) -> Self {
        Self {
            before: stage.execution - 1,
            executions: stage.executions,
            intended: stage.intended,
            expected: stage.expected,
            rest: stage.rest,
        }
    }

    /// The share of the run that is done, and the time that is left, where it can be told: by the schedule, else by how
    /// fast requests have ended so far. `elapsed` is the run's time, `measured` are the figures of the repeat that runs,
    /// once it is warm.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of requests and executions stay far below 2^53"
    )]
    fn progress(
        &self,
        elapsed: Duration,
        measured: Option<&load::Figures>,
    ) -> (f64, Option<Duration>) {
        let spent = measured.map_or(Duration::ZERO, |figures| figures.elapsed);
        let ended = measured.map_or(0.0, |figures| (figures.ok + figures.failed) as f64);
        let by_time = self
            .expected
            .map(|expected| spent.as_secs_f64() / expected.as_secs_f64());
        let by_requests = self.intended.map(|intended| ended / intended as f64);
        // Whichever ends the repeat first.
        let part = [by_time, by_requests]
            .into_iter()
            .flatten()
            .filter(|part| part.is_finite())
            .fold(0.0, f64::max)
            .min(1.0);
        let done = (self.before as f64 + part) / self.executions.max(1) as f64;
        let pace = |whole: Duration, done: f64| {
            Duration::try_from_secs_f64(whole.as_secs_f64() * (1.0 - done) / done).ok()
        };
        let left = match self.expected {
            Some(expected) => Some(expected.saturating_sub(spent)),
            None => pace(spent, part),
        };
        let last = self.before + 1 >= self.executions;
        let left = match (left, self.rest.or(last.then_some(Duration::ZERO))) {
            (Some(left), Some(rest)) => Some(left + rest),
            _ => pace(elapsed, done),
        };
        (done, left)
    }
}

impl Watch {
    /// Live on a terminal, a line a cell without one, nothing where it should be quiet.
    pub fn new(surroundings: &Surroundings, plan: &Plan) -> Self {
        let progress = Progress::stderr(surroundings.terminal(), surroundings.colour());
        Self {
            clock: Clock::real(),
            quiet: surroundings.global.quiet,
            varying: varying(plan),
            shown: Mutex::new(Shown {
                progress,
                stage: Snapshot::default(),
                course: Course::default(),
            }),
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
            .filter(|part| {
                part.split_once('=')
                    .is_some_and(|(axis, _)| self.varying.iter().any(|known| known == axis))
            })
            .collect();
        if parts.is_empty() {
            id.to_owned()
        } else {
            parts.join(",")
        }
    }

    fn began(&self, stage: &Stage<'_>) {
        let mut shown = self.shown();
        let course = Course::of(stage);
        let elapsed = self.elapsed();
        let (done, remaining) = course.progress(elapsed, None);
        shown.course = course;
        shown.stage = Snapshot {
            elapsed,
            cell: stage.number,
            cells: stage.cells,
            label: self.label(stage.cell),
            repeat: stage.repeat,
            repeats: stage.repeats,
            offered_rate: stage.rate,
            done,
            remaining,
            ..Snapshot::default()
        };
        let Shown {
            progress, stage, ..
        } = &mut *shown;
        progress.update(stage);
    }
}

fn varying(plan: &Plan) -> Vec<String> {
    let Some(first) = plan.cells.first() else {
        return Vec::new();
    };
    first
        .axes
        .iter()
        .filter(|(axis, value)| {
            let searched = |cell: &Cell| {
                cell.search
                    .as_ref()
                    .is_some_and(|search| search.axis == axis.as_str())
            };
            plan.cells
                .iter()
                .any(|cell| cell.axes.get(*axis) != Some(value) || searched(cell))
        })
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
                self.shown()
                    .progress
                    .note(&format!("target {target}: waiting for {url}"));
            }
            Event::Ready { target, url, after } => {
                let rounded =
                    Duration::from_millis(u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
                self.shown().progress.note(&format!(
                    "target {target}: ready at {url} after {}",
                    HumanDuration(rounded)
                ));
            }
            Event::Began(stage) => self.began(stage),
            Event::Ended {
                stage,
                ok,
                failed,
                unsent,
            } => {
                self.shown().progress.cell_done(&CellDone {
                    cell: stage.number,
                    cells: stage.cells,
                    label: self.label(stage.cell),
                    repeat: stage.repeat,
                    repeats: stage.repeats,
                    ok: *ok,
                    failed: *failed,
                    unsent: *unsent,
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
        let Shown {
            progress,
            stage,
            course,
        } = &mut *shown;
        stage.elapsed = self.elapsed();
        stage.warmup = figures.phase == Phase::Warmup;
        (stage.done, stage.remaining) =
            course.progress(stage.elapsed, Some(figures).filter(|_| !stage.warmup));
        stage.in_flight = figures.in_flight;
        stage.ok = figures.ok;
        stage.failed = figures.failed;
        stage.p50 = figures.e2e_p50.map(|time| time.as_secs_f64());
        stage.p99 = figures.e2e_p99.map(|time| time.as_secs_f64());
        let seconds = figures.elapsed.as_secs_f64();
        #[expect(
            clippy::cast_precision_loss,
            reason = "counts of requests stay far below 2^53"
        )]
        let achieved = (seconds > 0.0).then(|| figures.sent as f64 / seconds);
        stage.achieved_rate = achieved;
        progress.update(stage);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: u64, ok: u64) -> load::Figures {
        load::Figures {
            phase: Phase::Measured,
            elapsed: Duration::from_secs(seconds),
            intended: ok,
            sent: ok,
            in_flight: 0,
            ok,
            failed: 0,
            e2e_p50: None,
            e2e_p99: None,
        }
    }

    /// To the nearest whole second.
    fn seconds(left: Option<Duration>) -> Option<u64> {
        left.map(|left| (left + Duration::from_millis(500)).as_secs())
    }

    #[test]
    fn by_its_schedule_the_time_that_is_left_goes_down_while_a_repeat_runs() {
        let scheduled = Course {
            executions: 3,
            intended: Some(200),
            expected: Some(Duration::from_secs(10)),
            rest: Some(Duration::from_secs(20)),
            ..Course::default()
        };
        let at = |figures: Option<&load::Figures>| {
            seconds(scheduled.progress(Duration::from_secs(60), figures).1)
        };
        assert_eq!(at(None), Some(30), "warm-ups are not on the schedule");
        assert_eq!(at(Some(&after(4, 80))), Some(26));
        assert_eq!(at(Some(&after(11, 199))), Some(20));
        let (done, _) = scheduled.progress(Duration::ZERO, Some(&after(5, 100)));
        assert!((done - 1.0 / 6.0).abs() < 1e-9, "{done}");
    }

    #[test]
    fn without_a_schedule_the_time_that_is_left_is_told_by_what_has_ended() {
        let closed = Course {
            executions: 1,
            intended: Some(100),
            ..Course::default()
        };
        let left = |figures| seconds(closed.progress(Duration::from_secs(9), figures).1);
        assert_eq!(left(None), None);
        assert_eq!(left(Some(&after(5, 25))), Some(15));
        // One of two repeats took 9 s, and a half of the other is done after 12.
        let second = Course {
            before: 1,
            executions: 2,
            intended: Some(100),
            ..Course::default()
        };
        assert_eq!(
            seconds(
                second
                    .progress(Duration::from_secs(12), Some(&after(3, 50)))
                    .1
            ),
            Some(3)
        );
        let first = Course {
            executions: 2,
            intended: Some(100),
            ..Course::default()
        };
        assert_eq!(
            seconds(
                first
                    .progress(Duration::from_secs(5), Some(&after(5, 50)))
                    .1
            ),
            Some(15)
        );
    }
}
