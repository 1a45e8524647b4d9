//! Searches for a capacity: the knee of a server whose capacity is known is found, and a search is no list of misses.

use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;

use super::support::{Ended, Process, alone, plimsoll, results, run, wait_for_records, write};

/// Forty requests at once of a second each: 40 a second are carried, and at 2 % more whoever is not among the first forty
/// waits for longer than the limit allows. The limit is so long that a stall of some milliseconds, of which test machines
/// have many, does not void a probe, and the probes so short that the time that their hypervisor steals does not.
fn searching(search: &str) -> String {
    format!(
        "version: 1
name: chat
targets:
  server: {{ protocol: http, path: /, embedded: {{ servers: 40, service: {{ kind: constant, median: 1s }} }} }}
matrix: {{ {search} }}
load: {{ requests: 90 }}
slo: {{ request: {{ e2e: 60s }}, objectives: [service.p90 <= 1020ms] }}
"
    )
}

/// The same by clients, who wait for two seconds where there are more than forty: a limit far from both.
fn of_clients(search: &str) -> String {
    searching(&format!("concurrency: {{ search: {search} }}")).replace("1020ms", "1800ms")
}

/// Searches, again where a hypervisor took the processors away from a probe, which voids it, or leaves it in doubt, as it
/// should; `None`, and said, where it did so thrice.
fn searched(folder: &Path) -> Option<(Ended, Value)> {
    for _ in 0..3 {
        let arguments = ["run", "a.yaml", "--print", "capacity"];
        let ended = run(folder, &arguments);
        let results = results(&folder.join("reports/chat"));
        let stolen = |probe: &Value| {
            probe["verdict"] == "doubtful"
                || probe["reason"].to_string().contains("hypervisor stole")
        };
        let probes = results["searches"][0]["probes"].as_array().unwrap();
        if !probes.iter().any(stolen) {
            return Some((ended, results));
        }
        eprintln!("again: {probes:?}");
    }
    eprintln!("skipped: this machine is taken away too often to find a capacity");
    None
}

#[test]
fn the_knee_of_a_server_of_known_capacity_is_found_within_the_precision() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let scenario = searching("rate: { search: { min: 30, max: 100, precision: 5% } }");
    write(folder.path(), "a.yaml", &scenario);
    let Some((ended, results)) = searched(folder.path()) else {
        return;
    };
    assert_eq!(
        ended.code,
        Some(0),
        "a missed probe failed the run: {}",
        ended.stderr
    );
    let out = folder.path().join("reports/chat");
    let search = &results["searches"][0];
    let capacity = &search["capacity"];
    let value = capacity["value"].as_f64().unwrap();
    assert!((38.0..=42.0).contains(&value), "{search:#}");
    assert!(
        capacity["high"].as_f64().unwrap() <= value * 1.05,
        "{search:#}"
    );
    assert_eq!(capacity["at_least"], false);
    assert_eq!(ended.stdout, format!("{value}\n"));

    let probes = search["probes"].as_array().unwrap();
    assert!(probes.len() <= 12, "{search:#}");
    assert!(probes.iter().any(|probe| probe["verdict"] == "missed"));
    let cells = results["cells"].as_array().unwrap();
    assert_eq!(cells.len(), probes.len());
    for probe in probes {
        let cell = cells
            .iter()
            .find(|cell| cell["id"] == probe["cell"])
            .unwrap();
        assert_eq!(cell["axes"]["rate"].as_f64(), probe["value"].as_f64());
        assert!(cell["validity"]["status"].is_string());
    }

    let said = format!(
        "Carries {value} req/s ({value} … {}): the highest of",
        capacity["high"].as_f64().unwrap()
    );
    for file in ["report.md", "report.html"] {
        let report = std::fs::read_to_string(out.join(file)).unwrap();
        assert!(
            report.replace("&#x2f;", "/").contains(&said),
            "{file} does not say {said}"
        );
    }
    assert!(ended.stderr.contains(&said), "{}", ended.stderr);
    let junit = std::fs::read_to_string(out.join("junit.xml")).unwrap();
    assert!(
        junit.contains("\"capacity\"") && !junit.contains("<failure"),
        "{junit}"
    );
    let again = run(folder.path(), &["report", "reports/chat"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
}

#[test]
fn a_search_whose_least_value_misses_fails_and_has_no_answer() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let scenario = of_clients("{ min: 60, max: 80 }");
    write(folder.path(), "a.yaml", &scenario);
    let ended = run(folder.path(), &["run", "a.yaml", "--print", "capacity"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(ended.stdout, "null\n");
    assert!(
        ended
            .stderr
            .contains("its least concurrency, 60, did not pass: service.p90"),
        "{}",
        ended.stderr
    );
    let results = results(&folder.path().join("reports/chat"));
    assert_eq!(results["searches"][0]["capacity"], Value::Null);
    assert_eq!(results["cells"].as_array().unwrap().len(), 1);
}

/// What has no value was not missed by a number, so that no lower rate would help.
#[test]
fn a_search_whose_objective_has_no_value_says_so_and_what_succeeded_or_failed() {
    let _alone = alone();
    let probed = |target: &str, slo: &str, code: i32| {
        let scenario = format!(
            "version: 1
name: chat
targets: {{ t: {{ protocol: http, path: /, {target} }} }}
matrix: {{ rate: {{ search: {{ min: 10, max: 20 }} }} }}
load: {{ requests: 3 }}
slo: {{ request: {{ e2e: 60s }}, {slo} }}
"
        );
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.yaml", &scenario);
        let ended = run(folder.path(), &["run", "a.yaml"]);
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        let search = &results(&folder.path().join("reports/chat"))["searches"][0];
        let probe = &search["probes"][0];
        let reason = probe["reason"].as_str().unwrap().to_owned();
        for said in [search["reason"].as_str().unwrap(), &ended.stderr] {
            assert!(said.contains(&reason), "{said}");
        }
        (probe["verdict"].as_str().unwrap().to_owned(), reason)
    };
    let dead = "base_url: 'http://127.0.0.1:9'";
    let why = "e2e.p95 <= 60s has no value: no request succeeded (connect, ";
    for (no_data, verdict) in [("fail", "missed"), ("warn", "inconclusive")] {
        let slo = format!("objectives: [e2e.p95 <= 60s], no_data: {no_data}");
        let (told, reason) = probed(dead, &slo, 5);
        assert_eq!(told, verdict, "{reason}");
        assert!(
            reason.starts_with(why) && reason.contains("refused"),
            "{reason}"
        );
    }
    let alive = "embedded: { service: { kind: constant, median: 1ms } }";
    let (_, reason) = probed(alive, "objectives: [server.queue.p50 <= 60s]", 1);
    assert_eq!(
        reason,
        "server.queue.p50 <= 60s has no value, though 3 requests succeeded"
    );
}

#[test]
fn what_never_misses_is_carried_at_least() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let scenario = of_clients("{ min: 10, max: 40 }");
    write(folder.path(), "a.yaml", &scenario);
    let ended = run(
        folder.path(),
        &["run", "a.yaml", "--set", "load.requests=40"],
    );
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let results = results(&folder.path().join("reports/chat"));
    let capacity = &results["searches"][0]["capacity"];
    assert_eq!(
        (&capacity["value"], &capacity["at_least"]),
        (&40.0.into(), &true.into()),
        "{capacity}"
    );
    assert_eq!(capacity["high"], Value::Null);
    assert!(
        ended.stderr.contains("at least 40 requests in flight"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_probe_whose_requests_are_too_few_to_tell_is_gone_on_with() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let scenario = of_clients("{ min: 40, max: 40 }");
    write(folder.path(), "a.yaml", &scenario);
    // A p90 takes 29 requests without a violation (ci.md B.3 (2)): 20 do not tell, 40 do.
    for (requests, repeats, code) in [(20, 2, 0), (5, 4, 1)] {
        let set = format!("load.requests={requests}");
        let out = format!("of-{requests}");
        let arguments = ["run", "a.yaml", "--set", &set, "--out", &out];
        let ended = run(folder.path(), &arguments);
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        let results = results(&folder.path().join(out));
        let executed = results["cells"][0]["repeats"].as_array().unwrap().len();
        assert_eq!(executed, repeats, "{}", results["searches"]);
        let probe = &results["searches"][0]["probes"][0];
        let told = if code == 0 { "passed" } else { "inconclusive" };
        assert_eq!(probe["verdict"], told);
        let needed = "service.p90 <= 1800ms: 20 requests do not tell, 29 would";
        assert!(code == 0 || probe["reason"] == needed, "{probe}");
    }
}

/// The process is stopped for a moment while its first probe runs, which voids that, and never again.
#[test]
fn a_probe_that_something_else_voided_is_measured_again_and_that_is_told() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    // Over in two seconds, so that the moment is a good part of it whatever the machine does besides.
    let scenario = of_clients("{ min: 40, max: 40 }").replace("median: 1s", "median: 400ms");
    write(
        folder.path(),
        "a.yaml",
        &(scenario + "report: { samples: 2 }\n"),
    );
    let mut child = Process(
        plimsoll(folder.path())
            .args(["run", "a.yaml"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut said = String::new();
    let mut stderr = child.0.stderr.take().unwrap();
    wait_for_records(folder.path(), &mut child);
    child.signal(Signal::STOP);
    child.wait_until_stopped();
    child.signal(Signal::CONT);
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().code(), Some(0), "{said}");
    assert!(said.contains("is measured again: "), "{said}");
    let out = folder.path().join("reports/chat");
    let results = results(&out);
    let probe = &results["searches"][0]["probes"][0];
    assert_eq!(probe["verdict"], "passed", "{probe}");
    assert!(
        probe["again"].as_str().unwrap().contains("SIGCONT"),
        "{probe}"
    );
    let cell = &results["cells"][0];
    assert_eq!(cell["requests"]["ok"], 90, "the first look counts too");
    assert_eq!(cell["validity"]["status"], "VALID");
    let report = std::fs::read_to_string(out.join("report.md")).unwrap();
    assert!(report.contains("since the first time was void"), "{report}");
    let again = run(folder.path(), &["report", "reports/chat"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
}

#[test]
fn a_search_that_a_signal_ends_has_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = searching("rate: { search: { min: 20, max: 100 } }");
    write(folder.path(), "a.yaml", &scenario);
    let mut child = Process(
        plimsoll(folder.path())
            .args(["run", "a.yaml"])
            .spawn()
            .unwrap(),
    );
    wait_for_records(folder.path(), &mut child);
    child.signal(Signal::INT);
    assert_eq!(child.wait().code(), Some(130));
    let results = results(&folder.path().join("reports/chat"));
    assert_eq!(results["incomplete"], true);
    let search = &results["searches"][0];
    assert_eq!(search["capacity"], Value::Null);
    assert_eq!(search["reason"], "the run ended before the search did");
}

#[test]
fn a_plan_says_how_many_probes_a_search_takes_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = searching("rate: { search: { min: 0.1, max: 64, precision: 5% } }");
    write(folder.path(), "a.yaml", &scenario);
    let plan = run(folder.path(), &["plan", "a.yaml"]);
    assert_eq!(plan.code, Some(0), "{}", plan.stderr);
    assert!(plan.stdout.contains("at most 12 probes"), "{}", plan.stdout);
    let aimless = scenario.replace(", objectives: [service.p90 <= 1020ms]", "");
    write(folder.path(), "b.yaml", &aimless);
    let refused = run(folder.path(), &["validate", "b.yaml"]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("b.yaml:5:") && refused.stderr.contains("slo"),
        "{}",
        refused.stderr
    );
}
