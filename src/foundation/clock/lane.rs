//! The runtime of a lane: one thread, tasks that never leave it.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, LocalOptions, LocalRuntime};

/// A lane of load that slept for longer was kept from its processor or stopped, for its own ticks wake it each millisecond.
/// What ended its sleep may have been a signal, and nothing of what had come was looked at. A simulator's lane has no ticks
/// and may just have been idle: then a stamp is believed as far back as its sleep.
const LONG_SLEEP: Duration = Duration::from_millis(10);

thread_local! {
    /// When this thread's lane last went to sleep.
    static ASLEEP: Cell<Option<Instant>> = const { Cell::new(None) };
    /// When it last looked for what had come, behind when it did before that.
    static TURNS: Cell<[Option<Instant>; 2]> = const { Cell::new([None; 2]) };
}

/// Takes note that this thread's lane has just looked for what had come, as between two turns of who spins and does not
/// let it sleep.
pub(super) fn note_turn() {
    turn(Instant::now());
}

fn turn(at: Instant) {
    TURNS.set([TURNS.get()[1], Some(at)]);
}

fn fall_asleep() {
    ASLEEP.set(Some(Instant::now()));
}

fn wake() {
    let now = Instant::now();
    let asleep = ASLEEP.get().filter(|asleep| now - *asleep > LONG_SLEEP);
    turn(asleep.unwrap_or(now));
}

/// When this thread's lane looked for what had come, the time before last: nothing that was not read since had come by
/// then. `None` before there was such a time.
pub(super) fn turn_before_last() -> Option<Instant> {
    TURNS.get()[0]
}

/// A single-threaded runtime whose tasks (`tokio::task::spawn_local`) need not be `Send`.
pub struct Lane(LocalRuntime);

/// Makes a lane; a simulated one has its time paused, so that it moves only when every task waits.
///
/// # Errors
/// Where the system grants no epoll or event descriptor.
pub fn lane(simulated: bool) -> io::Result<Lane> {
    Builder::new_current_thread()
        .enable_all()
        .start_paused(simulated)
        .on_thread_park(fall_asleep)
        .on_thread_unpark(wake)
        .build_local(LocalOptions::default())
        .map(Lane)
}

impl Lane {
    /// Runs a future, and the tasks that it spawns, until the future is done.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.0.block_on(future)
    }
}
