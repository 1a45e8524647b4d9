//! An estimated mean with what is known of its error: tests, intervals and what they could have shown.

use super::describe::{count, mean, variance};
use super::student::{t_quantile, t_upper_tail};

/// A mean, its standard error, and the degrees of freedom behind that error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Its standard error, positive.
    pub error: f64,
    /// Degrees of freedom; infinite where the error is known.
    pub df: f64,
}

impl Estimate {
    /// Of the mean of a sample; `None` for fewer than two values, and where all are equal.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = count(values);
        Self::new(mean(values)?, (variance(values)? / n).sqrt(), n - 1.0)
    }

    /// Of the difference of two means, second less first, whose variances need not be equal (Welch 1947); `None` for
    /// fewer than two values on a side, and where neither side varies.
    pub fn of_difference(first: &[f64], second: &[f64]) -> Option<Self> {
        let part = |values: &[f64]| Some(variance(values)? / count(values));
        let (one, two) = (part(first)?, part(second)?);
        let df = (one + two).powi(2)
            / (one.powi(2) / (count(first) - 1.0) + two.powi(2) / (count(second) - 1.0));
        Self::new(mean(second)? - mean(first)?, (one + two).sqrt(), df)
    }

    /// From its parts; `None` for an error that is none.
    pub fn new(mean: f64, error: f64, df: f64) -> Option<Self> {
        (error.is_finite() && error > 0.0 && df > 0.0 && mean.is_finite()).then_some(Self {
            mean,
            error,
            df,
        })
    }

    /// P of a t at least as great, were the true mean 0.
    pub fn p_greater(&self) -> f64 {
        t_upper_tail(self.mean / self.error, self.df).unwrap_or(1.0)
    }

    /// P of a t at least as small, were the true mean 0.
    pub fn p_less(&self) -> f64 {
        t_upper_tail(-self.mean / self.error, self.df).unwrap_or(1.0)
    }

    /// P of a t at least as far from 0.
    pub fn p_two_sided(&self) -> f64 {
        (2.0 * self.p_greater().min(self.p_less())).min(1.0)
    }

    /// The interval that covers the true mean with this confidence.
    pub fn interval(&self, confidence: f64) -> [f64; 2] {
        let half = self.width(f64::midpoint(1.0, confidence));
        [self.mean - half, self.mean + half]
    }

    /// The bound that the true mean lies under with this confidence.
    pub fn upper_bound(&self, confidence: f64) -> f64 {
        self.mean + self.width(confidence)
    }

    /// The least true mean that a two-sided test at `alpha` would have shown with this power (ci.md B.3 (8)).
    pub fn least_visible(&self, alpha: f64, power: f64) -> f64 {
        self.width(1.0 - alpha / 2.0) + self.width(power)
    }

    fn width(&self, share: f64) -> f64 {
        t_quantile(share, self.df).map_or(f64::INFINITY, |t| t * self.error)
    }
}

/// The t interval of a mean; `None` for fewer than two values. Equal values have an interval of no width.
pub fn mean_interval(values: &[f64], confidence: f64) -> Option<[f64; 2]> {
    match Estimate::of(values) {
        Some(estimate) => Some(estimate.interval(confidence)),
        None if values.len() >= 2 => mean(values).map(|mean| [mean, mean]),
        None => None,
    }
}

/// The least number of values at which the 95 % interval of their mean is no wider than ± `half_width`, with a standard
/// deviation of `stddev` and `extra_df` degrees of freedom beyond n − 1 (ci.md B.3 (7)). `None` beyond a million.
pub fn enough_for(stddev: f64, half_width: f64, extra_df: f64) -> Option<u32> {
    let fits = |n: u32| {
        let n = f64::from(n);
        t_quantile(0.975, n - 1.0 + extra_df).is_some_and(|t| t * stddev / n.sqrt() <= half_width)
    };
    let mut high = 2_u32;
    while !fits(high) {
        high = high.checked_mul(2).filter(|high| *high <= 1 << 20)?;
    }
    let mut low = (high / 2).max(1);
    while high - low > 1 {
        let middle = u32::midpoint(low, high);
        if fits(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}
