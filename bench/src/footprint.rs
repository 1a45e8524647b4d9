//! What a stream costs in memory, and what a start costs in time.

use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::bench::{Bench, named};
use crate::clients::{Name, Work};
use crate::clock::now_ns;
use crate::figures::{Bar, Rounds};
use crate::server::Streaming;
use crate::table::Table;

/// Streams of the small and of the large run, whose difference is told.
const FEW: usize = 400;
const MANY: usize = 4000;

/// Memory of a plain stream in flight.
///
/// # Errors
/// Where a client fails.
pub fn memory(bench: &Bench, table: &mut Table) -> io::Result<()> {
    let second = Duration::from_secs(1);
    bench.server.shared.pace(Streaming {
        events: 60,
        first: second,
        gap: second,
        spread: 64,
    });
    let what = "memory of a plain stream in flight (4,000 less 400)";
    for name in [Name::Floor, Name::Native, Name::Hyper, Name::Oha] {
        let mut kib = Rounds::default();
        for round in 0..bench.rounds.min(3) {
            eprintln!("{what}: round {} of {}", round + 1, bench.rounds.min(3));
            let few = peak_kib(bench, name, FEW).map_err(|error| named(name, &error))?;
            let many = peak_kib(bench, name, MANY).map_err(|error| named(name, &error))?;
            if let (Some(few), Some(many)) = (few, many) {
                #[expect(clippy::cast_precision_loss, reason = "kibibytes of this run")]
                kib.0.push((many as f64 - few as f64) / (MANY - FEW) as f64);
            }
        }
        let bar = Bar {
            of: " KiB",
            most: 24.0,
        };
        let missing = kib.0.is_empty();
        table.row([
            what.to_owned(),
            name.shown().to_owned(),
            if missing {
                bench.programs.why_missing(name, Work::Streams(MANY))
            } else {
                format!("{} KiB", kib.shown(1))
            },
            "–".to_owned(),
            "–".to_owned(),
            String::new(),
            if matches!(name, Name::Native | Name::Hyper) {
                bar.judge(&kib)
            } else {
                String::new()
            },
        ]);
    }
    Ok(())
}

/// The most that a client has had in memory once all of its streams run.
fn peak_kib(bench: &Bench, name: Name, streams: usize) -> io::Result<Option<u64>> {
    let Some(client) = bench.start(name, Work::Streams(streams), Duration::from_mins(1))? else {
        return Ok(None);
    };
    let begun = now_ns();
    while bench.server.shared.in_flight.load(Relaxed) < streams as u64 {
        if now_ns() - begun > 20_000_000_000 {
            client.kill()?;
            return Err(io::Error::other(
                "its streams did not all begin within 20 s",
            ));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    // Each stream has had its first events when three more seconds have passed.
    std::thread::sleep(Duration::from_secs(3));
    let peak = client.memory_kib();
    client.kill()?;
    while bench.server.shared.in_flight.load(Relaxed) > 0 {
        std::thread::sleep(Duration::from_millis(20));
    }
    peak.map(Some)
}

/// From a process's start to its first request, for the smallest of scenarios.
///
/// # Errors
/// Where a client fails.
pub fn start(bench: &Bench, table: &mut Table) -> io::Result<()> {
    let what = "start to the first request";
    for name in [Name::Native, Name::Oha] {
        let mut ms = Rounds::default();
        for _ in 0..bench.rounds * 2 {
            bench.server.shared.log_arrivals();
            let before = now_ns();
            let Some(client) = bench.start(name, Work::One, bench.window)? else {
                break;
            };
            client.end().map_err(|error| named(name, &error))?;
            let arrivals = bench.server.shared.take_arrivals();
            let first = arrivals
                .first()
                .ok_or_else(|| io::Error::other("no request came"))?;
            #[expect(clippy::cast_precision_loss, reason = "a time of this run")]
            ms.0.push((first - before) as f64 / 1e6);
        }
        let missing = ms.0.is_empty();
        table.row([
            what.to_owned(),
            name.shown().to_owned(),
            if missing {
                bench.programs.why_missing(name, Work::One)
            } else {
                format!("{} ms", ms.shown(1))
            },
            "–".to_owned(),
            "–".to_owned(),
            String::new(),
            if name == Name::Native {
                Bar {
                    of: " ms",
                    most: 50.0,
                }
                .judge(&ms)
            } else {
                String::new()
            },
        ]);
    }
    Ok(())
}
