#![expect(clippy::disallowed_methods, reason = "tests prepare files")]

use std::collections::BTreeMap;
use std::path::Path;

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::relative::relative_to_baseline;
use super::*;
use crate::foundation::files::committed;
use crate::kinds::metric::estimate::Base;

fn distribution(statistics: &[(&str, f64)]) -> MetricValue {
    let statistics = statistics
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Some(*value)))
        .collect();
    MetricValue::Distribution(Summary { n: 100, statistics })
}

/// A cell of those axes, given as they stand in the id.
fn cell(axes: &[(&str, Value)]) -> CellResult {
    let axes: IndexMap<String, Value> = axes
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let plain = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let id: Vec<String> = axes
        .iter()
        .map(|(name, value)| format!("{name}={}", plain(value)))
        .collect();
    CellResult {
        id: id.join(","),
        key: "0123456789abcdef".to_owned(),
        axes,
        validity: Validity::default(),
        requests: Requests::default(),
        outcomes: BTreeMap::new(),
        http_status: BTreeMap::new(),
        metrics: BTreeMap::new(),
        metrics_failed: BTreeMap::new(),
        metrics_all: BTreeMap::new(),
        spread: BTreeMap::new(),
        repeats: Vec::new(),
        groups: Vec::new(),
        slo: SloResult::default(),
        paced_by: PacedBy::ClosedLoop,
        price_per_hour: None,
        objectives: Vec::new(),
        warnings: Vec::new(),
        self_check: SelfCheck::default(),
        samples: Vec::new(),
        tokens_source: None,
        timeline: Vec::new(),
        relative: BTreeMap::new(),
    }
}

fn results(cells: Vec<CellResult>) -> Results {
    Results {
        schema: SCHEMA.to_owned(),
        tool: Tool {
            name: "plimsoll".to_owned(),
            version: "0.1.0".to_owned(),
        },
        scenario: ScenarioReference {
            name: "qwen".to_owned(),
            hash: "00".to_owned(),
            description: None,
            labels: BTreeMap::new(),
        },
        environment: Environment::default(),
        datasets: Vec::new(),
        cells,
        definitions: BTreeMap::new(),
        report: ReportSettings {
            group_by: vec!["width".into(), "height".into()],
            ..ReportSettings::default()
        },
        compare: None,
        incomplete: false,
        searches: Vec::new(),
        selection: None,
        files: Vec::new(),
        verdict: RunVerdict::default(),
    }
}

/// With every kind of value that a document can hold.
fn full() -> Results {
    let mut full = cell(&[
        ("target", json!("omni")),
        ("rate", json!(0.5)),
        ("concurrency", json!("inf")),
    ]);
    full.metrics.insert(
        "e2e".into(),
        Some(distribution(&[
            ("p50", 0.1),
            ("mean", 1.0 / 3.0),
            ("max", 1e-9),
        ])),
    );
    full.metrics
        .insert("duration".into(), Some(MetricValue::Number(4.0)));
    full.metrics.insert("ttft".into(), None);
    let by = [
        ("width".to_owned(), json!(512)),
        ("height".to_owned(), json!(256)),
    ]
    .into_iter()
    .collect();
    let (requests, metrics, slo) = (Requests::default(), BTreeMap::new(), SloResult::default());
    full.groups.push(GroupResult {
        by,
        requests,
        metrics,
        slo,
    });
    full.validity = Validity {
        status: ValidityStatus::ClientLimited,
        reasons: vec!["capped".into()],
    };
    results(vec![full])
}

#[test]
fn what_is_written_reads_back_the_same_order_of_axes_included() {
    let written = full();
    let bytes = to_json(&written).unwrap();
    let read = from_json(&bytes, Path::new("results.json")).unwrap();
    assert_eq!(read, written);
    assert_eq!(
        read.cells[0].axes.keys().collect::<Vec<_>>(),
        ["target", "rate", "concurrency"]
    );
    assert_eq!(
        read.cells[0].groups[0].by.keys().collect::<Vec<_>>(),
        ["width", "height"]
    );
    assert_eq!(to_json(&read).unwrap(), bytes);
}

#[test]
fn json_has_sorted_keys_shortest_numbers_and_a_last_line_feed() {
    let text = String::from_utf8(to_json(&full()).unwrap()).unwrap();
    assert!(text.ends_with("}\n") && !text.contains('\r'));
    assert!(
        text.contains("\"p50\": 0.1") && text.contains("0.3333333333333333"),
        "{text}"
    );
    assert!(text.contains("\"ttft\": null"));
    assert_sorted(&serde_json::from_str(&text).unwrap());
}

fn assert_sorted(value: &Value) {
    match value {
        Value::Object(map) => {
            let keys: Vec<&String> = map.keys().collect();
            assert!(keys.is_sorted(), "{keys:?}");
            map.values().for_each(assert_sorted);
        }
        Value::Array(items) => items.iter().for_each(assert_sorted),
        _ => {}
    }
}

#[test]
fn a_report_folder_is_read_as_its_results_file() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join(folder::RESULTS), to_json(&full()).unwrap()).unwrap();
    assert_eq!(read(root.path()).unwrap(), full());
    assert_eq!(read(&root.path().join("results.json")).unwrap(), full());
    let missing = read(&root.path().join("nothing.json")).unwrap_err();
    assert!(missing.to_string().contains("nothing.json"), "{missing}");
}

#[test]
fn another_version_and_what_is_no_json_are_refused_by_name() {
    let refused = |text: &str| {
        from_json(text.as_bytes(), Path::new("x.json"))
            .unwrap_err()
            .to_string()
    };
    assert!(refused(r#"{"schema": "plimsoll.results.v2"}"#).contains("plimsoll.results.v2"));
    assert!(refused("{}").contains("`none`"));
    assert!(refused("PAR1").contains("x.json holds no results"));
    assert!(refused(r#"{"schema": "plimsoll.results.v1"}"#).contains("missing field"));
}

#[test]
fn the_committed_schema_is_current() {
    committed::schema_is_current("results.v1.json", &schema());
}

#[test]
fn every_property_of_the_schema_is_described() {
    fn walk(value: &Value, place: &str, bare: &mut Vec<String>) {
        if let Some(properties) = value.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                if property
                    .get("description")
                    .and_then(Value::as_str)
                    .is_none_or(str::is_empty)
                {
                    bare.push(format!("{place}/{name}"));
                }
            }
        }
        match value {
            Value::Object(map) => map
                .iter()
                .for_each(|(name, inner)| walk(inner, &format!("{place}/{name}"), bare)),
            Value::Array(items) => items.iter().for_each(|inner| walk(inner, place, bare)),
            _ => {}
        }
    }
    let mut bare = Vec::new();
    walk(&schema(), "", &mut bare);
    assert!(bare.is_empty(), "{bare:?}");
}

#[test]
fn results_keep_their_own_schema() {
    let validator = jsonschema::draft7::new(&schema()).unwrap();
    let document: Value = serde_json::from_slice(&to_json(&full()).unwrap()).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    let mut broken = document.clone();
    broken["cells"][0]["validity"]["status"] = json!("FINE");
    assert!(!validator.is_valid(&broken));
}

fn measured(rate: f64, target: &str, e2e_p50: f64, throughput: f64) -> CellResult {
    let mut cell = cell(&[("target", json!(target)), ("rate", json!(rate))]);
    cell.metrics
        .insert("e2e".into(), Some(distribution(&[("p50", e2e_p50)])));
    cell.metrics.insert(
        "request_throughput".into(),
        Some(MetricValue::Number(throughput)),
    );
    cell.metrics
        .insert("offered_rate".into(), Some(MetricValue::Number(rate)));
    cell.metrics.insert("goodput".into(), None);
    for (repeat, share) in [(1, 0.9), (2, 0.95), (3, 1.0), (4, 1.05), (5, 1.1)] {
        let metrics = [
            (
                "e2e".to_owned(),
                Some(distribution(&[("p50", e2e_p50 * share)])),
            ),
            (
                "request_throughput".to_owned(),
                Some(MetricValue::Number(throughput * share)),
            ),
        ];
        let (metrics, requests) = (metrics.into_iter().collect(), Requests::default());
        cell.repeats.push(RepeatResult {
            repeat,
            position: repeat,
            metrics,
            requests,
        });
    }
    cell
}

#[test]
fn a_speed_up_says_no_more_than_the_cells_that_it_is_made_of() {
    let baseline = IndexMap::from([("rate".to_owned(), json!(1))]);
    let relative = |own, theirs| {
        let mut cells = vec![measured(1.0, "a", 2.0, 10.0), measured(2.0, "a", 1.0, 20.0)];
        cells[0].validity.status = theirs;
        cells[1].validity.status = own;
        relative_to_baseline(&mut cells, &baseline);
        cells[1].relative.clone()
    };
    use ValidityStatus::{ClientLimited, Invalid, Valid};
    for (own, theirs) in [(Invalid, Valid), (Valid, Invalid), (Invalid, ClientLimited)] {
        for (metric, relative) in relative(own, theirs) {
            assert_eq!(
                (relative.speedup, relative.interval),
                (None, None),
                "{metric}"
            );
            assert!(relative.reason.unwrap().ends_with("is INVALID"));
        }
    }
    let bound = |own, theirs, metric: &str| relative(own, theirs)[metric].bound;
    assert_eq!(
        bound(ClientLimited, Valid, "request_throughput"),
        Some(Bound::AtLeast)
    );
    assert_eq!(
        bound(Valid, ClientLimited, "request_throughput"),
        Some(Bound::AtMost)
    );
    assert_eq!(
        bound(ClientLimited, Valid, "e2e.p50"),
        None,
        "a latency is what it is"
    );
    assert_eq!(
        relative(ClientLimited, ClientLimited)["request_throughput"].speedup,
        None
    );
}

#[test]
fn a_speed_up_of_a_percentile_of_too_few_values_says_how_many_it_needs() {
    let baseline = IndexMap::from([("rate".to_owned(), json!(1))]);
    let needs = |own: u64, theirs: u64| {
        let mut cells = vec![measured(1.0, "a", 2.0, 10.0), measured(2.0, "a", 1.0, 20.0)];
        for (cell, n) in cells.iter_mut().zip([theirs, own]) {
            let statistics = [
                ("p99".to_owned(), Some(2.0)),
                ("mean".to_owned(), Some(1.0)),
            ];
            let e2e = MetricValue::Distribution(Summary {
                n,
                statistics: statistics.into(),
            });
            cell.metrics.insert("e2e".into(), Some(e2e));
        }
        relative_to_baseline(&mut cells, &baseline);
        let relative = &cells[1].relative;
        assert_eq!(relative["e2e.mean"].needs_n, None);
        relative["e2e.p99"].needs_n
    };
    assert_eq!(needs(400, 400), None);
    assert_eq!(needs(400, 367), Some(368));
    assert_eq!(needs(10, 400), Some(368));
}

/// Pooled over all requests a percentile is not the mean of the repeats' percentiles: an interval of the one need not
/// hold the other.
#[test]
fn a_speed_up_lies_in_its_own_interval() {
    let mut cells = vec![measured(1.0, "a", 2.0, 10.0), measured(2.0, "a", 1.0, 20.0)];
    cells[1]
        .metrics
        .insert("e2e".into(), Some(distribution(&[("p50", 9.0)])));
    relative_to_baseline(&mut cells, &IndexMap::from([("rate".to_owned(), json!(1))]));
    let relative = &cells[1].relative["e2e.p50"];
    let ([low, high], speedup) = (relative.interval.unwrap(), relative.speedup.unwrap());
    assert!(
        low <= speedup && speedup <= high,
        "{speedup} in {low} … {high}"
    );
}

/// Two repeats drawn from two have three different means: 95 % of them say nothing.
#[test]
fn a_speed_up_of_fewer_than_five_repeats_has_no_interval_and_says_what_it_needs() {
    let mut cells = vec![measured(1.0, "a", 2.0, 10.0), measured(2.0, "a", 1.0, 20.0)];
    let baseline = IndexMap::from([("rate".to_owned(), json!(1))]);
    relative_to_baseline(&mut cells, &baseline);
    let enough = &cells[1].relative["e2e.p50"];
    assert!(enough.interval.is_some() && enough.reason.is_none());
    cells[0].repeats.truncate(4);
    relative_to_baseline(&mut cells, &baseline);
    let few = &cells[1].relative["e2e.p50"];
    assert!(few.speedup.is_some());
    assert_eq!(few.interval, None);
    assert_eq!(few.reason.as_deref(), Some("needs 5 repeats"));
}

#[test]
fn a_cell_is_shown_relative_to_the_one_that_differs_only_in_the_baselines_axes() {
    let mut cells = vec![
        measured(1.0, "a", 2.0, 10.0),
        measured(2.0, "a", 1.0, 20.0),
        measured(1.0, "b", 8.0, 5.0),
        measured(2.0, "b", 16.0, 5.0),
    ];
    // `1` and `1.0` are one rate.
    let baseline = IndexMap::from([("rate".to_owned(), json!(1))]);
    relative_to_baseline(&mut cells, &baseline);
    let speedup = |cell: usize, metric: &str| {
        cells[cell]
            .relative
            .get(metric)
            .and_then(|relative| relative.speedup)
    };
    assert!(
        cells[0].relative.is_empty() && cells[2].relative.is_empty(),
        "the baselines themselves"
    );
    assert_eq!(
        speedup(1, "e2e.p50"),
        Some(2.0),
        "half the latency is twice as good"
    );
    assert_eq!(speedup(1, "request_throughput"), Some(2.0));
    // Repeats spread by a tenth around the same factor: the interval holds it and is reproduced.
    let interval = cells[1].relative["e2e.p50"].interval.unwrap();
    assert!(
        (1.6..2.0).contains(&interval[0]) && (2.0..2.5).contains(&interval[1]),
        "{interval:?}"
    );
    let again = cells[1].relative.clone();
    assert_eq!(
        speedup(3, "e2e.p50"),
        Some(0.5),
        "against its own target's baseline"
    );
    assert_eq!(speedup(1, "offered_rate"), None, "no better direction");
    assert_eq!(speedup(1, "goodput"), None, "no data");
    relative_to_baseline(&mut cells, &baseline);
    assert_eq!(cells[1].relative, again);
}

const SCENARIO: &str = "
version: 1
name: chat
description: what it is for
targets:
  a: { protocol: openai-chat, base_url: 'http://127.0.0.1:1', model: m }
datasets:
  words: { kind: random, task: chat }
matrix: { rate: [1, 2, 4] }
load: { requests: 10, repeats: 2 }
slo:
  objectives: ['e2e.p99 <= 2s', { objective: 'error_rate <= 1%', where: { rate: 2 } }]
report: { baseline: { rate: 1 }, group_by: [max_tokens] }
";

fn assembled(metrics: Vec<crate::kinds::metric::CellMetrics>, runs: Vec<CellRun>) -> Results {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.yaml");
    std::fs::write(&path, SCENARIO).unwrap();
    let loaded = crate::scenario::read(&path, &crate::scenario::ReadOptions::default());
    let Ok(loaded) = loaded else {
        panic!("the scenario is legal")
    };
    let Ok(plan) = crate::plan::expand(&loaded.scenario) else {
        panic!("so is its plan")
    };
    assemble(Assembly {
        scenario: &loaded.scenario,
        plan: &plan,
        metrics,
        runs,
        environment: Environment::default(),
        datasets: Vec::new(),
        incomplete: true,
        searches: Vec::new(),
        selection: None,
    })
}

fn numbers(p99: f64) -> crate::kinds::metric::CellMetrics {
    let mut numbers = crate::kinds::metric::CellMetrics::default();
    numbers
        .metrics
        .insert("e2e".into(), Some(distribution(&[("p99", p99)])));
    numbers
        .metrics
        .insert("error_rate".into(), Some(MetricValue::Number(0.0)));
    numbers.metrics.insert(
        "server.peak_memory_mb".into(),
        Some(distribution(&[("max", 1.0)])),
    );
    let repeat = |repeat| crate::kinds::metric::RepeatMetrics {
        repeat,
        ..Default::default()
    };
    numbers.repeats = vec![repeat(1), repeat(2)];
    numbers
}

#[test]
fn a_cell_that_was_executed_in_part_has_neither_met_nor_missed_an_objective() {
    let half = || CellRun {
        positions: vec![1],
        ..CellRun::default()
    };
    let results = assembled(vec![numbers(1.0), numbers(3.0)], vec![half(), half()]);
    for objective in results.cells.iter().flat_map(|cell| &cell.objectives) {
        assert_eq!(
            objective.verdict,
            ObjectiveVerdict::NoData,
            "{}",
            objective.text
        );
    }
}

#[test]
fn a_run_is_assembled_cell_by_cell_and_what_was_not_executed_missed_nothing() {
    let run = CellRun {
        base: Some(Base::Affine {
            fixed_ms: 20.0,
            per_unit_ms: 0.5,
        }),
        positions: vec![1, 4],
        ..CellRun::default()
    };
    let other = CellRun {
        positions: vec![2, 5],
        ..CellRun::default()
    };
    let results = assembled(vec![numbers(1.0), numbers(3.0)], vec![run, other]);
    let verdicts = |cell: &CellResult| {
        cell.objectives
            .iter()
            .map(|objective| objective.verdict)
            .collect::<Vec<_>>()
    };
    let [first, second, third] = &results.cells[..] else {
        panic!("three rates are three cells")
    };
    assert_eq!(verdicts(first), [ObjectiveVerdict::Met]);
    assert_eq!(
        verdicts(second),
        [ObjectiveVerdict::Missed, ObjectiveVerdict::Met],
        "`where` chooses its cells"
    );
    assert_eq!(
        verdicts(third),
        [ObjectiveVerdict::NoData],
        "it was never executed"
    );
    let positions = first.repeats.iter().map(|repeat| repeat.position);
    assert_eq!(positions.collect::<Vec<_>>(), [1, 4]);
    assert_eq!((first.slo.base_ms, second.slo.base_ms), (Some(0.5), None));
    assert_eq!(first.slo.intercept_ms, Some(20.0));
    assert_eq!(second.relative["e2e.p99"].speedup, Some(1.0 / 3.0));
    assert!(first.relative.is_empty() && third.relative.is_empty());
    assert!(results.incomplete);
    assert_eq!(
        results.scenario.description.as_deref(),
        Some("what it is for")
    );
    assert_eq!(results.report.group_by, ["max_tokens"]);
    assert_eq!(
        results.definitions["server.peak_memory_mb"].better,
        Better::Neither
    );
    assert_eq!(results.definitions["e2e"].unit, Unit::Seconds);
    // What is assembled is what is read back: nothing of it depends on the order that JSON loses.
    let bytes = to_json(&results).unwrap();
    assert_eq!(
        from_json(&bytes, Path::new("results.json")).unwrap(),
        results
    );
}
