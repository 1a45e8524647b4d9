//! Pace: which request is next, and when. One cursor for all lanes, so that results do not depend on their number.

mod batch;
mod open;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::supply::{Ready, Supply, Taken};
use crate::foundation::units::Offset;
pub(super) use batch::Batch;
pub(super) use open::{AtOnce, Open, Schedule};

/// How requests follow each other.
pub(super) enum Pace {
    /// The schedule is fixed beforehand.
    Open(Open),
    /// So many at once, then the next when all have ended.
    Batch(Batch),
    /// Each client sends its next when its last has ended.
    Closed,
}

/// A request that is some lane's to send.
#[derive(Debug, Clone)]
pub(super) struct Ticket {
    /// Its number, from 0, in the order of the schedule.
    pub(super) index: u64,
    /// When the arrival process intended it.
    pub(super) scheduled: Offset,
    /// When to send it: later than `scheduled` only while a backlog is replayed.
    pub(super) due: Offset,
    /// What to send.
    pub(super) ready: Ready,
}

/// What the cursor has for a lane that asks.
#[derive(Debug)]
pub(super) enum Claim {
    /// This one.
    Send(Ticket),
    /// Nothing until all of a batch have ended: ask again after [`Cursor::changed`].
    Barrier,
    /// The next is due but not made ready yet: ask again after [`Supply::refilled`].
    Starved,
    /// Nothing any more.
    End,
}

/// Where a phase ends.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bounds {
    /// After so many requests.
    pub(super) requests: Option<u64>,
    /// At that moment.
    pub(super) until: Option<Offset>,
}

struct State {
    pace: Pace,
    next: u64,
    starved: u64,
    dataset_ended: bool,
}

/// The one cursor over the schedule of a phase.
pub(super) struct Cursor {
    state: Mutex<State>,
    bounds: Bounds,
    supply: Supply,
    changed: Notify,
    /// The same schedule again, drawn only to count what was intended by now.
    intended: Option<Mutex<(Open, u64)>>,
}

impl Cursor {
    /// A cursor; `again` is the schedule of an open pace once more, for counting.
    pub(super) fn new(pace: Pace, bounds: Bounds, supply: Supply, again: Option<Schedule>) -> Self {
        let state = State {
            pace,
            next: 0,
            starved: 0,
            dataset_ended: false,
        };
        let intended = again.map(|schedule| Mutex::new((Open::new(schedule), 0)));
        Self {
            state: Mutex::new(state),
            bounds,
            supply,
            changed: Notify::new(),
            intended,
        }
    }

    pub(super) const fn bounds(&self) -> Bounds {
        self.bounds
    }

    pub(super) const fn supply(&self) -> &Supply {
        &self.supply
    }

    /// Tells of the end of a batch.
    pub(super) const fn changed(&self) -> &Notify {
        &self.changed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims the next request for a slot that has been free since `free_since`. `own` is when a closed loop's client is
    /// due; the other paces know themselves.
    pub(super) fn claim(&self, own: Offset, free_since: Offset) -> Claim {
        let mut state = self.state();
        let past = |at: Offset| self.bounds.until.is_some_and(|until| at >= until);
        // What a slot had been free for still goes where we are microseconds late; what waited for one does not.
        if past(free_since)
            || self
                .bounds
                .requests
                .is_some_and(|requests| state.next >= requests)
        {
            return Claim::End;
        }
        let (scheduled, due) = match &mut state.pace {
            Pace::Closed => (own, own),
            Pace::Open(open) => match open.peek() {
                Some(scheduled) => (scheduled, open.due(scheduled)),
                None => return Claim::End,
            },
            Pace::Batch(batch) => match batch.peek() {
                Some(scheduled) => (scheduled, scheduled),
                None => return Claim::Barrier,
            },
        };
        if past(scheduled) {
            return Claim::End;
        }
        match self.supply.take() {
            Taken::Ready(ready) => {
                match &mut state.pace {
                    Pace::Closed => {}
                    Pace::Open(open) => open.advance(),
                    Pace::Batch(batch) => batch.advance(),
                }
                let index = state.next;
                state.next += 1;
                Claim::Send(Ticket {
                    index,
                    scheduled,
                    due,
                    ready,
                })
            }
            Taken::Starved => {
                state.starved += 1;
                Claim::Starved
            }
            Taken::Ended => {
                state.dataset_ended = true;
                Claim::End
            }
        }
    }

    /// What was scheduled before `stopped` and never claimed; `None` when there is no more of it.
    ///
    /// Waits for requests to be made ready: nothing is timed any more.
    pub(super) fn unsent(&self, stopped: Offset) -> Option<Ticket> {
        let mut state = self.state();
        let ended = self
            .bounds
            .until
            .map_or(stopped, |until| until.min(stopped));
        if self
            .bounds
            .requests
            .is_some_and(|requests| state.next >= requests)
        {
            return None;
        }
        let scheduled = match &mut state.pace {
            Pace::Closed => return None,
            Pace::Open(open) => open.peek().filter(|&scheduled| scheduled < ended)?,
            Pace::Batch(batch) => batch.peek().filter(|&scheduled| scheduled < ended)?,
        };
        let Taken::Ready(ready) = self.supply.take_patiently() else {
            return None;
        };
        match &mut state.pace {
            Pace::Closed => {}
            Pace::Open(open) => open.advance(),
            Pace::Batch(batch) => batch.advance(),
        }
        let index = state.next;
        state.next += 1;
        Some(Ticket {
            index,
            scheduled,
            due: scheduled,
            ready,
        })
    }

    /// Takes note that a request has ended.
    pub(super) fn finished(&self, end: Offset) {
        let opened = match &mut self.state().pace {
            Pace::Batch(batch) => batch.finished(end),
            Pace::Open(_) | Pace::Closed => false,
        };
        if opened {
            self.changed.notify_waiters();
        }
    }

    /// When to send what a stall of our own has made late by more than `stall` until now.
    pub(super) fn stalled(&self, scheduled: Offset, now: Offset, stall: Duration) -> Offset {
        match &mut self.state().pace {
            Pace::Open(open) => open.stalled(scheduled, now, stall),
            Pace::Batch(_) | Pace::Closed => now,
        }
    }

    /// Requests that the schedule intended by now; those that were claimed where there is no schedule.
    pub(super) fn intended(&self, now: Offset) -> u64 {
        let Some(intended) = &self.intended else {
            return self.state().next;
        };
        let mut guard = intended.lock().unwrap_or_else(PoisonError::into_inner);
        let (open, count) = &mut *guard;
        let more = |count: u64| self.bounds.requests.is_none_or(|requests| count < requests);
        let due = |at: Offset| at <= now && self.bounds.until.is_none_or(|until| at < until);
        while more(*count) && open.peek().is_some_and(due) {
            open.advance();
            *count += 1;
        }
        *count
    }

    /// Requests that were due before they were made ready.
    pub(super) fn starved(&self) -> u64 {
        self.state().starved
    }

    /// Whether the dataset ended before what was asked for.
    pub(super) fn dataset_ended(&self) -> bool {
        self.state().dataset_ended
    }
}
