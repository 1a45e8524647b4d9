//! The engine under real protocols, and the simulator under the engine, on one simulated clock: what the model says is
//! what the records hold, to the clock's microsecond.

#![expect(clippy::cast_precision_loss, reason = "small counts")]

use std::sync::Arc;

use serde_json::{Value, json};

use super::bench::*;
use crate::foundation::clock::{Clock, Timer, lane};
use crate::foundation::units::{Concurrency, Offset, Rate};
use crate::instruments::record::{Outcome, journal};
use crate::instruments::simulator::{Model, Simulator, serve, serve_http2};
use crate::instruments::transport::{Options, Origin, Version, memory};
use crate::kinds::arrival;
use crate::kinds::dataset::{DatasetError, Prompt, Row, Rows};
use crate::kinds::protocol::{Kind, Settings, build};
use crate::load::{Work, simulate_repeat};
use crate::plan::Cell;

/// The clock's resolution, twice: a request and its answer each take a turn of it.
const TICKS_S: f64 = 2e-6;

/// One prompt without end.
pub struct Hello;

impl Rows for Hello {
    fn len(&self) -> Option<u64> {
        None
    }

    fn row(&self, _: u64) -> Result<Row, DatasetError> {
        let params = json!({ "max_tokens": 8 })
            .as_object()
            .cloned()
            .unwrap_or_default();
        Ok(Row {
            prompt: Prompt::Text("Hello".to_owned()),
            params,
            ..Row::default()
        })
    }

    fn sha256(&self) -> String {
        String::new()
    }
}

fn chat(work: &mut Work<'_>) {
    work.requests.rows = Some(Arc::new(Hello));
    work.requests.protocol = build(Kind::OpenaiChat, Settings::default()).unwrap().into();
}

fn plain(path: &str) -> impl FnOnce(&mut Work<'_>) {
    let settings = Settings {
        path: Some(path.to_owned()),
        ..Settings::default()
    };
    |work| work.requests.protocol = build(Kind::Http, settings).unwrap().into()
}

/// Runs a cell against a simulator; the attempts, and the very bytes of their journal.
fn against(model: &Value, cell: &Cell, adjust: impl FnOnce(&mut Work<'_>)) -> (Done, Vec<u8>) {
    against_by(Version::Auto, model, cell, adjust)
}

/// The same by that version of HTTP.
fn against_by(
    version: Version,
    model: &Value,
    cell: &Cell,
    adjust: impl FnOnce(&mut Work<'_>),
) -> (Done, Vec<u8>) {
    let model: Model = serde_json::from_value(model.clone()).unwrap();
    lane(true).unwrap().block_on(async {
        let clock = Clock::simulated();
        let simulator = Simulator::new(&model, Timer::new(&clock).unwrap()).unwrap();
        let (dialer, mut listener) = memory::listen();
        tokio::task::spawn_local(async move {
            while let Some(stream) = listener.accept().await {
                let simulator = simulator.clone();
                tokio::task::spawn_local(async move {
                    match version {
                        Version::Http2 => serve_http2(stream, simulator).await,
                        _ => serve(stream, simulator).await,
                    }
                });
            }
        });
        let options = Options {
            version,
            ..Options::default()
        };
        let mut work = work(cell, Origin::in_memory(dialer, &options));
        adjust(&mut work);
        let mut kept = Kept::default();
        let report = simulate_repeat(&work, &mut kept).await.unwrap();
        let all = journal::decode(&kept.0).unwrap();
        (Done { report, all }, kept.0)
    })
}

/// Percentiles of a lognormal service at a tenth of the load are the analytic ones: median·exp(σz).
#[test]
fn percentiles_of_a_lognormal_service_are_the_analytic_ones() {
    let lognormal = json!({ "kind": "lognormal", "median": "80ms", "sigma": 0.4 });
    let model = json!({ "seed": 7, "servers": 32, "service": lognormal });
    let (done, _) = against(
        &model,
        &constant(37.0, 1000, Concurrency::Infinite),
        plain("/echo"),
    );
    assert_eq!(done.outcomes(), [Outcome::Ok; 1000]);
    let e2e: Vec<f64> = done.measured().into_iter().map(e2e).collect();
    for (q, z) in [
        (0.5, 0.0),
        (0.9, 1.281_551_565_545),
        (0.99, 2.326_347_874_041),
    ] {
        let (seen, truth) = (quantile(e2e.clone(), q), 0.08 * (0.4_f64 * z).exp());
        assert!(
            (seen - truth).abs() < (0.02 * truth).max(0.0005),
            "{q}: {seen} for {truth}"
        );
    }
    for attempt in done.measured() {
        // The server's word, in thousandths of a millisecond.
        let told = attempt.server["total_s"];
        assert!(
            (service(attempt) - told).abs() < TICKS_S + 1e-6,
            "{attempt:?}"
        );
        assert!(queue(attempt) < TICKS_S, "nothing waits for us");
    }
}

/// Each token is seen when it was emitted, and nothing adds up.
#[test]
fn tokens_are_seen_when_the_model_emits_them() {
    tokens_are_seen_by(Version::Auto);
}

#[test]
fn tokens_are_seen_when_the_model_emits_them_by_http_2_too() {
    tokens_are_seen_by(Version::Http2);
}

fn tokens_are_seen_by(version: Version) {
    let model = json!({ "ttft": "20ms", "itl": "5500us" });
    let cell = constant(50.0, 100, Concurrency::Infinite);
    let (done, _) = against_by(version, &model, &cell, chat);
    for attempt in done.measured() {
        assert_eq!(attempt.outcome, Outcome::Ok);
        let since = |to: Option<Offset>| {
            to.unwrap()
                .since(attempt.clocks.sent.unwrap())
                .as_secs_f64()
        };
        assert!((since(attempt.clocks.first_content) - 0.020).abs() < TICKS_S);
        assert!((since(attempt.clocks.last_content) - 0.020 - 7.0 * 0.0055).abs() < TICKS_S);
        assert_eq!(attempt.gaps_ns.len(), 7);
        assert!(
            attempt
                .gaps_ns
                .iter()
                .all(|gap| (*gap as f64 / 1e9 - 0.0055).abs() < TICKS_S)
        );
        assert_eq!(attempt.tokens.output, Some(8));
    }
}

/// A quarter of an hour with queueing, streams and faults is played twice in moments, and not a byte of its records
/// differs.
#[test]
fn a_long_load_replays_with_the_same_bytes() {
    let model = json!({ "seed": 7, "servers": 2, "queue": 3, "itl": "50ms",
        "service": { "kind": "exponential", "mean": "1s" },
        "faults": [{ "at": "200s", "for": "30s", "kind": "stall" }, { "rate": "2%", "kind": "reset" },
                   { "rate": "2%", "kind": "cut_stream" }, { "at": "500s", "for": "20s", "kind": "http_500" }] });
    let mut cell = constant(1.0, 900, Concurrency::Infinite);
    cell.arrival = arrival::Kind::Poisson;
    let (one, journal) = against(&model, &cell, chat);
    let (_, again) = against(&model, &cell, chat);
    assert!(journal == again, "the journals differ");
    assert_eq!(one.all.len(), 900);
    for outcome in [
        Outcome::Ok,
        Outcome::Reset,
        Outcome::Invalid,
        Outcome::Http(500),
        Outcome::Rejected,
    ] {
        let count = one.outcomes().iter().filter(|one| **one == outcome).count();
        assert!(count > 4, "{count} of {outcome}");
    }
    let last = one.measured().last().unwrap().clocks.end.unwrap();
    assert!(last.as_seconds() > 800.0, "of the simulated clock");
}

/// What each fault of the simulator is to the protocol that asked.
#[test]
fn each_fault_has_its_outcome() {
    each_fault_has_its_outcome_by(Version::Auto);
}

#[test]
fn each_fault_has_its_outcome_by_http_2_too() {
    each_fault_has_its_outcome_by(Version::Http2);
}

fn each_fault_has_its_outcome_by(version: Version) {
    let one = |kind: &str, protocol: Kind| {
        let model = json!({ "ttft": "20ms", "itl": "5ms", "faults": [{ "at": "0s", "for": "3s", "kind": kind }] });
        let adjust = |work: &mut Work<'_>| {
            chat(work);
            work.requests.protocol = build(protocol, Settings::default()).unwrap().into();
        };
        let cell = constant(1.0, 1, Concurrency::Infinite);
        let (done, _) = against_by(version, &model, &cell, adjust);
        done.all.into_iter().next().unwrap()
    };
    for (kind, outcome) in [
        ("reset", Outcome::Reset),
        ("http_500", Outcome::Http(500)),
        ("http_429", Outcome::Rejected),
        ("empty_stream", Outcome::Invalid),
        ("cut_stream", Outcome::Invalid),
        ("malformed", Outcome::Protocol),
        ("wrong_type", Outcome::Ok),
        ("stall", Outcome::Ok),
        ("slow_drip", Outcome::Ok),
    ] {
        assert_eq!(one(kind, Kind::OpenaiChat).outcome, outcome, "{kind}");
    }
    assert_eq!(one("no_image", Kind::VllmOmni).outcome, Outcome::Invalid);
    let seconds = |kind| e2e(&one(kind, Kind::OpenaiChat));
    assert!(
        (3.0..3.001).contains(&seconds("stall")),
        "until the stall ends"
    );
    assert!(seconds("slow_drip") > 60.0, "a byte at a time");
    assert_eq!(one("wrong_type", Kind::OpenaiChat).notes, ["content_type"]);
}

/// One is served, a hundred stand in line, and the next is refused.
#[test]
fn a_hundred_may_queue_unless_told() {
    let model = json!({ "servers": 1, "service": { "kind": "constant", "value": "10ms" } });
    let mut cell = constant(1.0, 110, Concurrency::Infinite);
    cell.rate = Rate::Infinite;
    let (done, _) = against(&model, &cell, plain("/echo"));
    let refused = done
        .outcomes()
        .iter()
        .filter(|one| **one == Outcome::Rejected)
        .count();
    assert_eq!(refused, 9);
}

/// z of the 90th and the 99th percentile of the normal distribution.
const Z90: f64 = 1.281_551_565_545;
const Z99: f64 = 2.326_347_874_041;

/// Service distributions with their means and their 50th, 90th and 99th percentiles, by their closed forms.
fn services() -> Vec<(Value, f64, [f64; 3])> {
    let lognormal = |z: f64| 0.08 * (0.4 * z).exp();
    let pareto = |q: f64| 0.05 * (1.0 - q).powf(-0.25);
    let exponential = |q: f64| -0.1 * (1.0 - q).ln();
    vec![
        (
            json!({ "kind": "constant", "value": "50ms" }),
            0.05,
            [0.05; 3],
        ),
        (
            json!({ "kind": "exponential", "mean": "100ms" }),
            0.1,
            [0.5, 0.9, 0.99].map(exponential),
        ),
        (
            json!({ "kind": "lognormal", "median": "80ms", "sigma": 0.4 }),
            0.08 * 0.08_f64.exp(),
            [0.0, Z90, Z99].map(lognormal),
        ),
        (
            json!({ "kind": "bimodal", "median": "40ms", "slow": "400ms", "slow_share": "5%" }),
            0.95 * 0.04 + 0.05 * 0.4,
            [0.04, 0.04, 0.4],
        ),
        (
            json!({ "kind": "pareto", "median": "50ms", "shape": 4.0 }),
            0.05 * 4.0 / 3.0,
            [0.5, 0.9, 0.99].map(pareto),
        ),
    ]
}

fn assert_truth(values: &[f64], truth: [f64; 3], what: &str) {
    for (q, truth) in [0.5, 0.9, 0.99].into_iter().zip(truth) {
        let seen = quantile(values.to_vec(), q);
        assert!(
            (seen - truth).abs() < (0.02 * truth).max(0.0005),
            "{what}: {q} is {seen} for {truth}"
        );
    }
}

/// ci.md D-6: within max(0.5 ms, 2 %) at a tenth, a half and four fifths of what the servers can serve. Of the
/// thousand services that the model draws, each is out of another thousandth of the distribution, so that a p99 scatters
/// by a percent.
///
/// What the percentiles of e2e must be under queueing has no closed form: there, each request's own wait is held against
/// Lindley's recursion over the arrivals and the services that the server told. At a tenth nobody queues.
#[test]
fn percentiles_are_the_analytic_ones_and_each_wait_is_the_queues_at_every_load() {
    const SERVERS: usize = 8;
    for (service, mean, truth) in services() {
        for load in [0.1, 0.5, 0.8] {
            let what = format!("{service} at {load}");
            let model =
                json!({ "seed": 11, "servers": SERVERS, "queue": 1000, "service": service });
            let mut cell = constant(load * SERVERS as f64 / mean, 1000, Concurrency::Infinite);
            cell.arrival = arrival::Kind::Poisson;
            let (done, _) = against(&model, &cell, plain("/echo"));
            assert_eq!(done.outcomes(), [Outcome::Ok; 1000]);
            let told = done
                .measured()
                .into_iter()
                .map(|one| one.server["total_s"] - one.server["server_timing.queue"]);
            let told: Vec<f64> = told.collect();
            assert_truth(&told, truth, &what);
            let e2es: Vec<f64> = done.measured().into_iter().map(e2e).collect();
            if load < 0.2 {
                assert_truth(&e2es, truth, &what);
            }
            let mut free = [0.0_f64; SERVERS];
            for (one, service) in done.measured().into_iter().zip(told) {
                let arrived = one.clocks.scheduled.as_seconds();
                free.sort_by(f64::total_cmp);
                let start = free[0].max(arrived);
                free[0] = start + service;
                let wait = free[0] - arrived;
                // The server tells thousandths of a millisecond, and a busy period adds its roundings up.
                assert!(
                    (e2e(one) - wait).abs() < 0.0005,
                    "{what}: {} for {wait}",
                    e2e(one)
                );
            }
        }
    }
}
