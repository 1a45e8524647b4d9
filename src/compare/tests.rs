//! The rule over whole results.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use proptest::prelude::*;
use rand_distr::{Distribution, Normal};
use serde_json::{Value, json};

use super::*;
use crate::foundation::files::committed;
use crate::foundation::seed::Seed;
use crate::results::{
    CellResult, DatasetReference, Environment, GateSettings, MetricValue, PacedBy, RepeatResult,
    ReportSettings, Requests, RunVerdict, ScenarioReference, SelfCheck, SloResult,
    Summary as Statistics, Tool, Validity, ValidityStatus,
};

/// One repeat: p50 of e2e, goodput, and failed requests of a thousand.
#[derive(Debug, Clone, Copy)]
struct Seen {
    latency: f64,
    goodput: f64,
    failed: u64,
}

fn latencies(values: &[f64]) -> Vec<Seen> {
    values
        .iter()
        .map(|latency| Seen {
            latency: *latency,
            goodput: 10.0,
            failed: 0,
        })
        .collect()
}

fn goodputs(values: &[f64]) -> Vec<Seen> {
    values
        .iter()
        .map(|goodput| Seen {
            latency: 1.0,
            goodput: *goodput,
            failed: 0,
        })
        .collect()
}

fn failures(values: &[u64]) -> Vec<Seen> {
    values
        .iter()
        .map(|failed| Seen {
            latency: 1.0,
            goodput: 10.0,
            failed: *failed,
        })
        .collect()
}

fn repeat(number: u32, position: u32, seen: Seen, n: u64) -> RepeatResult {
    let e2e = Statistics {
        n,
        statistics: [("p50", seen.latency), ("p95", 2.0 * seen.latency)]
            .map(|(name, value)| (name.to_owned(), Some(value)))
            .into(),
    };
    let error_rate = seen.failed as f64 / 1000.0;
    RepeatResult {
        repeat: number,
        position,
        metrics: [
            ("e2e", Some(MetricValue::Distribution(e2e))),
            ("goodput", Some(MetricValue::Number(seen.goodput))),
            ("ttft", None),
            ("error_rate", Some(MetricValue::Number(error_rate))),
            ("success_rate", Some(MetricValue::Number(1.0 - error_rate))),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into(),
        requests: Requests {
            intended: 1000,
            tried: 1000,
            sent: 1000,
            ok: 1000 - seen.failed,
            failed: seen.failed,
            unsent: 0,
            attempts: 1000,
        },
    }
}

/// A cell of `target`, whose repeats stand at every second position from `first` on.
fn cell(target: &str, rate: u32, first: u32, seen: &[Seen]) -> CellResult {
    let repeats: Vec<RepeatResult> = (1..)
        .zip(seen)
        .map(|(number, seen)| repeat(number, first + 2 * (number - 1), *seen, 1000))
        .collect();
    CellResult {
        id: format!("target={target},rate={rate},concurrency=inf"),
        key: format!("key-{rate}"),
        axes: IndexMap::from([
            ("target".to_owned(), json!(target)),
            ("rate".to_owned(), json!(rate)),
            ("concurrency".to_owned(), json!("inf")),
        ]),
        validity: Validity::default(),
        requests: Requests {
            intended: 1000,
            tried: 1000,
            sent: 1000,
            ok: 900,
            failed: 100,
            unsent: 0,
            attempts: 1000,
        },
        outcomes: BTreeMap::new(),
        http_status: BTreeMap::new(),
        metrics: BTreeMap::new(),
        metrics_failed: BTreeMap::new(),
        metrics_all: BTreeMap::new(),
        spread: BTreeMap::new(),
        repeats,
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

fn results(cells: Vec<CellResult>, gates: &[(&str, f64)]) -> Results {
    let gate = |(metric, tolerance): &(&str, f64)| GateSettings {
        metric: (*metric).to_owned(),
        tolerance: *tolerance,
    };
    Results {
        schema: "plimsoll.results.v1".into(),
        tool: Tool {
            name: "plimsoll".into(),
            version: "0.1.0".into(),
        },
        scenario: ScenarioReference {
            name: "gate".into(),
            hash: String::new(),
            description: None,
            labels: BTreeMap::new(),
        },
        environment: Environment {
            cpu_model: Some("A".into()),
            cores: Some(4),
            kernel: Some("Linux 6.8.0-45".into()),
            ..Environment::default()
        },
        datasets: vec![DatasetReference {
            name: "d".into(),
            sha256: "ab".into(),
            rows: None,
            skipped: 0,
        }],
        cells,
        definitions: BTreeMap::new(),
        report: ReportSettings::default(),
        compare: Some(CompareSettings {
            by: None,
            gates: gates.iter().map(gate).collect(),
            false_discovery_rate: 0.05,
        }),
        searches: Vec::new(),
        incomplete: false,
        selection: None,
        files: Vec::new(),
        verdict: RunVerdict::default(),
    }
}

fn by() -> ComparedAxis {
    ComparedAxis {
        axis: "target".into(),
        base: json!("base"),
        head: json!("head"),
    }
}

/// One cell, base and head interleaved.
fn one(base: &[Seen], head: &[Seen], gate: (&str, f64)) -> Diff {
    let cells = vec![cell("base", 1, 0, base), cell("head", 1, 1, head)];
    paired(&results(cells, &[gate]), &by())
}

fn verdict(base: &[Seen], head: &[Seen], gate: (&str, f64)) -> (Verdict, Option<RefusalCode>) {
    let diff = one(base, head, gate);
    let row = &diff.gates[0];
    (
        row.verdict,
        row.refusal.as_ref().map(|refusal| refusal.code),
    )
}

/// Values around one, from a seed, on a log-normal.
fn noisy(seed: u64, n: usize, cv: f64, shift: f64) -> Vec<f64> {
    let mut generator = Seed::root(seed).generator();
    let noise = Normal::new(0.0, cv).unwrap();
    (0..n)
        .map(|_| (noise.sample(&mut generator) + shift).exp())
        .collect()
}

const P50: (&str, f64) = ("e2e.p50", 0.05);

#[test]
fn a_slow_down_beyond_the_tolerance_is_a_regression_and_its_mirror_an_improvement() {
    let (base, head) = (
        latencies(&noisy(1, 10, 0.02, 0.0)),
        latencies(&noisy(2, 10, 0.02, 0.3)),
    );
    let diff = one(&base, &head, P50);
    let row = &diff.gates[0];
    assert_eq!(
        (row.verdict, row.pairs_worse, row.blocks),
        (Verdict::Regressed, Some(10), 10)
    );
    let change = row.change.unwrap();
    assert!(
        change.low.unwrap() < 0.35 && 0.35 < change.high.unwrap(),
        "{change:?}"
    );
    assert!((row.head.unwrap() / row.base.unwrap() - 1.0 - change.value).abs() < 1e-12);
    assert_eq!(row.cell, "rate=1,concurrency=inf");
    assert_eq!(diff.outcome(Gate::Paired, false), Outcome::Regressed);
    assert_eq!(diff.outcome(Gate::Off, true), Outcome::Pass);
    assert_eq!(verdict(&head, &base, P50), (Verdict::Improved, None));
}

#[test]
fn no_difference_is_ok_only_where_the_bound_says_so() {
    let quiet = (
        latencies(&noisy(3, 10, 0.01, 0.0)),
        latencies(&noisy(4, 10, 0.01, 0.0)),
    );
    assert_eq!(verdict(&quiet.0, &quiet.1, P50), (Verdict::Ok, None));
    let loud = (
        latencies(&noisy(5, 5, 0.2, 0.0)),
        latencies(&noisy(6, 5, 0.2, 0.0)),
    );
    let diff = one(&loud.0, &loud.1, P50);
    let row = &diff.gates[0];
    assert_eq!(row.verdict, Verdict::Inconclusive);
    assert!(row.more_blocks.unwrap() > 50, "{:?}", row.more_blocks);
    assert!(
        row.smallest_visible.unwrap() > 0.2,
        "{:?}",
        row.smallest_visible
    );
    assert_eq!(diff.outcome(Gate::Paired, false), Outcome::Pass);
    assert_eq!(diff.outcome(Gate::Paired, true), Outcome::Inconclusive);
}

/// ci.md B.3 (4), (8) by hand: differences of logs 0.1, 0.2, 0.3 have mean 0.2, a standard error of 0.1/√3, and with two
/// degrees of freedom t = 4.302652730 and 1.060660172 at 97.5 % and 80 %.
#[test]
fn change_interval_and_smallest_visible_effect_are_those_of_the_formulas() {
    let head: Vec<f64> = [0.1_f64, 0.2, 0.3].iter().map(|log| log.exp()).collect();
    let diff = one(&latencies(&[1.0; 3]), &latencies(&head), P50);
    let row = &diff.gates[0];
    let error = 0.1 / 3.0_f64.sqrt();
    let close = |value: Option<f64>, log: f64| {
        assert!(
            (value.unwrap() - log.exp_m1()).abs() < 1e-9,
            "{value:?} is not {}",
            log.exp_m1()
        );
    };
    close(row.change.map(|change| change.value), 0.2);
    close(
        row.change.and_then(|change| change.low),
        0.2 - 4.302_652_730 * error,
    );
    close(
        row.change.and_then(|change| change.high),
        0.2 + 4.302_652_730 * error,
    );
    close(
        row.smallest_visible,
        (4.302_652_730 + 1.060_660_172) * error,
    );
    // p of t = 2√3 with two degrees of freedom, from the closed form 1 − t/√(t² + 2).
    let t = 0.2 / error;
    assert!((row.p.unwrap() - (1.0 - t / (t * t + 2.0).sqrt())).abs() < 1e-12);
}

#[test]
fn equal_differences_are_decided_by_their_size_alone() {
    let base = latencies(&[1.0, 2.0, 4.0]);
    for (factor, expected) in [
        (1.05, Verdict::Regressed),
        (1.04, Verdict::Ok),
        (1.0, Verdict::Ok),
        (1.0 / 1.04, Verdict::Ok),
        (1.0 / 1.05, Verdict::Improved),
    ] {
        let head = latencies(&[factor, 2.0 * factor, 4.0 * factor]);
        assert_eq!(verdict(&base, &head, P50), (expected, None), "{factor}");
    }
}

#[test]
fn zeros_have_their_own_rule() {
    let gate = ("goodput", 0.05);
    let goodput =
        |base: [f64; 3], head: [f64; 3]| verdict(&goodputs(&base), &goodputs(&head), gate);
    assert_eq!(goodput([0.0; 3], [0.0; 3]), (Verdict::Ok, None));
    assert_eq!(goodput([5.0; 3], [0.0; 3]), (Verdict::Regressed, None));
    let refused = (Verdict::Inconclusive, Some(RefusalCode::Zero));
    assert_eq!(goodput([0.0; 3], [5.0; 3]), refused);
    assert_eq!(goodput([5.0; 3], [5.0, 0.0, 5.0]), refused);
    assert_eq!(
        verdict(&latencies(&[1.0; 3]), &latencies(&[0.0; 3]), P50),
        refused
    );
    let diff = one(&goodputs(&[5.0; 3]), &goodputs(&[5.0, 0.0, 5.0]), gate);
    assert_eq!(diff.outcome(Gate::Paired, false), Outcome::Void);
}

#[test]
fn a_fall_of_throughput_is_worse() {
    let (base, head) = (
        goodputs(&noisy(1, 10, 0.01, 2.0)),
        goodputs(&noisy(2, 10, 0.01, 1.7)),
    );
    let diff = one(&base, &head, ("goodput", 0.05));
    let row = &diff.gates[0];
    assert_eq!(
        (row.verdict, row.pairs_worse),
        (Verdict::Regressed, Some(10))
    );
    assert!(
        (-0.3..-0.2).contains(&row.change.unwrap().value),
        "{:?}",
        row.change
    );
}

/// A tolerance of 20 % is a factor of 1.2 either way: more is slower by 20 %, less is 1 / 1.2, a fall by 16.7 %.
#[test]
fn the_limit_that_is_shown_is_the_one_that_decides() {
    let limit = |better: &str| {
        let seen = latencies(&[1.0; 3]);
        one(&seen, &seen, (better, 0.2)).gates[0].limit
    };
    assert!((limit("e2e.p50") - 0.2).abs() < 1e-12);
    assert!((limit("error_rate") - 0.2).abs() < 1e-12);
    assert!((limit("goodput") - (1.0 / 1.2 - 1.0)).abs() < 1e-12);
    let fallen = |by: f64| {
        one(
            &goodputs(&[1.0; 3]),
            &goodputs(&[1.0 - by; 3]),
            ("goodput", 0.2),
        )
    };
    assert_eq!(fallen(0.16).gates[0].verdict, Verdict::Ok);
    let row = &fallen(0.17).gates[0];
    assert_eq!(row.verdict, Verdict::Regressed);
    assert!(row.change.unwrap().value < row.limit, "{row:?}");
    // The smallest change that could be seen is one for the worse: a fall.
    let noisy = |seed| goodputs(&noisy(seed, 5, 0.05, 0.0));
    let visible = one(&noisy(7), &noisy(8), ("goodput", 0.2)).gates[0]
        .smallest_visible
        .unwrap();
    assert!((-1.0..0.0).contains(&visible), "{visible}");
}

#[test]
fn rates_of_errors_are_compared_in_points() {
    let gate = ("error_rate", 0.01);
    let rates = |base: &[u64], head: &[u64]| verdict(&failures(base), &failures(head), gate);
    assert_eq!(rates(&[0; 10], &[0; 10]), (Verdict::Ok, None));
    assert_eq!(
        rates(
            &[10, 12, 9, 11, 10, 8, 10, 12, 9, 11],
            &[31, 29, 33, 30, 28, 32, 30, 31, 29, 33]
        ),
        (Verdict::Regressed, None)
    );
    // Twice as many errors, and yet well under a point.
    assert_eq!(
        rates(
            &[1, 2, 1, 2, 1, 2, 1, 2, 1, 2],
            &[3, 2, 4, 3, 2, 3, 4, 3, 2, 3]
        ),
        (Verdict::Ok, None)
    );
    // No errors in base at all: whether blocks have any is counted exactly.
    assert_eq!(
        rates(&[0; 10], &[20, 25, 19, 30, 22, 24, 20, 21, 26, 23]),
        (Verdict::Regressed, None)
    );
    let diff = one(&failures(&[10, 12, 9]), &failures(&[40, 50, 45]), gate);
    let row = &diff.gates[0];
    assert!(row.in_points);
    assert!(
        (row.change.unwrap().value - (0.045 - 0.031 / 3.0)).abs() < 1e-12,
        "{:?}",
        row.change
    );
    let success = one(
        &failures(&[10, 12, 9]),
        &failures(&[40, 50, 45]),
        ("success_rate", 0.01),
    );
    assert!((success.gates[0].change.unwrap().value + 0.045 - 0.031 / 3.0).abs() < 1e-12);
    assert_eq!(success.gates[0].verdict, row.verdict);
}

#[test]
fn each_refusal_has_its_code_and_voids_a_gate() {
    let (base, head) = (noisy(1, 5, 0.01, 0.0), noisy(2, 5, 0.01, 0.5));
    let cells = || {
        vec![
            cell("base", 1, 0, &latencies(&base)),
            cell("head", 1, 1, &latencies(&head)),
        ]
    };
    let refused = |cells: Vec<CellResult>, gate: &str| {
        let diff = paired(&results(cells, &[(gate, 0.05)]), &by());
        assert_eq!(diff.outcome(Gate::Paired, false), Outcome::Void, "{gate}");
        let row = &diff.gates[0];
        (
            row.verdict,
            row.refusal.as_ref().map(|refusal| refusal.code).unwrap(),
        )
    };
    let mut few = cells();
    few[0].repeats.truncate(2);
    assert_eq!(
        refused(few, "e2e.p50"),
        (Verdict::Inconclusive, RefusalCode::TooFewBlocks)
    );

    let mut small = cells();
    small[1].repeats[3] = repeat(4, small[1].repeats[3].position, latencies(&[1.0])[0], 71);
    assert_eq!(
        refused(small, "e2e.p95"),
        (Verdict::Inconclusive, RefusalCode::PercentileNeedsN)
    );

    let mut invalid = cells();
    invalid[0].validity = Validity {
        status: ValidityStatus::Invalid,
        reasons: vec!["CPU".into()],
    };
    assert_eq!(
        refused(invalid, "e2e.p50"),
        (Verdict::Invalid, RefusalCode::InvalidCell)
    );

    let mut silent = cells();
    for repeat in &mut silent[1].repeats {
        repeat.metrics.insert("goodput".into(), None);
    }
    assert_eq!(
        refused(silent, "goodput"),
        (Verdict::Invalid, RefusalCode::Missing)
    );

    let mut failed = cells();
    failed[1].requests.ok = 0;
    assert_eq!(
        refused(failed, "ttft.p50"),
        (Verdict::Invalid, RefusalCode::NoData)
    );

    let sequential = vec![
        cell("base", 1, 0, &latencies(&base)),
        cell("head", 1, 10, &latencies(&head)),
    ];
    assert_eq!(
        refused(sequential, "e2e.p50"),
        (Verdict::Inconclusive, RefusalCode::NotInterleaved)
    );
}

#[test]
fn a_cell_on_one_side_is_listed_and_void_and_one_that_lacks_the_metric_is_not() {
    let seen = latencies(&[1.0; 3]);
    let cells = vec![
        cell("base", 1, 0, &seen),
        cell("head", 1, 1, &seen),
        cell("base", 2, 6, &seen),
    ];
    let diff = paired(&results(cells.clone(), &[P50]), &by());
    assert_eq!(diff.only_in_base, ["rate=2,concurrency=inf"]);
    assert_eq!(
        (diff.summary.ok, diff.summary.invalid, diff.summary.gates),
        (1, 1, 2)
    );
    assert_eq!(diff.outcome(Gate::Paired, false), Outcome::Void);
    // Both sides answered and neither streamed: the gate does not apply, and one that never applies is refused.
    let diff = paired(
        &results(cells[..2].to_vec(), &[P50, ("ttft.p50", 0.05)]),
        &by(),
    );
    assert_eq!((diff.summary.gates, diff.summary.not_applicable), (1, 1));
    assert_eq!(diff.refusals[0].code, RefusalCode::NoData);
}

#[test]
fn gates_without_sense_or_without_cells_are_refused() {
    let codes = |results: &Results| {
        let diff = paired(results, &by());
        assert_eq!(diff.outcome(Gate::Paired, false), Outcome::Void);
        diff.refused(Gate::Paired)
            .iter()
            .map(|refusal| refusal.code)
            .collect::<Vec<_>>()
    };
    let seen = latencies(&[1.0; 3]);
    let cells = vec![cell("base", 1, 0, &seen), cell("head", 1, 1, &seen)];
    let nowhere = paired(&results(cells.clone(), &[("ttft.p50", 0.05)]), &by());
    assert!(nowhere.gates.is_empty());
    assert_eq!(
        nowhere.outcome(nowhere.default_gate(), false),
        Outcome::Void,
        "a declared gate that applies nowhere has not passed"
    );
    let ungated = paired(&results(cells.clone(), &[]), &by());
    assert_eq!(
        ungated.outcome(ungated.default_gate(), false),
        Outcome::Pass
    );
    assert_eq!(
        codes(&results(cells.clone(), &[("duration", 0.05)])),
        [RefusalCode::NotComparable]
    );
    assert_eq!(codes(&results(cells.clone(), &[])), [RefusalCode::NoGates]);
    assert_eq!(codes(&results(Vec::new(), &[P50])), [RefusalCode::NoPairs]);
    let incomplete = Results {
        incomplete: true,
        ..results(cells, &[P50])
    };
    assert_eq!(codes(&incomplete), [RefusalCode::Incomplete]);
}

fn stored_pair(change: impl Fn(&mut Results)) -> (Results, Results) {
    let cells = |seed, shift| vec![cell("omni", 1, 0, &latencies(&noisy(seed, 8, 0.01, shift)))];
    let mut head = results(cells(2, 0.4), &[P50]);
    change(&mut head);
    (results(cells(1, 0.0), &[P50]), head)
}

#[test]
fn two_runs_gate_only_where_that_is_asked_for() {
    let (base, head) = stored_pair(|_| ());
    let diff = stored(("main", &base), ("pr", &head));
    assert_eq!(
        (diff.gates[0].verdict, diff.gates[0].pairs_worse),
        (Verdict::Regressed, None)
    );
    assert_eq!(diff.outcome(Gate::Off, true), Outcome::Pass);
    assert_eq!(diff.outcome(Gate::Paired, false), Outcome::Void);
    assert_eq!(diff.refused(Gate::Paired)[0].code, RefusalCode::Unpaired);
    assert_eq!(diff.outcome(Gate::Unpaired, false), Outcome::Regressed);
    assert_eq!(
        (diff.base.label.as_str(), diff.head.label.as_str()),
        ("main", "pr")
    );
}

#[test]
fn another_machine_tool_dataset_or_workload_never_gates() {
    let changes: [fn(&mut Results); 5] = [
        |head| head.environment.cpu_model = Some("B".into()),
        |head| head.environment.cores = None,
        |head| head.environment.kernel = Some("Linux 7.0.0".into()),
        |head| head.tool.version = "0.2.0".into(),
        |head| head.datasets[0].sha256 = "cd".into(),
    ];
    for change in changes {
        let (base, head) = stored_pair(change);
        let diff = stored(("a", &base), ("b", &head));
        assert_eq!(diff.refusals[0].code, RefusalCode::OtherFingerprint);
        assert_eq!(diff.outcome(Gate::Unpaired, false), Outcome::Void);
        assert_eq!(
            diff.gates[0].verdict,
            Verdict::Regressed,
            "it is shown all the same"
        );
    }
    let (base, head) = stored_pair(|head| {
        head.environment.kernel = Some("Linux 6.9.1".into());
        head.tool.version = "0.1.7".into();
    });
    assert_eq!(stored(("a", &base), ("b", &head)).refusals, []);
    let (base, head) = stored_pair(|head| head.cells[0].key = "other".into());
    let row = &stored(("a", &base), ("b", &head)).gates[0];
    assert_eq!(
        row.refusal.as_ref().map(|refusal| refusal.code),
        Some(RefusalCode::OtherKey)
    );
}

#[test]
fn gates_that_head_loosened_are_listed() {
    let (mut base, head) = stored_pair(|head| {
        let compare = head.compare.as_mut().unwrap();
        compare.gates[0].tolerance = 0.2;
        compare.false_discovery_rate = 0.01;
    });
    let dropped = GateSettings {
        metric: "goodput".into(),
        tolerance: 0.05,
    };
    base.compare.as_mut().unwrap().gates.push(dropped);
    let loosened = |metric: &str, base: f64, head: Option<f64>| Loosened {
        metric: metric.into(),
        base,
        head,
    };
    assert_eq!(
        stored(("a", &base), ("b", &head)).loosened,
        [
            loosened("e2e.p50", 0.05, Some(0.2)),
            loosened("goodput", 0.05, None),
            loosened("false_discovery_rate", 0.05, Some(0.01)),
        ]
    );
}

/// Cells whose logs differ by `shift` with noise of `cv` a side; a tenth of a share of cells is slower by `slow`.
fn family(seed: u64, cells: u32, blocks: usize, cv: f64, shift: impl Fn(u32) -> f64) -> Results {
    let all = (0..cells).flat_map(|number| {
        let own = seed * 1000 + u64::from(number) * 2;
        [
            cell("base", number, 0, &latencies(&noisy(own, blocks, cv, 0.0))),
            cell(
                "head",
                number,
                1,
                &latencies(&noisy(own + 1, blocks, cv, shift(number))),
            ),
        ]
    });
    results(all.collect(), &[P50])
}

/// ci.md B-3 in small: under noise alone a run of 96 gates raises a false alarm in about 1 % of all, and of cells that
/// are 10 % slower over 80 % are found (n = 10, 3 % noise a side).
#[test]
fn false_alarms_are_rare_and_regressions_found() {
    let alarms = (0..20)
        .filter(|seed| {
            paired(&family(*seed, 96, 10, 0.03, |_| 0.0), &by())
                .summary
                .regressed
                > 0
        })
        .count();
    assert!(alarms <= 1, "{alarms} of 20");
    let slower = |number: u32| if number < 4 { 0.1_f64.ln_1p() } else { 0.0 };
    let found: u64 = (0..10)
        .map(|seed| {
            paired(&family(100 + seed, 96, 10, 0.03, slower), &by())
                .summary
                .regressed
        })
        .sum();
    assert!(found >= 32, "{found} of 40");
}

#[test]
fn a_family_of_many_cells_borrows_variance_and_sees_more() {
    let slower = |number: u32| if number < 2 { 0.15 } else { 0.0 };
    let many = paired(&family(7, 24, 5, 0.02, slower), &by());
    assert_eq!(many.summary.regressed, 2);
    let p = |diff: &Diff| {
        diff.gates
            .iter()
            .find(|row| row.cell.starts_with("rate=0,"))
            .and_then(|row| row.p)
    };
    let alone = family(7, 24, 5, 0.02, slower);
    let few = Results {
        cells: alone.cells[..8].to_vec(),
        ..alone
    };
    assert!(
        p(&many) < p(&paired(&few, &by())),
        "four cells are tested each on its own"
    );
}

fn undescribed(value: &Value, place: &str, found: &mut Vec<String>) {
    for (name, property) in value["properties"].as_object().into_iter().flatten() {
        if property["description"].as_str().is_none_or(str::is_empty) && name != "kind" {
            found.push(format!("{place}.{name}"));
        }
    }
}

#[test]
fn the_committed_schema_is_current_and_describes_every_property() {
    committed::schema_is_current("diff.v1.json", &schema());
    let diff =
        serde_json::to_value(one(&latencies(&[1.0; 3]), &latencies(&[2.0; 3]), P50)).unwrap();
    let validator = jsonschema::validator_for(&schema()).unwrap();
    assert!(
        validator.is_valid(&diff),
        "{:?}",
        validator
            .iter_errors(&diff)
            .map(|e| e.to_string())
            .collect::<Vec<_>>()
    );
    assert_eq!(diff["gates"][0]["verdict"], "REGRESSED");
    let mut found = Vec::new();
    let schema = schema();
    undescribed(&schema, "Diff", &mut found);
    for (name, part) in schema["definitions"].as_object().unwrap() {
        undescribed(part, name, &mut found);
    }
    assert_eq!(found, Vec::<String>::new());
}

/// Better verdicts are greater.
fn rank(verdict: Verdict) -> u32 {
    match verdict {
        Verdict::Regressed => 0,
        Verdict::Invalid | Verdict::Inconclusive => 1,
        Verdict::Ok => 2,
        Verdict::Improved => 3,
    }
}

fn by_cell(diff: &Diff) -> BTreeMap<String, Verdict> {
    diff.gates
        .iter()
        .map(|row| (row.cell.clone(), row.verdict))
        .collect()
}

/// Base and head with noise and a shift a cell: what the properties below hold for.
fn any_family() -> impl Strategy<Value = Results> {
    (
        any::<u32>(),
        1_u32..14,
        3_usize..12,
        0.001_f64..0.1,
        proptest::collection::vec(-0.2_f64..0.2, 14),
    )
        .prop_map(|(seed, cells, blocks, cv, shifts)| {
            family(u64::from(seed), cells, blocks, cv, |number| {
                shifts[number as usize]
            })
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn scaling_heads_latencies_up_never_improves_a_verdict(before in any_family(), factor in 1.0_f64..1.5) {
        let mut after = before.clone();
        for cell in after.cells.iter_mut().filter(|cell| cell.axes["target"] == "head") {
            for repeat in &mut cell.repeats {
                if let Some(Some(MetricValue::Distribution(summary))) = repeat.metrics.get_mut("e2e") {
                    for value in summary.statistics.values_mut().flatten() {
                        *value *= factor;
                    }
                }
            }
        }
        let (before, after) = (by_cell(&paired(&before, &by())), by_cell(&paired(&after, &by())));
        for (cell, verdict) in before {
            prop_assert!(rank(after[&cell]) <= rank(verdict), "{cell}: {verdict:?} to {:?}", after[&cell]);
        }
    }

    #[test]
    fn swapping_the_sides_mirrors_every_verdict(results in any_family()) {
        let swapped = ComparedAxis { axis: "target".into(), base: json!("head"), head: json!("base") };
        let (there, back) = (by_cell(&paired(&results, &by())), by_cell(&paired(&results, &swapped)));
        for (cell, verdict) in there {
            // OK and INCONCLUSIVE are one-sided statements: only what is certain has a mirror.
            match verdict {
                Verdict::Regressed => prop_assert_eq!(back[&cell], Verdict::Improved),
                Verdict::Improved => prop_assert_eq!(back[&cell], Verdict::Regressed),
                _ => prop_assert!(!matches!(back[&cell], Verdict::Improved | Verdict::Regressed)),
            }
        }
    }

    #[test]
    fn the_order_of_cells_and_repeats_changes_nothing(results in any_family(), turn in 0_usize..20) {
        let mut other = results.clone();
        let cells = other.cells.len();
        other.cells.rotate_left(turn % cells);
        for cell in &mut other.cells {
            cell.repeats.reverse();
        }
        prop_assert_eq!(paired(&results, &by()), paired(&other, &by()));
    }
}
