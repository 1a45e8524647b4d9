//! `run`: from a file to a report folder, and what it says when something is in the way.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::support::{WIDE, chat, plimsoll, results, run, write};

#[test]
fn a_run_writes_every_file_of_the_contract_and_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = chat(
        "embedded: { ttft: 2ms, itl: 1ms }",
        &format!("load: {{ requests: 6, warmup: {{ requests: 1 }} }}\n{WIDE}"),
    );
    write(folder.path(), "a.yaml", &scenario);
    let ended = run(folder.path(), &["run", "a.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stdout.is_empty(),
        "words went to stdout: {}",
        ended.stdout
    );

    let out = folder.path().join("reports/chat");
    for file in [
        "results.json",
        "report.md",
        "report.html",
        "results.csv",
        "junit.xml",
        "requests.parquet",
        "effective.yaml",
    ] {
        assert!(out.join(file).is_file(), "{file} is missing");
    }
    let plots = std::fs::read_dir(out.join("plots")).unwrap().count();
    assert!(plots >= 3, "{plots} plots");
    assert!(
        !out.join("journal").exists(),
        "the journal of a complete run is left"
    );
    let beside: BTreeSet<String> = std::fs::read_dir(folder.path().join("reports"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(beside, BTreeSet::from(["chat".to_owned()]));

    let results = results(&out);
    let cell = &results["cells"][0];
    assert_eq!(cell["requests"]["ok"], 6);
    assert_eq!(
        cell["id"],
        "target=server,dataset=short,rate=inf,concurrency=1"
    );
    assert_eq!(cell["metrics"]["output_tokens"]["mean"], 4.0);
    assert!(cell["metrics"]["ttft"]["p50"].as_f64().unwrap() >= 0.002);
    assert_eq!(
        cell["metrics"]["offered_rate"],
        Value::Null,
        "a closed loop has no offered rate"
    );
}

#[test]
fn the_same_scenario_runs_by_every_client_and_version() {
    for (http, spoken) in [
        ("client: hyper", "1.1"),
        ("client: native", "1.1"),
        ("client: reqwest", "1.1"),
        ("version: 2", "2"),
        ("version: '2', connections: per_request", "2"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let scenario = chat(
            &format!("http: {{ {http} }}, embedded: {{ ttft: 2ms, itl: 1ms }}"),
            &format!("matrix: {{ concurrency: [1, 3] }}\nload: {{ requests: 12 }}\n{WIDE}"),
        );
        write(folder.path(), "a.yaml", &scenario);
        let ended = run(folder.path(), &["run", "a.yaml"]);
        assert_eq!(ended.code, Some(0), "{http}: {}", ended.stderr);
        let results = results(&folder.path().join("reports/chat"));
        let connections = &results["environment"]["connections"]["server"];
        let expected = json!([{ "http": spoken, "tls": null, "alpn": null }]);
        assert_eq!(connections, &expected, "{http}");
        for cell in results["cells"].as_array().unwrap() {
            assert_eq!(cell["requests"]["ok"], 12, "{http}");
            assert_eq!(cell["metrics"]["output_tokens"]["mean"], 4.0, "{http}");
            assert!(cell["metrics"]["ttft"]["p50"].as_f64().unwrap() >= 0.002);
        }
    }
}

#[test]
fn two_files_that_would_write_one_report_are_refused_before_any_load() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = chat("embedded: {}", &format!("load: {{ requests: 1 }}\n{WIDE}"));
    write(folder.path(), "a.yaml", &scenario);
    write(folder.path(), "b.yaml", &scenario);
    let ended = run(folder.path(), &["run", "a.yaml", "b.yaml"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("a.yaml and b.yaml would both write reports/chat"),
        "{}",
        ended.stderr
    );
    assert!(!folder.path().join("reports").exists());
    write(
        folder.path(),
        "b.yaml",
        &scenario.replace("name: chat", "name: other"),
    );
    let ended = run(folder.path(), &["run", "a.yaml", "b.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

/// A trace has a rate of its own, which the cap on requests in flight holds down like any other.
#[test]
fn a_trace_is_sent_once_and_other_rows_begin_again_unless_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, more, sent) in [
        ("trace", "", 2),
        ("trace", ", cycle: true", 5),
        ("prompts", "", 5),
        ("prompts", ", cycle: false", 2),
    ] {
        let scenario = format!(
            "version: 1
name: rows
targets: {{ server: {{ protocol: openai-chat, embedded: {{}} }} }}
datasets: {{ d: {{ kind: {kind}, task: chat, rows: [{{ prompt: one }}, {{ prompt: two }}]{more} }} }}
load: {{ requests: 5 }}
{WIDE}"
        );
        write(folder.path(), "a.yaml", &scenario);
        run(folder.path(), &["run", "a.yaml"]);
        let results = results(&folder.path().join("reports/rows"));
        let cell = &results["cells"][0];
        assert_eq!(cell["requests"]["sent"], sent, "{kind}{more}");
        let warned = cell["warnings"].to_string().contains("ended");
        assert_eq!(warned, sent == 2, "{kind}{more}: {}", cell["warnings"]);
    }
}

#[test]
fn a_capped_replay_of_a_trace_is_client_limited_as_a_constant_rate_is() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<String> = (0..20)
        .map(|row| {
            format!(
                r#"{{"prompt": "p", "timestamp": {}}}"#,
                f64::from(row) * 0.01
            )
        })
        .collect();
    write(folder.path(), "t.jsonl", &rows.join("\n"));
    for load in [
        "arrival: trace",
        "arrival: constant, rate: 100, requests: 20",
    ] {
        let scenario = format!(
            "version: 1
name: replay
targets:
  a: {{ protocol: openai-completions, model: m, embedded: {{ service: {{ kind: constant, median: 40ms }} }} }}
datasets:
  t: {{ kind: trace, task: completion, path: t.jsonl }}
matrix: {{ concurrency: [1] }}
load: {{ {load} }}
{WIDE}"
        );
        write(folder.path(), "a.yaml", &scenario);
        let ended = run(folder.path(), &["run", "a.yaml"]);
        assert_eq!(ended.code, Some(0), "{load}: {}", ended.stderr);
        let results = results(&folder.path().join("reports/replay"));
        let validity = &results["cells"][0]["validity"];
        assert_eq!(validity["status"], "CLIENT_LIMITED", "{load}: {validity}");
        let reason = validity["reasons"][0].as_str().unwrap();
        assert!(
            reason.contains("95.0 % of requests waited for a slot"),
            "{load}: {reason}"
        );
    }
}

#[test]
fn an_unset_reference_ends_a_run_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "a.yaml",
        &chat(
            "base_url: '${env:NOWHERE_TO_BE_FOUND}'",
            "load: { requests: 1 }\n",
        ),
    );
    let ended = run(folder.path(), &["run", "a.yaml"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("NOWHERE_TO_BE_FOUND"),
        "{}",
        ended.stderr
    );
    assert!(!folder.path().join("reports").exists());
}

#[test]
fn what_was_not_executed_is_no_pass_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = "version: 1
name: halves
targets:
  a: { protocol: openai-chat, model: m, embedded: {} }
  dead: { protocol: openai-chat, model: m, base_url: 'http://127.0.0.1:9' }
  later: { protocol: openai-chat, model: m, embedded: {} }
datasets:
  short: { kind: random, task: chat, prompt_tokens: 8, output_tokens: 4 }
load: { requests: 3, repeats: 2 }
slo: { request: { e2e: 60s }, objectives: [error_rate <= 1%] }
";
    write(folder.path(), "a.yaml", scenario);
    let ended = run(folder.path(), &["run", "a.yaml", "--fail-fast"]);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    let out = folder.path().join("reports/halves");
    let results = results(&out);
    let junit = std::fs::read_to_string(out.join("junit.xml")).unwrap();
    let mut executed = 0;
    for cell in results["cells"].as_array().unwrap() {
        let repeats = cell["repeats"].as_array().unwrap().len();
        executed += repeats;
        assert!(repeats < 2, "the dead target ended the first block");
        match repeats {
            0 => {
                assert_eq!(cell["validity"]["status"], "INVALID");
                assert_eq!(cell["validity"]["reasons"][0], "it was not executed");
                assert_eq!(cell["objectives"][0]["verdict"], "void");
            }
            _ => assert_eq!(
                cell["objectives"][0]["verdict"], "no_data",
                "half a cell: {cell:#}"
            ),
        }
    }
    assert!(executed >= 1, "{}", ended.stderr);
    assert_eq!(passes(&junit), 0, "{junit}");
}

/// Test cases that say neither failure, nor error, nor that they were skipped.
fn passes(junit: &str) -> usize {
    junit
        .split("<testcase")
        .skip(1)
        .filter(|case| {
            !["<failure", "<error", "<skipped"]
                .iter()
                .any(|mark| case.contains(mark))
        })
        .count()
}

#[test]
fn an_export_is_written_or_refused_at_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let schema: Value =
        serde_json::from_str(include_str!("../../schemas/scenario.v1.json")).unwrap();
    let names = schema["definitions"]["Export"]["enum"].as_array().unwrap();
    let mut written = 0;
    for name in names.iter().map(|name| name.as_str().unwrap()) {
        let more = format!("load: {{ requests: 8 }}\nreport: {{ exports: [{name}] }}\n{WIDE}");
        write(folder.path(), "a.yaml", &chat("embedded: {}", &more));
        let ended = run(folder.path(), &["run", "a.yaml", "--out", name]);
        let out = folder.path().join(name);
        if ended.code == Some(2) {
            assert!(ended.stderr.contains("a.yaml:8:"), "{}", ended.stderr);
            assert!(!out.exists());
        } else {
            let files = std::fs::read_dir(out.join("exports").join(name)).unwrap();
            for file in files {
                let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
                assert!(
                    text.contains("e2e.p50") || text.contains("request_throughput"),
                    "{name}: {text}"
                );
                written += 1;
            }
        }
    }
    assert!(written >= 3, "{written} files");
}

#[test]
fn what_cannot_be_executed_yet_is_refused_at_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = chat(
        "embedded: {}",
        "load: { requests: 1 }\nreport: { exports: [locust] }\n",
    );
    write(folder.path(), "a.yaml", &scenario);
    assert_eq!(run(folder.path(), &["plan", "a.yaml"]).code, Some(0));
    let ended = run(folder.path(), &["run", "a.yaml"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("a.yaml:8:"), "{}", ended.stderr);
}

#[test]
fn a_secret_is_in_no_file_and_no_line() {
    const CANARY: &str = "sk-canary-7f3a9b2c4d5e";
    let folder = tempfile::tempdir().unwrap();
    // The echo page answers with what it was sent, credentials included.
    let scenario = format!(
        "version: 1
name: secret
targets:
  server: {{ protocol: http, embedded: {{}}, method: POST, path: /status/500, auth: {{ bearer: {{ env: TOKEN }} }} }}
load: {{ requests: 3 }}
{WIDE}"
    );
    write(folder.path(), "a.yaml", &scenario);
    let output = plimsoll(folder.path())
        .args(["run", "a.yaml", "-vv"])
        .env("TOKEN", CANARY)
        .output()
        .unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(!said.contains(CANARY), "{said}");
    assert_eq!(output.status.code(), Some(5), "{said}");
    let mut files = vec![folder.path().join("reports")];
    let mut read = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                std::fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        read += 1;
        assert!(
            !bytes
                .windows(CANARY.len())
                .any(|window| window == CANARY.as_bytes()),
            "{} holds the secret",
            path.display()
        );
    }
    assert!(read > 5, "only {read} files were looked at");
}

#[test]
fn a_metrics_value_alone_goes_to_stdout() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "a.yaml",
        &chat("embedded: {}", &format!("load: {{ requests: 3 }}\n{WIDE}")),
    );
    let ended = run(folder.path(), &["run", "a.yaml", "--print", "success_rate"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "1\n"));
}

#[test]
fn a_cell_that_measured_nothing_is_void_and_its_objectives_with_it() {
    let folder = tempfile::tempdir().unwrap();
    // The window leaves out all that is scheduled.
    let scenario = chat(
        "embedded: {}",
        "load: { requests: 3, rate: 20, window: { skip: 10s } }\nslo: { objectives: [error_rate <= 1%], no_data: pass }\n",
    );
    write(folder.path(), "a.yaml", &scenario);
    let ended = run(folder.path(), &["run", "a.yaml"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let results = results(&folder.path().join("reports/chat"));
    assert_eq!(results["cells"][0]["validity"]["status"], "INVALID");
    assert_eq!(results["cells"][0]["objectives"][0]["verdict"], "void");
}

#[test]
fn what_is_printed_is_checked_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "a.yaml",
        &chat("embedded: {}", "load: { requests: 3 }\n"),
    );
    let ended = run(folder.path(), &["run", "a.yaml", "--print", "goodputt"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(!folder.path().join("reports").exists());
}

#[test]
fn some_cells_never_stand_in_for_the_whole_plan() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = chat(
        "embedded: {}",
        &format!("matrix: {{ concurrency: [1, 2, 3] }}\nload: {{ requests: 2 }}\n{WIDE}"),
    );
    write(folder.path(), "a.yaml", &scenario);
    let some = ["run", "a.yaml", "--cells", "*concurrency=2"];
    let ended = run(folder.path(), &some);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let out = folder.path().join("reports/chat");
    let selection = serde_json::json!({ "cells": "*concurrency=2", "selected": 1, "of": 3 });
    assert_eq!(results(&out)["selection"], selection);
    let told = "1 of 3 cells (--cells '*concurrency=2')";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
    for file in ["report.md", "report.html"] {
        let text = std::fs::read_to_string(out.join(file)).unwrap();
        let plain = text
            .replace('\\', "")
            .replace("&#x27;", "'")
            .replace("&#39;", "'");
        assert!(
            plain.contains(told),
            "{file}: {}",
            &plain[..plain.len().min(2000)]
        );
    }

    // The whole plan replaces a part of it, a part replaces a part; a part never replaces the whole.
    assert_eq!(run(folder.path(), &some).code, Some(0));
    assert_eq!(run(folder.path(), &["run", "a.yaml"]).code, Some(0));
    assert_eq!(results(&out)["selection"], Value::Null);
    let before = std::fs::read(out.join("results.json")).unwrap();
    for more in [&some[..], &[&some[..], &["--restart"]].concat()] {
        let refused = run(folder.path(), more);
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains("--out"), "{}", refused.stderr);
    }
    assert_eq!(std::fs::read(out.join("results.json")).unwrap(), before);
    let beside = run(folder.path(), &[&some[..], &["--out", "one"]].concat());
    assert_eq!(beside.code, Some(0), "{}", beside.stderr);
    // A pattern that takes every cell is the whole plan.
    let all = run(folder.path(), &["run", "a.yaml", "--cells", "*"]);
    assert_eq!(all.code, Some(0), "{}", all.stderr);
}

#[test]
fn attempts_are_rows_and_statistics_are_over_requests() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = format!(
        "version: 1
name: again
targets:
  server: {{ protocol: http, embedded: {{}}, path: /status/500 }}
load: {{ requests: 2, retries: 2 }}
{WIDE}"
    );
    write(folder.path(), "a.yaml", &scenario);
    let ended = run(folder.path(), &["run", "a.yaml"]);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    let results = results(&folder.path().join("reports/again"));
    let cell = &results["cells"][0];
    assert_eq!(
        cell["requests"],
        serde_json::json!({ "intended": 2, "tried": 2, "sent": 2, "ok": 0, "failed": 2, "unsent": 0, "attempts": 6 })
    );
    assert_eq!(cell["outcomes"], serde_json::json!({ "http_500": 2 }));
    let metric = |name: &str| cell["metrics"][name].as_f64().unwrap();
    let attempts = metric("attempt_rate") * metric("duration");
    assert!((attempts - 6.0).abs() < 1e-9, "{attempts} attempts");
    let csv = std::fs::read_to_string(folder.path().join("reports/again/results.csv")).unwrap();
    let mut rows = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let (titles, values) = (rows.next().unwrap(), rows.next().unwrap());
    // The id holds commas and is quoted: columns are counted from the end.
    let from_end = titles.len()
        - titles
            .iter()
            .position(|title| *title == "requests.attempts")
            .unwrap();
    assert_eq!(values[values.len() - from_end], "6", "{csv}");
}

#[test]
fn what_was_not_executed_is_shown_as_void_and_never_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = format!(
        "version: 1
name: fast
targets:
  server: {{ protocol: http, embedded: {{}}, path: /status/500 }}
matrix: {{ concurrency: [1, 2] }}
load: {{ requests: 2 }}
{WIDE}"
    );
    write(folder.path(), "a.yaml", &scenario);
    let ended = run(folder.path(), &["run", "a.yaml", "--fail-fast"]);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("1 of 2 cells had begun"),
        "{}",
        ended.stderr
    );
    let results = results(&folder.path().join("reports/fast"));
    assert_eq!(results["incomplete"], true);
    let validity = &results["cells"][1]["validity"];
    assert_eq!(validity["status"], "INVALID", "{validity}");
    assert!(
        validity["reasons"].to_string().contains("not executed"),
        "{validity}"
    );
}

#[test]
fn what_precise_sending_costs_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = chat(
        "embedded: { ttft: 1ms, itl: 1ms }",
        &format!("load: {{ rate: 100, requests: 50, precise: true }}\n{WIDE}"),
    );
    write(folder.path(), "a.yaml", &scenario);
    let spun = |arguments: &[&str]| {
        let ended = run(folder.path(), arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let results = results(&folder.path().join("reports/chat"));
        results["cells"][0]["self_check"]["spun_share"].clone()
    };
    assert_eq!(
        spun(&["run", "a.yaml", "--set", "load.precise=false"]),
        Value::Null
    );
    let share = spun(&["run", "a.yaml"]).as_f64().unwrap();
    // At most 100 µs a request, so a hundredth of one processor at 100 a second; the last of 50 goes at 490 ms.
    assert!(share > 0.0 && share < 0.0103, "{share}");
}
