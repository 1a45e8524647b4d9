//! Whole runs of the binary against the simulator, whose truth is known by a formula. Minutes, not seconds; one run at a
//! time, since a second one would be load on the first.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::float_cmp,
    reason = "a test that cannot go on says so by panicking; it prepares files, reads the environment and waits as it must"
)]

mod comparison;
mod latency;
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
    if let Some(miss) = miss(seen, truth, tolerance, what) {
        panic!("{miss}");
    }
}

/// What is not within its tolerance, in words.
fn miss(seen: f64, truth: f64, tolerance: f64, what: &str) -> Option<String> {
    let off = (seen - truth).abs() > tolerance;
    off.then(|| format!("{what}: {seen} is not within {tolerance} of {truth}"))
}

/// Measures up to three times, until nothing is missed. For tolerances that only a machine with time for us can keep:
/// whatever else runs on it makes answers late, and never early; a formula that is wrong is missed each time.
fn assert_hit_once_in_three(measure: impl Fn() -> Vec<String>) {
    let mut misses = Vec::new();
    for _ in 0..3 {
        misses = measure();
        if misses.is_empty() {
            return;
        }
    }
    panic!("three times in a row, at last: {misses:#?}");
}
