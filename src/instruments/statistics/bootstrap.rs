//! Intervals by drawing again from what was seen (Efron 1979), from a seed.

use rand_distr::{Distribution, Uniform};

use super::describe::{mean, quantile};
use crate::foundation::seed::Generator;

/// How often a sample is drawn again: enough for the ends of a 95 % interval to move by little.
const DRAWS: usize = 2000;

/// The percentile interval of a statistic of several independent samples, each drawn again on its own.
///
/// `None` where a sample is empty or a statistic of too many draws is undefined.
fn bootstrap_interval(
    samples: &[&[f64]],
    statistic: impl Fn(&[Vec<f64>]) -> Option<f64>,
    confidence: f64,
    generator: &mut Generator,
) -> Option<[f64; 2]> {
    let places: Vec<Uniform<usize>> = samples
        .iter()
        .map(|sample| Uniform::new(0, sample.len()).ok())
        .collect::<Option<_>>()?;
    let mut drawn: Vec<Vec<f64>> = samples.iter().map(|sample| sample.to_vec()).collect();
    let mut statistics = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS {
        for ((drawn, sample), places) in drawn.iter_mut().zip(samples).zip(&places) {
            for value in drawn.iter_mut() {
                *value = sample[places.sample(generator)];
            }
        }
        statistics.extend(statistic(&drawn).filter(|value| value.is_finite()));
    }
    // An interval over what is left of many undefined draws would be too narrow.
    if statistics.len() < DRAWS * 9 / 10 {
        return None;
    }
    statistics.sort_by(f64::total_cmp);
    let tail = (1.0 - confidence) / 2.0;
    Some([
        quantile(&statistics, tail)?,
        quantile(&statistics, 1.0 - tail)?,
    ])
}

/// The interval of a ratio of two means: the speed-up of one sample over the other. `None` for fewer than two values on
/// a side.
pub fn ratio_interval(
    numerator: &[f64],
    denominator: &[f64],
    confidence: f64,
    generator: &mut Generator,
) -> Option<[f64; 2]> {
    if numerator.len() < 2 || denominator.len() < 2 {
        return None;
    }
    let ratio = |drawn: &[Vec<f64>]| Some(mean(&drawn[0])? / mean(&drawn[1])?);
    bootstrap_interval(&[numerator, denominator], ratio, confidence, generator)
}
