use std::path::Path;

use serde_json::{Value, json};

use crate::scenario::document::source::{ReadOptions, Source, read_text};

const SCENARIO: &str = "load: {requests: 1, timeout: {total: 5s}}
targets:
  omni: {base_url: a, model: m}
  gpt-4.1: {embedded: {seed: 1}}
matrix:
  rate: [1, 2]
  params.steps: [3]
slo: {objectives: [{objective: x}]}
";

fn set(settings: &[&str]) -> Source {
    let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
    let options = ReadOptions {
        set: &settings,
        environment: &|name| (name == "N").then(|| "7".to_owned()),
        ..ReadOptions::default()
    };
    read_text(Path::new("a.yaml"), SCENARIO, &options)
}

fn after(setting: &str, pointer: &str) -> Value {
    let source = set(&[setting]);
    assert!(
        source.findings.is_empty(),
        "{setting}: {:?}",
        source.findings
    );
    source
        .value
        .pointer(pointer)
        .cloned()
        .unwrap_or(json!("absent"))
}

#[test]
fn a_path_names_what_it_sets_and_the_value_is_yaml() {
    let cases = [
        ("load.requests=5", "/load/requests", json!(5)),
        (
            "load.timeout.total=30s",
            "/load/timeout/total",
            json!("30s"),
        ),
        ("load.arrival=poisson", "/load/arrival", json!("poisson")),
        ("load.warmup.requests=2", "/load/warmup/requests", json!(2)),
        (
            "targets.omni.base_url=http://127.0.0.1:80/a=b",
            "/targets/omni/base_url",
            json!("http://127.0.0.1:80/a=b"),
        ),
        (
            "matrix.rate=[0.1, inf]",
            "/matrix/rate",
            json!([0.1, "inf"]),
        ),
        ("matrix.rate.1=9", "/matrix/rate", json!([1, 9])),
        ("matrix.rate.2=9", "/matrix/rate", json!([1, 2, 9])),
        (
            "matrix.params.steps=[1]",
            "/matrix/params.steps",
            json!([1]),
        ),
        (
            "matrix.params.width=[1]",
            "/matrix/params.width",
            json!([1]),
        ),
        (
            "slo.objectives.0.objective=y",
            "/slo/objectives/0/objective",
            json!("y"),
        ),
        (
            "targets.gpt-4.1.model=x",
            "/targets/gpt-4.1/model",
            json!("x"),
        ),
        (
            "targets.\"new.one\".model=x",
            "/targets/new.one/model",
            json!("x"),
        ),
        ("name=a: b", "/name", json!("a: b")),
        ("name=- a", "/name", json!("- a")),
        ("name=#1", "/name", json!("#1")),
        ("name=\"5\"", "/name", json!("5")),
        ("load.requests=null", "/load/requests", json!(null)),
        ("load.requests=${env:N}", "/load/requests", json!("7")),
        ("x.y={a: [1]}", "/x/y/a/0", json!(1)),
    ];
    for (setting, pointer, expected) in cases {
        assert_eq!(after(setting, pointer), expected, "{setting}");
    }
}

#[test]
fn setting_one_address_of_a_target_removes_the_others() {
    let target = after("targets.omni.embedded={seed: 1}", "/targets/omni");
    assert_eq!(target, json!({"model": "m", "embedded": {"seed": 1}}));
    assert_eq!(
        after("targets.omni.embedded.seed=1", "/targets/omni/base_url"),
        json!("absent")
    );
    assert_eq!(
        after("targets.gpt-4.1.base_urls=[a]", "/targets/gpt-4.1"),
        json!({"base_urls": ["a"]})
    );
    assert_eq!(
        after(
            "targets.gpt-4.1.embedded.seed=2",
            "/targets/gpt-4.1/embedded/seed"
        ),
        json!(2)
    );
    assert_eq!(after("x.base_url=1", "/targets/omni/base_url"), json!("a"));
}

#[test]
fn the_last_setting_wins_and_has_a_place_of_its_own() {
    let source = set(&["load.requests=5", "load.requests=010", "load.reqests=6"]);
    assert_eq!(source.findings.len(), 1);
    let finding = &source.findings[0];
    let place = finding.place.as_ref().unwrap();
    assert_eq!(
        (finding.code, place.file.path.as_str()),
        ("leading-zero", "--set")
    );
    assert_eq!(
        (place.line_column(), place.file.text.as_str()),
        ((1, 15), "load.requests=010")
    );
    let key = source.places.key("/load/reqests").unwrap();
    assert_eq!(&key.file.text[key.span], "reqests");
}

#[test]
fn a_setting_that_cannot_be_applied_changes_nothing() {
    let cases = [
        ("load.requests", "no `=`"),
        ("=5", "empty"),
        ("load..x=5", "empty"),
        ("load.requests.deep=5", "`load.requests` is a single value"),
        ("matrix.rate.7=1", "no index of a list of 2"),
        ("matrix.rate.x=1", "no index"),
        ("extends=[a]", "cannot be set"),
        ("\"load=1", "never closed"),
    ];
    for (setting, says) in cases {
        let source = set(&[setting]);
        assert_eq!(source.findings.len(), 1, "{setting}");
        assert!(
            source.findings[0].message.contains(says),
            "{setting}: {}",
            source.findings[0].message
        );
        assert_eq!(
            source.findings[0].place.as_ref().unwrap().file.path,
            "--set"
        );
        assert_eq!(source.value, set(&[]).value, "{setting}");
    }
}
