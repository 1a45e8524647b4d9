//! Whole runs of the binary against the simulator, whose truth is known by a formula. Minutes, not seconds; one run at a
//! time, since a second one would be load on the first.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::float_cmp,
    clippy::print_stderr,
    reason = "a test that cannot go on says so by panicking; it prepares files, reads the environment, waits as it must, \
        and shows what it measured"
)]

mod calibrate;
mod capacity;
mod comparison;
mod hostile;
mod latency;
mod oha;
mod quiet;
mod rows;
mod self_check;
#[allow(dead_code, reason = "what the behaviour tests need beside")]
#[path = "../behaviour/support.rs"]
mod support;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use support::Ended;

/// Held while a run is measured.
static ALONE: Mutex<()> = Mutex::new(());

/// Writes a scenario, runs it alone, and reads its results.
fn measured(folder: &Path, scenario: &str) -> (Ended, Value) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    std::fs::write(folder.join("scenario.yaml"), scenario).unwrap();
    let ended = support::run(folder, &["run", "scenario.yaml", "--out", "out"]);
    let results = std::fs::read(folder.join("out/results.json"));
    let results = results.unwrap_or_else(|error| panic!("no results: {error}\n{}", ended.stderr));
    (ended, serde_json::from_slice(&results).unwrap())
}

/// A number of a cell's metrics: `e2e`, `p99`.
fn statistic(cell: &Value, metric: &str, statistic: &str) -> f64 {
    let value = &cell["metrics"][metric][statistic];
    value
        .as_f64()
        .unwrap_or_else(|| panic!("no {metric}.{statistic} in {}", cell["metrics"]))
}

/// A scalar of a cell's metrics: `request_throughput`.
fn scalar(cell: &Value, metric: &str) -> f64 {
    cell["metrics"][metric]
        .as_f64()
        .unwrap_or_else(|| panic!("no {metric} in {}", cell["metrics"]))
}

fn assert_within(seen: f64, truth: f64, tolerance: f64, what: &str) {
    assert!(
        (seen - truth).abs() <= tolerance,
        "{what}: {seen} is not within {tolerance} of {truth}"
    );
}

/// The machine of a test may be busy, and whatever else runs on it makes answers late. So each of these runs is made once
/// and held against two bars: nothing is shown sooner than it was, and nothing later than the tolerance and what the
/// report itself admits to. A run that was disturbed and does not say so fails.
struct Admitted {
    /// Half of the requests were sent at most so late, in seconds.
    p50: f64,
    /// And 99 of 100.
    p99: f64,
}

/// What a run admits to, once it has ended as it should: with 0, or with 3 where it calls itself void.
fn admitted(ended: &Ended, cell: &Value) -> Admitted {
    let void = cell["validity"]["status"] == "INVALID";
    assert_eq!(
        ended.code,
        Some(if void { 3 } else { 0 }),
        "{}",
        ended.stderr
    );
    let late = |name: &str| cell["self_check"][name].as_f64().unwrap_or(0.0);
    let (p50, p99) = (late("lateness_p50"), late("lateness_p99"));
    let reasons = &cell["validity"]["reasons"];
    eprintln!("sent late by {p50:.6} s at p50, {p99:.6} s at p99; reasons against it: {reasons}");
    Admitted { p50, p99 }
}

impl Admitted {
    /// A statistic is its truth, or later by what is admitted: a request waits for us twice, to be sent and to be read.
    fn assert(&self, cell: &Value, (metric, name): (&str, &str), truth: f64, tolerance: f64) {
        let late = 2.0 * if name == "p50" { self.p50 } else { self.p99 };
        let seen = statistic(cell, metric, name);
        eprintln!("{metric}.{name}: {seen:.6} s for {truth:.6} s");
        assert!(
            seen >= truth - tolerance,
            "{metric}.{name} flatters: {seen} for {truth}"
        );
        assert!(
            seen <= truth + tolerance + late,
            "{metric}.{name}: {seen} for {truth}, of which only {late} is admitted"
        );
    }
}
