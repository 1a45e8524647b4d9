//! What a run leaves out of a figure is told, and a figure is called by a name of its own.

use std::path::Path;

use serde_json::{Value, json};

use super::support::{Ended, WIDE, alone, chat, results, run, write};

/// Ran the scenario `a.yaml`, undisturbed.
fn ran(folder: &Path, scenario: &str) -> Ended {
    let _alone = alone();
    write(folder, "a.yaml", scenario);
    let ended = run(folder, &["run", "a.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended
}

/// Warm-ups of rows without a size, so that the limits of rows with one are not known.
const WITHOUT_BASE: &str = "version: 1
name: omni
targets:
  omni: { protocol: vllm-omni, embedded: { image: { base: 2ms, per_unit: 0.0005ms } } }
datasets:
  t:
    kind: trace
    task: t2i
    cycle: true
    rows:
      - { prompt: a }
      - { prompt: b }
      - { prompt: c, width: 64, height: 64 }
      - { prompt: d, width: 64, height: 64, slo_ms: 60000 }
load: { requests: 8, warmup: { requests: 2 } }
slo:
  request: { e2e: { estimate: warmup } }
  # The second is met, and so long that no stall of a test machine voids the cell.
  objectives: [slo_attainment >= 95%, e2e.p50 <= 60s]
report: { group_by: [width, bogus] }
";

#[test]
fn requests_whose_limits_could_not_be_estimated_are_not_passed_over_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    let ended = ran(folder.path(), WITHOUT_BASE);
    let undefined = "the SLO is defined for 2 of 8 requests";
    assert!(ended.stderr.contains(undefined), "{}", ended.stderr);
    let out = folder.path().join("reports/omni");
    let results = results(&out);
    let cell = &results["cells"][0];
    assert_eq!(
        (&cell["slo"]["base_ms"], &cell["slo"]["defined"]),
        (&Value::Null, &json!(2))
    );
    assert_eq!(
        cell["objectives"][0]["n"], 2,
        "the attainment is of two requests"
    );
    let codes: Vec<&str> = cell["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|warning| warning["code"].as_str())
        .collect();
    for code in ["slo_base", "slo_undefined", "group_by"] {
        assert!(codes.contains(&code), "{code}: {codes:?}");
    }
    for file in ["report.md", "report.html"] {
        let text = std::fs::read_to_string(out.join(file)).unwrap();
        for told in [undefined, "could not be estimated", "slo defined", "(of 8)"] {
            assert!(text.contains(told), "{file}: {told}");
        }
    }
    let again = run(folder.path(), &["report", "reports/omni"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
}

#[test]
fn no_percentile_takes_the_place_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let load = "load: { requests: 30 }\nreport: { percentiles: [9.9, 99.5, 9.95, 2.5] }";
    ran(
        folder.path(),
        &chat("embedded: {}", &format!("{load}\n{WIDE}")),
    );
    let out = folder.path().join("reports/chat");
    let e2e = &results(&out)["cells"][0]["metrics"]["e2e"];
    let figure = |name: &str| {
        e2e[name]
            .as_f64()
            .unwrap_or_else(|| panic!("{name}: {e2e}"))
    };
    let rising = ["min", "p025", "p099", "p0995", "p50", "p99", "p995", "max"].map(figure);
    assert!(rising.is_sorted(), "{e2e}");
    assert!(figure("p099") < figure("p99"));
    let again = run(folder.path(), &["report", "reports/chat"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let report = std::fs::read_to_string(out.join("report.md")).unwrap();
    assert!(
        report.contains("e2e p9.9, ms") && report.contains("e2e p99.5, ms"),
        "{report}"
    );
}

#[test]
fn a_plan_counts_the_requests_that_are_sent_of_a_dataset_that_ends() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = format!(
        "version: 1
name: chat
targets:
  server: {{ protocol: openai-chat, model: m, embedded: {{}} }}
datasets:
  five: {{ kind: prompts, task: chat, cycle: false, rows: [{{prompt: a}}, {{prompt: b}}, {{prompt: c}}, {{prompt: d}}, {{prompt: e}}] }}
load: {{ requests: 8 }}
{WIDE}"
    );
    ran(folder.path(), &scenario);
    let sent = results(&folder.path().join("reports/chat"))["cells"][0]["requests"]["sent"].clone();
    let ended = run(folder.path(), &["plan", "a.yaml", "--format", "json"]);
    let plan: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(plan["cells"][0]["requests"], sent);
    assert_eq!(sent, 5);
}
