//! Variances that borrow from each other: empirical Bayes moderation (Smyth 2004, as in limma; ci.md B.3 (5)).

use statrs::function::gamma::digamma;

use super::describe::{mean, variance};

/// Moderated variances.
#[derive(Debug, Clone, PartialEq)]
pub struct Moderated {
    /// Each variance drawn towards the common one, in the order of the input.
    pub variances: Vec<f64>,
    /// Degrees of freedom that the common variance brings to each; infinite where all variances may be one.
    pub prior_df: f64,
    /// The common variance.
    pub prior_variance: f64,
}

/// Moderates sample variances, each with its degrees of freedom. `None` for fewer than two, or where one is not
/// positive: a variance of nothing says nothing of the others.
pub fn moderate(samples: &[(f64, f64)]) -> Option<Moderated> {
    let sound = |(variance, df): &(f64, f64)| variance.is_finite() && *variance > 0.0 && *df > 0.0;
    if samples.len() < 2 || !samples.iter().all(sound) {
        return None;
    }
    let logs: Vec<f64> = samples
        .iter()
        .map(|(variance, df)| variance.ln() - digamma(df / 2.0) + (df / 2.0).ln())
        .collect();
    let expected: Vec<f64> = samples.iter().map(|(_, df)| trigamma(df / 2.0)).collect();
    let centre = mean(&logs)?;
    let beyond = variance(&logs)? - mean(&expected)?;
    let (prior_df, prior_variance) = if beyond > 0.0 {
        let half = trigamma_inverse(beyond);
        (2.0 * half, (centre + digamma(half) - half.ln()).exp())
    } else {
        (f64::INFINITY, centre.exp())
    };
    let moderated = |(variance, df): &(f64, f64)| {
        if prior_df.is_infinite() {
            prior_variance
        } else {
            (prior_df * prior_variance + df * variance) / (prior_df + df)
        }
    };
    Some(Moderated {
        variances: samples.iter().map(moderated).collect(),
        prior_df,
        prior_variance,
    })
}

/// ψ′(x) for x > 0: the recurrence up to 16, then the asymptotic series (Abramowitz & Stegun 6.4.12).
fn trigamma(x: f64) -> f64 {
    let (mut x, mut sum) = (x, 0.0);
    while x < 16.0 {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let r = 1.0 / (x * x);
    sum + 1.0 / x
        + r / 2.0
        + r / x
            * (1.0 / 6.0 - r * (1.0 / 30.0 - r * (1.0 / 42.0 - r * (1.0 / 30.0 - r * 5.0 / 66.0))))
}

/// ψ″(x) for x > 0, in the same way.
fn tetragamma(x: f64) -> f64 {
    let (mut x, mut sum) = (x, 0.0);
    while x < 16.0 {
        sum -= 2.0 / x.powi(3);
        x += 1.0;
    }
    let r = 1.0 / (x * x);
    sum - r
        - r / x
        - r * r * (0.5 - r * (1.0 / 6.0 - r * (1.0 / 6.0 - r * (3.0 / 10.0 - r * 5.0 / 6.0))))
}

/// The x > 0 with ψ′(x) = y, by Newton's method on 1/ψ′ (limma's `trigammaInverse`).
fn trigamma_inverse(y: f64) -> f64 {
    if y > 1e7 {
        return 1.0 / y.sqrt();
    }
    if y < 1e-6 {
        return 1.0 / y;
    }
    let mut x = 0.5 + 1.0 / y;
    for _ in 0..50 {
        let tri = trigamma(x);
        let step = tri * (1.0 - tri / y) / tetragamma(x);
        x += step;
        if -step / x < 1e-12 {
            break;
        }
    }
    x
}

#[cfg(test)]
mod functions {
    use super::*;
    use std::f64::consts::PI;

    #[test]
    fn polygammas_have_their_known_values() {
        assert!((trigamma(1.0) - PI * PI / 6.0).abs() < 1e-14);
        assert!((trigamma(0.5) - PI * PI / 2.0).abs() < 1e-13);
        // ψ″(1) = −2 ζ(3), Apéry's constant.
        assert!((tetragamma(1.0) + 2.0 * 1.202_056_903_159_594_2).abs() < 1e-13);
        for y in [1e-3, 0.3, 2.0, 500.0] {
            assert!(
                (trigamma(trigamma_inverse(y)) / y - 1.0).abs() < 1e-10,
                "{y}"
            );
        }
    }
}
