//! Every row of a run holds together (ci.md D-2, D-3), and its results are its rows'.

use std::fs::File;
use std::path::Path;

use polars::prelude::{DataFrame, DataType};
use polars_io::SerReader as _;
use polars_io::parquet::read::ParquetReader;
use serde_json::Value;

use crate::{assert_within, measured, scalar, statistic};

/// `requests.parquet`, read without our own reader.
struct Rows(DataFrame);

impl Rows {
    fn of(folder: &Path) -> Self {
        let file = File::open(folder.join("out/requests.parquet")).unwrap();
        Self(ParquetReader::new(file).finish().unwrap())
    }

    fn integers(&self, name: &str) -> Vec<Option<i64>> {
        let column = self.0.column(name).unwrap();
        let column = column.cast(&DataType::Int64).unwrap();
        column.i64().unwrap().iter().collect()
    }

    fn texts(&self, name: &str) -> Vec<String> {
        let column = self.0.column(name).unwrap();
        let texts = column.str().unwrap().iter();
        texts
            .map(|text| text.unwrap_or_default().to_owned())
            .collect()
    }

    /// Nanoseconds between two stamps, a value a row.
    fn between(&self, from: &str, to: &str) -> Vec<Option<i64>> {
        let both = self.integers(from).into_iter().zip(self.integers(to));
        both.map(|(from, to)| Some(to? - from?)).collect()
    }
}

/// The quantile by linear interpolation between order statistics (metrics.md), in seconds, restated here.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positions in short lists"
)]
fn quantile(ns: &[i64], q: f64) -> f64 {
    let mut sorted = ns.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len() - 1) as f64 * q;
    let (low, high) = (
        sorted[at.floor() as usize] as f64,
        sorted[at.ceil() as usize] as f64,
    );
    (low + (high - low) * at.fract()) / 1e9
}

#[expect(clippy::cast_precision_loss, reason = "seconds in nanoseconds")]
fn mean(ns: &[i64]) -> f64 {
    ns.iter().sum::<i64>() as f64 / ns.len() as f64 / 1e9
}

/// Streams that queue for a slot, fail in several ways, are tried again, and are not all sent in time.
const EVERYTHING: &str = "version: 1
name: everything
targets:
  simulator:
    protocol: openai-chat
    embedded:
      seed: 3
      ttft: 30ms
      itl: 5ms
      faults:
        - { rate: 5%, kind: reset }
        - { rate: 5%, kind: cut_stream }
        - { rate: 5%, kind: http_500 }
datasets:
  short: { kind: random, task: chat, prompt_tokens: 8, output_tokens: 8 }
load: { arrival: poisson, rate: 120, concurrency: 6, duration: 4s, retries: 1, seed: 5, drain: 10s }
slo: { request: { e2e: 200ms } }
";

/// The stamps of a row in the order in which they can only be.
const IN_ORDER: [&str; 7] = [
    "scheduled_ns",
    "sent_ns",
    "first_byte_ns",
    "first_content_ns",
    "first_answer_ns",
    "last_content_ns",
    "end_ns",
];

#[test]
fn every_row_of_a_run_with_every_trouble_holds_together() {
    let folder = tempfile::tempdir().unwrap();
    let (ended, results) = measured(folder.path(), EVERYTHING);
    assert!(matches!(ended.code, Some(0 | 3)), "{}", ended.stderr);
    let rows = Rows::of(folder.path());
    let outcomes = rows.texts("outcome");
    for outcome in ["ok", "reset", "invalid", "http_500", "unsent"] {
        assert!(outcomes.iter().any(|one| one == outcome), "no {outcome}");
    }
    let stamps = IN_ORDER.map(|name| rows.integers(name));
    let attempts = rows.integers("attempt");
    let connected = rows.integers("connected_ns");
    for (row, outcome) in outcomes.iter().enumerate() {
        let seen: Vec<i64> = stamps.iter().filter_map(|column| column[row]).collect();
        assert!(seen.is_sorted(), "row {row} ({outcome}): {seen:?}");
        let [scheduled, sent, first_byte, .., end] = stamps.each_ref().map(|column| column[row]);
        assert!(
            scheduled.is_some() && end.is_some(),
            "row {row} has both ends"
        );
        match outcome.as_str() {
            // Its latency is at least what it had waited when it was given up: a slot was awaited, not a moment.
            "unsent" => assert!(sent.is_none() && attempts[row] == Some(1)),
            "ok" => assert!(sent.is_some() && first_byte.is_some()),
            _ => {}
        }
        assert!(
            connected[row].is_none_or(|at| Some(at) <= sent.or(end)),
            "row {row}"
        );
    }
    results_are_the_rows(&rows, &results["cells"][0]);
    rows_are_scheduled_as_the_seed_says(&rows);
}

/// tests/fixtures/golden/schedules.py draws the same schedule from the scenario's seed with nothing of ours.
fn rows_are_scheduled_as_the_seed_says(rows: &Rows) {
    let golden = include_str!("../fixtures/golden/schedules.json");
    let golden: Value = serde_json::from_str(golden).unwrap();
    let offsets = golden["run"]["offsets_ns"].as_array().unwrap();
    let (index, attempts) = (rows.integers("index"), rows.integers("attempt"));
    let scheduled = rows.integers("scheduled_ns");
    let mut held = 0;
    for (row, index) in index.into_iter().enumerate() {
        let Some(due) = offsets.get(usize::try_from(index.unwrap()).unwrap()) else {
            continue;
        };
        if attempts[row] == Some(1) {
            let late = scheduled[row].unwrap() - due.as_i64().unwrap();
            assert!(
                late.abs() <= 1,
                "request {index:?} is {late} ns off its schedule"
            );
            held += 1;
        }
    }
    assert!(held > 300, "{held} rows were held against it");
}

/// Clocks of the ok requests of a run, in nanoseconds: a request's clock runs from its first attempt's schedule to its
/// last attempt's end.
struct Clocks {
    requests: usize,
    /// Rows of the last attempts.
    ok: Vec<usize>,
    e2e: Vec<i64>,
    queue: Vec<i64>,
    service: Vec<i64>,
}

impl Clocks {
    fn of(rows: &Rows) -> Self {
        let (index, attempts) = (rows.integers("index"), rows.integers("attempt"));
        let outcomes = rows.texts("outcome");
        let first = |row: usize| {
            let same = |other: &usize| index[*other] == index[row] && attempts[*other] == Some(1);
            (0..index.len()).find(same).unwrap()
        };
        let last = |row: &usize| {
            let later =
                |other: usize| index[other] == index[*row] && attempts[other] > attempts[*row];
            !(0..index.len()).any(later)
        };
        let requests: Vec<usize> = (0..index.len()).filter(last).collect();
        let [scheduled, sent, end] =
            ["scheduled_ns", "sent_ns", "end_ns"].map(|name| rows.integers(name));
        let mut clocks = Self {
            requests: requests.len(),
            ok: requests,
            e2e: Vec::new(),
            queue: Vec::new(),
            service: Vec::new(),
        };
        clocks.ok.retain(|row| outcomes[*row] == "ok");
        for row in &clocks.ok {
            let began = first(*row);
            let (due, sent) = (scheduled[began].unwrap(), sent[began].unwrap());
            let end = end[*row].unwrap();
            clocks.e2e.push(end - due);
            clocks.queue.push(sent - due);
            clocks.service.push(end - sent);
        }
        clocks
    }
}

fn results_are_the_rows(rows: &Rows, cell: &Value) {
    let clocks = Clocks::of(rows);
    assert_eq!(cell["requests"]["intended"], clocks.requests);
    assert_eq!(cell["requests"]["ok"], clocks.ok.len());
    for (name, values) in [
        ("e2e", &clocks.e2e),
        ("queue", &clocks.queue),
        ("service", &clocks.service),
    ] {
        for (name_of, q) in [("min", 0.0), ("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
            let told = statistic(cell, name, name_of);
            assert_within(
                told,
                quantile(values, q),
                1e-9,
                &format!("{name}.{name_of}"),
            );
        }
        assert_within(statistic(cell, name, "mean"), mean(values), 1e-9, name);
    }
    let identity = statistic(cell, "queue", "mean") + statistic(cell, "service", "mean");
    assert_within(
        statistic(cell, "e2e", "mean"),
        identity,
        1e-9,
        "queue + service",
    );
    // What was not sent is in the denominator, and good is only what is ok and in time.
    let good = clocks.e2e.iter().filter(|ns| **ns <= 200_000_000).count();
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let attainment = good as f64 / clocks.requests as f64;
    assert_within(
        scalar(cell, "slo_attainment"),
        attainment,
        1e-12,
        "slo_attainment",
    );
    let streams = rows.between("first_content_ns", "last_content_ns");
    let gaps = rows.0.column("gaps_ns").unwrap().list().unwrap().clone();
    for row in clocks.ok {
        let gaps = gaps.get_as_series(row).unwrap();
        let sum = gaps.cast(&DataType::Int64).unwrap().sum::<i64>().unwrap();
        assert_eq!(
            Some(sum),
            streams[row],
            "the gaps of row {row} fill its stream"
        );
    }
}

/// One slot, half a second each, ten a second for two seconds: those of 0, 0.1, 0.2 and 0.3 s are served, and end after
/// 0.5, 0.9, 1.3 and 1.7 s; sixteen are not sent. A limit of 1.1 s is met by two of twenty.
#[test]
fn what_was_not_sent_in_time_is_a_row_and_misses_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let (_, results) = measured(
        folder.path(),
        "version: 1
name: unsent
targets:
  simulator:
    protocol: http
    path: /echo
    embedded: { service: { kind: constant, value: 500ms } }
load: { rate: 10, concurrency: 1, duration: 2s }
slo: { request: { e2e: 1100ms } }
",
    );
    let cell = &results["cells"][0];
    assert_eq!(cell["validity"]["status"], "CLIENT_LIMITED");
    let (ok, unsent) = (&cell["requests"]["ok"], &cell["requests"]["unsent"]);
    assert_eq!((ok.as_u64(), unsent.as_u64()), (Some(4), Some(16)));
    assert_eq!(cell["slo"]["defined"], 20);
    assert_within(scalar(cell, "slo_attainment"), 0.1, 1e-12, "slo_attainment");
    assert_within(scalar(cell, "error_rate"), 0.8, 1e-12, "error_rate");
    let rows = Rows::of(folder.path());
    let waited = rows.between("scheduled_ns", "end_ns");
    let scheduled = rows.integers("scheduled_ns");
    for (row, outcome) in rows.texts("outcome").iter().enumerate() {
        if outcome == "unsent" {
            let left = 2_000_000_000 - scheduled[row].unwrap();
            assert!(
                waited[row] >= Some(left),
                "it waited until the end at least"
            );
        }
    }
}
