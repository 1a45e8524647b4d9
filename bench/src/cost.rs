//! What a small request and a token cost their client.

use std::io;
use std::time::Duration;

use crate::bench::Bench;
use crate::clients::{Name, Work};
use crate::figures::{Bar, Rounds};
use crate::server::Streaming;
use crate::table::Table;

/// Figures of one client.
struct Figures {
    name: Name,
    window: Rounds,
    whole: Rounds,
    void: u32,
}

/// A client's limits: times the floor, times oha.
type Bars = (Option<f64>, Option<f64>);

/// Small requests over 64 connections: as fast as answers come, and at one offered rate.
///
/// # Errors
/// Where a client fails.
pub fn small_requests(bench: &Bench, table: &mut Table) -> io::Result<()> {
    let bars = |name| match name {
        Name::Native => (Some(1.3), Some(0.6)),
        Name::Hyper => (Some(1.9), Some(0.8)),
        _ => (None, None),
    };
    let clients = [Name::Floor, Name::Native, Name::Hyper, Name::Oha, Name::Wrk];
    let works = [
        (
            "small request, 64 connections, as fast as answers come",
            Work::Saturating(64),
        ),
        (
            "small request, 64 connections, 5,000/s offered",
            Work::Offered(5000, Some(64)),
        ),
    ];
    for (what, work) in works {
        rows(bench, table, what, work, &clients, bars)?;
    }
    Ok(())
}

/// Events of 64 streams, at two paces.
///
/// # Errors
/// Where a client fails.
pub fn token_events(bench: &Bench, table: &mut Table) -> io::Result<()> {
    let bars = |name| match name {
        Name::Native => (Some(1.15), None),
        Name::Hyper => (Some(1.3), None),
        _ => (None, None),
    };
    let clients = [Name::Floor, Name::Native, Name::Hyper, Name::Oha];
    for (what, gap_ms) in [
        ("token event, 64 streams, 10 ms apart", 10),
        ("token event, 64 streams, 2 ms apart", 2),
    ] {
        let gap = Duration::from_millis(gap_ms);
        let events = 1000 / u32::try_from(gap_ms).unwrap_or(1);
        bench.server.shared.pace(Streaming {
            events,
            first: gap,
            gap,
            spread: 64,
        });
        rows(bench, table, what, Work::Streams(64), &clients, bars)?;
    }
    Ok(())
}

/// The cost of the whole process, and how often the client called its own measurement void.
fn beside(figures: &Figures, rounds: u32) -> String {
    let whole = format!("whole process {} µs", figures.whole.shown(1));
    match figures.void {
        0 => whole,
        void => format!("{whole}; void by its own word in {void} of {rounds} rounds"),
    }
}

fn rows(
    bench: &Bench,
    table: &mut Table,
    what: &str,
    work: Work,
    clients: &[Name],
    bars: impl Fn(Name) -> Bars,
) -> io::Result<()> {
    let mut all: Vec<Figures> = clients
        .iter()
        .map(|&name| Figures {
            name,
            window: Rounds::default(),
            whole: Rounds::default(),
            void: 0,
        })
        .collect();
    for round in 0..bench.rounds {
        eprintln!("{what}: round {} of {}", round + 1, bench.rounds);
        for figures in &mut all {
            if let Some(measured) = bench.cost(figures.name, work)? {
                figures.window.0.extend(measured.window.each_us());
                figures.whole.0.extend(measured.whole.each_us());
                figures.void += u32::from(measured.void);
            }
        }
    }
    let of = |name| {
        all.iter()
            .find(|figures| figures.name == name)
            .map(|figures| &figures.window)
    };
    let (floor, oha) = (of(Name::Floor), of(Name::Oha));
    for figures in &all {
        let over = |other: Option<&Rounds>| {
            other
                .map(|other| figures.window.over(other))
                .unwrap_or_default()
        };
        let (to_floor, to_oha) = (over(floor), over(oha));
        let (floor_bar, oha_bar) = bars(figures.name);
        let judged = [
            floor_bar.map(|most| {
                Bar {
                    of: " × floor",
                    most,
                }
                .judge(&to_floor)
            }),
            oha_bar.map(|most| {
                Bar {
                    of: " × oha", most
                }
                .judge(&to_oha)
            }),
        ];
        let missing = figures.window.0.is_empty();
        table.row([
            what.to_owned(),
            figures.name.shown().to_owned(),
            if missing {
                bench.programs.why_missing(figures.name, work)
            } else {
                format!("{} µs", figures.window.shown(2))
            },
            to_floor.shown(2),
            to_oha.shown(2),
            beside(figures, bench.rounds),
            judged.into_iter().flatten().collect::<Vec<_>>().join("; "),
        ]);
    }
    Ok(())
}
