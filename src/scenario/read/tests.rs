use super::*;
use crate::foundation::secret::SecretRef;
use crate::foundation::units::{Concurrency, Rate};
use crate::kinds::arrival;
use crate::kinds::metric::slo::{E2eLimit, SloClock};
use crate::kinds::verdict::objective::NoData;
use crate::scenario::{Address, Auth, Order};
use serde_json::json;
use std::time::Duration;

fn taken(text: &str, options: &ReadOptions) -> Result<Loaded, Rejected> {
    let environment = |name: &str| options.environment.get(name).cloned();
    let reading = source::ReadOptions {
        set: &options.set,
        environment: &environment,
        require_environment: options.check_env,
        untrusted: false,
    };
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/test.yaml");
    from_source(source::read_text(Path::new(folder), text, &reading), None)
}

fn scenario(text: &str) -> Scenario {
    match taken(text, &ReadOptions::default()) {
        Ok(loaded) => loaded.scenario,
        Err(rejected) => panic!("{:#?}", rejected.findings),
    }
}

const MINIMAL: &str = "version: 1
name: minimal
targets:
  api: { protocol: openai-chat, base_url: http://127.0.0.1:8000/v1/ }
datasets:
  chat: { kind: prompts, task: chat, rows: [{ prompt: hello }] }
";

/// The minimal scenario with more of it.
fn with(more: &str) -> Scenario {
    scenario(&format!("{MINIMAL}{more}"))
}

#[test]
fn defaults_are_those_of_the_specification() {
    let scenario = scenario(MINIMAL);
    let load = &scenario.load;
    assert_eq!(
        (
            load.requests,
            load.duration,
            load.seed,
            load.repeats,
            load.retries
        ),
        (None, None, 0, 1, 0)
    );
    assert_eq!(
        (load.order, load.rate, load.concurrency, load.arrival),
        (Order::Declared, None, None, None)
    );
    assert_eq!(load.timeouts.connect, Duration::from_secs(5));
    assert_eq!(
        (load.timeouts.first_byte, load.timeouts.idle),
        (None, Duration::from_secs(30))
    );
    assert_eq!(
        (load.timeouts.total, load.drain),
        (Duration::from_mins(10), None)
    );
    assert_eq!(
        (load.warmup.requests, load.think_time, load.ramp),
        (0, (Duration::ZERO, Duration::ZERO), Duration::ZERO)
    );
    assert_eq!(
        (scenario.matrix.max_cells, scenario.matrix.axes.len()),
        (256, 0)
    );
    assert_eq!(
        scenario.report.formats,
        ["md", "html", "json", "csv", "junit"]
    );
    assert_eq!(
        (
            scenario.report.samples,
            scenario.slo.no_data,
            scenario.slo.limits.clock
        ),
        (1, NoData::Fail, SloClock::Scheduled)
    );
    let dataset = &scenario.datasets["chat"];
    assert!(dataset.cycle && !dataset.shuffle && !dataset.endless);
    assert_eq!(
        scenario.targets["api"].address,
        Address::Urls(vec!["http://127.0.0.1:8000".into()])
    );
    assert!(scenario.compare.is_none());
}

#[test]
fn repeats_are_interleaved_unless_said_otherwise() {
    assert_eq!(with("load: { repeats: 3 }").load.order, Order::Interleaved);
    assert_eq!(
        with("load: { repeats: 3, order: shuffled }").load.order,
        Order::Shuffled
    );
}

#[test]
fn the_example_of_the_specification_is_legal_and_means_what_it_says() {
    let text = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/scenarios/specification.yaml"
    ))
    .unwrap()
    .replace("../../../scenarios/", "");
    let scenario = scenario(&text);
    let omni = &scenario.targets["omni"];
    assert_eq!(
        omni.auth,
        Some(Auth::Bearer(SecretRef::Env("OMNI_TOKEN".into())))
    );
    assert_eq!(
        omni.address,
        Address::Urls(vec!["http://127.0.0.1:8099".into()])
    );
    assert_eq!(
        scenario.matrix.axes["rate"],
        [json!(0.1), json!(0.5), json!(1), json!("inf")]
    );
    assert_eq!(scenario.matrix.exclude[0].0, "/matrix/exclude/0");
    assert_eq!(scenario.load.arrival, Some(arrival::Kind::Constant));
    assert_eq!(scenario.load.timeouts.total, Duration::from_secs(900));
    let objectives = &omni.slo.objectives;
    assert_eq!(objectives[1].only["rate"], [json!(0.1), json!(0.5)]);
    assert_eq!(
        (objectives[2].bound, objectives[2].statistic.as_deref()),
        (20.0, Some("p99"))
    );
    assert!(
        matches!(&scenario.slo.limits.e2e, Some(E2eLimit::Estimate(estimate)) if estimate.scale == 3.0 && !estimate.affine)
    );
    assert_eq!(scenario.report.baseline["rate"], json!(0.1));
}

#[test]
fn a_rate_is_one_value_however_it_is_written() {
    let scenario = with(
        "matrix:\n  rate: [30/min, 2/s, 3.0, inf]\n  exclude: [{ rate: 0.5 }]\n  include: [{ rate: 60/min }]",
    );
    assert_eq!(
        scenario.matrix.axes["rate"],
        [json!(0.5), json!(2), json!(3), json!("inf")]
    );
    assert_eq!(scenario.matrix.include[0].1["rate"], json!(1));
    let load = with("load: { rate: 30/min, concurrency: inf }").load;
    assert_eq!(
        (load.rate, load.concurrency),
        (Some(Rate::PerSecond(0.5)), Some(Concurrency::Infinite))
    );
}

#[test]
fn a_targets_limits_merge_over_the_files_and_its_objectives_replace() {
    let scenario = scenario(
        "version: 1
name: a
targets:
  one: { protocol: http, base_url: http://h, slo: { request: { ttft: 1s }, objectives: [goodput > 1] } }
  two: { protocol: http, base_url: http://h, slo: { request: { e2e: { from: row } } } }
slo:
  request: { ttft: 2s, e2e: 5s }
  objectives: [error_rate <= 1%]
",
    );
    let one = &scenario.targets["one"].slo;
    assert_eq!(
        (one.limits.ttft, one.limits.e2e.clone()),
        (
            Some(Duration::from_secs(1)),
            Some(E2eLimit::Fixed(Duration::from_secs(5)))
        )
    );
    assert_eq!(
        (
            one.objectives[0].metric.as_str(),
            one.objectives[0].pointer.as_str()
        ),
        ("goodput", "/targets/one/slo/objectives/0")
    );
    let two = &scenario.targets["two"].slo;
    assert_eq!(
        (two.limits.ttft, two.limits.e2e.clone()),
        (Some(Duration::from_secs(2)), Some(E2eLimit::FromRow))
    );
    assert_eq!(
        (
            two.objectives[0].metric.as_str(),
            two.objectives[0].pointer.as_str()
        ),
        ("error_rate", "/slo/objectives/0")
    );
}

#[test]
fn tolerances_are_five_percent_and_ten_for_a_p99() {
    let compare = with("compare: { gates: [{ metric: ttft.p99 }, { metric: goodput }, { metric: e2e.p50, tolerance: 0.2 }] }").compare.unwrap();
    let tolerances: Vec<f64> = compare.gates.iter().map(|gate| gate.tolerance).collect();
    assert_eq!(
        (tolerances, compare.false_discovery_rate),
        (vec![0.1, 0.05, 0.2], 0.05)
    );
}

#[test]
fn an_axis_over_load_changes_that_key_alone_and_is_checked() {
    let scenario = with(
        "load: { requests: 5, timeout: { idle: 1s } }\nmatrix: { load.timeout.total: [1s, 2s] }",
    );
    let load = scenario
        .load_with(&[("timeout.total", &json!("2s"))])
        .unwrap();
    assert_eq!(
        (load.timeouts.total, load.timeouts.idle),
        (Duration::from_secs(2), Duration::from_secs(1))
    );
    assert_eq!(load.requests, Some(5));
    let finding = scenario
        .load_with(&[("timeout.total", &json!(2))])
        .unwrap_err();
    assert_eq!(
        (finding.code, finding.pointer.as_str()),
        ("wrong-type", "/load/timeout/total")
    );
    let finding = scenario.load_with(&[("timeot", &json!("2s"))]).unwrap_err();
    assert_eq!(
        (finding.code, finding.help.as_deref()),
        ("unknown-key", Some("did you mean `timeout`?"))
    );
}

#[test]
fn a_reference_becomes_a_number_where_one_is_wanted_and_stays_a_text_elsewhere() {
    let text = format!(
        "{MINIMAL}load: {{ requests: \"${{env:N}}\", seed: \"${{env:N}}\" }}\nlabels: {{ n: \"${{env:N}}\" }}\ndescription: ${{env:N}}\n"
    );
    let options = ReadOptions {
        environment: [("N".to_owned(), "12".to_owned())].into(),
        ..ReadOptions::default()
    };
    let Ok(loaded) = taken(&text, &options) else {
        panic!("refused")
    };
    let scenario = loaded.scenario;
    assert_eq!((scenario.load.requests, scenario.load.seed), (Some(12), 12));
    // scenario.md: in everything that is written out, the reference stands in place of the value.
    assert_eq!(
        (
            scenario.description.as_deref(),
            scenario.labels["n"].as_str()
        ),
        (Some("${env:N}"), "${env:N}")
    );
    assert_eq!(
        scenario.effective["load"]["requests"],
        json!("${env:N}"),
        "the reference stands in place of the value"
    );
    let bad = ReadOptions {
        environment: [("N".to_owned(), "many".to_owned())].into(),
        ..ReadOptions::default()
    };
    let Err(rejected) = taken(&text, &bad) else {
        panic!("taken")
    };
    assert_eq!(rejected.findings.len(), 2, "{:#?}", rejected.findings);
}

#[test]
fn an_unset_reference_is_accepted_until_it_is_asked_for() {
    let text = "version: 1
name: a
targets:
  api: { protocol: openai-chat, base_url: \"${env:URL}\", params: { max_tokens: \"${env:M}\" } }
datasets:
  chat: { kind: prompts, task: chat, rows: [{ prompt: hello }] }
load: { requests: \"${env:N}\", timeout: { total: \"${env:T}\" } }
slo: { objectives: [\"${env:O}\", error_rate <= 1%] }
matrix: { rate: [1, \"${env:R}\"] }
";
    let Ok(loaded) = taken(text, &ReadOptions::default()) else {
        panic!("refused")
    };
    assert_eq!(loaded.scenario.load.requests, None);
    assert_eq!(loaded.scenario.matrix.axes["rate"], [json!(1)]);
    let Err(rejected) = taken(
        text,
        &ReadOptions {
            check_env: true,
            ..ReadOptions::default()
        },
    ) else {
        panic!("taken")
    };
    assert_eq!(rejected.findings.len(), 6, "{:#?}", rejected.findings);
}

#[test]
fn the_effective_scenario_is_legal_and_is_its_own() {
    let text = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/scenarios/specification.yaml"
    ))
    .unwrap()
    .replace("../../../scenarios/", "");
    let first = scenario(&text);
    let (folders, folder) = (&first.folders, &first.folders.scenario);
    let second = scenario(&crate::scenario::effective_yaml(
        &first.effective,
        folders,
        folder,
    ));
    assert_eq!(second.effective, first.effective);
    assert_eq!(second.hash, first.hash);
    assert_eq!(second.load, first.load);
    assert_eq!(second.slo, first.slo);
    assert_eq!(second.matrix.axes["rate"], first.matrix.axes["rate"]);
}

#[test]
fn user_info_of_a_url_is_written_out_nowhere() {
    let scenario = scenario(&MINIMAL.replace("http://127", "http://user:pa55@127"));
    assert!(
        !scenario.effective.to_string().contains("pa55"),
        "{}",
        scenario.effective
    );
    let target = &scenario.targets["api"];
    assert_eq!(
        target.address,
        Address::Urls(vec!["http://127.0.0.1:8000".into()])
    );
    assert_eq!(
        target
            .user_info
            .as_ref()
            .map(crate::foundation::secret::Secret::expose),
        Some("user:pa55")
    );
}

#[test]
fn what_is_right_of_a_wrong_file_is_left_to_be_planned() {
    let Err(rejected) = taken(
        &format!("{MINIMAL}slo: {{ objectives: [e2e < 1s] }}\nreport: {{ sampels: 1 }}"),
        &ReadOptions::default(),
    ) else {
        panic!("taken")
    };
    assert_eq!(rejected.findings.len(), 2, "{:#?}", rejected.findings);
    assert!(rejected.partial.is_some());
    let Err(rejected) = taken(
        &format!("{MINIMAL}matrix: {{ rate: [fast], exclude: [{{ rate: 3 }}] }}"),
        &ReadOptions::default(),
    ) else {
        panic!("taken")
    };
    let partial = rejected.partial.unwrap();
    let told = ["exclude-removes-nothing", "unknown-target"]
        .map(|code| Finding::error(code, "/matrix/exclude/0", ""));
    let told: Vec<_> = partial
        .attach(told.to_vec())
        .iter()
        .map(|finding| finding.code)
        .collect();
    assert_eq!(
        told,
        ["unknown-target"],
        "without its axis the cells are others"
    );
}

#[test]
fn every_scenario_of_the_project_is_legal() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files: Vec<_> = files
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    assert!(files.len() >= 5);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(
            text.starts_with("# yaml-language-server: $schema=../schemas/scenario.v1.json\n"),
            "{}",
            file.display()
        );
        if let Err(rejected) = read(&file, &ReadOptions::default()) {
            panic!("{}: {:#?}", file.display(), rejected.findings);
        }
    }
}

#[test]
fn what_cannot_be_executed_yet_is_told_with_its_place_and_planned_nevertheless() {
    let text = "version: 1
name: a
targets:
  sllm: { protocol: model-load, driver: { kind: exec, command: [python3, load.py] }, model: m }
  comfy: { protocol: comfyui, base_url: http://h, comfyui: { workflow: quickstart.yaml, bind: { prompt: /6/inputs/text } } }
datasets:
  u: { kind: urls, rows: [/a, /b 3] }
report: { exports: [vllm-omni] }
";
    let Ok(loaded) = taken(text, &ReadOptions::default()) else {
        panic!("refused")
    };
    let told: Vec<_> = loaded
        .unsupported
        .iter()
        .map(|finding| finding.pointer.as_str())
        .collect();
    assert_eq!(
        told,
        [
            "/targets/sllm/protocol",
            "/targets/comfy/protocol",
            "/report/exports/0"
        ]
    );
    assert!(
        loaded
            .unsupported
            .iter()
            .all(|finding| finding.place.is_some())
    );
}
