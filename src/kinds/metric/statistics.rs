//! Numbers of a sorted slice.

use super::totals::count;

pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / count(values.len() as u64))
}

pub(super) fn stddev(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / count(values.len() as u64 - 1)).sqrt())
}

pub(super) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let k = count(last as u64) * share;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within the slice's indices"
    )]
    let below = (k.floor() as usize).min(last);
    let above = (below + 1).min(last);
    Some(sorted[below] + (sorted[above] - sorted[below]) * (k - k.floor()))
}

pub(super) fn mean_interval(values: &[f64], _level: f64) -> Option<[f64; 2]> {
    let (mean, stddev) = (mean(values)?, stddev(values)?);
    use statrs::distribution::{ContinuousCDF as _, StudentsT};
    let n = count(values.len() as u64);
    let t = StudentsT::new(0.0, 1.0, n - 1.0).ok()?.inverse_cdf(0.975);
    let half = t * stddev / n.sqrt();
    Some([mean - half, mean + half])
}
