//! What a repeat that is cut short leaves behind: no task of its lanes, no thread, nobody who holds its parts. What becomes
//! of its connections is in `connections.rs`.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::bench::*;
use super::connections::{http2, silent};
use crate::foundation::access::Network;
use crate::foundation::clock::{Clock, Timer, lane};
use crate::foundation::units::{Offset, Rate};
use crate::instruments::record::Phase;
use crate::instruments::transport::{Client, Options, Origin, memory};
use crate::load::lane::Lane;
use crate::load::phase::PhaseRun;
use crate::load::slots::Share;
use crate::load::{Work, run_repeat};
use crate::plan::Cell;

/// Four requests that no answer comes to, given up a tenth of a second after the last might be sent: by clients, and by a
/// schedule.
fn cut_by_their_time() -> [Cell; 2] {
    without_end().map(|mut cell| {
        cell.load.duration = Some(secs(0.1));
        cell.load.drain = Some(secs(0.1));
        cell
    })
}

/// The same, that only a stop ends.
fn without_end() -> [Cell; 2] {
    [Rate::Infinite, Rate::PerSecond(1000.0)].map(|rate| {
        let mut cell = cell();
        cell.rate = rate;
        cell.concurrency = at_most(4);
        cell.load.requests = Some(1_000_000);
        cell
    })
}

/// Runs the one lane of a phase in the current runtime, and says when it was over.
///
/// # Panics
/// Where it leaves more tasks than there were before.
async fn leaves_no_task(work: &Work<'_>, clock: &Clock) -> Offset {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let phase = PhaseRun::new(work, Phase::Measured, clock.is_simulated()).unwrap();
    let share = Share {
        lane: 0,
        lanes: 1,
        slots: phase.slots,
    };
    let (sender, _records) = mpsc::channel();
    let lane = Lane::new(&phase.common, share, Timer::new(clock).unwrap(), sender);
    let itself = Rc::downgrade(&lane);
    lane.run().await;
    let over = clock.now();
    assert_eq!(work.live.figures().failed, 4, "each was in flight");
    assert!(itself.upgrade().is_none(), "somebody holds the lane");
    // What was told to end ends in the next turn.
    tokio::task::yield_now().await;
    assert_eq!(tasks(), before);
    over
}

fn by_each(check: impl Fn(&Options)) {
    for client in [Client::Native, Client::Hyper] {
        check(&Options {
            client,
            ..Options::default()
        });
    }
    check(&http2());
}

/// The cell on the simulated clock, against a server that takes connections and no more.
fn on_the_simulated_clock(options: &Options, cell: &Cell, stop_at: Option<Duration>) -> Offset {
    lane(true).unwrap().block_on(async {
        let clock = Clock::simulated();
        let (dialer, mut listener) = memory::listen();
        tokio::task::spawn_local(async move {
            let mut held = Vec::new();
            while let Some(stream) = listener.accept().await {
                held.push(stream);
            }
        });
        let work = work(cell, Origin::in_memory(dialer, options));
        let stopping = async {
            if let Some(at) = stop_at {
                Timer::new(&clock).unwrap().after(at).await;
                work.stop.stop();
            }
        };
        tokio::join!(leaves_no_task(&work, &clock), stopping).0
    })
}

#[test]
fn requests_that_the_drain_cuts_leave_no_task_behind() {
    by_each(|options| {
        for cell in cut_by_their_time() {
            let over = on_the_simulated_clock(options, &cell, None);
            assert_eq!(over, at(0.2));
        }
    });
}

/// As Ctrl-C does it: what is in flight has five seconds.
#[test]
fn requests_that_a_stop_cuts_leave_no_task_behind() {
    by_each(|options| {
        for cell in without_end() {
            let over = on_the_simulated_clock(options, &cell, Some(secs(1.0)));
            assert_eq!(over, at(6.0));
        }
    });
}

/// Real time has tasks that simulated time has not: the timer's wheel, and the canary.
#[test]
fn a_lane_of_real_time_leaves_no_task_behind() {
    by_each(|options| {
        let (address, ..) = silent();
        for cell in cut_by_their_time() {
            let origin = origin(options, address);
            let work = work(&cell, origin);
            lane(false).unwrap().block_on(async {
                leaves_no_task(&work, &Clock::real()).await;
            });
        }
    });
}

fn origin(options: &Options, address: SocketAddr) -> Origin {
    let url = format!("http://{address}");
    Origin::resolve(&url, Vec::new(), options, &Network::default()).unwrap()
}

/// Every lane, slot and task holds the origin and the figures; the thread that makes requests ready holds the protocol.
#[test]
fn nobody_holds_the_parts_of_a_repeat_that_has_ended() {
    by_each(|options| {
        let (address, ..) = silent();
        for cell in cut_by_their_time() {
            let work = work(&cell, origin(options, address));
            run_repeat(&work, &mut Kept::default()).unwrap();
            assert_eq!(Arc::strong_count(&work.origins[0]), 1);
            assert_eq!(Arc::strong_count(&work.live), 1);
            let begun = Instant::now();
            while Arc::strong_count(&work.requests.protocol) > 1 {
                assert!(
                    begun.elapsed() < Duration::from_secs(20),
                    "the thread that makes requests lives on"
                );
                std::thread::yield_now();
            }
        }
    });
}
