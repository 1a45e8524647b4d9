//! Goldens: research/seeds.md §4.7 and §7 (G10–G13).

#![expect(clippy::float_cmp, reason = "the goldens are exact in binary")]

use super::super::estimate::NoBase;
use super::*;
use crate::instruments::record::{Clocks, Outcome, Phase};

/// A request of those parameters that took so many seconds from its schedule on.
fn took(params: &str, seconds: f64) -> Attempt {
    let zero = Offset::ZERO;
    let clocks = Clocks {
        scheduled: zero,
        sent: Some(zero),
        end: Some(Offset::from_seconds(seconds)),
        ..Clocks::default()
    };
    Attempt {
        outcome: Outcome::Ok,
        http_status: Some(200),
        params: params.to_owned(),
        ..Attempt::unsent(Phase::Measured, 0, clocks)
    }
}

fn sized(width: u64, height: u64, frames: u64, steps: u64) -> String {
    format!(
        r#"{{"width":{width},"height":{height},"num_frames":{frames},"num_inference_steps":{steps}}}"#
    )
}

fn square(side: u64, steps: u64) -> String {
    sized(side, side, 0, steps)
}

const LINEAR: Estimate = Estimate {
    scale: 3.0,
    affine: false,
    base_ms: None,
};

fn estimated(estimate: Estimate) -> Limits {
    Limits {
        e2e: Some(E2eLimit::Estimate(estimate)),
        ..Limits::default()
    }
}

fn slo_ms(params: &str, base: &Base) -> Option<f64> {
    judge(&took(params, 1.0), &estimated(LINEAR), Some(base)).slo_ms
}

#[test]
fn two_warm_ups_give_the_median_of_their_unit_times() {
    // G10
    let warmups = [took(&square(1024, 1), 2.0), took(&square(512, 1), 0.9)];
    let base = Base::of(&LINEAR, &warmups).unwrap();
    assert_eq!(base.base_ms(), 0.683_593_75);
    for (params, demanded, expected, limit) in [
        (square(512, 20), 20_480.0, 14_000.0, 42_000.0),
        (square(1024, 50), 204_800.0, 140_000.0, 420_000.0),
        (square(1536, 35), 322_560.0, 220_500.0, 661_500.0),
        (
            sized(640, 480, 80, 50),
            4_800_000.0,
            3_281_250.0,
            9_843_750.0,
        ),
        // G12: an area is at least one unit.
        (square(8, 1), 1.0, 0.683_593_75, 2.050_781_25),
        (square(128, 50), 3_200.0, 2_187.5, 6_562.5),
        (square(256, 50), 12_800.0, 8_750.0, 26_250.0),
    ] {
        assert_eq!(demand(&params), Some(demanded), "{params}");
        assert_eq!(base.expected_ms(demanded), Some(expected), "{params}");
        assert_eq!(slo_ms(&params, &base), Some(limit), "{params}");
    }
}

#[test]
fn one_warm_up_is_its_own_median() {
    let base = Base::of(&LINEAR, &[took(&square(1024, 1), 2.0)]).unwrap();
    assert_eq!(base.base_ms(), 0.488_281_25);
    assert_eq!(slo_ms(&square(512, 20), &base), Some(30_000.0));
    assert_eq!(slo_ms(&square(1024, 50), &base), Some(300_000.0));
}

#[test]
fn frames_count_in_a_video() {
    let base = Base::of(&LINEAR, &[took(&sized(640, 480, 80, 1), 30.0)]).unwrap();
    assert_eq!(base.base_ms(), 0.3125);
    assert_eq!(slo_ms(&sized(640, 480, 80, 50), &base), Some(4_500_000.0));
}

#[test]
fn the_attainment_of_the_seed_is_two_of_five() {
    // G11, G13: rate 2/5, not 2/6 over all requests and not 2/4 over successes.
    let base = Base::Linear {
        base_ms: 0.488_281_25,
    };
    let limits = estimated(LINEAR);
    let own = |slo_ms: f64, attempt: Attempt| Attempt {
        row_slo_ms: Some(slo_ms),
        ..attempt
    };
    let failure = |attempt: Attempt| Attempt {
        outcome: Outcome::Http(500),
        ..attempt
    };
    let requests = [
        (took(&square(512, 20), 29.9), Some(true)),
        (took(&square(512, 20), 30.0), Some(true)),
        (took(&square(1024, 50), 301.0), Some(false)),
        (own(1500.0, took(&square(512, 20), 1.6)), Some(false)),
        (
            failure(own(5000.0, took(&square(512, 20), 1.0))),
            Some(false),
        ),
        (
            took(r#"{"height":512,"num_inference_steps":20}"#, 1.0),
            None,
        ),
    ];
    for (attempt, expected) in &requests {
        let judged = judge(attempt, &limits, Some(&base));
        assert_eq!(judged.met, *expected, "{attempt:?}");
        assert_eq!(judged.met.is_some(), judged.slo_ms.is_some());
    }
    assert_eq!(
        judge(&requests[3].0, &limits, Some(&base)).slo_ms,
        Some(1500.0),
        "a row's own limit is not scaled"
    );
}

#[test]
fn only_successful_warm_ups_of_known_size_make_a_base() {
    let failed = Attempt {
        outcome: Outcome::TimeoutTotal,
        ..took(&square(1024, 1), 60.0)
    };
    let unsized_one = took("{}", 2.0);
    assert_eq!(
        Base::of(&LINEAR, &[failed.clone(), unsized_one.clone()]),
        Err(NoBase::Unsized)
    );
    let base = Base::of(&LINEAR, &[failed, unsized_one, took(&square(1024, 1), 2.0)]);
    assert_eq!(
        base,
        Ok(Base::Linear {
            base_ms: 0.488_281_25
        })
    );
    let given = Estimate {
        base_ms: Some(0.49),
        ..LINEAR
    };
    assert_eq!(
        Base::of(&given, &[]),
        Ok(Base::Linear { base_ms: 0.49 }),
        "a given base needs no warm-up"
    );
}

#[test]
fn the_affine_model_takes_two_sizes_and_finds_the_fixed_cost() {
    let affine = Estimate {
        affine: true,
        ..LINEAR
    };
    // 500 ms fixed, 0.25 ms a unit.
    let warmups: Vec<_> = [512, 1024, 1536]
        .map(|side| {
            let params = square(side, 1);
            let ms = 500.0 + 0.25 * demand(&params).unwrap();
            took(&params, ms / 1e3)
        })
        .into();
    let Ok(Base::Affine {
        fixed_ms,
        per_unit_ms,
    }) = Base::of(&affine, &warmups)
    else {
        panic!("three sizes")
    };
    assert!(
        (fixed_ms - 500.0).abs() < 1e-6 && (per_unit_ms - 0.25).abs() < 1e-9,
        "{fixed_ms} {per_unit_ms}"
    );
    assert_eq!(
        Base::of(
            &affine,
            &[took(&square(512, 1), 1.0), took(&square(512, 1), 1.1)]
        ),
        Err(NoBase::OneSize)
    );
    assert_eq!(Base::of(&affine, &[]), Err(NoBase::Unsized));
}

#[test]
fn an_affine_fit_that_makes_no_sense_is_no_estimate_and_no_limit_is_below_0() {
    let affine = Estimate {
        affine: true,
        ..LINEAR
    };
    let fit = |points: &[(u64, f64)]| {
        let warmups: Vec<_> = points
            .iter()
            .map(|(steps, seconds)| took(&square(256, *steps), *seconds))
            .collect();
        Base::of(&affine, &warmups)
    };
    assert_eq!(
        fit(&[(40, 2.0), (50, 1.9)]),
        Err(NoBase::Senseless),
        "the larger one took less"
    );
    assert_eq!(
        fit(&[(10, 0.1), (20, 0.1), (100, 9.0)]),
        Err(NoBase::Senseless),
        "the smallest would take less than nothing"
    );
    assert_eq!(fit(&[(100, 1.0), (109, 2.0)]), Err(NoBase::OneSize));
    // 10 ms a step less 50 ms: nothing is left for 5 steps.
    let base = fit(&[(10, 0.05), (20, 0.15)]).unwrap();
    let limited = |steps| {
        let attempt = took(&square(256, steps), 1.0);
        judge(&attempt, &estimated(affine.clone()), Some(&base))
    };
    assert_eq!((limited(5).slo_ms, limited(5).met), (None, None));
    assert!((limited(8).slo_ms.unwrap() - 90.0).abs() < 1e-6);
}

#[test]
fn sizes_are_read_as_traces_write_them() {
    assert_eq!(
        demand(r#"{"width":"512.0","height":" 512 ","num_inference_steps":20.0}"#),
        Some(20_480.0)
    );
    for params in [
        r#"{"width":512}"#,
        r#"{"width":512,"height":null}"#,
        r#"{"width":0,"height":512}"#,
        "{}",
        "[]",
        "",
    ] {
        assert_eq!(demand(params), None, "{params}");
    }
}

#[test]
fn a_fixed_limit_is_met_at_equality_and_missed_a_nanosecond_later() {
    let limits = Limits {
        e2e: Some(E2eLimit::Fixed(Duration::from_secs(30))),
        ..Limits::default()
    };
    let mut attempt = took("{}", 30.0);
    assert_eq!(
        judge(&attempt, &limits, None),
        Judged {
            slo_ms: Some(30_000.0),
            met: Some(true)
        }
    );
    attempt.clocks.end = Some(Offset::from_nanos(30_000_000_001));
    assert_eq!(judge(&attempt, &limits, None).met, Some(false));
}

#[test]
fn a_limit_on_what_is_null_leaves_the_slo_undefined_unless_another_is_missed() {
    let limits = Limits {
        ttft: Some(Duration::from_secs(1)),
        e2e: Some(E2eLimit::Fixed(Duration::from_secs(2))),
        ..Limits::default()
    };
    assert_eq!(
        judge(&took("{}", 1.0), &limits, None).met,
        None,
        "no ttft was seen"
    );
    assert_eq!(
        judge(&took("{}", 3.0), &limits, None).met,
        Some(false),
        "e2e is missed whatever ttft was"
    );
    let mut streamed = took("{}", 1.0);
    streamed.clocks.first_content = Some(Offset::from_seconds(1.0));
    assert_eq!(judge(&streamed, &limits, None).met, Some(true));
    let failed = Attempt {
        outcome: Outcome::Reset,
        ..took("{}", 1.0)
    };
    assert_eq!(
        judge(&failed, &limits, None).met,
        Some(false),
        "a failure misses what is defined"
    );
    assert_eq!(
        judge(&failed, &Limits::default(), None).met,
        None,
        "nothing was asked of it"
    );
    assert_eq!(judge(&took("{}", 1.0), &Limits::default(), None).met, None);
    let from_row = Limits {
        e2e: Some(E2eLimit::FromRow),
        ..Limits::default()
    };
    assert_eq!(
        judge(&took("{}", 1.0), &from_row, None),
        Judged::default(),
        "the row has none"
    );
}

#[test]
fn the_longest_gap_and_the_wait_have_limits_too() {
    let mut attempt = took("{}", 3.0);
    attempt.clocks.sent = Some(Offset::from_seconds(0.5));
    attempt.clocks.first_content = Some(Offset::from_seconds(1.0));
    attempt.clocks.last_content = Some(Offset::from_seconds(2.0));
    attempt.gaps_ns = vec![400_000_000, 600_000_000];
    let of = |limits: Limits| judge(&attempt, &limits, None).met;
    let ms = |ms| Some(Duration::from_millis(ms));
    assert_eq!(
        of(Limits {
            itl: ms(600),
            ..Limits::default()
        }),
        Some(true)
    );
    assert_eq!(
        of(Limits {
            itl: ms(599),
            ..Limits::default()
        }),
        Some(false)
    );
    assert_eq!(
        of(Limits {
            queue: ms(500),
            ..Limits::default()
        }),
        Some(true)
    );
    assert_eq!(
        of(Limits {
            queue: ms(499),
            ..Limits::default()
        }),
        Some(false)
    );
    let sent = |ttft| Limits {
        ttft,
        clock: SloClock::Sent,
        ..Limits::default()
    };
    assert_eq!(
        (of(sent(ms(500))), of(sent(ms(499)))),
        (Some(true), Some(false))
    );
    assert_eq!(
        of(Limits {
            ttft: ms(500),
            ..Limits::default()
        }),
        Some(false),
        "the scheduled clock began sooner"
    );
}

#[test]
fn a_retried_request_is_judged_from_its_first_attempt_on() {
    let limits = Limits {
        e2e: Some(E2eLimit::Fixed(Duration::from_secs(2))),
        clock: SloClock::Sent,
        ..Limits::default()
    };
    let mut first = took("{}", 1.0);
    first.outcome = Outcome::Http(500);
    let mut second = took("{}", 3.0);
    second.attempt = 2;
    second.clocks.sent = Some(Offset::from_seconds(2.5));
    let mut judge = Judge::new(&limits, None, 1);
    assert_eq!(judge.judge(&first).met, Some(false));
    assert_eq!(judge.judge(&second).met, Some(false));
    let mut other = second.clone();
    other.index = 1;
    assert_eq!(
        judge.judge(&other).met,
        Some(true),
        "alone it took half a second"
    );
    assert!(judge.begun.is_empty(), "settled requests are forgotten");
}

#[test]
fn warm_ups_have_no_limits() {
    let limits = Limits {
        e2e: Some(E2eLimit::Fixed(Duration::from_secs(2))),
        ..Limits::default()
    };
    let warm_up = Attempt {
        phase: Phase::Warmup,
        ..took("{}", 1.0)
    };
    assert_eq!(
        Judge::new(&limits, None, 0).judge(&warm_up),
        Judged::default()
    );
}
