//! The plan of whole scenarios.

use std::time::Duration;

use indexmap::IndexMap;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::cell::SelectError;
use super::*;
use crate::foundation::clock::Clock;
use crate::foundation::seed::Seed;
use crate::foundation::units::{Concurrency, Offset, Rate};
use crate::kinds::dataset::{DatasetError, Folders, Rows, Source, Task};
use crate::kinds::protocol;
use crate::kinds::verdict::objective::{Objective, Op};
use crate::scenario::{
    Address, Compare, Dataset, HttpOptions, Load, Matrix, Order, Report, Slo, Target, Timeouts,
    Warmup,
};

struct Nothing;

impl Source for Nothing {
    fn open(&self, _: &Folders, _: Seed) -> Result<Box<dyn Rows>, DatasetError> {
        Err(DatasetError::Empty {
            what: "a test".into(),
        })
    }
}

fn target(name: &str, protocol: protocol::Kind) -> (String, Target) {
    let target = Target {
        name: name.into(),
        protocol,
        address: Address::Urls(vec!["http://127.0.0.1:1".into()]),
        model: None,
        path: None,
        auth: None,
        user_info: None,
        headers: Vec::new(),
        params: serde_json::Map::new(),
        tokenizer: None,
        ready: None,
        metadata: None,
        http: HttpOptions::default(),
        prices: None,
        setup: Vec::new(),
        teardown: Vec::new(),
        slo: Slo::default(),
        allow_hosts: Vec::new(),
        http_protocol: None,
    };
    (name.into(), target)
}

fn dataset(name: &str, task: Task) -> (String, Dataset) {
    let dataset = Dataset {
        kind: "trace".into(),
        task: Some(task),
        source: Box::new(Nothing),
        params: serde_json::Map::new(),
        overrides: serde_json::Map::new(),
        cycle: false,
        shuffle: false,
        endless: false,
    };
    (name.into(), dataset)
}

fn load() -> Load {
    Load {
        rate: None,
        concurrency: None,
        arrival: None,
        burstiness: 1.0,
        batch: 1,
        speed: 1.0,
        requests: Some(10),
        duration: None,
        think_time: (Duration::ZERO, Duration::ZERO),
        ramp: Duration::ZERO,
        warmup: Warmup::default(),
        repeats: 1,
        order: Order::Declared,
        cooldown: Duration::ZERO,
        seed: 0,
        timeouts: Timeouts {
            connect: Duration::from_secs(5),
            first_byte: None,
            idle: Duration::from_secs(30),
            total: Duration::from_secs(600),
        },
        retries: 0,
        window_skip: Duration::ZERO,
        drain: None,
        precise: false,
        catch_up_burst: false,
        poll_every: None,
        workload: None,
        replicas: None,
    }
}

/// A scenario with one target `omni` and no dataset, and this matrix.
fn scenario(matrix: &Value) -> Scenario {
    let list = |key: &str| -> Vec<(String, IndexMap<String, Value>)> {
        let entries = matrix[key].as_array().cloned().unwrap_or_default();
        let entry = |(place, entry)| {
            (
                format!("/matrix/{key}/{place}"),
                serde_json::from_value(entry).unwrap(),
            )
        };
        entries.into_iter().enumerate().map(entry).collect()
    };
    let axes = matrix
        .as_object()
        .unwrap()
        .iter()
        .filter(|(key, _)| !["exclude", "include", "max_cells"].contains(&key.as_str()))
        .map(|(key, values)| (key.clone(), values.as_array().unwrap().clone()))
        .collect();
    Scenario {
        name: "test".into(),
        description: None,
        labels: BTreeMap::new(),
        folders: Folders {
            scenario: "/nowhere".into(),
            root: "/nowhere".into(),
        },
        hash: String::new(),
        targets: [target("omni", protocol::Kind::Http)].into(),
        datasets: IndexMap::new(),
        matrix: Matrix {
            axes,
            under_load: Vec::new(),
            exclude: list("exclude"),
            include: list("include"),
            max_cells: matrix["max_cells"].as_u64().unwrap_or(256),
        },
        load_document: json!({}),
        load: load(),
        slo: Slo::default(),
        compare: None,
        report: Report {
            formats: Vec::new(),
            template: None,
            baseline: IndexMap::new(),
            group_by: Vec::new(),
            samples: 1,
            percentiles: Vec::new(),
            exports: Vec::new(),
        },
        effective: json!({"targets": {"omni": {"protocol": "http", "base_url": "http://a"}}}),
    }
}

fn ids(matrix: &Value) -> Vec<String> {
    ids_of(&scenario(matrix))
}

fn ids_of(scenario: &Scenario) -> Vec<String> {
    expand(scenario)
        .unwrap()
        .cells
        .into_iter()
        .map(|cell| cell.id)
        .collect()
}

fn codes(scenario: &Scenario) -> Vec<(&'static str, String)> {
    let findings = expand(scenario).map(|plan| plan.cells.len()).unwrap_err();
    findings
        .into_iter()
        .map(|finding| (finding.code, finding.pointer))
        .collect()
}

#[test]
fn githubs_documented_sample_plans_six_cells() {
    let cells = ids(&json!({
        "params.fruit": ["apple", "pear"],
        "params.animal": ["cat", "dog"],
        "include": [
            {"params.color": "green"},
            {"params.color": "pink", "params.animal": "cat"},
            {"params.fruit": "apple", "params.shape": "circle"},
            {"params.fruit": "banana"},
            {"params.fruit": "banana", "params.animal": "cat"},
        ],
    }));
    let start = "target=omni,rate=inf,concurrency=1";
    let expected = [
        "params.animal=cat,params.color=pink,params.fruit=apple,params.shape=circle",
        "params.animal=dog,params.color=green,params.fruit=apple,params.shape=circle",
        "params.animal=cat,params.color=pink,params.fruit=pear",
        "params.animal=dog,params.color=green,params.fruit=pear",
        "params.fruit=banana",
        "params.animal=cat,params.fruit=banana",
    ]
    .map(|rest| format!("{start},{rest}"));
    assert_eq!(cells, expected);
}

#[test]
fn the_id_of_the_specification_is_made() {
    let mut scenario = scenario(&json!({
        "dataset": ["mixed"],
        "rate": ["30/min"],
        "concurrency": [5.0],
        "params.num_inference_steps": [20],
    }));
    scenario.datasets = [dataset("mixed", Task::T2i)].into();
    assert_eq!(
        ids_of(&scenario),
        ["target=omni,dataset=mixed,rate=0.5,concurrency=5,params.num_inference_steps=20"]
    );
}

#[test]
fn values_are_encoded_where_an_id_would_be_ambiguous() {
    let cells =
        ids(&json!({"params.prompt": ["a=b,c%\n\u{85}", "ü/x"], "model": ["Qwen/Qwen-Image"]}));
    let start = "target=omni,rate=inf,concurrency=1,model=Qwen/Qwen-Image";
    let expected =
        ["a%3Db%2Cc%25%0A%C2%85", "ü/x"].map(|value| format!("{start},params.prompt={value}"));
    assert_eq!(cells, expected);
}

#[test]
fn axis_values_that_are_no_text_print_short() {
    let cells =
        ids(&json!({"params.x": [1e3, 0.1, null, true, {"min": 1, "max": 5}, {"b": 1, "a": [2]}]}));
    let expected = [
        "1000",
        "0.1",
        "null",
        "true",
        "1..5",
        "{\"a\":[2]%2C\"b\":1}",
    ]
    .map(|value| format!("target=omni,rate=inf,concurrency=1,params.x={value}"));
    assert_eq!(cells, expected);
}

#[test]
fn rate_concurrency_and_arrival_have_the_defaults_of_the_specification() {
    let paces = |matrix: Value| -> Vec<(Rate, Concurrency, arrival::Kind)> {
        let cells = expand(&scenario(&matrix)).unwrap().cells;
        cells
            .into_iter()
            .map(|cell| (cell.rate, cell.concurrency, cell.arrival))
            .collect()
    };
    let inf = Concurrency::Infinite;
    assert_eq!(
        paces(json!({})),
        [(Rate::Infinite, Concurrency::ONE, arrival::Kind::Constant)]
    );
    assert_eq!(
        paces(json!({"rate": [2, "inf"], "arrival": ["poisson"]})),
        [
            (Rate::PerSecond(2.0), inf, arrival::Kind::Poisson),
            (Rate::Infinite, Concurrency::ONE, arrival::Kind::Poisson),
        ]
    );
    assert_eq!(
        paces(json!({"arrival": ["batch", "trace"]})),
        [
            (Rate::Infinite, inf, arrival::Kind::Batch),
            (Rate::Infinite, inf, arrival::Kind::Trace),
        ]
    );
}

#[test]
fn what_stands_under_load_is_taken_where_the_matrix_is_silent() {
    let mut scenario = scenario(&json!({"concurrency": [2]}));
    scenario.load.rate = Some(Rate::PerSecond(4.0));
    assert_eq!(ids_of(&scenario), ["target=omni,rate=4,concurrency=2"]);
    scenario.load.concurrency = Some(Concurrency::ONE);
    assert_eq!(
        codes(&scenario),
        [("axis-in-two-places", "/matrix/concurrency".into())]
    );
}

#[test]
fn conflicts_between_pace_and_rate_are_found_at_their_value() {
    let paced = scenario(&json!({"rate": ["inf", 5], "arrival": ["constant", "batch"]}));
    assert_eq!(
        codes(&paced),
        [("rate-beside-paced-arrival", "/matrix/rate/1".into())]
    );
    let mut unbounded = scenario(&json!({"concurrency": [1, "inf"]}));
    unbounded.load.requests = None;
    unbounded.load.duration = Some(Duration::from_secs(1));
    assert_eq!(
        codes(&unbounded),
        [("unbounded-load", "/matrix/concurrency/1".into())]
    );
}

#[test]
fn keys_that_cannot_be_axes_are_refused_in_every_part() {
    let wrong = scenario(&json!({
        "speed": [1],
        "load.repeats": [3],
        "load.rate": [3],
        "exclude": [{"fruit": 1}],
        "include": [{"params.": 1}],
    }));
    assert_eq!(
        codes(&wrong),
        [
            ("unknown-axis", "/matrix/speed".into()),
            ("unknown-axis", "/matrix/load.repeats".into()),
            ("unknown-axis", "/matrix/load.rate".into()),
            ("unknown-axis", "/matrix/exclude/0/fruit".into()),
            ("unknown-axis", "/matrix/include/0/params.".into()),
        ]
    );
}

#[test]
fn exclude_compares_values_not_their_spelling_and_must_remove_something() {
    let cells = ids(&json!({"rate": [0.5, 1], "exclude": [{"rate": "30/min"}]}));
    assert_eq!(cells, ["target=omni,rate=1,concurrency=inf"]);
    let idle = scenario(&json!({"rate": [0.5, 1], "exclude": [{"rate": 2}, {"rate": 1}]}));
    assert_eq!(
        codes(&idle),
        [("exclude-removes-nothing", "/matrix/exclude/0".into())]
    );
    let all = scenario(&json!({"rate": [1], "exclude": [{"rate": 1}]}));
    assert_eq!(codes(&all), [("no-cells", "/matrix".into())]);
}

#[test]
fn duplicate_cells_are_named_where_they_are_made() {
    let spelled = scenario(&json!({"rate": [0.5, "30/min"]}));
    assert_eq!(
        codes(&spelled),
        [("duplicate-cells", "/matrix/rate/1".into())]
    );
    let included = scenario(&json!({"rate": [1], "include": [{"rate": 2}, {"rate": 2}]}));
    assert_eq!(
        codes(&included),
        [("duplicate-cells", "/matrix/include/1".into())]
    );
}

#[test]
fn an_included_cell_is_made_for_each_target_and_dataset_that_it_leaves_open() {
    let mut scenario =
        scenario(&json!({"rate": [1], "include": [{"rate": 2}, {"rate": 3, "target": "b"}]}));
    scenario.targets = [
        target("a", protocol::Kind::Http),
        target("b", protocol::Kind::Http),
    ]
    .into();
    scenario.datasets = [dataset("x", Task::Chat), dataset("y", Task::Chat)].into();
    let plan = expand(&scenario).unwrap();
    let made: Vec<&str> = plan
        .cells
        .iter()
        .filter(|cell| cell.created_by_include)
        .map(|cell| cell.id.as_str())
        .collect();
    assert_eq!(
        made,
        [
            "target=a,dataset=x,rate=2,concurrency=inf",
            "target=a,dataset=y,rate=2,concurrency=inf",
            "target=b,dataset=x,rate=2,concurrency=inf",
            "target=b,dataset=y,rate=2,concurrency=inf",
            "target=b,dataset=x,rate=3,concurrency=inf",
            "target=b,dataset=y,rate=3,concurrency=inf",
        ]
    );
    assert_eq!(plan.cells.len(), 10);
}

#[test]
fn a_matrix_of_includes_alone_has_a_cell_an_entry() {
    assert_eq!(
        ids(&json!({"include": [{"rate": 1}, {"rate": 2}]})),
        [
            "target=omni,rate=1,concurrency=inf",
            "target=omni,rate=2,concurrency=inf"
        ]
    );
}

#[test]
fn a_list_of_maps_moves_parameters_together() {
    let matrix = json!({
        "params": [{"width": 512, "height": 512}, {"width": 1024, "height": 768}],
        "params.steps": [20, 50],
        "exclude": [{"params": {"width": 512}, "params.steps": 50}],
    });
    let plan = expand(&scenario(&matrix)).unwrap();
    let start = "target=omni,rate=inf,concurrency=1";
    let ids: Vec<&str> = plan.cells.iter().map(|cell| cell.id.as_str()).collect();
    let expected = [
        "params.height=512,params.steps=20,params.width=512",
        "params.height=768,params.steps=20,params.width=1024",
        "params.height=768,params.steps=50,params.width=1024",
    ]
    .map(|rest| format!("{start},{rest}"));
    assert_eq!(ids, expected);
    assert_eq!(
        Value::Object(plan.cells[0].params.clone()),
        json!({"width": 512, "height": 512, "steps": 20})
    );
    let twice = scenario(&json!({"params": [{"steps": 1}], "params.steps": [2]}));
    assert_eq!(
        codes(&twice),
        [("axis-in-two-places", "/matrix/params.steps".into())]
    );
}

#[test]
fn a_search_is_one_cell() {
    let search = json!({"search": {"min": "6/min", "max": 64, "precision": "5%"}});
    let mut searching = scenario(&json!({"rate": [search]}));
    assert_eq!(
        codes(&searching),
        [("search-without-objectives", "/matrix/rate/0".into())]
    );
    give_objective(&mut searching);
    let plan = expand(&searching).unwrap();
    let cell = &plan.cells[0];
    let search = cell.search.as_ref().unwrap();
    assert_eq!((search.axis, search.min, search.max), ("rate", 0.1, 64.0));
    assert_eq!(search.precision, 0.05);
    assert_eq!(cell.rate, Rate::PerSecond(0.1));
    assert_eq!(cell.id, "target=omni,rate=search(0.1..64),concurrency=inf");
    let wrong = scenario(&json!({"rate": [{"search": {"min": 2, "max": 1}}]}));
    assert_eq!(
        codes(&wrong),
        [("invalid-axis-value", "/matrix/rate/0".into())]
    );
}

#[test]
fn a_pair_that_does_not_fit_is_an_error_unless_it_is_excluded() {
    let mut scenario = scenario(&json!({}));
    scenario.targets = [
        target("chat", protocol::Kind::OpenaiChat),
        target("omni", protocol::Kind::VllmOmni),
    ]
    .into();
    scenario.datasets = [dataset("talk", Task::Chat), dataset("pictures", Task::T2i)].into();
    let unserved = ("task-not-served", "/datasets/pictures".to_owned());
    assert_eq!(
        codes(&scenario),
        [unserved, ("task-not-served", "/datasets/talk".into())]
    );
    let pair = |target: &str, dataset: &str| {
        (
            "/matrix/exclude".to_owned(),
            [("target", target), ("dataset", dataset)]
                .map(|(key, value)| (key.to_owned(), Value::from(value)))
                .into(),
        )
    };
    scenario.matrix.exclude = vec![pair("chat", "pictures"), pair("omni", "talk")];
    assert_eq!(expand(&scenario).unwrap().cells.len(), 2);
    scenario.matrix.exclude.clear();
    scenario.datasets.clear();
    let missing = codes(&scenario);
    assert_eq!(missing[0].0, "no-dataset");
}

#[test]
fn an_endless_dataset_needs_an_end() {
    let mut scenario = scenario(&json!({}));
    scenario.datasets = [dataset("random", Task::Chat)].into();
    scenario.datasets[0].endless = true;
    scenario.load.requests = None;
    assert_eq!(codes(&scenario), [("no-end", "/load".into())]);
    scenario.load.duration = Some(Duration::from_secs(1));
    assert_eq!(expand(&scenario).unwrap().cells.len(), 1);
}

#[test]
fn the_number_of_cells_is_bounded_before_any_is_made() {
    let hundred: Vec<u32> = (0..100).collect();
    let axes = json!({"params.a": hundred, "params.b": hundred, "params.c": hundred, "params.d": hundred,
        "params.e": hundred});
    let clock = Clock::real();
    assert_eq!(
        codes(&scenario(&axes)),
        [("too-many-cells", "/matrix".into())]
    );
    assert!(
        clock.now().since(Offset::ZERO) < Duration::from_secs(2),
        "nothing was expanded"
    );
    let some = json!({"params.a": hundred, "params.b": [1, 2, 3], "max_cells": 300});
    assert_eq!(expand(&scenario(&some)).unwrap().cells.len(), 300);
    let cap =
        json!({"params.a": hundred, "params.b": hundred, "params.c": [1, 2], "max_cells": 20_000});
    assert_eq!(
        codes(&scenario(&cap)),
        [("too-many-cells", "/matrix".into())]
    );
}

#[test]
fn ten_thousand_cells_are_planned_without_quadratic_work() {
    let hundred: Vec<u32> = (0..100).collect();
    let matrix = json!({"params.a": hundred, "params.b": hundred, "max_cells": 10_000});
    let clock = Clock::real();
    assert_eq!(expand(&scenario(&matrix)).unwrap().cells.len(), 10_000);
    // Unoptimised; a release takes a small part of it.
    assert!(
        clock.now().since(Offset::ZERO) < Duration::from_secs(8),
        "{:?}",
        clock.now().since(Offset::ZERO)
    );
}

fn objective(only: Value) -> Objective {
    Objective {
        text: "error_rate <= 1%".into(),
        metric: "error_rate".into(),
        statistic: None,
        op: Op::AtMost,
        bound: 0.01,
        only: serde_json::from_value(only).unwrap(),
        pointer: "/slo/objectives/0".into(),
    }
}

fn give_objective(scenario: &mut Scenario) {
    scenario.targets[0].slo.objectives = vec![objective(json!({}))];
}

#[test]
fn a_probe_is_the_cell_that_its_value_would_have_made() {
    for (axis, min, value) in [("rate", json!(1), 2.5), ("concurrency", json!(1), 12.0)] {
        let search = json!({"search": {"min": min, "max": 64}});
        let mut searching = scenario(&json!({(axis): [search], "params.steps": [20]}));
        let mut plain = scenario(&json!({(axis): [value], "params.steps": [20]}));
        for one in [&mut searching, &mut plain] {
            give_objective(one);
        }
        let probe = expand(&searching).unwrap().cells[0].probe(value).unwrap();
        let cell = &expand(&plain).unwrap().cells[0];
        assert_eq!(
            (&probe.id, &probe.key, &probe.axes),
            (&cell.id, &cell.key, &cell.axes)
        );
        assert_eq!(
            (probe.rate, probe.concurrency),
            (cell.rate, cell.concurrency)
        );
        assert_eq!(probe.seed.as_u64(), cell.seed.as_u64());
        assert!(probe.search.is_none() && probe.slo == cell.slo);
    }
}

#[test]
fn where_picks_cells_and_its_axes_must_exist() {
    let mut scenario = scenario(&json!({"rate": [0.1, 0.5, 1]}));
    scenario.targets[0].slo.objectives = vec![objective(json!({"rate": ["6/min", 1.0]}))];
    let held: Vec<usize> = expand(&scenario)
        .unwrap()
        .cells
        .iter()
        .map(|cell| cell.slo.objectives.len())
        .collect();
    assert_eq!(held, [1, 0, 1]);
    scenario.targets[0].slo.objectives = vec![objective(json!({"speed": [1]}))];
    assert_eq!(
        codes(&scenario),
        [("unknown-axis", "/slo/objectives/0/where/speed".into())]
    );
    scenario.targets[0].slo.objectives = vec![objective(json!({"rate": [7]}))];
    let warnings = expand(&scenario).unwrap().warnings;
    assert_eq!(warnings[0].code, "objective-without-cells");
}

#[test]
fn the_baseline_and_the_compared_axis_must_be_in_the_matrix() {
    let mut scenario = scenario(&json!({"rate": [0.1, 0.5]}));
    scenario.report.baseline = [("rate".to_owned(), json!(0.2))].into();
    scenario.compare = Some(Compare {
        by: Some(("targett".into(), json!("base"), json!("head"))),
        gates: Vec::new(),
        false_discovery_rate: 0.05,
    });
    assert_eq!(
        codes(&scenario),
        [
            ("no-such-cell", "/report/baseline/rate".into()),
            ("unknown-axis", "/compare/by/targett/0".into()),
            ("unknown-axis", "/compare/by/targett/1".into()),
        ]
    );
}

#[test]
fn cells_that_read_the_same_rows_are_mentioned() {
    let mut scenario = scenario(&json!({"rate": [0.1, 0.5]}));
    scenario.datasets = [dataset("mixed", Task::Chat)].into();
    assert_eq!(expand(&scenario).unwrap().warnings[0].code, "same-rows");
    scenario.load.arrival = Some(arrival::Kind::Trace);
    scenario.matrix.axes.shift_remove("rate");
    scenario
        .matrix
        .axes
        .insert("concurrency".into(), vec![json!(1), json!(2)]);
    let warning = expand(&scenario).unwrap().warnings.remove(0);
    let help = warning.help.unwrap();
    assert_eq!(warning.code, "same-rows");
    assert!(!help.contains("shuffle"), "a trace cannot be: {help}");
    scenario.load.arrival = None;
    scenario.datasets[0].shuffle = true;
    assert_eq!(expand(&scenario).unwrap().warnings, []);
}

#[test]
fn keys_follow_what_is_sent_and_not_where_to() {
    let key = |scenario: &Scenario| expand(scenario).unwrap().cells[0].key.clone();
    let mut scenario = scenario(&json!({}));
    let first = key(&scenario);
    assert_eq!(first.len(), 16);
    scenario.effective["targets"]["omni"]["base_url"] = json!("http://elsewhere");
    scenario.effective["targets"]["omni"]["auth"] = json!({"bearer": {"env": "T"}});
    scenario.load.repeats = 9;
    scenario.labels.insert("gpu".into(), "H100".into());
    scenario.targets[0].slo.objectives = vec![objective(json!({}))];
    assert_eq!(key(&scenario), first);
    scenario.load.requests = Some(11);
    let more = key(&scenario);
    assert_ne!(more, first);
    scenario.effective["targets"]["omni"]["params"] = json!({"width": 1});
    assert_ne!(key(&scenario), more);
}

#[test]
fn targets_under_comparison_draw_from_one_seed_and_other_cells_from_their_own() {
    let mut scenario = scenario(&json!({"rate": [1, 2]}));
    scenario.targets = [
        target("a", protocol::Kind::Http),
        target("b", protocol::Kind::Http),
    ]
    .into();
    let cells = expand(&scenario).unwrap().cells;
    let seed = |target: &str, rate: u32| {
        let found = cells
            .iter()
            .find(|cell| cell.target == target && cell.axes["rate"] == rate);
        found.unwrap().seed
    };
    assert_eq!(seed("a", 1), seed("b", 1));
    assert_ne!(seed("a", 1), seed("a", 2));
    scenario.load.seed = 1;
    assert_ne!(expand(&scenario).unwrap().cells[0].seed, cells[0].seed);
}

#[test]
fn a_glob_selects_cells_by_id_without_changing_them() {
    let plan = expand(&scenario(&json!({"rate": [1, 2], "model": ["a/b", "c"]}))).unwrap();
    let some = plan.select("*model=a*").unwrap();
    assert_eq!(some.cells.len(), 2);
    assert_eq!(some.cells[1].seed, plan.cells[2].seed);
    assert!(matches!(
        plan.select("nothing*"),
        Err(SelectError::Nothing { .. })
    ));
    assert!(matches!(
        plan.select("{a"),
        Err(SelectError::Pattern { .. })
    ));
}

fn ordered(order: Order, repeats: u32) -> (Plan, Vec<Execution>) {
    let mut scenario = scenario(&json!({"rate": [1, 2, 3]}));
    scenario.targets = [
        target("base", protocol::Kind::Http),
        target("head", protocol::Kind::Http),
    ]
    .into();
    scenario.load.order = order;
    scenario.load.repeats = repeats;
    let plan = expand(&scenario).unwrap();
    let executions = super::order(&plan);
    (plan, executions)
}

#[test]
fn every_order_runs_every_repeat_once() {
    for order in [Order::Declared, Order::Shuffled, Order::Interleaved] {
        let (plan, executions) = ordered(order, 4);
        let all: HashSet<(usize, u32)> = executions
            .iter()
            .map(|one| (one.cell, one.repeat))
            .collect();
        assert_eq!((all.len(), executions.len()), (24, 24), "{order:?}");
        assert!(
            executions
                .iter()
                .zip(0..)
                .all(|(one, place)| one.position == place)
        );
        assert_eq!(
            super::order(&plan),
            executions,
            "the same seed gives the same order"
        );
        for cell in 0..6 {
            let repeats: Vec<u32> = executions
                .iter()
                .filter(|one| one.cell == cell)
                .map(|one| one.repeat)
                .collect();
            assert_eq!(repeats, [1, 2, 3, 4], "{order:?}");
        }
    }
    let (_, declared) = ordered(Order::Declared, 2);
    let pairs: Vec<(usize, u32)> = declared
        .iter()
        .take(3)
        .map(|one| (one.cell, one.repeat))
        .collect();
    assert_eq!(pairs, [(0, 1), (0, 2), (1, 1)]);
    let (_, shuffled) = ordered(Order::Shuffled, 2);
    assert_ne!(shuffled, declared);
}

#[test]
fn interleaved_blocks_run_both_targets_back_to_back_in_a_drawn_order() {
    let (plan, executions) = ordered(Order::Interleaved, 20);
    let mut base_first = 0;
    for (number, block) in executions.chunks(2).enumerate() {
        let cells = [&plan.cells[block[0].cell], &plan.cells[block[1].cell]];
        assert_eq!(block[0].repeat, block[1].repeat);
        assert_eq!(block[0].repeat as usize, number / 3 + 1);
        assert_eq!(cells[0].axes["rate"], cells[1].axes["rate"]);
        assert_ne!(cells[0].target, cells[1].target);
        base_first += u32::from(cells[0].target == "base");
    }
    // 60 fair draws lie within these bounds but for one time in a million.
    assert!((11..50).contains(&base_first), "{base_first}");
}

#[test]
fn the_estimate_adds_up_and_says_what_it_does_not_know() {
    let mut scenario = scenario(&json!({"concurrency": [1, 4]}));
    scenario.load.repeats = 3;
    scenario.load.cooldown = Duration::from_secs(1);
    scenario.load.warmup = Warmup {
        requests: 2,
        concurrency: 1,
        ..Warmup::default()
    };
    let plan = expand(&scenario).unwrap();
    let document = estimate(&plan, &scenario, &|_| None);
    // Ten requests of 600 s one by one, and in three rounds of four; two warm-ups and a second's pause each repeat.
    let expected = [3.0 * (6000.0 + 1200.0 + 1.0), 3.0 * (1800.0 + 1200.0 + 1.0)];
    for (cell, expected) in document.cells.iter().zip(expected) {
        assert_eq!(cell.requests, Some(30));
        assert!((cell.worst_case_s.unwrap() - expected).abs() < 1e-6);
    }
    assert_eq!(
        (document.totals.cells, document.totals.requests),
        (2, Some(60))
    );
    let names: Vec<String> = serde_json::to_value(&document.cells[0])
        .unwrap()
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(
        names,
        [
            "id",
            "key",
            "axes",
            "repeats",
            "requests",
            "worst_case_s",
            "created_by_include"
        ]
    );
    scenario.load.requests = None;
    scenario.load.duration = Some(Duration::from_secs(7));
    let document = estimate(&expand(&scenario).unwrap(), &scenario, &|_| None);
    assert_eq!(
        document.totals.requests, None,
        "a closed loop sends what it can"
    );
    assert!(
        (document.cells[0].worst_case_s.unwrap() - 3.0 * (7.0 + 600.0 + 1200.0 + 1.0)).abs() < 1e-6
    );
}

#[test]
fn the_estimate_of_a_search_is_all_of_its_probes_gone_on_with_and_measured_twice() {
    let search = json!({"search": {"min": 1, "max": 4, "precision": "50%"}});
    let mut scenario = scenario(&json!({"rate": [search]}));
    give_objective(&mut scenario);
    let plan = expand(&scenario).unwrap();
    let document = estimate(&plan, &scenario, &|_| None);
    // 1, 4, 2, and some to spare; ten requests each, four times, and all of it again.
    let probes = document.cells[0].most_probes.unwrap();
    assert_eq!(
        document.cells[0].requests,
        Some(10 * 4 * 2 * u64::from(probes))
    );
    assert!((3..=5).contains(&probes), "{probes}");
}

#[test]
fn the_estimate_of_an_open_loop_is_its_schedule() {
    let mut scenario = scenario(&json!({"rate": [2]}));
    scenario.load.requests = None;
    scenario.load.duration = Some(Duration::from_secs(5));
    let plan = expand(&scenario).unwrap();
    assert_eq!(
        estimate(&plan, &scenario, &|_| None).totals.requests,
        Some(10)
    );
    scenario.load.duration = None;
    assert_eq!(
        estimate(&expand(&scenario).unwrap(), &scenario, &|_| None)
            .totals
            .requests,
        Some(1)
    );
    scenario.datasets = [dataset("mixed", Task::Chat)].into();
    let plan = expand(&scenario).unwrap();
    assert_eq!(
        estimate(&plan, &scenario, &|_| Some(72)).totals.requests,
        Some(72)
    );
    assert_eq!(estimate(&plan, &scenario, &|_| None).totals.requests, None);
}

#[test]
fn a_dataset_that_ends_sends_no_more_than_its_rows() {
    let mut scenario = scenario(&json!({"rate": [2]}));
    scenario.datasets = [dataset("mixed", Task::Chat)].into();
    let requests = |scenario: &Scenario, rows| {
        let plan = expand(scenario).unwrap();
        estimate(&plan, scenario, &move |_| rows).totals.requests
    };
    scenario.datasets[0].cycle = true;
    assert_eq!(requests(&scenario, Some(5)), Some(10));
    scenario.datasets[0].cycle = false;
    assert_eq!(requests(&scenario, Some(5)), Some(5));
    assert_eq!(requests(&scenario, Some(50)), Some(10));
    scenario.load.requests = None;
    scenario.load.duration = Some(Duration::from_secs(4));
    assert_eq!(requests(&scenario, Some(5)), Some(5), "of eight in 4 s");
}

fn axes() -> impl Strategy<Value = Vec<(&'static str, Vec<u32>)>> {
    let names = ["params.a", "params.b", "rate", "concurrency", "params.c"];
    proptest::collection::vec(proptest::collection::btree_set(1_u32..9, 1..4), 1..5).prop_map(
        move |sets| {
            sets.into_iter()
                .zip(names)
                .map(|(set, name)| (name, set.into_iter().collect()))
                .collect()
        },
    )
}

fn named(axes: &[(&'static str, Vec<u32>)]) -> IndexMap<String, (String, Seed)> {
    let matrix: serde_json::Map<String, Value> = axes
        .iter()
        .map(|(name, values)| ((*name).to_owned(), json!(values)))
        .collect();
    let cells = expand(&scenario(&Value::Object(matrix))).unwrap().cells;
    cells
        .into_iter()
        .map(|cell| (cell.id, (cell.key, cell.seed)))
        .collect()
}

proptest! {
    #[test]
    fn another_value_and_another_order_of_axes_change_no_cell(
        axes in axes(),
        which in any::<prop::sample::Index>(),
        turn in 0_usize..5,
    ) {
        let before = named(&axes);
        let mut changed = axes.clone();
        let grown = which.index(changed.len());
        changed[grown].1.insert(0, 77);
        let places = changed.len();
        changed.rotate_left(turn % places);
        let after = named(&changed);
        for (id, key_and_seed) in &before {
            prop_assert_eq!(after.get(id), Some(key_and_seed));
        }
        let keys: HashSet<&String> = after.values().map(|(key, _)| key).collect();
        prop_assert_eq!(keys.len(), after.len(), "every cell has a key of its own");
    }
}
