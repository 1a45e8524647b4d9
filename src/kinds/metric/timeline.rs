//! A cell over its time: at most 60 stretches a repeat.

use super::part::Class;
use super::totals::count;
use super::value::TimelinePoint;
use crate::instruments::statistics;

/// Most stretches of a repeat.
const MOST: u64 = 60;

/// The stretches of one repeat, filled by requests in the order in which they ended.
pub(super) struct Timeline {
    repeat: u32,
    first: u64,
    width: u64,
    stretches: Vec<Stretch>,
    /// Stretches that nothing further ends in.
    closed: usize,
}

/// A request as the time line sees it.
pub(super) struct Moment {
    pub(super) scheduled: Option<i64>,
    pub(super) end: Option<i64>,
    pub(super) class: Class,
    pub(super) e2e_s: Option<f64>,
}

#[derive(Default)]
struct Stretch {
    scheduled: u64,
    ok: u64,
    failed: u64,
    e2e_s: Vec<f64>,
    /// Median and p99, once they are known.
    e2e: (Option<f64>, Option<f64>),
}

impl Timeline {
    /// Of a repeat that lasted from the first scheduled time to the last end (or scheduled time).
    pub(super) fn new(repeat: u32, (first, last): (i64, i64)) -> Self {
        let (first, last) = (first.unsigned_abs(), last.unsigned_abs());
        let mut timeline = Self {
            repeat,
            first,
            width: width_ns(first, last),
            stretches: Vec::new(),
            closed: 0,
        };
        let stretches = timeline.place(last) + 1;
        timeline.stretches.resize_with(stretches, Stretch::default);
        timeline
    }

    fn place(&self, at: u64) -> usize {
        let place = (at / self.width).saturating_sub(self.first / self.width);
        usize::try_from(place).unwrap_or(usize::MAX)
    }

    /// Takes further requests. None that is still to come ends before `horizon`.
    pub(super) fn take(&mut self, requests: impl Iterator<Item = Moment>, horizon: i64) {
        for request in requests {
            let Some(scheduled) = request.scheduled else {
                continue;
            };
            let due = self.place(scheduled.unsigned_abs());
            if let Some(stretch) = self.stretches.get_mut(due) {
                stretch.scheduled += 1;
            }
            let Some(end) = request.end else { continue };
            let ended = self.place(end.unsigned_abs());
            let Some(stretch) = self.stretches.get_mut(ended) else {
                continue;
            };
            match request.class {
                Class::Ok => {
                    stretch.ok += 1;
                    stretch.e2e_s.extend(request.e2e_s);
                }
                Class::Failed => stretch.failed += 1,
                Class::Unsent => {}
            }
        }
        let until = self.place(horizon.unsigned_abs()).min(self.stretches.len());
        for stretch in self.stretches.iter_mut().take(until).skip(self.closed) {
            stretch.close();
        }
        self.closed = self.closed.max(until);
    }

    /// Its points. Everything must have been taken.
    pub(super) fn points(self) -> impl Iterator<Item = TimelinePoint> {
        let (repeat, width) = (self.repeat, self.width);
        let start = self.first / width;
        self.stretches
            .into_iter()
            .enumerate()
            .map(move |(number, stretch)| TimelinePoint {
                repeat,
                at: count((start + number as u64) * width) / 1e9,
                width: count(width) / 1e9,
                scheduled: stretch.scheduled,
                ok: stretch.ok,
                failed: stretch.failed,
                e2e_p50: stretch.e2e.0,
                e2e_p99: stretch.e2e.1,
            })
    }
}

impl Stretch {
    fn close(&mut self) {
        let mut values = std::mem::take(&mut self.e2e_s);
        let mut quantile = |share| statistics::quantile_of(&mut values, share);
        self.e2e = (quantile(0.5), quantile(0.99));
    }
}

/// The least of 1, 2, 5, 10, … ms at which `first..=last` takes no more than [`MOST`] stretches.
fn width_ns(first: u64, last: u64) -> u64 {
    let mut decade = 1_000_000;
    loop {
        for step in [1, 2, 5] {
            let width = decade * step;
            if last / width - first / width < MOST {
                return width;
            }
        }
        decade = decade.saturating_mul(10);
    }
}
