//! Each export against the form that its tool documents.

use serde_json::Value;

use super::*;
use crate::report::fixture;

fn written(results: &Results, name: &str) -> Vec<(String, Value)> {
    render(results, &[name.to_owned()])
        .unwrap()
        .into_iter()
        .map(|file| (file.path, serde_json::from_slice(&file.bytes).unwrap()))
        .collect()
}

#[test]
fn bencher_gets_a_value_a_measure_of_each_cell() {
    let results = fixture::results();
    let files = written(&results, "bencher");
    assert_eq!(files[0].0, "exports/bencher/results.json");
    let cell = results
        .cells
        .iter()
        .find(|cell| cell.validity.status == ValidityStatus::Valid)
        .unwrap();
    let measures = &files[0].1[Axes::of(&results).label(cell)];
    let Some(Some(MetricValue::Distribution(e2e))) = cell.metrics.get("e2e") else {
        panic!("no e2e");
    };
    assert_eq!(measures["e2e.p50"]["value"].as_f64(), e2e.get("p50"));
    let spread = &cell.spread["e2e.p50"];
    assert_eq!(
        measures["e2e.p50"]["upper_value"].as_f64(),
        spread.ci95.map(|[_, high]| high)
    );
}

#[test]
fn what_is_better_when_less_and_when_more_stand_apart() {
    let files = written(&fixture::results(), "github-action-benchmark");
    let names = |at: usize| -> Vec<&str> {
        let entries = files[at].1.as_array().unwrap();
        entries
            .iter()
            .map(|entry| entry["name"].as_str().unwrap())
            .collect()
    };
    assert!(files[0].0.ends_with("smaller-is-better.json"));
    assert!(names(0).iter().any(|name| name.ends_with(" e2e.p50")));
    assert!(
        !names(0)
            .iter()
            .any(|name| name.ends_with("request_throughput"))
    );
    assert!(
        names(1)
            .iter()
            .any(|name| name.ends_with(" request_throughput"))
    );
}

#[test]
fn no_figure_of_a_void_cell_and_no_percentile_of_too_few_leaves() {
    let mut results = fixture::results();
    results.cells[0].validity.status = ValidityStatus::Invalid;
    let void = Axes::of(&results).label(&results.cells[0]);
    assert!(figures(&results).iter().all(|figure| figure.cell != void));
    for cell in &mut results.cells {
        if let Some(Some(MetricValue::Distribution(e2e))) = cell.metrics.get_mut("e2e") {
            e2e.n = 71;
        }
    }
    let few = figures(&results);
    assert!(few.iter().all(|figure| figure.metric != "e2e.p95"));
    assert!(few.iter().any(|figure| figure.metric == "e2e.p50"));
}

#[test]
fn throughput_that_the_client_held_down_does_not_leave_as_if_it_were_known() {
    let mut results = fixture::results();
    results.cells[0].validity.status = ValidityStatus::ClientLimited;
    let limited = Axes::of(&results).label(&results.cells[0]);
    let figures = figures(&results);
    let has = |metric: &str| {
        figures
            .iter()
            .any(|figure| figure.cell == limited && figure.metric == metric)
    };
    assert!(!has("request_throughput") && !has("goodput"));
    assert!(has("e2e.p50"), "a latency is what it is");
}
