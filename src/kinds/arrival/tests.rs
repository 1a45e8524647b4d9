//! The drawn processes against their distributions.

#![expect(clippy::cast_precision_loss, reason = "small counts")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use statrs::function::gamma::gamma_lr;

use super::*;
use crate::foundation::seed::Seed;

/// A kind with its parameters.
type Process = (Kind, Parameters);

fn process(kind: Kind, per_second: f64, burstiness: f64) -> Process {
    let parameters = Parameters {
        per_second: Some(per_second),
        burstiness,
        timestamps_s: Arc::new([]),
        speed: 1.0,
    };
    (kind, parameters)
}

fn open((kind, parameters): Process) -> Result<Box<dyn Arrival>, ArrivalError> {
    Ok(kind.open(parameters)?.expect("a process with times"))
}

fn offsets(process: Process, seed: u64, count: usize) -> Vec<Offset> {
    let mut generator = Seed::root(seed).derive("arrivals").generator();
    let mut arrival = open(process).unwrap();
    (0..count)
        .filter_map(|_| arrival.next(&mut generator))
        .collect()
}

fn gaps(process: Process, seed: u64, count: usize) -> Vec<f64> {
    let offsets = offsets(process, seed, count + 1);
    offsets
        .windows(2)
        .map(|pair| pair[1].as_seconds() - pair[0].as_seconds())
        .collect()
}

/// Kolmogorov's distance between a sample and the gamma distribution with that shape and mean 1/rate (shape 1 is the
/// exponential).
fn distance(mut sample: Vec<f64>, shape: f64, per_second: f64) -> f64 {
    sample.sort_by(f64::total_cmp);
    let n = sample.len() as f64;
    let mut distance = 0.0_f64;
    for (place, value) in sample.iter().enumerate() {
        let expected = if *value > 0.0 {
            gamma_lr(shape, value * shape * per_second)
        } else {
            0.0
        };
        let (below, above) = (place as f64 / n, (place as f64 + 1.0) / n);
        distance = distance
            .max((expected - below).abs())
            .max((above - expected).abs());
    }
    distance
}

/// Over 20 seeds: none beyond the critical value at 0.1 % (1.95/√n), at most three beyond the one at 5 % (1.36/√n).
fn assert_fits(process: &Process, shape: f64, per_second: f64) {
    let n = 2000;
    let scaled: Vec<f64> = (0..20)
        .map(|seed| distance(gaps(process.clone(), seed, n), shape, per_second) * (n as f64).sqrt())
        .collect();
    assert!(scaled.iter().all(|distance| *distance < 1.95), "{scaled:?}");
    assert!(
        scaled.iter().filter(|distance| **distance > 1.36).count() <= 3,
        "{scaled:?}"
    );
}

/// Whether each of 20 seeds is beyond the critical value at 0.1 %: another distribution is found out.
fn assert_does_not_fit(process: &Process, shape: f64, per_second: f64) {
    let n = 2000;
    for seed in 0..20 {
        let scaled =
            distance(gaps(process.clone(), seed, n), shape, per_second) * (n as f64).sqrt();
        assert!(scaled > 1.95, "seed {seed}: {scaled}");
    }
}

#[test]
fn gaps_of_another_shape_or_rate_do_not_pass_for_these() {
    for (drawn, taken_for) in [(0.25, 1.0), (1.0, 0.6), (1.0, 1.6), (4.0, 1.0)] {
        assert_does_not_fit(&process(Kind::Gamma, 7.0, drawn), taken_for, 7.0);
    }
    assert_does_not_fit(&process(Kind::Poisson, 4.0, 1.0), 1.0, 5.0);
    assert_does_not_fit(&process(Kind::Constant, 4.0, 1.0), 1.0, 4.0);
}

/// A schedule as a program that shares nothing with ours computes it.
#[derive(serde::Deserialize)]
struct Golden {
    kind: Kind,
    rate: f64,
    burstiness: f64,
    seed: u64,
    /// By number; so far out that every branch of the methods has been taken on the way.
    offsets_ns: BTreeMap<usize, u64>,
}

#[derive(serde::Deserialize)]
struct GoldenFile {
    schedules: Vec<Golden>,
}

/// tests/fixtures/golden/schedules.py computes them from the papers. A nanosecond is the last digit of a logarithm.
#[test]
fn a_seed_draws_the_schedule_that_its_method_describes() {
    let golden: GoldenFile = serde_json::from_str(include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/golden/schedules.json"
    )))
    .unwrap();
    assert_eq!(golden.schedules.len(), 8);
    for one in golden.schedules {
        let drawn = process(one.kind, one.rate, one.burstiness);
        let last = *one.offsets_ns.keys().last().unwrap();
        let offsets = offsets(drawn, one.seed, last + 1);
        for (number, expected) in one.offsets_ns {
            let seen = offsets[number].as_nanos();
            assert!(
                seen.abs_diff(expected) <= 1,
                "{:?} {} of seed {}: number {number} at {seen} for {expected}",
                one.kind,
                one.burstiness,
                one.seed
            );
        }
    }
}

/// Whole seconds of a whole rate: each has exactly that many, and a million are as far as they should be. The oracle
/// counts in whole numbers.
#[test]
fn a_million_constant_arrivals_are_not_one_too_many_and_not_one_too_few() {
    const NS: u64 = 1_000_000_000;
    for rate in [3_u32, 7, 333, 1000, 9973] {
        let mut generator = Seed::root(0).generator();
        let mut arrival = open(process(Kind::Constant, f64::from(rate), 1.0)).unwrap();
        let rate = u64::from(rate);
        let (mut second, mut within) = (0, 0);
        for number in 0..1_000_000_u64 {
            let at = arrival.next(&mut generator).unwrap().as_nanos();
            let exact = u128::from(number) * u128::from(NS) / u128::from(rate);
            assert!(
                u128::from(at).abs_diff(exact) <= 1,
                "{rate}/s: number {number} at {at} ns"
            );
            if at >= (second + 1) * NS {
                assert_eq!(within, rate, "in second {second} at {rate}/s");
                (second, within) = (second + 1, 0);
            }
            within += 1;
        }
    }
}

#[test]
fn poisson_gaps_are_exponential() {
    assert_fits(&process(Kind::Poisson, 4.0, 1.0), 1.0, 4.0);
}

#[test]
fn gamma_gaps_have_the_burstiness_as_shape() {
    for burstiness in [0.25, 1.0, 4.0] {
        assert_fits(&process(Kind::Gamma, 7.0, burstiness), burstiness, 7.0);
    }
}

#[test]
fn a_process_without_sense_is_refused() {
    for per_second in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let refused =
            |process: Process| matches!(open(process).map(|_| ()), Err(ArrivalError::Rate { .. }));
        assert!(refused(process(Kind::Constant, per_second, 1.0)));
        assert!(refused(process(Kind::Poisson, per_second, 1.0)));
        assert!(refused(process(Kind::Gamma, per_second, 1.0)));
    }
    let shapeless = open(process(Kind::Gamma, 1.0, 0.0));
    assert!(matches!(
        shapeless.map(|_| ()),
        Err(ArrivalError::Burstiness { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// With n gaps of CV c the mean lies within 5 standard errors, c/√n each, but for one case in a million; so does
    /// the variance, whose error is √((excess kurtosis + 2)/n) with an excess of 6/shape.
    #[test]
    fn mean_and_variance_of_the_gaps_are_those_of_the_process(
        seed in any::<u64>(),
        per_second in 0.1_f64..1000.0,
        burstiness in 0.3_f64..5.0,
    ) {
        let n = 4000;
        for (drawn, shape) in [
            (process(Kind::Poisson, per_second, 1.0), 1.0),
            (process(Kind::Gamma, per_second, burstiness), burstiness),
        ] {
            let gaps = gaps(drawn, seed, n);
            let count = n as f64;
            let mean = gaps.iter().sum::<f64>() / count;
            let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / (count - 1.0);
            let expected = 1.0 / per_second;
            let cv = 1.0 / shape.sqrt();
            prop_assert!((mean / expected - 1.0).abs() < 5.0 * cv / count.sqrt());
            let spread = ((6.0 / shape + 2.0) / count).sqrt();
            // The variance of skewed gaps has a longer tail than a normal's.
            prop_assert!((variance / (expected * cv).powi(2) - 1.0).abs() < 7.0 * spread);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_schedule_and_times_never_go_back(
        seed in any::<u64>(),
        per_second in 0.01_f64..100_000.0,
    ) {
        for drawn in [
            process(Kind::Constant, per_second, 1.0),
            process(Kind::Poisson, per_second, 1.0),
            process(Kind::Gamma, per_second, 0.5),
        ] {
            let schedule = offsets(drawn.clone(), seed, 100);
            prop_assert_eq!(&schedule, &offsets(drawn.clone(), seed, 100));
            prop_assert!(schedule.is_sorted());
            prop_assert_eq!(schedule[0], Offset::ZERO);
            if drawn.0 != Kind::Constant {
                prop_assert_ne!(schedule, offsets(drawn, seed ^ 1, 100));
            }
        }
    }
}
