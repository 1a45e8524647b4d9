//! What describes a sample: quantiles, mean, spread.

/// The quantile of sorted values by linear interpolation between order statistics at k = (n−1)q: type 7 of Hyndman &
/// Fan (1996), the default of NumPy and Polars' "linear". `None` without values.
pub fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let (below, above, part) = places(sorted.len() as u64, q)?;
    let value = |place: u64| sorted[usize::try_from(place).unwrap_or(usize::MAX)];
    Some(interpolated(value(below), value(above), part))
}

/// The same of values in no order, which are moved.
pub fn quantile_of(values: &mut [f64], q: f64) -> Option<f64> {
    let (below, above, part) = places(values.len() as u64, q)?;
    let (_, low, higher) =
        values.select_nth_unstable_by(usize::try_from(below).unwrap_or(usize::MAX), f64::total_cmp);
    let next = || higher.iter().copied().min_by(f64::total_cmp);
    let high = (above > below).then(next).flatten();
    Some(interpolated(*low, high.unwrap_or(*low), part))
}

/// Between which places of `n` sorted values a quantile lies, and how far from the first of them; `None` without values.
pub(super) fn places(n: u64, q: f64) -> Option<(u64, u64, f64)> {
    let last = n.checked_sub(1)?;
    let place = count_of(last) * q.clamp(0.0, 1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the last place"
    )]
    let below = place.floor() as u64;
    Some((below, (below + 1).min(last), place - place.floor()))
}

/// The value that lies that `part` of the way from `low` to `high`.
pub(super) fn interpolated(low: f64, high: f64, part: f64) -> f64 {
    // Equal ends, infinite ones too, are their own middle.
    if part == 0.0 || low.total_cmp(&high).is_eq() {
        low
    } else {
        low + (high - low) * part
    }
}

/// The mean; `None` without values.
pub fn mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let n = count(values);
    let first = values.iter().sum::<f64>() / n;
    // A second pass takes out what rounding left of the first.
    Some(first + values.iter().map(|value| value - first).sum::<f64>() / n)
}

/// The sample variance, with n − 1; `None` for fewer than two values.
pub fn variance(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    Some(squares(values)? / (count(values) - 1.0))
}

/// The sample standard deviation, with n − 1; `None` for fewer than two values.
pub fn stddev(values: &[f64]) -> Option<f64> {
    variance(values).map(f64::sqrt)
}

/// The standard deviation of the values themselves, with n (`stddev_pop` of model loads); `None` without values.
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "of model loads, which no protocol makes yet")
)]
pub fn stddev_population(values: &[f64]) -> Option<f64> {
    Some((squares(values)? / count(values)).sqrt())
}

/// Squared deviations from the mean, in two passes.
pub(super) fn squares(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    Some(values.iter().map(|value| (value - mean).powi(2)).sum())
}

pub(super) fn count(values: &[f64]) -> f64 {
    count_of(values.len() as u64)
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub(super) fn count_of(n: u64) -> f64 {
    n as f64
}
