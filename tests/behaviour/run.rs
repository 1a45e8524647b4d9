//! `run`: from a file to a report folder, and what it says when something is in the way.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;

use super::support::{Mock, Process, plimsoll, run};

/// Limits so wide that no lateness of a busy test machine voids a cell.
const WIDE: &str = "slo: { request: { e2e: 60s } }\n";

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

fn results(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("results.json")).unwrap()).unwrap()
}

fn chat(target: &str, rest: &str) -> String {
    format!(
        "version: 1
name: chat
targets:
  server: {{ protocol: openai-chat, model: m, {target} }}
datasets:
  short: {{ kind: random, task: chat, prompt_tokens: 8, output_tokens: 4 }}
{rest}"
    )
}

/// Waits until the run has records of requests in its journal.
fn wait_for_records(folder: &Path, run: &mut Process) {
    let journal = folder.join("reports/chat.part/journal/repeats.log");
    while std::fs::metadata(&journal).map_or(0, |file| file.len()) < 100 {
        assert!(
            run.0.try_wait().unwrap().is_none(),
            "the run ended by itself"
        );
        std::thread::yield_now();
    }
}

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
fn the_effective_scenario_gives_the_same_cells() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = chat(
        "embedded: {}",
        &format!(
            "matrix: {{ concurrency: [1, 2], params.temperature: [0, 0.5] }}\nload: {{ requests: 2 }}\n{WIDE}"
        ),
    );
    write(folder.path(), "a.yaml", &scenario);
    assert_eq!(run(folder.path(), &["run", "a.yaml"]).code, Some(0));
    let cells = |file: &str| {
        let ended = run(folder.path(), &["plan", file, "--format", "json"]);
        let plan: Value =
            serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr));
        plan["cells"].clone()
    };
    assert_eq!(cells("reports/chat/effective.yaml"), cells("a.yaml"));
}

#[test]
fn a_report_renders_again_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "a.yaml",
        &chat("embedded: {}", &format!("load: {{ requests: 3 }}\n{WIDE}")),
    );
    assert_eq!(run(folder.path(), &["run", "a.yaml"]).code, Some(0));
    let out = folder.path().join("reports/chat");
    let files = [
        "report.md",
        "report.html",
        "results.csv",
        "results.json",
        "junit.xml",
    ];
    let before: Vec<Vec<u8>> = files
        .iter()
        .map(|file| std::fs::read(out.join(file)).unwrap())
        .collect();
    for file in files {
        if file != "results.json" {
            std::fs::remove_file(out.join(file)).unwrap();
        }
    }
    let ended = run(folder.path(), &["report", "reports/chat"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for (file, before) in files.iter().zip(before) {
        assert!(
            std::fs::read(out.join(file)).unwrap() == before,
            "{file} changed"
        );
    }
}

#[test]
fn a_template_of_ones_own_is_rendered_and_a_wrong_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "a.yaml",
        &chat("embedded: {}", &format!("load: {{ requests: 3 }}\n{WIDE}")),
    );
    assert_eq!(run(folder.path(), &["run", "a.yaml"]).code, Some(0));
    write(
        folder.path(),
        "mine.txt.jinja",
        "{% for cell in results.cells %}{{ cell.requests.ok }} ok{% endfor %}\n",
    );
    let ended = run(
        folder.path(),
        &["report", "reports/chat", "--template", "mine.txt.jinja"],
    );
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let mine: Vec<_> = std::fs::read_dir(folder.path().join("reports/chat"))
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok())
        .filter(|text| text.trim() == "3 ok")
        .collect();
    assert_eq!(mine.len(), 1, "the template's output is nowhere");

    write(
        folder.path(),
        "wrong.md.jinja",
        "one\n{{ results.nothing_of_that_name }}\n",
    );
    let ended = run(
        folder.path(),
        &[
            "report",
            "reports/chat",
            "--check-template",
            "--template",
            "wrong.md.jinja",
        ],
    );
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("wrong.md.jinja") && ended.stderr.contains("line 2"),
        "{}",
        ended.stderr
    );
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
fn a_dead_target_is_reported_with_what_was_tried() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "a.yaml",
        &chat(
            "base_url: 'http://127.0.0.1:9', ready: { path: /health, within: 300ms, every: 50ms }",
            "load: { requests: 1 }\n",
        ),
    );
    let ended = run(folder.path(), &["run", "a.yaml"]);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("http://127.0.0.1:9/health"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("tried"), "{}", ended.stderr);
    assert!(ended.stderr.contains("help:"), "{}", ended.stderr);
}

#[test]
fn a_target_that_dies_halfway_leaves_a_whole_report() {
    let folder = tempfile::tempdir().unwrap();
    let mut mock = Mock::start(folder.path(), "ttft: 1ms\n", &[]);
    let scenario = chat(
        &format!("base_url: '{}'", mock.base_url),
        &format!("load: {{ duration: 3s, concurrency: 2, think_time: 5ms }}\n{WIDE}"),
    );
    write(folder.path(), "a.yaml", &scenario);
    let child = plimsoll(folder.path())
        .args(["run", "a.yaml"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut process = Process(child);
    wait_for_records(folder.path(), &mut process);
    mock.process.0.kill().unwrap();
    mock.process.wait();
    let code = process.wait().code();
    let results = results(&folder.path().join("reports/chat"));
    assert_eq!(results["incomplete"], false);
    let outcomes = results["cells"][0]["outcomes"].as_object().unwrap();
    let failed = results["cells"][0]["requests"]["failed"].as_u64().unwrap();
    assert!(failed > 0, "{outcomes:?}");
    assert!(
        outcomes
            .keys()
            .any(|outcome| outcome == "connect" || outcome == "reset"),
        "{outcomes:?}"
    );
    assert!(matches!(code, Some(0 | 3 | 5)), "{code:?}");
}

#[test]
fn a_folder_that_is_not_ours_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "a.yaml",
        &chat("embedded: {}", "load: { requests: 1 }\n"),
    );
    std::fs::create_dir(folder.path().join("mine")).unwrap();
    write(&folder.path().join("mine"), "thesis.txt", "years of work");
    let ended = run(folder.path(), &["run", "a.yaml", "--out", "mine"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert_eq!(
        std::fs::read_to_string(folder.path().join("mine/thesis.txt")).unwrap(),
        "years of work"
    );
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
fn an_interrupted_run_says_so_and_the_second_one_is_refused_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = chat(
        "embedded: { ttft: 5ms }",
        &format!("load: {{ duration: 60s }}\n{WIDE}"),
    );
    write(folder.path(), "a.yaml", &scenario);
    let child = plimsoll(folder.path())
        .args(["run", "a.yaml"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = Process(child);
    wait_for_records(folder.path(), &mut first);
    let second = run(folder.path(), &["run", "a.yaml"]);
    assert_eq!(second.code, Some(2), "{}", second.stderr);
    assert!(
        second.stderr.contains(&first.0.id().to_string()),
        "the pid is not named: {}",
        second.stderr
    );

    first.signal(Signal::INT);
    let stderr = BufReader::new(first.0.stderr.take().unwrap());
    let said: Vec<String> = stderr.lines().map(Result::unwrap).collect();
    assert_eq!(first.wait().code(), Some(130), "{said:?}");
    let results = results(&folder.path().join("reports/chat"));
    assert_eq!(results["incomplete"], true);
    let report = std::fs::read_to_string(folder.path().join("reports/chat/report.md")).unwrap();
    assert!(report.contains("INCOMPLETE"), "{report}");
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
fn an_interrupted_run_is_not_replaced_unless_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = chat(
        "embedded: { ttft: 5ms }",
        &format!("load: {{ duration: 60s }}\n{WIDE}"),
    );
    write(folder.path(), "a.yaml", &scenario);
    let child = plimsoll(folder.path())
        .args(["run", "a.yaml"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut first = Process(child);
    wait_for_records(folder.path(), &mut first);
    first.signal(Signal::INT);
    assert_eq!(first.wait().code(), Some(130));
    write(
        folder.path(),
        "b.yaml",
        &chat("embedded: {}", &format!("load: {{ requests: 2 }}\n{WIDE}")),
    );
    let refused = run(folder.path(), &["run", "b.yaml"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("--restart"), "{}", refused.stderr);
    let restarted = run(folder.path(), &["run", "b.yaml", "--restart"]);
    assert_eq!(restarted.code, Some(0), "{}", restarted.stderr);
}

#[test]
fn why_requests_failed_stands_in_the_results() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "a.yaml",
        &chat("base_url: 'http://127.0.0.1:9'", "load: { requests: 2 }\n"),
    );
    let ended = run(folder.path(), &["run", "a.yaml"]);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    let results = results(&folder.path().join("reports/chat"));
    let warnings = results["cells"][0]["warnings"].to_string();
    assert!(
        warnings.contains("connect, 2 times") && warnings.contains("refused"),
        "{warnings}"
    );
}
