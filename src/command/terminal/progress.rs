//! Progress of a run: a live view on a terminal, plain lines without one (a line a cell and a line a minute).
//!
//! Time comes in with the figures. What cannot be written is dropped: a closed stderr ends no run.

use std::io::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Colour;
use super::colour::Paint;
use crate::report::escape;
use crate::report::number::{NO_DATA, Scale};

/// Time between two plain lines of one repeat.
const MINUTE: Duration = Duration::from_mins(1);
/// How often a terminal is drawn to in a second, at most.
const DRAWN_PER_SECOND: u8 = 10;
/// Characters of the bar.
const BAR: usize = 24;

/// The figures of a run at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    /// Time since the run began.
    pub elapsed: Duration,
    /// The cell's number, from 1.
    pub cell: usize,
    /// How many cells there are.
    pub cells: usize,
    /// What tells the cell from the others: `rate=2,concurrency=8`.
    pub label: String,
    /// The repeat, from 1.
    pub repeat: u32,
    /// How many repeats.
    pub repeats: u32,
    /// Whether warm-ups are being sent.
    pub warmup: bool,
    /// Rate offered in requests per second; none in a closed loop.
    pub offered_rate: Option<f64>,
    /// Rate at which requests were sent over the last seconds.
    pub achieved_rate: Option<f64>,
    /// Requests in flight.
    pub in_flight: u64,
    /// Requests of this repeat that were ok so far.
    pub ok: u64,
    /// Requests of this repeat that failed so far.
    pub failed: u64,
    /// Median e2e in seconds so far.
    pub p50: Option<f64>,
    /// p99 of e2e in seconds so far.
    pub p99: Option<f64>,
    /// Share of the whole run that is done, 0 to 1.
    pub done: f64,
    /// Time that the rest will take, where it can be told.
    pub remaining: Option<Duration>,
}

/// A repeat of a cell that is done: counts alone, for these are exact. The figures of the live view are not, and those of
/// the summary and the report would contradict them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CellDone {
    /// Its number, from 1.
    pub cell: usize,
    /// How many cells there are.
    pub cells: usize,
    /// What tells it from the others.
    pub label: String,
    /// The repeat, from 1.
    pub repeat: u32,
    /// How many repeats.
    pub repeats: u32,
    /// Requests that were ok.
    pub ok: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Requests that were due and not sent.
    pub unsent: u64,
}

/// Shows progress on a stream.
pub struct Progress {
    colour: Colour,
    view: View,
}

enum View {
    /// Drawn over itself.
    Live(ProgressBar),
    /// A line after the other; when the last one was written.
    Lines {
        out: Box<dyn Write + Send>,
        last: Duration,
    },
}

impl Progress {
    /// Progress on stderr: live where `live`, else a line a cell and a line a minute.
    pub fn stderr(live: bool, colour: Colour) -> Self {
        if !live {
            return Self::lines(Box::new(std::io::stderr()), colour);
        }
        let bar = ProgressBar::with_draw_target(
            None,
            ProgressDrawTarget::stderr_with_hz(DRAWN_PER_SECOND),
        );
        // The view is one message of two lines: what varies in it is ours to lay out.
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        Self {
            colour,
            view: View::Live(bar),
        }
    }

    /// Progress as plain lines on a stream.
    pub fn lines(out: Box<dyn Write + Send>, colour: Colour) -> Self {
        Self {
            colour,
            view: View::Lines {
                out,
                last: Duration::ZERO,
            },
        }
    }

    /// Shows the figures of this moment; to be called a few times a second.
    pub fn update(&mut self, snapshot: &Snapshot) {
        match &mut self.view {
            View::Live(bar) => bar.set_message(live_view(snapshot, self.colour)),
            View::Lines { out, last } => {
                if snapshot.elapsed.saturating_sub(*last) >= MINUTE {
                    *last = snapshot.elapsed;
                    let _ = writeln!(out, "{}", minute_line(snapshot));
                }
            }
        }
    }

    /// Shows that a repeat of a cell is done.
    pub fn cell_done(&mut self, done: &CellDone) {
        let line = cell_line(done, self.colour);
        self.write(&line);
    }

    /// Shows a line above the live view.
    pub fn note(&mut self, text: &str) {
        let line = escape::plain(text);
        self.write(&line);
    }

    /// Takes the live view away.
    pub fn finish(&mut self) {
        if let View::Live(bar) = &self.view {
            bar.finish_and_clear();
        }
    }

    fn write(&mut self, line: &str) {
        match &mut self.view {
            View::Live(bar) => bar.println(line),
            View::Lines { out, .. } => {
                let _ = writeln!(out, "{line}").and_then(|()| out.flush());
            }
        }
    }
}

/// The two lines of the live view: how far, and how it goes.
pub fn live_view(snapshot: &Snapshot, colour: Colour) -> String {
    let filled = bar_filled(snapshot.done);
    let bar = format!(
        "{}{}",
        colour.paint(Paint::Good, &"━".repeat(filled)),
        colour.paint(Paint::Dim, &"─".repeat(BAR - filled))
    );
    let left = snapshot.remaining.map_or_else(
        || "time left unknown".to_owned(),
        |left| format!("{} left", clock(left)),
    );
    format!(
        "{bar} cell {} of {}{}  {}  {}\n  {}",
        snapshot.cell,
        snapshot.cells,
        repeat_of(snapshot.repeat, snapshot.repeats),
        colour.paint(Paint::Strong, &escape::line(&snapshot.label)),
        colour.paint(Paint::Dim, &left),
        figures(snapshot, colour),
    )
}

fn bar_filled(done: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of two dozen characters; what is no number is 0"
    )]
    let filled = (done.clamp(0.0, 1.0) * BAR as f64) as usize;
    filled.min(BAR)
}

/// The figures of this moment; those that come from the live histograms are marked with `~`.
fn figures(snapshot: &Snapshot, colour: Colour) -> String {
    let rate = |rate: Option<f64>| {
        rate.map_or_else(
            || NO_DATA.to_owned(),
            |rate| Scale::PerSecond.with_unit(rate),
        )
    };
    let about = |figure: String| {
        if figure == NO_DATA {
            figure
        } else {
            format!("~{figure}")
        }
    };
    let mut parts = Vec::new();
    if snapshot.warmup {
        parts.push(colour.paint(Paint::Doubt, "warm-up"));
    }
    if snapshot.offered_rate.is_some() {
        parts.push(format!("offered {}", rate(snapshot.offered_rate)));
    }
    parts.push(format!("sent {}", about(rate(snapshot.achieved_rate))));
    parts.push(format!("{} in flight", snapshot.in_flight));
    parts.push(format!("{} ok", snapshot.ok));
    let failed = format!("{} failed", snapshot.failed);
    parts.push(if snapshot.failed > 0 {
        colour.paint(Paint::Bad, &failed)
    } else {
        failed
    });
    parts.push(format!(
        "e2e p50 {}, p99 {}",
        about(seconds(snapshot.p50)),
        about(seconds(snapshot.p99))
    ));
    parts.join(" · ")
}

fn minute_line(snapshot: &Snapshot) -> String {
    let left = snapshot
        .remaining
        .map_or_else(String::new, |left| format!(" · {} left", clock(left)));
    format!(
        "{} cell {} of {}{} {}: {}{left}",
        clock(snapshot.elapsed),
        snapshot.cell,
        snapshot.cells,
        repeat_of(snapshot.repeat, snapshot.repeats),
        escape::line(&snapshot.label),
        figures(snapshot, Colour::Off),
    )
}

fn cell_line(done: &CellDone, colour: Colour) -> String {
    let bad = |count: u64, word: &str| {
        let text = format!("{count} {word}");
        if count > 0 {
            colour.paint(Paint::Bad, &text)
        } else {
            text
        }
    };
    let unsent = if done.unsent > 0 {
        format!(", {}", bad(done.unsent, "unsent"))
    } else {
        String::new()
    };
    format!(
        "cell {} of {}{} {}: {} ok, {}{unsent}",
        done.cell,
        done.cells,
        repeat_of(done.repeat, done.repeats),
        escape::line(&done.label),
        done.ok,
        bad(done.failed, "failed"),
    )
}

fn repeat_of(repeat: u32, repeats: u32) -> String {
    if repeats > 1 {
        format!(", repeat {repeat} of {repeats}")
    } else {
        String::new()
    }
}

fn seconds(value: Option<f64>) -> String {
    value.map_or_else(
        || NO_DATA.to_owned(),
        |value| {
            if value >= 1.0 {
                Scale::Seconds.with_unit(value)
            } else {
                Scale::Milliseconds.with_unit(value)
            }
        },
    )
}

/// A length of time in whole seconds: `0:42`, `1:02:03`.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
    }

    fn snapshot(elapsed_s: u64) -> Snapshot {
        Snapshot {
            elapsed: Duration::from_secs(elapsed_s),
            cell: 2,
            cells: 8,
            label: "rate=2,concurrency=8".to_owned(),
            repeat: 1,
            repeats: 3,
            offered_rate: Some(2.0),
            achieved_rate: Some(1.98),
            in_flight: 3,
            ok: 41,
            failed: 1,
            p50: Some(0.412),
            p99: Some(1.5),
            done: 0.25,
            remaining: Some(Duration::from_secs(3723)),
            ..Snapshot::default()
        }
    }

    #[test]
    fn without_a_terminal_there_is_a_line_a_minute_and_a_line_a_cell() {
        let kept = Kept::default();
        let mut progress = Progress::lines(Box::new(kept.clone()), Colour::Off);
        for second in 0..150 {
            progress.update(&snapshot(second));
        }
        progress.cell_done(&CellDone {
            cell: 2,
            cells: 8,
            label: "rate=2".to_owned(),
            ok: 100,
            ..CellDone::default()
        });
        progress.finish();
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert_eq!(
            lines[0],
            "1:00 cell 2 of 8, repeat 1 of 3 rate=2,concurrency=8: offered 2.00/s · sent ~1.98/s · 3 in flight · 41 ok · 1 failed · e2e p50 ~412 ms, p99 ~1.50 s · 1:02:03 left"
        );
        assert_eq!(lines[2], "cell 2 of 8 rate=2: 100 ok, 0 failed");
    }

    #[test]
    fn a_closed_stream_ends_nothing() {
        let mut progress = Progress::lines(Box::new(Closed), Colour::Off);
        progress.update(&snapshot(61));
        progress.cell_done(&CellDone::default());
        progress.note("x");
        progress.finish();
    }

    #[test]
    fn the_live_view_says_how_far_and_how_it_goes() {
        let text = live_view(&snapshot(10), Colour::Off);
        assert_eq!(text.lines().count(), 2);
        assert!(text.starts_with("━━━━━━──────────────────"), "{text}");
        for part in [
            "cell 2 of 8, repeat 1 of 3",
            "1:02:03 left",
            "offered 2.00/s",
            "3 in flight",
            "41 ok",
            "1 failed",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let closed_loop = live_view(
            &Snapshot {
                offered_rate: None,
                remaining: None,
                done: f64::NAN,
                ..snapshot(1)
            },
            Colour::Off,
        );
        assert!(
            !closed_loop.contains("offered") && closed_loop.contains("time left unknown"),
            "{closed_loop}"
        );
    }

    #[test]
    fn a_label_cannot_command_the_terminal() {
        for hostile in crate::report::fixture::HOSTILE {
            let text = live_view(
                &Snapshot {
                    label: (*hostile).to_owned(),
                    ..snapshot(1)
                },
                Colour::Off,
            );
            assert!(
                !text.chars().any(|c| c.is_control() && c != '\n'),
                "{text:?}"
            );
        }
    }
}
