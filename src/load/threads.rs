//! Where a phase's lanes run: one thread a core, or one lane of simulated time.

use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{self, Receiver, Sender};

use super::lane::{Common, Lane};
use super::phase::PhaseRun;
use super::slots::Share;
use super::{Blocks, LoadError, watch};
use crate::foundation::clock::{self, Clock, Timer};
use crate::foundation::units::Offset;
use crate::instruments::record::OwnSecond;

/// Runs a phase over the lanes of this machine; this thread writes the records. Gives the generator's seconds, and the
/// moment at which sending had ended.
pub(super) fn run_phase(
    phase: &PhaseRun<'_>,
    blocks: &mut dyn Blocks,
) -> Result<(Vec<OwnSecond>, Offset), LoadError> {
    let lanes = phase.lanes();
    let common = &phase.common;
    let clock = OnceLock::new();
    let (sender, receiver) = mpsc::channel();
    let (ready, all_ready) = mpsc::channel();
    let (watching, done) = mpsc::channel();
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        let mut result = Ok(());
        for number in 0..lanes {
            let share = Share {
                lane: number,
                lanes,
                slots: phase.slots,
            };
            let (sender, ready, clock) = (sender.clone(), ready.clone(), &clock);
            let lane = move || run_lane(common, share, sender, (ready, clock));
            match std::thread::Builder::new()
                .name(format!("lane-{number}"))
                .spawn_scoped(scope, lane)
            {
                Ok(thread) => threads.push(thread),
                Err(source) => {
                    result = Err(LoadError::Thread { source });
                    common.stops[1].stop();
                }
            }
        }
        // All lanes begin together: the clock starts when the last is ready, or has failed.
        drop(ready);
        while all_ready.recv().is_ok() {}
        let _ = clock.set(Clock::real());
        drop(sender);
        let started = &clock;
        let watch = scope.spawn(move || watch::watch(common, started, &done));
        let written = write(&receiver, common, blocks);
        let mut stopped = Offset::ZERO;
        for thread in threads {
            match thread.join() {
                Ok(Ok(over)) => stopped = stopped.max(over),
                Ok(Err(error)) => result = Err(error),
                Err(_) => result = Err(LoadError::Bug),
            }
        }
        drop(watching);
        let seconds = watch.join().map_err(|_| LoadError::Bug)?;
        written?;
        result?;
        Ok((seconds, stopped))
    })
}

/// One lane's thread.
fn run_lane(
    common: &Common,
    share: Share,
    blocks: Sender<Vec<u8>>,
    (ready, clock): (Sender<()>, &OnceLock<Clock>),
) -> Result<Offset, LoadError> {
    let runtime = clock::lane(false);
    drop(ready);
    let runtime = runtime.map_err(|source| LoadError::Lane { source })?;
    let clock = clock.wait();
    runtime.block_on(async {
        let timer = Timer::new(clock).map_err(|source| LoadError::Lane { source })?;
        let lane = Lane::new(common, share, timer, blocks);
        Ok(lane.run().await)
    })
}

/// Writes blocks until no lane has any more. A disk that refuses ends the phase.
fn write(
    receiver: &Receiver<Vec<u8>>,
    common: &Common,
    blocks: &mut dyn Blocks,
) -> Result<(), LoadError> {
    let mut result = Ok(());
    while let Ok(block) = receiver.recv() {
        if result.is_ok() {
            result = blocks.block(&block);
            if result.is_err() {
                common.stops[1].stop();
            }
        }
        common
            .live
            .waiting_bytes
            .fetch_sub(block.len() as u64, Relaxed);
    }
    Ok(result?)
}

/// Runs a phase on the simulated clock.
#[cfg(test)]
pub(super) async fn simulate_phase(
    phase: &PhaseRun<'_>,
    blocks: &mut dyn Blocks,
) -> Result<Offset, LoadError> {
    let (sender, receiver) = mpsc::channel();
    let timer = Timer::new(&Clock::simulated()).map_err(|source| LoadError::Lane { source })?;
    let share = Share {
        lane: 0,
        lanes: 1,
        slots: phase.slots,
    };
    let lane = Lane::new(&phase.common, share, timer, sender);
    let stopped = Box::pin(lane.run()).await;
    write(&receiver, &phase.common, blocks)?;
    Ok(stopped)
}
