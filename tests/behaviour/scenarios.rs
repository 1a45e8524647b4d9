//! Every scenario that we ship runs against the simulator with one `--set`, and says what it is there to say.

use std::path::Path;

use serde_json::Value;

use super::support::{Ended, plimsoll};

/// Runs a shipped scenario into a folder of its own.
fn ship(name: &str, set: &str, more: &[&str]) -> (Ended, Value) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let file = format!("scenarios/{name}.yaml");
    let mut arguments = vec!["run", &file, "--out", out.to_str().unwrap(), "--set", set];
    arguments.extend(more);
    let output = plimsoll(Path::new(env!("CARGO_MANIFEST_DIR")))
        .args(arguments)
        // The scenarios leave their length to the environment.
        .env("REQUESTS", "12")
        .output()
        .unwrap();
    let ended = Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    let bytes = std::fs::read(out.join("results.json"))
        .unwrap_or_else(|_| panic!("no results: {}", ended.stderr));
    (ended, serde_json::from_slice(&bytes).unwrap())
}

fn cells(results: &Value) -> &Vec<Value> {
    results["cells"].as_array().unwrap()
}

/// What a run may end with on a machine that others use too: well, or void since the machine was busy.
fn well_or_void(ended: &Ended) {
    assert!(
        matches!(ended.code, Some(0 | 3)),
        "{:?}: {}",
        ended.code,
        ended.stderr
    );
}

#[test]
fn the_quickstart_runs_without_a_network() {
    let (ended, results) = ship("quickstart", "load.duration=500ms", &[]);
    well_or_void(&ended);
    assert_eq!(cells(&results).len(), 3);
    for cell in cells(&results) {
        assert_eq!(cell["metrics"]["error_rate"], 0.0, "{}", ended.stderr);
        assert!(cell["metrics"]["goodput"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn a_chat_server_is_put_under_its_rates() {
    let (ended, results) = ship(
        "llm-chat",
        "targets.llm.embedded={ttft: 5ms, itl: 1ms}",
        &["--cells", "*rate=8,*"],
    );
    assert!(
        matches!(ended.code, Some(0 | 1 | 3)),
        "{:?}: {}",
        ended.code,
        ended.stderr
    );
    let cell = &cells(&results)[0];
    for metric in ["ttft", "tpot", "itl", "e2e"] {
        assert!(
            cell["metrics"][metric]["p50"]
                .as_f64()
                .is_some_and(|value| value > 0.0),
            "{metric}: {cell:#}"
        );
    }
    assert!(cell["slo"]["defined"].as_u64().unwrap() > 0);
}

#[test]
fn limits_of_pictures_are_estimated_from_warm_ups() {
    let (ended, results) = ship(
        "vllm-omni-slo",
        "targets.omni={protocol: vllm-omni, embedded: {image: {base: 5ms, per_unit: 0.0005ms}}}",
        &["--cells", "*rate=4,*"],
    );
    assert!(
        matches!(ended.code, Some(0 | 1 | 3)),
        "{:?}: {}",
        ended.code,
        ended.stderr
    );
    let cell = &cells(&results)[0];
    assert!(
        cell["slo"]["base_ms"]
            .as_f64()
            .is_some_and(|base| base > 0.0),
        "{}",
        cell["slo"]
    );
    assert_eq!(cell["slo"]["defined"], 20);
    assert_eq!(cell["requests"]["ok"], 20, "{}", cell["outcomes"]);
    assert!(
        cell["metrics"]["image_bytes"]["mean"]
            .as_f64()
            .is_some_and(|bytes| bytes > 0.0)
    );
    assert!(
        cell["groups"]
            .as_array()
            .is_some_and(|groups| groups.len() > 1),
        "no groups by size"
    );
}

#[test]
fn endpoints_count_what_they_refuse_apart_from_what_they_answer() {
    let (ended, results) = ship("endpoints", "targets.api.embedded={servers: 2}", &[]);
    well_or_void(&ended);
    let cell = &cells(&results)[0];
    assert_eq!(cell["requests"]["intended"], 100);
    assert!(
        cell["metrics"]["output_tokens"]["mean"].as_f64().is_some(),
        "{}: {}",
        cell["outcomes"],
        ended.stderr
    );
}

#[test]
fn a_pull_request_without_a_difference_passes_its_gate() {
    let server = "{protocol: openai-chat, embedded: {ttft: 4ms, itl: 1ms}}";
    let (ended, results) = ship(
        "pr-gate",
        &format!("targets={{base: {server}, head: {server}}}"),
        &[],
    );
    let repeats = cells(&results)
        .iter()
        .map(|cell| cell["repeats"].as_array().unwrap().len());
    assert!(repeats.eq([10, 10, 10, 10]), "ten blocks of every cell");
    assert_ne!(ended.code, Some(1), "a false alarm: {}", ended.stderr);
    well_or_void(&ended);
}
