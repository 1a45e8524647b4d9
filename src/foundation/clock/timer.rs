//! A timer a thread, accurate to some ten microseconds: a heap of wakers behind one timerfd on Linux, tokio's own
//! timers elsewhere and on the simulated clock.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::Clock;
use crate::foundation::units::Offset;

/// How long before its time a precise wait begins to spin.
const SPIN: Duration = Duration::from_micros(100);

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

    /// Waits until `at`, and spins for the last stretch: a core for microseconds (`load.precise`).
    pub async fn until_precisely(&self, at: Offset) {
        if self.clock.is_simulated() {
            return self.until(at).await;
        }
        self.until(at - SPIN).await;
        while self.now() < at {
            // Others of this lane go on, so that no answer waits for the spinning.
            tokio::task::yield_now().await;
        }
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

/// Who waits for what, soonest first.
#[derive(Default)]
struct Waiters {
    by_time: BTreeMap<(Offset, u64), Waker>,
    /// The moment that the descriptor is set to.
    armed: Option<Offset>,
    inserted: u64,
}

impl Waiters {
    /// Takes out all that are due.
    fn due(&mut self, now: Offset) -> Vec<Waker> {
        let later = self.by_time.split_off(&(now + Duration::from_nanos(1), 0));
        std::mem::replace(&mut self.by_time, later)
            .into_values()
            .collect()
    }

    fn soonest(&self) -> Option<Offset> {
        self.by_time.first_key_value().map(|((at, _), _)| *at)
    }
}

#[cfg(target_os = "linux")]
mod wheel {
    //! One timerfd, and a task of the lane that wakes who is due.

    use std::cell::RefCell;
    use std::io;
    use std::os::fd::OwnedFd;
    use std::rc::Rc;
    use std::task::Waker;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;
    use tokio::task::AbortHandle;

    use super::{Clock, Offset, Waiters};

    struct Wheel {
        clock: Clock,
        descriptor: AsyncFd<OwnedFd>,
        waiters: RefCell<Waiters>,
    }

    /// The wheel, and its task, which ends with the last handle.
    pub(super) struct Handle {
        wheel: Rc<Wheel>,
        task: AbortHandle,
    }

    impl Drop for Handle {
        fn drop(&mut self) {
            self.task.abort();
        }
    }

    pub(super) fn start(clock: &Clock) -> io::Result<Option<Rc<Handle>>> {
        let descriptor = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
        )?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe for the sake of types that lie about their descriptor; an OwnedFd does not"
        )]
        let descriptor = AsyncFd::with_interest(descriptor, Interest::READABLE)?;
        let wheel = Rc::new(Wheel {
            clock: clock.clone(),
            descriptor,
            waiters: RefCell::default(),
        });
        let task = tokio::task::spawn_local(drive(Rc::clone(&wheel))).abort_handle();
        Ok(Some(Rc::new(Handle { wheel, task })))
    }

    async fn drive(wheel: Rc<Wheel>) {
        while let Ok(mut ready) = wheel.descriptor.readable().await {
            // The descriptor is never read: setting it again clears it.
            ready.clear_ready();
            let due = {
                let mut waiters = wheel.waiters.borrow_mut();
                waiters.armed = None;
                waiters.due(wheel.clock.now())
            };
            for waker in due {
                waker.wake();
            }
            wheel.arm();
        }
    }

    impl Wheel {
        /// Sets the descriptor to the soonest moment, unless it is set to an earlier one.
        fn arm(&self) {
            let mut waiters = self.waiters.borrow_mut();
            let Some(soonest) = waiters.soonest() else {
                return;
            };
            if waiters.armed.is_some_and(|armed| armed <= soonest) {
                return;
            }
            let wait = soonest.since(self.clock.now());
            // Zero would disarm it.
            let value = Timespec {
                tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(wait.subsec_nanos()).max(i64::from(wait.as_secs() == 0)),
            };
            let never = Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            let spec = Itimerspec {
                it_interval: never,
                it_value: value,
            };
            match timerfd_settime(self.descriptor.get_ref(), TimerfdTimerFlags::empty(), &spec) {
                Ok(_) => waiters.armed = Some(soonest),
                Err(error) => tracing::error!(%error, "the timer could not be set"),
            }
        }
    }

    impl Handle {
        pub(super) fn insert(&self, at: Offset, waker: Waker) -> (Offset, u64) {
            let key = {
                let mut waiters = self.wheel.waiters.borrow_mut();
                waiters.inserted += 1;
                let key = (at, waiters.inserted);
                waiters.by_time.insert(key, waker);
                key
            };
            self.wheel.arm();
            key
        }

        pub(super) fn replace(&self, key: (Offset, u64), waker: Waker) {
            let fired = self
                .wheel
                .waiters
                .borrow_mut()
                .by_time
                .insert(key, waker)
                .is_none();
            if fired {
                // It had been woken already, and was polled too early to be ready: wait again.
                self.wheel.arm();
            }
        }

        pub(super) fn remove(&self, key: (Offset, u64)) {
            self.wheel.waiters.borrow_mut().by_time.remove(&key);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod wheel {
    //! Elsewhere tokio's timers, accurate to a millisecond or two, are the best that is to be had.

    use std::io;
    use std::rc::Rc;
    use std::task::Waker;

    use super::{Clock, Offset};

    pub(super) enum Handle {}

    pub(super) fn start(_clock: &Clock) -> io::Result<Option<Rc<Handle>>> {
        Ok(None)
    }

    impl Handle {
        pub(super) fn insert(&self, _at: Offset, _waker: Waker) -> (Offset, u64) {
            match *self {}
        }

        pub(super) fn replace(&self, _key: (Offset, u64), _waker: Waker) {
            match *self {}
        }

        pub(super) fn remove(&self, _key: (Offset, u64)) {
            match *self {}
        }
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
