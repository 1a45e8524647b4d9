//! Limits of the machine that a run meets: told before any load where they are known, void what was measured where not.
//!
//! What takes the processors away is forced in `tests/truth`, where nothing runs beside it.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use super::support::{Mock, Process, WIDE, chat, plimsoll, results, run, wait_for_records, write};

/// Runs `a.yaml` by a shell that sets something up before; its own words and ours.
fn run_after(folder: &Path, setup: &str) -> (Option<i32>, String) {
    let output: Output = Command::new("sh")
        .args(["-c", &format!("{setup}; exec \"$0\" run a.yaml")])
        .arg(env!("CARGO_BIN_EXE_plimsoll"))
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said)
}

/// The one cell of the report, and its reasons as one text.
fn only_cell(folder: &Path) -> (Value, String) {
    let results = results(&folder.join("reports/chat"));
    let cell = results["cells"][0].clone();
    let reasons = cell["validity"]["reasons"].to_string();
    (cell, reasons)
}

#[test]
fn connections_beyond_the_limit_on_descriptors_are_refused_before_any_load() {
    let folder = tempfile::tempdir().unwrap();
    // It is never asked, and would take a connection.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let scenario = chat(
        &format!("base_url: '{url}'"),
        &format!("matrix: {{ concurrency: [1, 100000] }}\nload: {{ requests: 100000 }}\n{WIDE}"),
    );
    write(folder.path(), "a.yaml", &scenario);
    let (code, said) = run_after(folder.path(), "ulimit -n 1024");
    assert_eq!(code, Some(2), "{said}");
    for part in [
        "concurrency=100000: 100000 connections",
        "the limit is 1024",
        "`ulimit -n 100",
    ] {
        assert!(said.contains(part), "{part} is missing: {said}");
    }
    assert!(
        !folder.path().join("reports").exists(),
        "something was begun"
    );
    assert!(listener.accept().is_err(), "something was sent");
}

#[test]
fn connections_are_counted_by_all_that_holds_one() {
    let folder = tempfile::tempdir().unwrap();
    let two = "base_urls: ['http://127.0.0.1:1', 'http://127.0.0.1:2']";
    let each = format!("{two}, http: {{ connections: per_request }}");
    for (target, load, connections) in [
        // Both ends of a connection to the embedded simulator are ours.
        ("embedded: {}", "concurrency: 600, requests: 600", 1200),
        (two, "concurrency: 600, requests: 600", 1200),
        (&each, "concurrency: 1200, requests: 600", 1200),
        (two, "rate: inf, concurrency: inf, requests: 1000", 2000),
        (two, "arrival: batch, batch: 700, requests: 700", 1400),
        (
            "embedded: {}",
            "requests: 1, warmup: { requests: 600, concurrency: 500 }",
            1000,
        ),
    ] {
        write(
            folder.path(),
            "a.yaml",
            &chat(target, &format!("load: {{ {load} }}\n{WIDE}")),
        );
        let (code, said) = run_after(folder.path(), "ulimit -n 1024");
        assert_eq!(code, Some(2), "{load}: {said}");
        let counted = format!("{connections} connections");
        assert!(said.contains(&counted), "{load}: {said}");
    }
}

#[test]
fn a_limit_under_which_an_embedded_simulator_has_no_connection_at_all_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = chat(
        "embedded: {}",
        &format!("load: {{ rate: 10, requests: 1 }}\n{WIDE}"),
    );
    write(folder.path(), "a.yaml", &scenario);
    let (code, said) = run_after(folder.path(), "ulimit -n 24");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("2 connections"), "{said}");
    assert!(
        !folder.path().join("reports").exists(),
        "something was begun"
    );
}

#[test]
fn a_limit_under_which_a_run_cannot_even_begin_is_refused_where_nothing_bounds_its_connections() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = chat(
        "base_url: 'http://127.0.0.1:1'",
        &format!("load: {{ rate: 10, requests: 1 }}\n{WIDE}"),
    );
    write(folder.path(), "a.yaml", &scenario);
    let (code, said) = run_after(folder.path(), "ulimit -n 16");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("the limit is 16"), "{said}");
    assert!(
        !folder.path().join("reports").exists(),
        "something was begun"
    );
}

/// A limit that is asked for is neither more than a cell takes nor too little.
#[test]
fn a_cell_does_with_the_limit_that_it_asks_for() {
    let per_request = "embedded: {}, http: { connections: per_request }";
    for (target, slots) in [
        ("embedded: {}", 4),
        ("embedded: {}", 100),
        (per_request, 20),
        // Two connections a slot.
        ("embedded: {}, http: { client: reqwest }", 10),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let load = format!("concurrency: {slots}, requests: 1000");
        let scenario = chat(target, &format!("load: {{ {load} }}\n{WIDE}"));
        write(folder.path(), "a.yaml", &scenario);
        let (code, said) = run_after(folder.path(), "ulimit -n 20");
        assert_eq!(code, Some(2), "{said}");
        let needed = said.split_once("ulimit -n ").unwrap().1;
        let needed: u64 = needed.split_once('`').unwrap().0.parse().unwrap();
        // Four have four lanes at most, however many processors there are.
        assert!(slots > 4 || needed <= 64, "{said}");
        let (code, said) = run_after(folder.path(), &format!("ulimit -n {}", needed - 1));
        assert_eq!(code, Some(2), "{said}");
        let (code, said) = run_after(folder.path(), &format!("ulimit -n {needed}"));
        assert_eq!(code, Some(0), "{said}");
        let (cell, _) = only_cell(folder.path());
        assert_eq!(cell["requests"]["ok"], 1000);
    }
}

#[test]
fn a_soft_limit_is_raised_as_far_as_the_system_lets_us() {
    let folder = tempfile::tempdir().unwrap();
    let load = "concurrency: 200, requests: 400";
    let scenario = chat("embedded: {}", &format!("load: {{ {load} }}\n{WIDE}"));
    write(folder.path(), "a.yaml", &scenario);
    let (code, said) = run_after(folder.path(), "ulimit -H -n 1024; ulimit -S -n 64");
    assert_eq!(code, Some(0), "{said}");
    let (cell, _) = only_cell(folder.path());
    assert_eq!(cell["requests"]["ok"], 400);
}

#[test]
fn a_cell_that_runs_out_of_descriptors_is_void_and_says_what_raises_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let mock = Mock::start(folder.path(), "ttft: 1s\n", &[]);
    // 200 are in flight at once, for each waits a second.
    let scenario = chat(
        &format!("base_url: '{}'", mock.base_url),
        &format!("load: {{ rate: 1000, requests: 200 }}\n{WIDE}"),
    );
    write(folder.path(), "a.yaml", &scenario);
    let (code, said) = run_after(folder.path(), "ulimit -n 64");
    assert_eq!(code, Some(3), "{said}");
    let (cell, reasons) = only_cell(folder.path());
    assert_eq!(cell["validity"]["status"], "INVALID");
    assert!(reasons.contains("EMFILE"), "{reasons}");
    assert!(reasons.contains("ulimit -n"), "{reasons}");
    assert!(cell["requests"]["ok"].as_u64().unwrap() > 0, "{cell}");
    // One a millisecond: what found no descriptor was offered to nobody.
    let offered = cell["self_check"]["sent_rate"].as_f64().unwrap();
    assert!(offered < 1100.0, "{offered}");
    let report = std::fs::read_to_string(folder.path().join("reports/chat/report.md")).unwrap();
    assert!(report.contains("EMFILE"), "{report}");
}

/// Client and simulator share the limit. By chance the simulator might still accept what is connected: four runs of which
/// all do are one in a thousand.
#[test]
fn a_simulator_has_descriptors_for_all_that_is_connected_to_it() {
    let load = "rate: 20000, duration: 300ms, drain: 2s";
    let scenario = chat(
        // So long that all stay connected, however few a slow machine sends.
        "embedded: { ttft: 500ms }",
        &format!("load: {{ {load} }}\n{WIDE}"),
    );
    for _ in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.yaml", &scenario);
        let (code, said) = run_after(folder.path(), "ulimit -n 512");
        assert_eq!(code, Some(3), "{said}");
        let (cell, reasons) = only_cell(folder.path());
        assert!(reasons.contains("EMFILE"), "{reasons}");
        assert!(cell["requests"]["ok"].as_u64().unwrap() > 0, "{cell}");
        let outcomes = cell["outcomes"].as_object().unwrap();
        assert!(outcomes.contains_key("connect"), "{outcomes:?}");
        assert!(!outcomes.contains_key("timeout_total"), "{outcomes:?}");
    }
}

/// In a network namespace of its own, so that nobody else is short of ports.
#[test]
fn a_cell_that_runs_out_of_local_ports_is_void_and_says_what_helps() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = chat(
        "embedded: { ttft: 1s }",
        &format!("load: {{ rate: 500, requests: 100 }}\n{WIDE}"),
    );
    write(folder.path(), "a.yaml", &scenario);
    let alone = "ip link set lo up && echo 50001 50040 > /proc/sys/net/ipv4/ip_local_port_range";
    let within = |command: &str| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--map-root-user", "--net", "sh", "-c"]);
        unshare.arg(format!("{alone} && {command}"));
        unshare
            .arg(env!("CARGO_BIN_EXE_plimsoll"))
            .current_dir(folder.path())
            .output()
    };
    match within("true") {
        Ok(output) if output.status.success() => {}
        other => {
            eprintln!("skipped: no network namespace can be had here: {other:?}");
            return;
        }
    }
    let output = within("exec \"$0\" run a.yaml").unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    let (cell, reasons) = only_cell(folder.path());
    assert_eq!(cell["validity"]["status"], "INVALID");
    assert!(reasons.contains("EADDRNOTAVAIL"), "{reasons}");
    assert!(reasons.contains("ip_local_port_range"), "{reasons}");
    assert!(cell["requests"]["ok"].as_u64().unwrap() > 0, "{cell}");
}

#[test]
fn a_process_that_was_stopped_for_half_a_second_says_for_how_long() {
    const STOPPED: Duration = Duration::from_millis(500);
    let folder = tempfile::tempdir().unwrap();
    let scenario = chat(
        "embedded: { ttft: 5ms }",
        &format!("load: {{ duration: 2s }}\n{WIDE}"),
    );
    write(folder.path(), "a.yaml", &scenario);
    let child = plimsoll(folder.path())
        .args(["run", "a.yaml"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut process = Process(child);
    wait_for_records(folder.path(), &mut process);
    process.signal(Signal::STOP);
    process.wait_until_stopped();
    std::thread::sleep(STOPPED);
    process.signal(Signal::CONT);
    assert_eq!(process.wait().code(), Some(3));
    let (cell, reasons) = only_cell(folder.path());
    assert_eq!(cell["validity"]["status"], "INVALID");
    for part in ["SIGSTOP", "did not get to run for"] {
        assert!(reasons.contains(part), "{reasons}");
    }
    let longest = cell["self_check"]["canary_max"].as_f64().unwrap();
    assert!(longest > 0.49, "{longest}");
}

#[test]
fn each_second_of_a_run_is_in_the_results() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = chat(
        "embedded: { ttft: 5ms }",
        &format!("load: {{ rate: 50, duration: 2500ms }}\n{WIDE}"),
    );
    write(folder.path(), "a.yaml", &scenario);
    let ended = run(folder.path(), &["run", "a.yaml"]);
    assert!(matches!(ended.code, Some(0 | 3)), "{}", ended.stderr);
    let (cell, _) = only_cell(folder.path());
    let check = &cell["self_check"];
    let seconds = check["seconds"].as_array().unwrap();
    assert!(seconds.len() >= 3, "{check}");
    for name in [
        "descriptors",
        "intended",
        "tried",
        "sent",
        "canary_p50",
        "canary_p99",
        "lateness_p99",
        "clock_set",
    ] {
        assert!(
            seconds.iter().all(|second| second[name].is_number()),
            "{name}: {check}"
        );
    }
    assert!(check["processors"].as_f64().unwrap() > 0.0, "{check}");
    let canary = ["canary_p50", "canary_p99", "canary_max"];
    let canary = canary.map(|name| check[name].as_f64().unwrap());
    assert!(canary[0] > 0.0 && canary.is_sorted(), "{check}");
    let rate = check["sent_rate"].as_f64().unwrap();
    assert!((40.0..52.0).contains(&rate), "{rate}");
}
