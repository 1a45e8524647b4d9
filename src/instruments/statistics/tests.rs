//! Against numbers of others: `tests/fixtures/golden/statistics.json` (SciPy), seeds.md §7 and ci.md part B.

#![expect(
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "small counts; the same draws give the same bits"
)]

use proptest::prelude::*;
use serde_json::Value;

use super::describe::stddev_population;
use super::rank::binomial_tails;
use super::student::t_quantile;
use super::*;
use crate::foundation::seed::Seed;

fn golden(part: &str) -> Vec<Value> {
    let text = include_str!("../../../tests/fixtures/golden/statistics.json");
    let all: Value = serde_json::from_str(text).unwrap();
    let part = all[part].as_array().unwrap().clone();
    assert!(!part.is_empty());
    part
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_f64().unwrap())
        .collect()
}

#[track_caller]
fn close(value: f64, expected: &Value) {
    let expected = expected.as_f64().unwrap();
    assert!(
        (value - expected).abs() <= 1e-9 * expected.abs().max(1e-6),
        "{value} is not {expected}"
    );
}

/// seeds.md G14, from NumPy.
#[test]
fn quantiles_are_numpys() {
    let quantiles = |values: &[f64], qs: &[f64]| -> Vec<f64> {
        qs.iter()
            .map(|q| (quantile(values, *q).unwrap() * 1e9).round() / 1e9)
            .collect()
    };
    let qs = [0.5, 0.9, 0.95, 0.99];
    assert_eq!(
        quantiles(&[0.5, 1.0, 1.5, 2.0, 10.0], &qs),
        [1.5, 6.8, 8.4, 9.68]
    );
    assert_eq!(
        quantiles(&[1.0, 2.0, 3.0, 4.0], &qs),
        [2.5, 3.7, 3.85, 3.97]
    );
    assert_eq!(quantile(&[], 0.5), None);
    assert_eq!(quantile_of(&mut [], 0.5), None);
    assert_eq!(quantile(&[3.0], 0.99), Some(3.0));
    assert_eq!(
        quantile(&[1.0, f64::INFINITY, f64::INFINITY], 0.75),
        Some(f64::INFINITY)
    );
}

/// Seconds that ServerlessLLM and safetensors took to load a cached Qwen3-32B (seeds.md 5.6), and their statistics (G21).
const SLLM: [f64; 5] = [
    1.508_440_256_118_774_4,
    1.207_064_628_601_074_2,
    1.165_124_893_188_476_6,
    1.173_630_475_997_924_8,
    1.209_834_098_815_918,
];
const SAFETENSORS: [f64; 5] = [
    12.550_911_664_962_769,
    12.590_926_170_349_121,
    12.407_240_629_196_167,
    12.399_647_235_870_361,
    12.381_666_421_890_259,
];

#[test]
fn deviations_are_with_n_less_one_and_with_n() {
    let close = |value: Option<f64>, expected: f64, digits: f64| {
        assert!(
            (value.unwrap() - expected).abs() < digits,
            "{value:?} is not {expected}"
        );
    };
    close(mean(&SLLM), 1.252_818_870_544_433_6, 1e-14);
    close(stddev_population(&SLLM), 0.129_030_592_895_383_18, 1e-14);
    close(stddev(&SLLM), 0.144_261, 5e-7);
    close(
        mean(&SAFETENSORS).map(|slow| slow / mean(&SLLM).unwrap()),
        9.950_423_574_827_214,
        1e-12,
    );
    assert_eq!(
        (mean(&[]), stddev(&[1.0]), stddev_population(&[])),
        (None, None, None)
    );
    // One pass over such values loses every digit.
    let far: Vec<f64> = SLLM.iter().map(|value| value + 1e9).collect();
    close(stddev(&far), stddev(&SLLM).unwrap(), 1e-6);
}

#[test]
fn t_quantiles_match_scipy() {
    for case in golden("t_quantile") {
        let t = t_quantile(case["p"].as_f64().unwrap(), case["df"].as_f64().unwrap()).unwrap();
        close(t, &case["t"]);
    }
}

#[test]
fn one_sample_tests_and_intervals_match_scipy() {
    for case in golden("one_sample") {
        let values = numbers(&case["x"]);
        let estimate = Estimate::of(&values).unwrap();
        close(estimate.mean, &case["mean"]);
        close(estimate.p_two_sided(), &case["p"]);
        close(estimate.p_greater(), &case["greater"]);
        close(estimate.interval(0.95)[0], &case["ci"][0]);
        close(estimate.interval(0.95)[1], &case["ci"][1]);
        close(estimate.upper_bound(0.95), &case["upper"]);
        assert_eq!(mean_interval(&values, 0.95), Some(estimate.interval(0.95)));
    }
    assert_eq!(Estimate::of(&[1.0]), None);
    assert_eq!(
        Estimate::of(&[2.0, 2.0]),
        None,
        "a variance of nothing allows no test"
    );
    assert_eq!(mean_interval(&[2.0, 2.0], 0.95), Some([2.0, 2.0]));
    assert_eq!(mean_interval(&[2.0], 0.95), None);
}

#[test]
fn welchs_test_matches_scipy() {
    for case in golden("welch") {
        let estimate = Estimate::of_difference(&numbers(&case["a"]), &numbers(&case["b"])).unwrap();
        close(estimate.p_two_sided(), &case["p"]);
        close(estimate.df, &case["df"]);
        close(estimate.interval(0.95)[0], &case["ci"][0]);
        close(estimate.interval(0.95)[1], &case["ci"][1]);
    }
}

#[test]
fn signed_ranks_match_scipy() {
    for case in golden("signed_rank") {
        let (greater, less) = signed_rank(&numbers(&case["x"])).unwrap();
        close(greater, &case["greater"]);
        close(less, &case["less"]);
    }
    assert_eq!(signed_rank(&[0.0, 0.0]), None);
    // All of eight on one side: 2^-8, whatever the ties.
    assert_eq!(signed_rank(&[1.0; 8]), Some((1.0 / 256.0, 1.0)));
}

#[test]
fn exact_tails_match_scipy() {
    for case in golden("fisher") {
        let pair = |side: &str| {
            (
                case[side][0].as_u64().unwrap(),
                case[side][1].as_u64().unwrap(),
            )
        };
        close(
            fisher_more_in_second(pair("first"), pair("second")),
            &case["p"],
        );
    }
    for case in golden("binomial") {
        let (k, n) = (case["k"].as_u64().unwrap(), case["n"].as_u64().unwrap());
        let (most, least) = binomial_tails(k, n, case["p"].as_f64().unwrap());
        close(most, &case["most"]);
        close(least, &case["least"]);
    }
    assert_eq!(binomial_tails(0, 10, 0.0), (1.0, 1.0));
}

/// ci.md B.3 (2): with no violation a p99 needs 299 requests for a confidence of 95 %.
#[test]
fn the_least_number_of_requests_for_a_percentile_is_that_of_the_research() {
    assert!(binomial_tails(0, 298, 0.01).0 > 0.05);
    assert!(binomial_tails(0, 299, 0.01).0 <= 0.05);
    assert!(binomial_tails(1, 472, 0.01).0 > 0.05);
    assert!(binomial_tails(1, 473, 0.01).0 <= 0.05);
}

#[test]
fn benjamini_and_hochbergs_rule_matches_scipy() {
    for case in golden("benjamini_hochberg") {
        let p = numbers(&case["p"]);
        let significant: Vec<Value> = benjamini_hochberg(&p, 0.05, p.len())
            .into_iter()
            .map(Value::from)
            .collect();
        assert_eq!(Value::Array(significant), case["significant"]);
    }
    assert_eq!(benjamini_hochberg(&[0.01, 0.02], 0.05, 2), [true, true]);
    assert_eq!(
        benjamini_hochberg(&[0.01, 0.02], 0.05, 6),
        [false, false],
        "what was not tested counts"
    );
    assert_eq!(benjamini_hochberg(&[], 0.05, 3), Vec::<bool>::new());
}

#[test]
fn moderated_variances_match_smyths_formulas() {
    for case in golden("moderated") {
        let samples: Vec<(f64, f64)> = numbers(&case["variances"])
            .into_iter()
            .zip(numbers(&case["df"]))
            .collect();
        let moderated = moderate(&samples).unwrap();
        close(moderated.prior_variance, &case["prior_variance"]);
        match case["prior_df"].as_f64() {
            Some(_) => close(moderated.prior_df, &case["prior_df"]),
            None => assert!(moderated.prior_df.is_infinite()),
        }
        for (value, expected) in moderated
            .variances
            .iter()
            .zip(case["moderated"].as_array().unwrap())
        {
            close(*value, expected);
        }
    }
    assert_eq!(moderate(&[(1.0, 2.0)]), None);
    assert_eq!(moderate(&[(1.0, 2.0), (0.0, 2.0)]), None);
}

/// ci.md B.3 (8), "Planning table": pairs needed to see a worsening with 80 % power, by the noise of one side.
#[test]
fn the_least_visible_effect_agrees_with_the_planning_table() {
    let noises = [0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.20];
    let effects = [0.03_f64, 0.05, 0.10, 0.15, 0.20, 0.30];
    let table = [
        [5, 3, 3, 3, 3, 3],
        [10, 5, 3, 3, 3, 3],
        [19, 9, 4, 3, 3, 3],
        [47, 19, 7, 5, 4, 3],
        [117, 45, 14, 8, 6, 4],
        [261, 97, 27, 14, 9, 6],
        [721, 266, 72, 35, 21, 12],
    ];
    let visible = |noise: f64, pairs: i32| {
        let pairs = f64::from(pairs);
        let error = noise * 2.0_f64.sqrt() / pairs.sqrt();
        Estimate::new(0.0, error, pairs - 1.0)
            .unwrap()
            .least_visible(0.05, 0.8)
    };
    for (noise, row) in noises.into_iter().zip(table) {
        for (effect, pairs) in effects.into_iter().zip(row) {
            // The table's power is exact, the sum of two quantiles nearly so: one pair of difference is allowed.
            assert!(
                visible(noise, pairs + 1) <= effect.ln_1p(),
                "{noise} {effect} {pairs}"
            );
            if pairs > 4 {
                assert!(
                    visible(noise, pairs - 2) > effect.ln_1p(),
                    "{noise} {effect} {pairs}"
                );
            }
        }
    }
}

#[test]
fn enough_values_are_the_fewest_that_fit() {
    for (stddev, half_width) in [(0.05, 0.02), (0.1, 0.01), (0.01, 0.5), (0.3, 0.024)] {
        let n = enough_for(stddev, half_width, 0.0).unwrap();
        let half = |n: u32| {
            t_quantile(0.975, f64::from(n) - 1.0)
                .map_or(f64::INFINITY, |t| t * stddev / f64::from(n).sqrt())
        };
        assert!(
            half(n) <= half_width && (n == 2 || half(n - 1) > half_width),
            "{n}"
        );
        assert!(enough_for(stddev, half_width, 50.0).unwrap() <= n);
    }
    assert_eq!(enough_for(1.0, 1e-6, 0.0), None);
}

#[test]
fn a_bootstrap_covers_a_known_ratio_and_repeats_itself() {
    let interval = |seed| {
        ratio_interval(&SAFETENSORS, &SLLM, 0.95, &mut Seed::root(seed).generator()).unwrap()
    };
    let [low, high] = interval(1);
    assert!(low < 9.950_423 && 9.950_423 < high, "{low} {high}");
    // No drawn mean leaves the range of its sample.
    assert!(low > 12.38 / 1.509 && high < 12.6 / 1.165, "{low} {high}");
    assert_eq!(interval(1), interval(1));
    assert_ne!(interval(1), interval(2));
    assert_eq!(
        ratio_interval(&[1.0], &SLLM, 0.95, &mut Seed::root(1).generator()),
        None
    );
}

proptest! {
    #[test]
    fn a_quantile_of_values_in_no_order_is_that_of_the_sorted_ones_to_the_last_bit(
        mut values in prop::collection::vec(-1e3..1e3_f64, 1..60),
        share in prop_oneof![Just(0.0), Just(0.5), Just(0.99), Just(1.0), 0.0..=1.0_f64],
    ) {
        let found = quantile_of(&mut values.clone(), share);
        values.sort_unstable_by(f64::total_cmp);
        prop_assert_eq!(found, quantile(&values, share));
    }

    #[test]
    fn a_quantile_lies_between_its_neighbours_and_grows_with_q(
        mut values in proptest::collection::vec(-1e6_f64..1e6, 1..50),
        q in 0.0_f64..1.0,
    ) {
        values.sort_by(f64::total_cmp);
        let place = (values.len() - 1) as f64 * q;
        let here = quantile(&values, q).unwrap();
        for (number, value) in values.iter().enumerate() {
            prop_assert!(number as f64 > place || *value <= here);
            prop_assert!((number as f64) < place || here <= *value);
        }
        prop_assert!(here <= quantile(&values, (q + 0.1).min(1.0)).unwrap());
    }

    #[test]
    fn both_tails_share_what_is_exactly_there(values in proptest::collection::vec(-1e3_f64..1e3, 2..20)) {
        if let Some(estimate) = Estimate::of(&values) {
            prop_assert!((estimate.p_greater() + estimate.p_less() - 1.0).abs() < 1e-9);
            let [low, high] = estimate.interval(0.95);
            let covers = low <= 0.0 && 0.0 <= high;
            prop_assert_eq!(covers, estimate.p_two_sided() >= 0.05);
        }
        let (over, under) = signed_rank(&values).unwrap_or((1.0, 1.0));
        prop_assert!(over + under >= 1.0 - 1e-9);
    }

    #[test]
    fn a_moderated_variance_lies_between_its_own_and_the_common_one(
        samples in proptest::collection::vec((1e-8_f64..10.0, 1.0_f64..20.0), 2..30),
    ) {
        let moderated = moderate(&samples).unwrap();
        for ((own, _), drawn) in samples.iter().zip(&moderated.variances) {
            let (low, high) = (own.min(moderated.prior_variance), own.max(moderated.prior_variance));
            prop_assert!(low * (1.0 - 1e-9) <= *drawn && *drawn <= high * (1.0 + 1e-9));
        }
    }

    #[test]
    fn more_tests_in_the_family_never_make_one_significant(
        p in proptest::collection::vec(0.0_f64..1.0, 1..40),
        extra in 0_usize..40,
    ) {
        let alone = benjamini_hochberg(&p, 0.05, p.len());
        let among = benjamini_hochberg(&p, 0.05, p.len() + extra);
        prop_assert!(alone.iter().zip(&among).all(|(alone, among)| *alone || !among));
    }
}
