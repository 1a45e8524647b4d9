//! The runtime of a lane: one thread, tasks that never leave it.

use std::future::Future;
use std::io;

use tokio::runtime::{Builder, LocalOptions, LocalRuntime};

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
        .build_local(LocalOptions::default())
        .map(Lane)
}

impl Lane {
    /// Runs a future, and the tasks that it spawns, until the future is done.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.0.block_on(future)
    }
}
