//! Times and rates of one cell against their formulas.

use crate::{admitted, assert_within, measured, scalar, statistic};

/// z of the 90th and the 99th percentile of the normal distribution.
const Z90: f64 = 1.281_551_565_544_600_4;
const Z99: f64 = 2.326_347_874_040_840_8;

#[test]
fn percentiles_of_a_lognormal_service_are_the_analytic_ones_at_a_tenth_of_the_load() {
    // A mean of 80·exp(0.4²/2) = 86.7 ms over 32 servers is 369 requests a second; 37 are a tenth.
    let scenario = "version: 1
name: lognormal
targets:
  simulator:
    protocol: http
    path: /echo
    embedded: { seed: 7, servers: 32, service: { kind: lognormal, median: 80ms, sigma: 0.4 } }
load: { rate: 37, requests: 1000, seed: 1 }
";
    let folder = tempfile::tempdir().unwrap();
    let (ended, results) = measured(folder.path(), scenario);
    let cell = &results["cells"][0];
    assert_eq!(cell["requests"]["ok"], 1000);
    let admitted = admitted(&ended, cell);
    for (name, z) in [("p50", 0.0), ("p90", Z90), ("p99", Z99)] {
        let truth = 0.08 * (0.4_f64 * z).exp();
        let tolerance = (0.02 * truth).max(0.0005);
        // The server may be woken late too, and says when it was done by its own clock.
        let server = statistic(cell, "server.total_s", name);
        assert!(server > truth - tolerance, "{name} of the server: {server}");
        for metric in ["service", "e2e"] {
            admitted.assert(cell, (metric, name), truth.max(server), tolerance);
        }
    }
    // The server's own clock beside ours: what lies between them is the loopback and the two of us.
    admitted.assert(cell, ("overhead", "p50"), 0.001, 0.001);
}

#[test]
fn waiting_for_a_slot_counts_in_the_response_and_not_in_the_service() {
    // G20: service 1 s, concurrency 1, 3 at t = 0: service 1, 1, 1; response 1, 2, 3; a limit of 1.5 s is met by a third
    // of the responses and by all services.
    for (clock, attainment) in [("scheduled", 1.0 / 3.0), ("sent", 1.0)] {
        let folder = tempfile::tempdir().unwrap();
        let (ended, results) = measured(
            folder.path(),
            &format!(
                "version: 1
name: queue
targets:
  simulator:
    protocol: http
    path: /echo
    embedded: {{ service: {{ kind: constant, value: 1s }} }}
load: {{ arrival: batch, batch: 3, concurrency: 1, requests: 3 }}
slo: {{ clock: {clock}, request: {{ e2e: 1.5s }} }}
"
            ),
        );
        let cell = &results["cells"][0];
        let admitted = admitted(&ended, cell);
        for (name, service, response) in [("min", 1.0, 1.0), ("p50", 1.0, 2.0), ("max", 1.0, 3.0)] {
            admitted.assert(cell, ("service", name), service, 0.05);
            admitted.assert(cell, ("e2e", name), response, 0.1);
        }
        assert_within(scalar(cell, "slo_attainment"), attainment, 1e-9, clock);
    }
}

#[test]
fn a_constant_rate_is_offered_without_drift() {
    // G19: rate 4, five requests: intended at 0, 0.25, 0.5, 0.75 and 1 s, whatever the answers take.
    let folder = tempfile::tempdir().unwrap();
    let (ended, results) = measured(
        folder.path(),
        "version: 1
name: pacing
targets:
  simulator:
    protocol: http
    path: /echo
    embedded: { service: { kind: constant, value: 400ms } }
load: { rate: 4, requests: 5 }
",
    );
    let cell = &results["cells"][0];
    let late = 2.0 * admitted(&ended, cell).p99;
    assert_within(scalar(cell, "offered_rate"), 4.0, 1e-9, "offered_rate");
    assert_within(scalar(cell, "achieved_ratio"), 1.0, 1e-9, "achieved_ratio");
    assert_within(
        scalar(cell, "duration"),
        1.4,
        0.05 + late,
        "duration: from the first intended to the last end",
    );
    // Little's law: five services of 0.4 s over 1.4 s.
    assert_within(
        scalar(cell, "concurrency.mean"),
        2.0 / 1.4,
        0.06 + late,
        "concurrency.mean",
    );
}

#[test]
fn a_frozen_server_delays_everyone_who_was_to_be_served_meanwhile() {
    // ci.md D-4. 100/s for 20 s, frozen from 10 s to 12 s: 200 of 2,000 wait evenly up to 2 s, so p95 1.00 s and p99
    // 1.80 s. A clock that started at sending under a cap of 4 would see four slow requests of 2,000. The simulator's own
    // clock starts some moments before the first request, which moves the window and not its length.
    for cap in ["", ", concurrency: 4"] {
        let scenario = format!(
            "version: 1
name: frozen
targets:
  simulator:
    protocol: http
    path: /hello
    embedded: {{ faults: [{{ at: 10s, for: 2s, kind: stall }}] }}
load: {{ rate: 100, requests: 2000{cap} }}
"
        );
        let folder = tempfile::tempdir().unwrap();
        let (ended, results) = measured(folder.path(), &scenario);
        let cell = &results["cells"][0];
        assert_eq!(cell["requests"]["ok"], 2000);
        let admitted = admitted(&ended, cell);
        // Two hundred answers at once take their time on a busy machine: what lies between the server's clock and ours.
        let mut draining = statistic(cell, "overhead", "p99");
        if cap.is_empty() {
            // The two clocks differ by how late we sent, and by nothing else.
            admitted.assert(cell, ("queue", "p99"), 0.0, 0.005);
        } else {
            let service = statistic(cell, "service", "p99");
            assert!(service < 0.5, "the wait for a slot is no service");
            // What waited goes four at a time; the last of 200 waits for 49 services before it.
            draining = 50.0 * statistic(cell, "service", "p90");
        }
        for (name, truth) in [("p95", 1.0), ("p99", 1.8)] {
            let seen = statistic(cell, "e2e", name);
            assert!(seen > 0.97 * truth, "{name} flatters: {seen} for {truth}");
            admitted.assert(cell, ("e2e", name), truth, 0.03 * truth + draining);
        }
    }
}

#[test]
fn a_closed_loop_is_called_one_and_says_that_its_rate_is_not_controlled() {
    let folder = tempfile::tempdir().unwrap();
    let (ended, results) = measured(
        folder.path(),
        "version: 1
name: closed
targets:
  simulator:
    protocol: http
    path: /hello
    embedded: { service: { kind: constant, value: 10ms }, faults: [{ at: 100ms, for: 500ms, kind: stall }] }
matrix: { concurrency: [4], rate: [inf, 20] }
load: { requests: 40 }
",
    );
    assert!(matches!(ended.code, Some(0 | 3)), "{}", ended.stderr);
    let [closed, open] = [0, 1].map(|cell| &results["cells"][cell]);
    assert_eq!(closed["paced_by"], "closed_loop");
    assert!(closed["metrics"]["offered_rate"].is_null());
    assert_eq!(open["paced_by"], "schedule");
    assert_within(scalar(open, "offered_rate"), 20.0, 1e-9, "offered_rate");
    for report in ["report.md", "report.html"] {
        let text = std::fs::read_to_string(folder.path().join("out").join(report)).unwrap();
        let told: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("closed loop, offered rate not controlled"))
            .collect();
        assert_eq!(told.len(), 1, "{report}");
        assert!(
            told[0].contains("inf") && !told[0].contains("20"),
            "{told:?}"
        );
    }
}

#[test]
fn times_of_a_stream_are_the_models_own_as_events_and_as_lines() {
    for protocol in ["openai-chat", "ollama"] {
        let folder = tempfile::tempdir().unwrap();
        let scenario = format!(
            "version: 1
name: stream
targets:
  simulator:
    protocol: {protocol}
    embedded: {{ ttft: 50ms, itl: 10ms }}
datasets:
  short: {{ kind: random, task: chat, prompt_tokens: 32, output_tokens: 20 }}
load: {{ rate: 20, requests: 200 }}
"
        );
        let (ended, results) = measured(folder.path(), &scenario);
        let cell = &results["cells"][0];
        assert_eq!(cell["requests"]["ok"], 200, "{protocol}");
        let admitted = admitted(&ended, cell);
        admitted.assert(cell, ("ttft", "p50"), 0.050, 0.0025);
        admitted.assert(cell, ("tpot", "p50"), 0.010, 0.0005);
        admitted.assert(cell, ("itl", "mean"), 0.010, 0.0005);
        admitted.assert(cell, ("e2e", "p50"), 0.050 + 19.0 * 0.010, 0.005);
        assert_within(
            statistic(cell, "output_tokens", "mean"),
            20.0,
            1e-9,
            "output_tokens",
        );
    }
}

#[test]
fn what_a_server_refuses_is_counted_as_refused() {
    // One server of 100 ms and a line of two: of ten at once, three are served after 100, 200 and 300 ms.
    let folder = tempfile::tempdir().unwrap();
    let (ended, results) = measured(
        folder.path(),
        "version: 1
name: refused
targets:
  simulator:
    protocol: http
    path: /echo
    embedded: { servers: 1, queue: 2, service: { kind: constant, value: 100ms } }
load: { rate: inf, concurrency: inf, requests: 10 }
",
    );
    let cell = &results["cells"][0];
    let admitted = admitted(&ended, cell);
    assert_eq!(cell["outcomes"]["ok"], 3);
    assert_eq!(cell["outcomes"]["rejected"], 7);
    assert_within(scalar(cell, "error_rate"), 0.7, 1e-9, "error_rate");
    for (name, truth) in [("min", 0.1), ("p50", 0.2), ("max", 0.3)] {
        admitted.assert(cell, ("e2e", name), truth, 0.03);
    }
}
