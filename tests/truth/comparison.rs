//! A pull request played through on loopback: base and head in turn, and the verdict.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::{measured, support};

/// Base and head, each with a lognormal service of its own median, at two concurrencies.
fn scenario(head_median: &str) -> String {
    format!(
        "version: 1
name: pull-request
targets:
  base:
    protocol: http
    path: /echo
    embedded: {{ seed: 1, service: {{ kind: lognormal, median: 20ms, sigma: 0.2 }} }}
  head:
    protocol: http
    path: /echo
    embedded: {{ seed: 2, service: {{ kind: lognormal, median: {head_median}, sigma: 0.2 }} }}
matrix:
  target: [base, head]
  concurrency: [1, 4]
# No cell lasts for five seconds, from which on it is held against what a hypervisor steals.
load: {{ requests: 16, repeats: 10, order: interleaved, seed: 42 }}
# A fiftieth of the tightest limit is how late a request may be sent before the cell is void: room for busy machines.
slo: {{ request: {{ e2e: 5s }} }}
compare:
  by: {{ target: [base, head] }}
  gates:
    - {{ metric: e2e.p50, tolerance: 10% }}
    - {{ metric: request_throughput, tolerance: 10% }}
"
    )
}

/// The exit code of the gate, and the comparison itself.
fn gated(folder: &Path) -> (Option<i32>, Value) {
    let ended = support::run(folder, &["diff", "out", "--gate", "--format", "json"]);
    (ended.code, serde_json::from_str(&ended.stdout).unwrap())
}

#[test]
fn a_head_that_is_thirty_percent_slower_fails_the_gate_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (ended, _) = measured(folder.path(), &scenario("26ms"));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let (code, diff) = gated(folder.path());
    assert_eq!(code, Some(1));
    assert_eq!(diff["summary"]["regressed"], 4, "{}", diff["summary"]);
    let cells: BTreeSet<_> = diff["gates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|gate| gate["cell"].as_str().unwrap())
        .collect();
    assert_eq!(cells.len(), 2, "{cells:?}");
    assert!(
        cells.iter().all(|cell| cell.contains("concurrency=")),
        "{cells:?}"
    );
}

#[test]
fn a_head_that_is_no_different_passes_the_gate() {
    let folder = tempfile::tempdir().unwrap();
    let (ended, _) = measured(folder.path(), &scenario("20ms"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let (code, diff) = gated(folder.path());
    assert_eq!(code, Some(0));
    assert_eq!(diff["summary"]["gates"], 4);
    assert_eq!(diff["summary"]["regressed"], 0, "{}", diff["summary"]);
}
