//! Comparisons as people see them.

use indexmap::IndexMap;

use super::*;
use crate::compare::{Change, Design, Loosened, RefusalCode, SCHEMA, Side, Summary, Verdict};
use crate::report::fixture::HOSTILE;
use crate::results::{Better, ComparedAxis, Tool, Unit, ValidityStatus};

fn row(cell: &str, verdict: Verdict) -> Row {
    Row {
        cell: cell.into(),
        axes: IndexMap::new(),
        metric: "ttft.p99".into(),
        unit: Unit::Seconds,
        better: Better::Lower,
        tolerance: 0.1,
        limit: 0.1,
        in_points: false,
        base: Some(0.412),
        head: Some(0.498),
        base_validity: Some(ValidityStatus::Valid),
        head_validity: Some(ValidityStatus::Valid),
        change: Some(Change {
            value: 0.2087,
            low: Some(0.141),
            high: Some(0.28),
        }),
        blocks: 10,
        blocks_without_value: 0,
        pairs_worse: Some(10),
        p: Some(1e-6),
        significant: true,
        smallest_visible: Some(0.07),
        more_blocks: None,
        verdict,
        refusal: None,
    }
}

fn diff(gates: Vec<Row>) -> Diff {
    let count = |verdict: Verdict| gates.iter().filter(|row| row.verdict == verdict).count() as u64;
    Diff {
        schema: SCHEMA.into(),
        tool: Tool {
            name: "plimsoll".into(),
            version: "0.1.0".into(),
        },
        scenario: "pr-gate".into(),
        design: Design::Paired {
            by: ComparedAxis {
                axis: "target".into(),
                base: "base".into(),
                head: "head".into(),
            },
        },
        base: Side {
            label: "base".into(),
            ..Side::default()
        },
        head: Side {
            label: "head".into(),
            ..Side::default()
        },
        summary: Summary {
            declared: u64::from(!gates.is_empty()),
            gates: gates.len() as u64,
            regressed: count(Verdict::Regressed),
            improved: count(Verdict::Improved),
            ok: count(Verdict::Ok),
            inconclusive: count(Verdict::Inconclusive),
            invalid: count(Verdict::Invalid),
            refused: 0,
            not_applicable: 0,
            blocks: 10,
            false_discovery_rate: 0.05,
        },
        refusals: Vec::new(),
        gates,
        advisory: Vec::new(),
        loosened: Vec::new(),
        only_in_base: Vec::new(),
        only_in_head: Vec::new(),
    }
}

fn sample() -> Diff {
    let mut inconclusive = row("rate=2", Verdict::Inconclusive);
    inconclusive.more_blocks = Some(14);
    inconclusive.change = Some(Change {
        value: 0.061,
        low: Some(-0.04),
        high: Some(0.173),
    });
    let mut ok = row("rate=4", Verdict::Ok);
    ok.change = Some(Change {
        value: 0.0,
        low: Some(-0.01),
        high: Some(0.01),
    });
    let mut sample = diff(vec![row("rate=8", Verdict::Regressed), inconclusive, ok]);
    sample.advisory = vec![row("rate=8", Verdict::Ok)];
    sample.loosened = vec![Loosened {
        metric: "goodput".into(),
        base: 0.05,
        head: None,
    }];
    sample.only_in_head = vec!["rate=16".into()];
    sample
}

#[test]
fn the_verdict_comes_first_in_one_sentence() {
    let sentence = "1 of 3 gates regressed, 1 within tolerance, 1 inconclusive";
    assert!(human(&sample()).starts_with(sentence));
    assert!(markdown(&sample()).starts_with(&format!("### {sentence}\n")));
    assert!(human(&diff(Vec::new())).starts_with("No gate was compared"));
    let mut nowhere = diff(Vec::new());
    nowhere.summary.declared = 2;
    assert!(human(&nowhere).starts_with("None of 2 declared gates could be compared"));
}

#[test]
fn a_row_says_all_that_a_reader_needs() {
    for text in [human(&sample()), markdown(&sample())] {
        for part in [
            "412 ms",
            "498 ms",
            "+20.9 % (+14.1 … +28.0)",
            "10/10",
            "7.0 %",
            "REGRESSED (limit +10.0 %)",
            "INCONCLUSIVE, some 14 more blocks would decide",
            "1 gate loosened by head: goodput from 5.00 % to dropped",
            "1 only in head: rate=16",
            "1 gate within tolerance",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}

#[test]
fn the_terminal_shows_what_matters_and_counts_the_rest() {
    let text = human(&sample());
    assert!(text.contains("rate=8") && text.contains("rate=2"));
    assert!(!text.contains("rate=4"), "{text}");
    assert!(text.ends_with('\n') && !text.contains('\u{1b}'));
}

#[test]
fn refusals_stand_above_the_rows() {
    let mut refused = sample();
    refused.refusals = vec![Refusal {
        code: RefusalCode::OtherFingerprint,
        text: "CPU A and B".into(),
    }];
    assert!(human(&refused).contains("refused (other_fingerprint): CPU A and B"));
    assert!(
        human(&refused)
            .lines()
            .next()
            .is_some_and(|line| line.ends_with("cannot gate"))
    );
    assert!(markdown(&refused).contains("CPU A and B"));
}

#[test]
fn a_fall_of_a_higher_is_better_metric_and_points_read_right() {
    let mut fall = row("rate=1", Verdict::Regressed);
    fall.better = Better::Higher;
    fall.change = Some(Change {
        value: -0.2,
        low: Some(-0.3),
        high: Some(-0.1),
    });
    assert!(human(&diff(vec![fall])).contains("-20.0 % (-30.0 … -10.0)"));
    let mut points = row("rate=1", Verdict::Regressed);
    points.in_points = true;
    points.unit = Unit::Ratio;
    points.change = Some(Change {
        value: 0.0123,
        low: None,
        high: None,
    });
    assert!(human(&diff(vec![points])).contains("+1.2 points"));
}

#[test]
fn a_comment_stays_within_its_size_whatever_there_is_to_say() {
    let rows = |count: usize, length: usize, verdict: Verdict| -> Vec<Row> {
        (0..count)
            .map(|number| row(&format!("{}{number}", "x".repeat(length)), verdict))
            .collect()
    };
    for (count, length) in [(10_000, 40), (10_000, 5_000), (200, 400)] {
        let mut all = rows(count, length, Verdict::Regressed);
        all.extend(rows(count, length, Verdict::Ok));
        let mut large = diff(all);
        large.advisory = rows(count, length, Verdict::Ok);
        large.only_in_base = large.gates.iter().map(|row| row.cell.clone()).collect();
        let text = markdown(&large);
        assert!(
            text.chars().count() <= MOST_CHARACTERS,
            "{}",
            text.chars().count()
        );
        assert!(text.starts_with(&format!("### {count} of {} gates regressed", 2 * count)));
        assert!(text.contains("more of these are in"), "{}", &text[..500]);
    }
}

#[test]
fn hostile_names_stay_text() {
    for hostile in HOSTILE {
        let mut named = sample();
        named.gates[0].cell = (*hostile).to_owned();
        named.base.label = (*hostile).to_owned();
        named.only_in_base = vec![(*hostile).to_owned()];
        named.refusals = vec![Refusal {
            code: RefusalCode::Missing,
            text: (*hostile).to_owned(),
        }];
        let comment = markdown(&named);
        // What is escaped is text.
        let live = comment.replace("\\]", "").replace("\\[", "");
        for active in [
            "<script", "<img", "<iframe", "<svg", "](", "\n# ", "\n```", "\u{202e}", "\u{1b}",
        ] {
            assert!(!live.contains(active), "{active:?} in\n{comment}");
        }
        let rows = comment
            .lines()
            .filter(|line| line.starts_with("| ✗") && line.ends_with(" |"));
        for row in rows {
            assert_eq!(row.replace("\\|", "").matches('|').count(), 10, "{row}");
        }
        let text = human(&named);
        assert!(
            !text.contains('\u{1b}') && !text.contains('\u{202e}') && !text.contains('\u{7}'),
            "{text:?}"
        );
    }
}

#[test]
fn throughput_that_the_client_held_down_is_marked_wherever_a_comparison_shows_it() {
    let limited = |metric: &str, unit: Unit| {
        let mut row = row("rate=8", Verdict::Regressed);
        row.metric = metric.to_owned();
        row.unit = unit;
        row.better = Better::Higher;
        row.head_validity = Some(ValidityStatus::ClientLimited);
        (row.base, row.head) = (Some(49.1), Some(24.8));
        row
    };
    let throughput = diff(vec![limited("request_throughput", Unit::PerSecond)]);
    let overview = serde_json::to_string(&overview(&throughput)).unwrap();
    for text in [human(&throughput), markdown(&throughput), overview] {
        assert!(text.contains("≥ 24.8/s"), "{text}");
        assert!(!text.contains("≥ 49.1/s"), "{text}");
        assert!(text.contains("≥ +20.9 %"), "{text}");
        assert!(text.contains("head is CLIENT"), "{text}");
    }
    let latency = human(&diff(vec![limited("e2e.p50", Unit::Seconds)]));
    assert!(!latency.contains('≥'), "a latency is what it is: {latency}");
}
