//! Who of a lane waits for which moment: wakers in the order of their moments, behind one timerfd (Linux).

pub(super) use system::{Handle, start};

#[cfg(target_os = "linux")]
mod system {
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::future::poll_fn;
    use std::io;
    use std::os::fd::OwnedFd;
    use std::rc::Rc;
    use std::task::{Poll, Waker};
    use std::time::Duration;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;
    use tokio::task::AbortHandle;

    use super::super::Clock;
    use crate::foundation::units::Offset;

    /// Who waits for what, soonest first.
    #[derive(Default)]
    struct Waiters {
        by_time: BTreeMap<(Offset, u64), Waker>,
        /// The moment that the descriptor is set to.
        armed: Option<Offset>,
        head_start: HeadStart,
        inserted: u64,
    }

    impl Waiters {
        /// Takes out the first that is due.
        fn due(&mut self, now: Offset) -> Option<Waker> {
            let first = self.by_time.first_entry()?;
            (first.key().0 <= now).then(|| first.remove())
        }

        fn soonest(&self) -> Option<Offset> {
            self.by_time.first_key_value().map(|((at, _), _)| *at)
        }
    }

    /// How long before a moment to ask the system for being woken: it takes some ten microseconds to do so (40 in a virtual
    /// machine), never less than its floor, and what is never less can be asked for sooner.
    ///
    /// It follows the tenth part of the delays that were shortest: a step down for a delay below it, a ninth of a step up for one
    /// above it, so that one time in ten we are early, by little.
    #[derive(Debug, Default, Clone, Copy)]
    pub(super) struct HeadStart {
        ns: u64,
    }

    impl HeadStart {
        /// The longest that is ever asked for.
        pub(super) const MOST: Duration = Duration::from_micros(50);
        /// How far one delay moves it.
        const STEP_NS: u64 = 900;

        pub(super) fn now(self) -> Duration {
            Duration::from_nanos(self.ns)
        }

        /// Takes note of a delay between the moment that was asked for and being awake.
        pub(super) fn saw(&mut self, delay: Duration) {
            let most = u64::try_from(Self::MOST.as_nanos()).unwrap_or(u64::MAX);
            self.ns = if delay < self.now() {
                self.ns.saturating_sub(Self::STEP_NS)
            } else {
                (self.ns + Self::STEP_NS / 9).min(most)
            };
        }
    }

    struct Wheel {
        clock: Clock,
        descriptor: AsyncFd<OwnedFd>,
        waiters: RefCell<Waiters>,
    }

    /// The wheel, and its task, which ends with the last handle.
    pub(in super::super) struct Handle {
        wheel: Rc<Wheel>,
        task: AbortHandle,
    }

    impl Drop for Handle {
        fn drop(&mut self) {
            self.task.abort();
        }
    }

    /// Starts a lane's wheel.
    pub(in super::super) fn start(clock: &Clock) -> io::Result<Option<Rc<Handle>>> {
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
            wheel.woken();
            while wheel.is_early() {
                // Others of this lane go on, so that no answer waits for the rest of the head start.
                tokio::task::yield_now().await;
            }
            wheel.wake_due();
            // Who was woken most often waits for what comes soonest, and sets the descriptor for it. Once is enough: in a
            // virtual machine setting it costs more than reading an answer does.
            behind_those_woken().await;
            wheel.arm();
        }
    }

    /// Lets the tasks go first that are ready by now.
    async fn behind_those_woken() {
        let mut waited = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut waited, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    impl Wheel {
        /// Takes note of how long the system took to wake us.
        fn woken(&self) {
            let mut waiters = self.waiters.borrow_mut();
            if let Some(armed) = waiters.armed.take() {
                waiters.head_start.saw(self.clock.now().since(armed));
            }
        }

        /// Whether the soonest is not due yet, but within the head start.
        fn is_early(&self) -> bool {
            let now = self.clock.now();
            let soonest = self.waiters.borrow().soonest();
            soonest.is_some_and(|at| now < at && at <= now + HeadStart::MOST)
        }

        fn wake_due(&self) {
            let now = self.clock.now();
            loop {
                let due = self.waiters.borrow_mut().due(now);
                match due {
                    Some(waker) => waker.wake(),
                    None => return,
                }
            }
        }

        /// Sets the descriptor a head start before the soonest moment, unless it is set to an earlier one.
        fn arm(&self) {
            let mut waiters = self.waiters.borrow_mut();
            let Some(soonest) = waiters.soonest() else {
                return;
            };
            let moment = soonest - waiters.head_start.now();
            if waiters.armed.is_some_and(|armed| armed <= moment) {
                return;
            }
            let wait = moment.since(self.clock.now());
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
                Ok(_) => waiters.armed = Some(self.clock.now().max(moment)),
                Err(error) => tracing::error!(%error, "the timer could not be set"),
            }
        }
    }

    impl Handle {
        /// Wakes `waker` at `at`; gives what the wait is known by.
        pub(in super::super) fn insert(&self, at: Offset, waker: Waker) -> (Offset, u64) {
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

        /// Wakes another instead.
        pub(in super::super) fn replace(&self, key: (Offset, u64), waker: Waker) {
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

        /// Nobody waits for it any more.
        pub(in super::super) fn remove(&self, key: (Offset, u64)) {
            self.wheel.waiters.borrow_mut().by_time.remove(&key);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    //! Elsewhere tokio's timers, accurate to a millisecond or two, are the best that is to be had.

    use std::io;
    use std::rc::Rc;
    use std::task::Waker;

    use super::super::Clock;
    use crate::foundation::units::Offset;

    pub(in super::super) enum Handle {}

    pub(in super::super) fn start(_clock: &Clock) -> io::Result<Option<Rc<Handle>>> {
        Ok(None)
    }

    impl Handle {
        pub(in super::super) fn insert(&self, _at: Offset, _waker: Waker) -> (Offset, u64) {
            match *self {}
        }

        pub(in super::super) fn replace(&self, _key: (Offset, u64), _waker: Waker) {
            match *self {}
        }

        pub(in super::super) fn remove(&self, _key: (Offset, u64)) {
            match *self {}
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::Duration;

    use super::system::HeadStart;

    /// The head start after 10,000 delays of `base` µs and, in turn, 0 to 39 µs more.
    fn settled(base: u64) -> Duration {
        let mut head_start = HeadStart::default();
        for turn in 0..10_000 {
            head_start.saw(Duration::from_micros(base + turn * 7 % 40));
        }
        head_start.now()
    }

    #[test]
    fn the_head_start_settles_where_one_wake_up_in_ten_is_early() {
        let head_start = settled(20);
        assert!(
            (Duration::from_micros(21)..Duration::from_micros(28)).contains(&head_start),
            "{head_start:?}"
        );
    }

    #[test]
    fn no_delay_makes_the_head_start_longer_than_its_bound() {
        assert_eq!(settled(5_000), HeadStart::MOST);
    }

    #[test]
    fn a_system_that_became_faster_is_followed() {
        let mut head_start = HeadStart::default();
        for _ in 0..10_000 {
            head_start.saw(Duration::from_micros(40));
        }
        for _ in 0..100 {
            head_start.saw(Duration::from_micros(2));
        }
        assert!(
            head_start.now() < Duration::from_micros(4),
            "{head_start:?}"
        );
    }
}
