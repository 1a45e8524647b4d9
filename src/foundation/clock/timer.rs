//! A timer a thread, accurate to some ten microseconds where the machine can: a [`wheel`] on Linux, tokio's own timers
//! elsewhere and on the simulated clock.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::lane::note_turn;
use super::{Clock, wheel};
use crate::foundation::units::Offset;

/// How long before its time a precise wait begins to spin.
const SPIN: Duration = Duration::from_micros(100);
/// A turn of the spinning that took longer did something for others.
const IDLE_TURN: Duration = Duration::from_micros(5);

/// Waits for moments of one clock. Cheap to clone; belongs to the lane that it was made in.
#[derive(Clone)]
pub struct Timer {
    clock: Clock,
    wheel: Option<Rc<wheel::Handle>>,
    // Even where no wheel stands behind it, a timer stays in its lane.
    _lane: std::marker::PhantomData<Rc<()>>,
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer")
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

impl Timer {
    /// A timer of this clock; must be made inside a lane.
    ///
    /// # Errors
    /// Where the system grants no descriptor.
    pub fn new(clock: &Clock) -> io::Result<Self> {
        let wheel = if clock.is_simulated() {
            None
        } else {
            wheel::start(clock)?
        };
        Ok(Self {
            clock: clock.clone(),
            wheel,
            _lane: std::marker::PhantomData,
        })
    }

    /// The clock that it waits on.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What the clock shows.
    pub fn now(&self) -> Offset {
        self.clock.now()
    }

    /// Ready when the clock shows `at` or later, never before.
    pub fn until(&self, at: Offset) -> Until {
        Until {
            timer: self.clone(),
            at,
            waiting: Waiting::Fresh,
        }
    }

    /// The same from now on.
    pub fn after(&self, duration: Duration) -> Until {
        self.until(self.now() + duration)
    }

    /// Waits until `at`, and spins for the last stretch: a core for microseconds (`load.precise`). Gives for how long it did
    /// nothing else.
    pub async fn until_precisely(&self, at: Offset) -> Duration {
        if self.clock.is_simulated() {
            self.until(at).await;
            return Duration::ZERO;
        }
        self.until(at - SPIN).await;
        let (mut now, mut spun) = (self.now(), Duration::ZERO);
        while now < at {
            // Others of this lane go on, so that no answer waits for the spinning.
            tokio::task::yield_now().await;
            note_turn();
            let turn = self.now().since(now);
            if turn <= IDLE_TURN {
                spun += turn;
            }
            now = now + turn;
        }
        spun
    }
}

/// The wait for one moment.
#[derive(Debug)]
pub struct Until {
    timer: Timer,
    at: Offset,
    waiting: Waiting,
}

enum Waiting {
    Fresh,
    Wheel { key: (Offset, u64), waker: Waker },
    Tokio(Pin<Box<tokio::time::Sleep>>),
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fresh => "Fresh",
            Self::Wheel { .. } => "Wheel",
            Self::Tokio(_) => "Tokio",
        })
    }
}

impl Until {
    /// The moment.
    pub const fn at(&self) -> Offset {
        self.at
    }

    fn leave_wheel(&mut self) {
        if let (Waiting::Wheel { key, .. }, Some(wheel)) = (&self.waiting, &self.timer.wheel) {
            wheel.remove(*key);
        }
        self.waiting = Waiting::Fresh;
    }
}

impl Future for Until {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.timer.now() >= this.at {
            this.leave_wheel();
            return Poll::Ready(());
        }
        let Some(wheel) = &this.timer.wheel else {
            if !matches!(this.waiting, Waiting::Tokio(_)) {
                this.waiting = Waiting::Tokio(Box::pin(this.timer.clock.tokio_sleep(this.at)));
            }
            let Waiting::Tokio(sleep) = &mut this.waiting else {
                return Poll::Pending;
            };
            return sleep.as_mut().poll(cx);
        };
        match &mut this.waiting {
            Waiting::Wheel { waker, .. } if waker.will_wake(cx.waker()) => {}
            Waiting::Wheel { key, waker } => {
                waker.clone_from(cx.waker());
                wheel.replace(*key, cx.waker().clone());
            }
            _ => {
                let key = wheel.insert(this.at, cx.waker().clone());
                this.waiting = Waiting::Wheel {
                    key,
                    waker: cx.waker().clone(),
                };
            }
        }
        Poll::Pending
    }
}

impl Drop for Until {
    fn drop(&mut self) {
        self.leave_wheel();
    }
}

#[cfg(test)]
mod tests {
    use super::super::lane;
    use super::*;

    #[test]
    fn a_wait_never_ends_early_and_ends_soon_after() {
        let lane = lane(false).unwrap();
        lane.block_on(async {
            let timer = Timer::new(&Clock::real()).unwrap();
            let mut delays = Vec::new();
            for _ in 0..50 {
                let at = timer.now() + Duration::from_micros(700);
                timer.until(at).await;
                let now = timer.now();
                assert!(now >= at);
                delays.push(now.since(at));
            }
            delays.sort();
            // tokio's own timers would be half a millisecond late in the median; the machine may be busy.
            assert!(delays[10] < Duration::from_micros(400), "{:?}", delays[10]);
        });
    }

    #[test]
    fn what_others_of_the_lane_did_while_it_spun_was_not_spun_away() {
        let lane = lane(false).unwrap();
        lane.block_on(async {
            let timer = Timer::new(&Clock::real()).unwrap();
            let clock = timer.clone();
            let at = timer.now() + SPIN;
            let busy = tokio::task::spawn_local(async move {
                let until = clock.now() + Duration::from_micros(60);
                while clock.now() < until {}
            });
            let spun = timer.until_precisely(at).await;
            assert!(timer.now() >= at);
            assert!(
                spun + Duration::from_micros(60) <= SPIN + IDLE_TURN,
                "{spun:?}"
            );
            busy.await.unwrap();
        });
    }

    #[test]
    fn many_waits_end_in_the_order_of_their_moments() {
        let lane = lane(false).unwrap();
        lane.block_on(async {
            let timer = Timer::new(&Clock::real()).unwrap();
            let order = Rc::new(std::cell::RefCell::new(Vec::new()));
            let start = timer.now();
            let tasks: Vec<_> = [5_u64, 1, 3, 2, 4]
                .into_iter()
                .map(|ms| {
                    let (timer, order) = (timer.clone(), Rc::clone(&order));
                    tokio::task::spawn_local(async move {
                        timer.until(start + Duration::from_millis(ms)).await;
                        order.borrow_mut().push(ms);
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(*order.borrow(), [1, 2, 3, 4, 5]);
        });
    }

    #[test]
    fn simulated_time_passes_only_while_everything_waits() {
        let lane = lane(true).unwrap();
        lane.block_on(async {
            let timer = Timer::new(&Clock::simulated()).unwrap();
            let real = std::time::Instant::now();
            timer.until(Offset::from_seconds(3600.0)).await;
            assert_eq!(timer.now(), Offset::from_seconds(3600.0));
            timer.after(Duration::from_micros(1)).await;
            assert_eq!(timer.now(), Offset::from_nanos(3_600_000_001_000));
            assert!(real.elapsed() < Duration::from_secs(10));
        });
    }

    #[test]
    fn a_deadline_that_moved_later_is_not_over_at_its_first_moment() {
        let lane = lane(true).unwrap();
        lane.block_on(async {
            let timer = Timer::new(&Clock::simulated()).unwrap();
            let mut deadline = super::super::Deadline::new(timer.clone());
            let mut due = Offset::from_seconds(1.0);
            std::future::poll_fn(|cx| {
                let passed = deadline.poll_passed(due, cx);
                // Told later only after the first poll, as a byte that arrives would.
                due = Offset::from_seconds(2.0);
                passed
            })
            .await;
            assert_eq!(timer.now(), Offset::from_seconds(2.0));
        });
    }
}
