use super::*;
use crate::instruments::record::Counts;
use crate::scenario::{self, ReadOptions};

fn commit(repeat: u32, own: OwnFigures) -> Commit {
    Commit {
        cell_key: "k".into(),
        cell_id: "target=t".into(),
        repeat,
        position: 0,
        counts: Counts {
            intended: 10,
            unsent: 2,
            ..Counts::default()
        },
        ended: Ended::Complete,
        own,
        suspensions: 0,
        addresses: Vec::new(),
        connections: Vec::new(),
        samples: Vec::new(),
        notes: Vec::new(),
    }
}

#[test]
fn percentiles_are_over_the_pooled_repeats_and_not_their_mean() {
    let ticks = |counts: &[(u64, u64)]| OwnFigures {
        canary_counts: counts.to_vec(),
        ..OwnFigures::default()
    };
    let (quiet, late) = (
        commit(1, ticks(&[(1_000_000, 990)])),
        commit(2, ticks(&[(8_000_000, 10)])),
    );
    let both = [&quiet, &late];
    assert_eq!(quantile(&both, canary, 0.99), Some(0.001));
    assert_eq!(quantile(&both, canary, 0.991), Some(0.008));
    assert_eq!(quantile(&both, canary, 1.0), Some(0.008));
    assert_eq!(quantile(&[], canary, 0.99), None);
    assert_eq!(quantile(&both, lateness, 0.99), None, "nothing was sent");
}

#[test]
fn swap_counts_where_the_machine_swapped_while_we_waited_for_a_disk() {
    let second = |swapped_in, major_faults| OwnSecond {
        swapped_in,
        major_faults,
        ..OwnSecond::default()
    };
    let own = OwnFigures {
        seconds: vec![
            second(Some(400), Some(0)), // of others
            second(Some(0), Some(3)),   // our code, from its file
            second(Some(7), Some(1)),
            second(None, Some(1)),
        ],
        ..OwnFigures::default()
    };
    assert_eq!(machine(&[&commit(1, own)]).swapping_seconds, 1);
}

#[test]
fn the_rate_that_was_offered_is_up_to_the_last_request_of_each_repeat() {
    // Of eight that were tried two never got a connection.
    let own = |last_s: f64| OwnFigures {
        went_out: 6,
        last_sent: Some(Offset::from_seconds(last_s)),
        ..OwnFigures::default()
    };
    let repeats = [commit(1, own(0.5)), commit(2, own(1.5))];
    let repeats: Vec<&Commit> = repeats.iter().collect();
    assert_eq!(offered(&repeats), Some(6.0));
    assert_eq!(intended_and_tried(&repeats), (20, 16));
    assert_eq!(offered(&[&commit(1, OwnFigures::default())]), None);
}

#[test]
fn what_precise_costs_is_a_share_of_all_processors_until_the_last_send() {
    let own = |spun_ns| OwnFigures {
        last_sent: Some(Offset::from_seconds(2.0)),
        spun_ns,
        seconds: vec![OwnSecond {
            processors: 4.0,
            ..OwnSecond::default()
        }],
        ..OwnFigures::default()
    };
    let (one, other) = (commit(1, own(500_000_000)), commit(2, own(300_000_000)));
    assert_eq!(spun(&[&one, &other]), Some(0.05));
    assert_eq!(spun(&[&commit(1, own(0))]), None, "nothing was spun");
}

#[test]
fn a_second_that_was_short_of_processors_or_stepped_is_not_averaged_away() {
    let second = |processors, clock_set_ns, cpu_share, spun_share| OwnSecond {
        processors,
        cpu_share,
        spun_share,
        clock_set_ns,
        ..OwnSecond::default()
    };
    let own = OwnFigures {
        seconds: vec![
            second(2.0, 0, Some(0.9), Some(0.5)),
            second(0.5, 3_000_000, Some(0.2), None),
            second(2.0, 0, None, None),
        ],
        ..OwnFigures::default()
    };
    let machine = machine(&[&commit(1, own)]);
    assert_eq!(machine.processors, Some(0.5));
    assert_eq!(machine.clock_set_s, 0.003);
    assert_eq!(
        machine.cpu_shares,
        [vec![0.4, 0.2]],
        "spinning is no work, and what is not known is no share"
    );
}

#[test]
fn only_repeats_whose_records_overflowed_were_cut_short() {
    let mut repeats = [Ended::Complete, Ended::RecordsOverflowed].map(|ended| Commit {
        ended,
        ..commit(1, OwnFigures::default())
    });
    (
        repeats[1].repeat,
        repeats[1].counts.ok,
        repeats[1].counts.failed,
    ) = (2, 5, 3);
    let repeats: Vec<&Commit> = repeats.iter().collect();
    let short = CutShort {
        repeat: 2,
        tried: 8,
        asked: Some(10),
    };
    assert_eq!(cut_short(&repeats, Some(10)), [short]);
}

#[test]
fn the_tightest_limit_is_of_all_that_reading_late_moves() {
    let folder = tempfile::tempdir().unwrap();
    let limits = |objective: &str| {
        let file = folder.path().join("a.yaml");
        let text = format!(
            "version: 1
name: limits
targets: {{ t: {{ protocol: http, path: /, embedded: {{}} }} }}
load: {{ requests: 1 }}
slo: {{ request: {{ e2e: 60s }}, objectives: [{objective}] }}
"
        );
        std::fs::write(&file, text).unwrap();
        let scenario = scenario::read(&file, &ReadOptions::default())
            .ok()
            .unwrap()
            .scenario;
        let cell = crate::plan::expand(&scenario).ok().unwrap().cells.remove(0);
        (reading_limit(&cell), sending_limit(&cell))
    };
    let wide = Some(60.0);
    assert_eq!(limits("ttft_service.p99 <= 100ms"), (Some(0.1), wide));
    assert_eq!(limits("first_byte.p99 <= 100ms"), (Some(0.1), wide));
    assert_eq!(limits("step.route.p99 <= 100ms"), (Some(0.1), wide));
    assert_eq!(limits("queue.p99 <= 100ms"), (wide, Some(0.1)));
}
