//! Every scenario that we ship runs against the simulator with one `--set`, and says what it is there to say.

use std::path::Path;

use serde_json::Value;

use super::support::{Ended, plimsoll, run, write};

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

/// The exit code is what the results say, and for their reasons. On a machine that others use too a cell may be void
/// since the generator was held up: then nothing else is claimed of its times, but for no other reason may it be void.
fn ends_as_it_says(ended: &Ended, results: &Value) {
    let is = |cell: &&Value, status: &str| cell["validity"]["status"] == status;
    let invalid: Vec<_> = cells(results)
        .iter()
        .filter(|cell| is(cell, "INVALID"))
        .collect();
    for reason in invalid
        .iter()
        .flat_map(|cell| cell["validity"]["reasons"].as_array().unwrap())
    {
        assert!(
            reason.as_str().unwrap().contains("generator"),
            "{reason}: {}",
            ended.stderr
        );
    }
    let missed = cells(results)
        .iter()
        .flat_map(|cell| cell["objectives"].as_array().unwrap())
        .any(|objective| objective["verdict"] == "missed");
    let expected = match (invalid.is_empty(), missed) {
        (false, _) => 3,
        (true, true) => 1,
        (true, false) => 0,
    };
    assert_eq!(
        results["verdict"]["exit_code"], expected,
        "{}",
        ended.stderr
    );
    assert_eq!(ended.code, Some(expected), "{}", ended.stderr);
}

/// A cell whose every request was answered, so many of them where that is known.
fn all_answered(cell: &Value, requests: Option<u64>) {
    let count = |name: &str| cell["requests"][name].as_u64().unwrap();
    assert_eq!(
        (count("failed"), count("unsent")),
        (0, 0),
        "{}",
        cell["outcomes"]
    );
    assert!(count("ok") > 0 && count("ok") == count("intended"));
    assert!(
        requests.is_none_or(|requests| requests == count("ok")),
        "{}",
        count("ok")
    );
    assert_eq!(cell["metrics"]["error_rate"], 0.0);
}

#[test]
fn the_quickstart_runs_without_a_network() {
    let (ended, results) = ship("quickstart", "load.duration=500ms", &[]);
    ends_as_it_says(&ended, &results);
    assert_eq!(cells(&results).len(), 3);
    for cell in cells(&results) {
        all_answered(cell, None);
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
    ends_as_it_says(&ended, &results);
    let cell = &cells(&results)[0];
    for metric in ["ttft", "tpot", "itl", "e2e"] {
        assert!(
            cell["metrics"][metric]["p50"]
                .as_f64()
                .is_some_and(|value| value > 0.0),
            "{metric}: {cell:#}"
        );
    }
    all_answered(cell, None);
    assert_eq!(cell["slo"]["defined"], cell["requests"]["intended"]);
}

#[test]
fn limits_of_pictures_are_estimated_from_warm_ups() {
    let (ended, results) = ship(
        "vllm-omni-slo",
        "targets.omni={protocol: vllm-omni, embedded: {image: {base: 5ms, per_unit: 0.0005ms}}}",
        &["--cells", "*rate=4,*"],
    );
    ends_as_it_says(&ended, &results);
    let cell = &cells(&results)[0];
    assert!(
        cell["slo"]["base_ms"]
            .as_f64()
            .is_some_and(|base| base > 0.0),
        "{}",
        cell["slo"]
    );
    assert_eq!(cell["slo"]["defined"], 20);
    all_answered(cell, Some(20));
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
    ends_as_it_says(&ended, &results);
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
    for cell in cells(&results) {
        all_answered(cell, Some(10 * 12));
    }
    ends_as_it_says(&ended, &results);
}

/// The shell of a workflow's `run:` steps, but for the installation; each with its name.
fn steps(workflow: &str) -> Vec<(String, String)> {
    let document: Value = serde_yaml::from_str(workflow).unwrap();
    let jobs = document["jobs"].as_object().unwrap();
    let steps = jobs
        .values()
        .flat_map(|job| job["steps"].as_array().unwrap());
    steps
        .filter_map(|step| {
            Some((
                step["name"].as_str()?.to_owned(),
                step["run"].as_str()?.to_owned(),
            ))
        })
        .filter(|(_, run)| !run.starts_with("cargo install "))
        .collect()
}

/// Runs the steps one after the other, as a runner does, in one shell so that what they start ends with it; gives each
/// step's exit code.
fn carried_out(folder: &Path, workflow: &str, environment: &[(&str, &str)]) -> Vec<(String, i32)> {
    let steps = steps(workflow);
    let mut script = String::from("trap 'kill $(jobs -p) 2>/dev/null' EXIT\n");
    for (number, (_, step)) in steps.iter().enumerate() {
        script.push_str(step.trim_end());
        script = format!("{script}\necho $? > code-{number}\n");
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_plimsoll")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let ended = std::process::Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder)
        .env("PATH", path)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let code = |number: usize| {
        let code = std::fs::read_to_string(folder.join(format!("code-{number}")));
        code.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&ended.stderr)))
            .trim()
            .parse()
            .unwrap()
    };
    steps
        .into_iter()
        .enumerate()
        .map(|(number, (name, _))| (name, code(number)))
        .collect()
}

fn summary_of(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("summary.md")).unwrap_or_default()
}

#[test]
fn the_example_workflow_starts_both_sides_and_exits_by_the_gate() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("scenarios")).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::copy(
        root.join("scenarios/pr-gate.yaml"),
        folder.path().join("scenarios/pr-gate.yaml"),
    )
    .unwrap();
    let workflow =
        std::fs::read_to_string(root.join(".github/workflows/example-pr-gate.yml")).unwrap();
    let free = || {
        std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
    };
    let (base, head) = (format!("http://{}", free()), format!("http://{}", free()));
    let summary = folder.path().join("summary.md");
    let codes = carried_out(
        folder.path(),
        &workflow,
        &[
            ("BASE_URL", &base),
            ("HEAD_URL", &head),
            ("REQUESTS", "4"),
            ("GITHUB_STEP_SUMMARY", summary.to_str().unwrap()),
        ],
    );
    let results = super::support::results(&folder.path().join("report"));
    let gate = i32::try_from(results["verdict"]["exit_code"].as_u64().unwrap()).unwrap();
    assert!(matches!(gate, 0 | 3), "{}", results["verdict"]);
    let expected = [
        ("check the scenario", 0),
        ("start base and head", 0),
        ("base and head, interleaved", gate),
        ("show the result", 0),
    ];
    assert!(
        codes
            .iter()
            .map(|(name, code)| (name.as_str(), *code))
            .eq(expected),
        "{codes:?}"
    );
    for cell in cells(&results) {
        all_answered(cell, Some(40));
    }
    let shown = summary_of(folder.path());
    assert!(
        shown.contains("gates regressed") && shown.contains("# pr-gate"),
        "{shown}"
    );
}

#[test]
fn the_workflow_that_init_writes_runs_what_init_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(folder.path(), &["init", "--github"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let workflow =
        std::fs::read_to_string(folder.path().join(".github/workflows/plimsoll.yml")).unwrap();
    assert!(
        workflow.contains("cargo install --locked --git https://"),
        "no crate of that name is published"
    );
    // A second of each rate is enough here.
    let scenario = std::fs::read_to_string(folder.path().join("scenarios/first.yaml")).unwrap();
    write(
        folder.path(),
        "scenarios/first.yaml",
        &scenario.replace("duration: 3s", "duration: 500ms"),
    );
    let summary = folder.path().join("summary.md");
    let codes = carried_out(
        folder.path(),
        &workflow,
        &[("GITHUB_STEP_SUMMARY", summary.to_str().unwrap())],
    );
    let results = super::support::results(&folder.path().join("report"));
    let gate = i32::try_from(results["verdict"]["exit_code"].as_u64().unwrap()).unwrap();
    let expected = [
        ("check the scenario", 0),
        ("run it", gate),
        ("show the result", 0),
    ];
    assert!(
        codes
            .iter()
            .map(|(name, code)| (name.as_str(), *code))
            .eq(expected),
        "{codes:?}"
    );
    assert!(matches!(gate, 0 | 3), "{}", results["verdict"]);
    assert!(summary_of(folder.path()).contains("# first"));
}
