//! `calibrate`, and what `plan`, `run` and reports make of what it wrote.

use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::support::{Ended, Process, chat, plimsoll, results, run, wait_for_records_in, write};

/// Names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Median, p99 and greatest, in their order and each a number.
fn ordered(times: &Value) {
    if times.is_null() {
        return;
    }
    let of = |name: &str| times[name].as_f64().unwrap();
    assert!(times["n"].as_u64().unwrap() > 0, "{times}");
    assert!(
        of("p50_s") <= of("p99_s") && of("p99_s") <= of("max_s"),
        "{times}"
    );
}

/// How fast a busy test machine is, is no test's concern: what is told must fit together.
#[test]
fn a_short_calibration_writes_a_file_that_its_schema_takes_and_leaves_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "calibrate",
        "--within",
        "1s",
        "--out",
        "c.json",
        "--format",
        "json",
    ];
    let ended = run(folder.path(), &arguments);
    assert!(matches!(ended.code, Some(0 | 3)), "{}", ended.stderr);
    assert_eq!(names(folder.path()), ["c.json"]);
    let written = std::fs::read_to_string(folder.path().join("c.json")).unwrap();
    assert_eq!(ended.stdout, written);
    let calibration: Value = serde_json::from_str(&written).unwrap();
    let schema = run(folder.path(), &["schema", "calibration"]).stdout;
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&calibration), "{calibration:#}");

    let rates = calibration["rates"].as_array().unwrap();
    let truthful: Vec<f64> = rates
        .iter()
        .filter(|figures| figures["truthful"] == true)
        .map(|figures| figures["rate"].as_f64().unwrap())
        .collect();
    assert!(!rates.is_empty() && truthful.is_sorted(), "{calibration:#}");
    let highest = calibration["highest_rate"]["value"].as_f64();
    assert_eq!(highest, truthful.last().copied(), "{calibration:#}");
    assert_eq!(ended.code == Some(0), highest.is_some());
    for figures in rates {
        ordered(&figures["lateness"]);
        ordered(&figures["service_error"]);
    }
    let streams = calibration["streams"].as_array().unwrap();
    assert!(streams.len() >= 3, "{calibration:#}");
    for figures in streams {
        ordered(&figures["ttft_error"]);
        ordered(&figures["gap_error"]);
    }
    let cpu = &calibration["cpu"];
    let measured = ["request_s", "token_event_s"].map(|cost| cpu[cost].is_number());
    assert_eq!(cpu["missing"].is_null(), measured == [true; 2], "{cpu}");
    // Half a second of streams is their start, and tells no token's cost.
    assert!(cpu["token_event_s"].is_null(), "{cpu}");
    for figures in streams {
        assert_eq!(figures["valid"] == true, figures["reason"].is_null());
    }
    let noise = &calibration["noise"];
    assert_eq!(noise["blocks"], 3);
    let ttft = noise["metrics"]["ttft.p50"]["value"].as_f64().unwrap();
    assert!(ttft >= 0.05, "the simulator takes 50 ms: {ttft}");

    // It is of this machine and this binary.
    write(folder.path(), "a.yaml", &asking("rate: [1]"));
    let plan = run(
        folder.path(),
        &["plan", "a.yaml", "--calibration", "c.json"],
    );
    assert_eq!((plan.code, plan.stderr.as_str()), (Some(0), ""));
}

#[test]
fn an_interrupted_calibration_keeps_the_file_before_it_and_leaves_none_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "c.json", "the one before");
    let child = plimsoll(folder.path())
        .args(["calibrate", "--out", "c.json"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut process = Process(child);
    wait_for_records_in(&folder.path().join("c.json.part/rates.part"), &mut process);
    let second = run(folder.path(), &["calibrate", "--out", "c.json"]);
    assert_eq!(second.code, Some(2), "{}", second.stderr);
    assert!(
        second.stderr.contains(&process.0.id().to_string()),
        "{}",
        second.stderr
    );
    process.signal(Signal::INT);
    assert_eq!(process.wait().code(), Some(130));
    assert_eq!(names(folder.path()), ["c.json"]);
    let kept = std::fs::read_to_string(folder.path().join("c.json")).unwrap();
    assert_eq!(kept, "the one before");
}

#[test]
fn a_file_that_is_no_scenario_is_refused_before_anything_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.yaml", "version: 1\n");
    let ended = run(folder.path(), &["calibrate", "a.yaml", "--out", "c.json"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("--out FILE"), "{}", ended.stderr);
    let nowhere = run(folder.path(), &["calibrate"]);
    assert_eq!(nowhere.code, Some(2), "{}", nowhere.stderr);
    assert!(
        nowhere.stderr.contains("XDG_CACHE_HOME"),
        "{}",
        nowhere.stderr
    );
    assert_eq!(names(folder.path()), ["a.yaml"]);
}

/// A scenario with that matrix.
fn asking(matrix: &str) -> String {
    format!(
        "version: 1
name: asking
targets:
  t: {{ protocol: http, path: /hello, embedded: {{}} }}
matrix:
  {matrix}
load: {{ requests: 3 }}
slo: {{ request: {{ e2e: 60s }}, objectives: [error_rate <= 50%] }}
"
    )
}

/// A calibration of this machine that offers 1,000 requests a second and reads 100 streams, all by 1 ms late; `change`
/// makes it another one.
fn fabricated(folder: &Path, change: impl FnOnce(&mut Value)) {
    write(folder, "facts.yaml", &asking("rate: [100]"));
    let facts = run(folder, &["run", "facts.yaml", "--out", "facts"]);
    assert!(matches!(facts.code, Some(0 | 3)), "{}", facts.stderr);
    let facts = results(&folder.join("facts"));
    let environment = &facts["environment"];
    let times = json!({ "n": 1000, "p50_s": 0.001, "p99_s": 0.001, "max_s": 0.001 });
    let mut calibration = json!({
        "schema": "plimsoll.calibration.v1",
        "version": facts["tool"]["version"],
        "measured": "2026-11-25T12:00:00Z",
        "within_s": 100.0,
        "machine": {
            "name": environment["host"], "cpu_model": environment["cpu_model"],
            "cores": environment["cores"], "kernel": environment["kernel"],
        },
        "simulators": 1,
        "rates": [
            { "rate": 1000.0, "truthful": true, "reason": null, "lateness": times, "service_error": times },
            { "rate": 4000.0, "truthful": false, "reason": "it was late", "lateness": times, "service_error": times },
        ],
        "highest_rate": { "value": 1000.0, "limit": "at 4000/s it was late" },
        "streams": [{ "streams": 100, "valid": true, "ttft_error": times, "gap_error": times }],
        "cpu": { "request_s": 13e-6, "token_event_s": 4e-6 },
        "noise": {
            "blocks": 10, "valid": true, "false_alarms": 0,
            "metrics": { "ttft.p50": { "value": 0.05, "cv": 0.004, "smallest_visible": 0.01 } },
        },
    });
    change(&mut calibration);
    write(folder, "c.json", &calibration.to_string());
}

fn plan(folder: &Path, matrix: &str) -> (Ended, Value) {
    write(folder, "a.yaml", &asking(matrix));
    let arguments = [
        "plan",
        "a.yaml",
        "--calibration",
        "c.json",
        "--format",
        "json",
    ];
    let ended = run(folder, &arguments);
    let document = serde_json::from_str(&ended.stdout).unwrap_or(Value::Null);
    (ended, document)
}

const SHOWN: &str = "this machine was shown to offer up to 1,000 requests/s (calibrated 2026-11-25); this cell asks for";

#[test]
fn a_rate_beyond_the_calibrated_one_is_warned_of_at_its_place_and_one_below_is_not() {
    let folder = tempfile::tempdir().unwrap();
    fabricated(folder.path(), |_| ());
    let (ended, document) = plan(folder.path(), "rate: [10, 1000, 20000, inf]");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let said = format!("{SHOWN} 20,000");
    assert!(ended.stderr.contains(&said), "{}", ended.stderr);
    assert!(ended.stderr.contains("a.yaml:6:20"), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("at 4000/s it was late"),
        "{}",
        ended.stderr
    );
    assert_eq!(
        ended.stderr.matches("beyond-calibration").count(),
        1,
        "{}",
        ended.stderr
    );
    let warned: Vec<&Value> = document["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| &cell["warnings"])
        .collect();
    assert_eq!(
        warned,
        [&Value::Null, &Value::Null, &json!([said]), &Value::Null]
    );
    // A search tries what it may; whether the client was the limit is part of its answer.
    let (ended, _) = plan(folder.path(), "rate: { search: { min: 1, max: 50000 } }");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn more_clients_than_streams_were_read_are_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    fabricated(folder.path(), |_| ());
    let (ended, _) = plan(folder.path(), "concurrency: [100, 101]");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("up to 100 streams at once") && ended.stderr.contains("a.yaml:6:22"),
        "{}",
        ended.stderr
    );
    // In an open loop it is a cap, which need not be reached.
    let (ended, _) = plan(folder.path(), "rate: [5]\n  concurrency: [101]");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_calibration_of_another_machine_or_version_is_not_used_and_that_is_said() {
    for (pointer, value, said) in [
        (
            "/machine/cores",
            json!(4096),
            "with 4096 cores, and here are",
        ),
        (
            "/machine/cpu_model",
            json!("Abacus"),
            "another processor (Abacus; here is",
        ),
        (
            "/version",
            json!("0.0.9"),
            "plimsoll 0.0.9 was measured, and this is",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fabricated(folder.path(), |calibration| {
            *calibration.pointer_mut(pointer).unwrap() = value;
        });
        let (ended, _) = plan(folder.path(), "rate: [20000]");
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("c.json is not used") && ended.stderr.contains(said),
            "{}",
            ended.stderr
        );
        assert!(!ended.stderr.contains(SHOWN), "{}", ended.stderr);
    }
}

#[test]
fn the_users_cache_is_looked_into_and_only_a_file_that_was_named_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    fabricated(folder.path(), |_| ());
    write(folder.path(), "a.yaml", &asking("rate: [20000]"));
    let cached = |cache: &Path| {
        let output = plimsoll(folder.path())
            .args(["plan", "a.yaml"])
            .env("XDG_CACHE_HOME", cache)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stderr).unwrap()
    };
    let cache = folder.path().join("cache");
    assert_eq!(cached(&cache), "");
    std::fs::create_dir_all(cache.join("plimsoll")).unwrap();
    let file = cache.join("plimsoll/calibration.json");
    std::fs::copy(folder.path().join("c.json"), &file).unwrap();
    assert!(cached(&cache).contains(SHOWN));
    std::fs::write(&file, r#"{ "schema": "plimsoll.calibration.v9" }"#).unwrap();
    let said = cached(&cache);
    assert!(
        said.contains("is not used") && said.contains("calibration.v9"),
        "{said}"
    );
    for named in ["gone.json", "a.yaml"] {
        let ended = run(folder.path(), &["plan", "a.yaml", "--calibration", named]);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains(named), "{}", ended.stderr);
    }
}

#[test]
fn a_run_warns_before_it_and_its_report_names_the_calibration_and_times_within_its_errors() {
    let folder = tempfile::tempdir().unwrap();
    fabricated(folder.path(), |calibration| {
        for times in ["ttft_error", "gap_error"] {
            calibration["streams"][0][times]["p99_s"] = json!(60.0);
        }
    });
    let scenario = chat(
        "embedded: { ttft: 5ms, itl: 2ms }",
        "load: { rate: 5000, requests: 5 }\nslo: { request: { e2e: 60s } }\n",
    );
    write(folder.path(), "a.yaml", &scenario);
    let ended = run(folder.path(), &["run", "a.yaml", "--calibration", "c.json"]);
    assert!(matches!(ended.code, Some(0 | 3)), "{}", ended.stderr);
    assert!(
        ended.stderr.contains(&format!("{SHOWN} 5,000")),
        "{}",
        ended.stderr
    );
    let out = folder.path().join("reports/chat");
    let results = results(&out);
    let known = &results["environment"]["calibration"];
    assert_eq!(known["highest_rate"], 1000.0);
    assert_eq!(known["noise"]["ttft.p50"], 0.004);
    let cell = &results["cells"][0];
    let warnings = cell["warnings"].to_string();
    assert!(
        warnings.contains("within_error") && warnings.contains("ttft_service p50"),
        "{warnings}"
    );
    // A busy machine may read all of an answer at once: then there are no gaps.
    let gaps = !cell["metrics"]["itl"].is_null();
    assert_eq!(warnings.contains("itl p50"), gaps, "{warnings}");
    let report = std::fs::read_to_string(out.join("report.html")).unwrap();
    let report = report.replace("&#x2f;", "/");
    assert!(
        report.contains("offers up to 1000/s truthfully"),
        "{report}"
    );
    assert!(report.contains("ttft.p50 0.400 %"), "{report}");
    let again = run(folder.path(), &["report", "reports/chat"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
}
