//! How true a client's times are: of its first tokens, and of its sending.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;

use crate::bench::{Bench, named};
use crate::child::Client;
use crate::clients::{Name, Work};
use crate::clock::now_ns;
use crate::figures::{Bar, Rounds, quantile};
use crate::server::Streaming;
use crate::table::Table;

/// What is sent in the first second is left out, for every client: all connections are made then.
const SETTLING_NS: i64 = 1_000_000_000;

/// One request as plimsoll recorded it, in nanoseconds from the beginning.
struct Row {
    scheduled: i64,
    sent: i64,
    first_content: Option<i64>,
    /// How long the server says that it took to its first token.
    servers_first: Option<i64>,
    reused: bool,
}

/// The error of each client's time to the first token against the server's own.
///
/// # Errors
/// Where a client fails, or its records cannot be read.
pub fn first_tokens(bench: &Bench, table: &mut Table) -> io::Result<()> {
    for (streams, events, gap, most_ms) in [(1, 3, 5, 0.3), (100, 20, 50, 1.0), (1000, 20, 50, 5.0)]
    {
        let gap = Duration::from_millis(gap);
        bench.server.shared.pace(Streaming {
            events,
            first: gap,
            gap,
            spread: 64,
        });
        let what = format!("TTFT less the server's own, {streams} streams");
        let clients = [Name::Floor, Name::Native, Name::Hyper];
        let mut errors_us = clients.map(|_| [Rounds::default(), Rounds::default()]);
        for round in 0..bench.rounds {
            eprintln!("{what}: round {} of {}", round + 1, bench.rounds);
            for (name, figures) in clients.into_iter().zip(&mut errors_us) {
                let errors = first_token_errors(bench, name, streams)
                    .map_err(|error| named(name, &error))?;
                for (figure, q) in figures.iter_mut().zip([0.5, 0.99]) {
                    figure.0.extend(quantile(&errors, q));
                }
            }
        }
        let floor_p99 = errors_us[0][1].clone();
        for (name, [p50, p99]) in clients.into_iter().zip(&errors_us) {
            // The bar is milliseconds, or 1.2 times the floor's of the same run where that is more.
            let most = floor_p99
                .median()
                .map_or(most_ms, |floor| (1.2 * floor / 1000.0).max(most_ms));
            let bar = Bar {
                of: " ms at p99",
                most: (most * 1000.0).round() / 1000.0,
            };
            let p99_ms = Rounds(p99.0.iter().map(|us| us / 1000.0).collect());
            table.row([
                what.clone(),
                name.shown().to_owned(),
                format!("p99 {} µs", p99.shown(0)),
                p99.over(&floor_p99).shown(2),
                "–".to_owned(),
                format!("p50 {} µs", p50.shown(0)),
                if name == Name::Floor {
                    String::new()
                } else {
                    bar.judge(&p99_ms)
                },
            ]);
        }
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "times of this run")]
fn first_token_errors(bench: &Bench, name: Name, streams: usize) -> io::Result<Vec<f64>> {
    let Some(client) = bench.start(name, Work::Streams(streams), bench.lasts())? else {
        return Ok(Vec::new());
    };
    let ended = client.end()?;
    if name == Name::Floor {
        let pairs = ended.output.lines().filter_map(|line| {
            let (sent, error) = line.split_once(' ')?;
            Some((sent.parse::<i64>().ok()?, error.parse::<i64>().ok()?))
        });
        return Ok(pairs
            .filter(|(sent, _)| *sent >= SETTLING_NS)
            .map(|(_, error)| error as f64 / 1e3)
            .collect());
    }
    let rows = rows(&bench.programs.report().join("requests.parquet"))?;
    let errors = rows
        .iter()
        .filter(|row| row.sent >= SETTLING_NS)
        .filter_map(|row| {
            let ours = row.first_content? - row.sent;
            Some((ours - row.servers_first?) as f64 / 1e3)
        });
    Ok(errors.collect())
}

/// How late a client of an open loop is over the rounds, in microseconds, each its p50 and its p99.
#[derive(Default)]
struct Lateness {
    /// Of sending, by plimsoll's own rows.
    sent: [Rounds; 2],
    /// Of the timer that it sends by, by its canary's ticks over the whole run: before anything is done.
    woke: [Rounds; 2],
    /// As the server saw requests come.
    seen: [Rounds; 2],
}

/// How late a timer wakes that does nothing else, beside the same server: what the machine allows.
fn bare_timer(bench: &Bench, table: &mut Table) -> io::Result<()> {
    let mut woke = [Rounds::default(), Rounds::default()];
    for _ in 0..bench.rounds {
        let mut command = Command::new(&bench.programs.own);
        command
            .arg("ticks")
            .arg(bench.window.as_millis().to_string());
        let ended = Client::start(command, bench.processor, true)?.end()?;
        let late = ended.output.lines().filter_map(|line| line.parse().ok());
        let late: Vec<f64> = late.map(|ns: f64| ns / 1e3).collect();
        add(&mut woke, [0.5, 0.99].map(|q| quantile(&late, q)));
    }
    table.row([
        "lateness of a tick each millisecond".to_owned(),
        "bare timer (timerfd)".to_owned(),
        "–".to_owned(),
        "–".to_owned(),
        "–".to_owned(),
        format!("at the timer's wake {}", both(&woke)),
        String::new(),
    ]);
    Ok(())
}

/// Ticks each millisecond by a timer that is set anew for each, and prints how late each came, in nanoseconds.
///
/// # Errors
/// Where no timer can be had.
pub fn ticks(lasts: Duration) -> io::Result<()> {
    const TICK_NS: u64 = 1_000_000;
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::empty())?;
    let begun = now_ns();
    let until = begun + u64::try_from(lasts.as_nanos()).map_err(io::Error::other)?;
    let (mut due, mut late) = (begun + TICK_NS, Vec::new());
    while due < until {
        let at = TimeSpec::from_duration(Duration::from_nanos(due));
        timer.set(
            Expiration::OneShot(at),
            TimerSetTimeFlags::TFD_TIMER_ABSTIME,
        )?;
        timer.wait()?;
        // As plimsoll's canary counts: a stall makes all ticks late that came due meanwhile.
        let now = now_ns();
        while due <= now {
            late.push(now - due);
            due += TICK_NS;
        }
    }
    let lines: Vec<String> = late.iter().map(u64::to_string).collect();
    println!("{}", lines.join("\n"));
    Ok(())
}

/// How late requests of an open loop are: by plimsoll's own records, and as the server sees them come.
///
/// # Errors
/// Where a client fails, or its records cannot be read.
pub fn sending(bench: &Bench, table: &mut Table) -> io::Result<()> {
    bare_timer(bench, table)?;
    for rate in [1000_u32, 10_000] {
        let what = format!("lateness of sending at {rate}/s");
        let clients = [
            Name::Floor,
            Name::Native,
            Name::Hyper,
            Name::Precise,
            Name::Oha,
        ];
        let mut figures = clients.map(|_| Lateness::default());
        for round in 0..bench.rounds {
            eprintln!("{what}: round {} of {}", round + 1, bench.rounds);
            for (name, figures) in clients.into_iter().zip(&mut figures) {
                late(bench, name, rate, figures).map_err(|error| named(name, &error))?;
            }
        }
        for (name, figures) in clients.into_iter().zip(&figures) {
            let missing = name == Name::Oha && bench.programs.oha.is_none();
            table.row([
                what.clone(),
                name.shown().to_owned(),
                match figures.sent[0].median() {
                    Some(_) => format!("`sent` {}", both(&figures.sent)),
                    None if missing => bench.programs.why_missing(name, Work::Offered(rate, None)),
                    None => "tells none".to_owned(),
                },
                "–".to_owned(),
                "–".to_owned(),
                figures.beside(),
                figures.judged(name),
            ]);
        }
    }
    Ok(())
}

fn both([p50, p99]: &[Rounds; 2]) -> String {
    format!("p50 {} µs, p99 {} µs", p50.shown(0), p99.shown(0))
}

impl Lateness {
    fn beside(&self) -> String {
        let seen = format!("at the server {}", both(&self.seen));
        match self.woke[0].median() {
            Some(_) => format!("at the timer's wake {}; {seen}", both(&self.woke)),
            None => seen,
        }
    }

    fn judged(&self, name: Name) -> String {
        let judged = |figures: &Rounds, most| Bar { of: " µs", most }.judge(figures);
        let ([p50, p99], [woke, _]) = (&self.sent, &self.woke);
        match name {
            Name::Native | Name::Hyper => format!(
                "wake p50 {}; p50 {}; p99 {}",
                judged(woke, 40.0),
                judged(p50, 80.0),
                judged(p99, 500.0)
            ),
            Name::Precise => format!("p99 {}", judged(p99, 50.0)),
            _ => String::new(),
        }
    }
}

/// Measures a client once.
#[expect(clippy::cast_precision_loss, reason = "times of this run")]
fn late(bench: &Bench, name: Name, rate: u32, figures: &mut Lateness) -> io::Result<()> {
    let shared = &bench.server.shared;
    let connections = matches!(name, Name::Floor | Name::Oha).then_some(64);
    let Some(client) = bench.start(name, Work::Offered(rate, connections), bench.lasts())? else {
        return Ok(());
    };
    std::thread::sleep(Duration::from_secs(1));
    shared.log_arrivals();
    std::thread::sleep(bench.window);
    let seen = behind_schedule(&shared.take_arrivals(), rate);
    client.end()?;
    add(&mut figures.seen, [0.5, 0.99].map(|q| quantile(&seen, q)));
    if matches!(name, Name::Floor | Name::Oha) {
        return Ok(());
    }
    let rows = rows(&bench.programs.report().join("requests.parquet"))?;
    let sent: Vec<f64> = rows
        .iter()
        .filter(|row| row.reused && row.scheduled >= SETTLING_NS)
        .map(|row| (row.sent - row.scheduled) as f64 / 1e3)
        .collect();
    add(&mut figures.sent, [0.5, 0.99].map(|q| quantile(&sent, q)));
    add(&mut figures.woke, woke(bench)?);
    Ok(())
}

fn add(figures: &mut [Rounds; 2], values: [Option<f64>; 2]) {
    for (figure, value) in figures.iter_mut().zip(values) {
        figure.0.extend(value);
    }
}

/// p50 and p99 of how late the canary's ticks were in plimsoll's last run, in microseconds.
fn woke(bench: &Bench) -> io::Result<[Option<f64>; 2]> {
    let results = bench.programs.results()?;
    let check = &results["cells"][0]["self_check"];
    Ok(["canary_p50", "canary_p99"].map(|name| Some(check[name].as_f64()? * 1e6)))
}

/// How far behind a schedule of equal gaps each arrival was, in microseconds. The schedule begins as early as it can
/// without any arrival being ahead of it: the least late one counts as on time.
#[expect(clippy::cast_precision_loss, reason = "times of this run")]
fn behind_schedule(arrivals: &[u64], rate: u32) -> Vec<f64> {
    let Some(&first) = arrivals.first() else {
        return Vec::new();
    };
    let gap = 1e9 / f64::from(rate);
    let off: Vec<f64> = arrivals
        .iter()
        .enumerate()
        .map(|(number, at)| (at - first) as f64 - number as f64 * gap)
        .collect();
    let earliest = off.iter().copied().fold(f64::INFINITY, f64::min);
    off.iter().map(|off| (off - earliest) / 1e3).collect()
}

/// The measured rows that were sent.
fn rows(path: &Path) -> io::Result<Vec<Row>> {
    let reader = SerializedFileReader::new(File::open(path)?).map_err(io::Error::other)?;
    let mut rows = Vec::new();
    for row in reader.get_row_iter(None).map_err(io::Error::other)? {
        let row = row.map_err(io::Error::other)?;
        let field = |name: &str| {
            row.get_column_iter()
                .find(|(column, _)| *column == name)
                .map(|(_, field)| field)
        };
        let (Some(scheduled), Some(sent)) =
            (integer(field("scheduled_ns")), integer(field("sent_ns")))
        else {
            continue;
        };
        rows.push(Row {
            scheduled,
            sent,
            first_content: integer(field("first_content_ns")),
            servers_first: field("server").and_then(servers_first),
            reused: integer(field("connected_ns")).is_none(),
        });
    }
    Ok(rows)
}

fn integer(field: Option<&Field>) -> Option<i64> {
    match field? {
        Field::Long(value) => Some(*value),
        Field::ULong(value) => i64::try_from(*value).ok(),
        _ => None,
    }
}

/// The server's own time to its first token, out of the figures that its answer told.
fn servers_first(field: &Field) -> Option<i64> {
    let Field::Str(text) = field else { return None };
    let told: serde_json::Value = serde_json::from_str(text).ok()?;
    let seconds = told.get("timings.prompt_s")?.as_f64()?;
    #[expect(clippy::cast_possible_truncation, reason = "nanoseconds of this run")]
    Some((seconds * 1e9).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_held_against_the_schedule_that_the_earliest_of_them_kept() {
        // 1,000/s; the third came 200 µs late, the first 50.
        let arrivals = [50_000, 1_000_000, 2_200_000, 3_000_000];
        assert_eq!(behind_schedule(&arrivals, 1000), [50.0, 0.0, 200.0, 0.0]);
    }
}
