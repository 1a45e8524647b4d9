//! `plan`: what a scenario expands into.

use serde_json::Value;

use super::support::run;

fn plan(matrix: &str) -> (Option<i32>, Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let scenario = format!(
        "version: 1\nname: a\ntargets:\n  t: {{ protocol: http, base_url: http://127.0.0.1:1 }}\nload: {{ requests: 1 }}\nmatrix:\n{matrix}"
    );
    std::fs::write(folder.path().join("a.yaml"), scenario).unwrap();
    let ended = run(folder.path(), &["plan", "a.yaml", "--format", "json"]);
    let document = serde_json::from_str(&ended.stdout).unwrap_or(Value::Null);
    (ended.code, document, ended.stderr)
}

/// GitHub's documentation, "Expanding or adding matrix configurations": a matrix of fruit and animal whose five include
/// entries give exactly six combinations.
#[test]
fn githubs_documented_sample_gives_its_six_combinations() {
    let (code, document, stderr) = plan(
        "  params.fruit: [apple, pear]
  params.animal: [cat, dog]
  include:
    - { params.color: green }
    - { params.color: pink, params.animal: cat }
    - { params.fruit: apple, params.shape: circle }
    - { params.fruit: banana }
    - { params.fruit: banana, params.animal: cat }
",
    );
    assert_eq!(code, Some(0), "{stderr}");
    let combinations: Vec<String> = document["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| {
            let axes = cell["axes"].as_object().unwrap();
            let mut parts: Vec<String> = axes
                .iter()
                .filter_map(|(axis, value)| {
                    Some(format!(
                        "{}:{}",
                        axis.strip_prefix("params.")?,
                        value.as_str()?
                    ))
                })
                .collect();
            parts.sort();
            parts.join(" ")
        })
        .collect();
    assert_eq!(
        combinations,
        [
            "animal:cat color:pink fruit:apple shape:circle",
            "animal:dog color:green fruit:apple shape:circle",
            "animal:cat color:pink fruit:pear",
            "animal:dog color:green fruit:pear",
            "fruit:banana",
            "animal:cat fruit:banana",
        ]
    );
    let made: Vec<bool> = document["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| cell["created_by_include"].as_bool().unwrap())
        .collect();
    assert_eq!(made, [false, false, false, false, true, true]);
}

fn ids(document: &Value) -> Vec<&str> {
    document["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| cell["id"].as_str().unwrap())
        .collect()
}

#[test]
fn exclude_sees_the_rate_and_the_concurrency_that_no_axis_sets() {
    let (code, document, stderr) =
        plan("  concurrency: [1, 2]\n  exclude:\n    - { rate: inf, concurrency: 2 }\n");
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(ids(&document), ["target=t,rate=inf,concurrency=1"]);
    let (code, document, stderr) =
        plan("  rate: [1, 2]\n  exclude:\n    - { rate: 2, concurrency: inf }\n");
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(ids(&document), ["target=t,rate=1,concurrency=inf"]);
    let (code, document, stderr) =
        plan("  rate: [1, 2]\n  exclude:\n    - { rate: 2, load.requests: 1 }\n");
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(ids(&document), ["target=t,rate=1,concurrency=inf"]);
}

#[test]
fn values_that_differ_in_their_unit_alone_are_one_value() {
    for (axis, place) in [
        ("load.think_time: [1s, 1000ms]", "a.yaml:7:25"),
        ("rate: [30/min, 0.5]", "a.yaml:7:18"),
        ("params.x: [20, 20.0]", "a.yaml:7:18"),
    ] {
        let (code, _, stderr) = plan(&format!("  {axis}\n"));
        assert_eq!(code, Some(2), "{axis}");
        assert!(
            stderr.contains(place) && stderr.contains("duplicate-cells"),
            "{axis}: {stderr}"
        );
    }
    let (_, document, stderr) = plan("  load.think_time: [1500ms]\n");
    assert_eq!(
        ids(&document),
        ["target=t,rate=inf,concurrency=1,load.think_time=1s500ms"],
        "{stderr}"
    );
}

#[test]
fn an_exclude_that_removes_nothing_is_an_error_at_its_place() {
    let (code, _, stderr) = plan("  rate: [1, 2]\n  exclude:\n    - { rate: 3 }\n");
    assert_eq!(code, Some(2));
    assert!(stderr.contains("a.yaml:9:"), "{stderr}");
}

#[test]
fn more_cells_than_are_allowed_are_refused_before_they_are_expanded() {
    let values: Vec<String> = (1..=100).map(|n| n.to_string()).collect();
    let axis = values.join(", ");
    let (code, _, stderr) = plan(&format!(
        "  params.a: [{axis}]\n  params.b: [{axis}]\n  params.c: [{axis}]\n  params.d: [{axis}]\n"
    ));
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("100000000"),
        "the number of cells is not named: {stderr}"
    );
}
