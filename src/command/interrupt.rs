//! Signals: the first SIGINT or SIGTERM ends sending, the second ends the process. SIGTSTP stops the process as ever;
//! that it did is known by the SIGCONT that follows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::mpsc::Sender;

use crate::load::Stop;
use crate::results::Ending;
use crate::run::Signals;

/// Listens for signals while a run is going on.
#[derive(Clone)]
pub struct Interrupt {
    stop: Stop,
    signal: Arc<AtomicU8>,
    suspensions: Arc<AtomicU32>,
}

impl Interrupt {
    /// Begins to listen, on a thread of its own, so that a busy run delays nothing; on return no signal is missed.
    pub fn listen() -> std::io::Result<Self> {
        let interrupt = Self {
            stop: Stop::default(),
            signal: Arc::default(),
            suspensions: Arc::default(),
        };
        let listener = interrupt.clone();
        let (listening, ready) = std::sync::mpsc::channel();
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || match crate::foundation::clock::lane(false) {
                Ok(lane) => lane.block_on(listener.wait(listening)),
                Err(error) => tracing::warn!(%error, "signals cannot be listened for"),
            })?;
        // Where nobody can listen, the other end is let go of.
        let _ = ready.recv();
        Ok(interrupt)
    }

    async fn wait(self, listening: Sender<()>) {
        use tokio::signal::unix::{SignalKind, signal};
        let continued = SignalKind::from_raw(rustix::process::Signal::CONT.as_raw());
        // A file over its limit ends the process, unless somebody listens: then the write fails as on a full disk.
        let too_large = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
        let (Ok(mut interrupts), Ok(mut terminations), Ok(mut continuations), Ok(_too_large)) = (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
            signal(continued),
            signal(too_large),
        ) else {
            tracing::warn!("signals cannot be listened for: Ctrl-C ends the process at once");
            return;
        };
        drop(listening);
        loop {
            let ending = tokio::select! {
                _ = interrupts.recv() => Ending::Interrupted,
                _ = terminations.recv() => Ending::Terminated,
                _ = continuations.recv() => {
                    self.suspensions.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
            };
            if self.signal.swap(ending.code(), Ordering::SeqCst) != 0 {
                // The second signal means: now, whatever is under way.
                std::process::exit(i32::from(ending.code()));
            }
            super::output::words(
                "\nstopping: no further request is sent, what is in flight has 5 s; once more ends at once\n",
            );
            self.stop.stop();
        }
    }
}

impl Signals for Interrupt {
    fn stop(&self) -> &Stop {
        &self.stop
    }

    fn ending(&self) -> Option<Ending> {
        match self.signal.load(Ordering::SeqCst) {
            0 => None,
            code if code == Ending::Terminated.code() => Some(Ending::Terminated),
            _ => Some(Ending::Interrupted),
        }
    }

    fn suspensions(&self) -> u32 {
        self.suspensions.load(Ordering::SeqCst)
    }
}
