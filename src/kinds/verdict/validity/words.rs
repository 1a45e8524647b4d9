//! How reasons write their numbers.

use crate::foundation::units::grouped;

/// A rate as people write it.
pub(super) fn rate(per_second: f64) -> String {
    if per_second < 100.0 {
        return format!("{per_second:.1}");
    }
    grouped(per_second.round())
}

/// Two numbers with as many decimals as tell them apart, one at least.
pub(super) fn told_apart(one: f64, two: f64) -> [String; 2] {
    let written = |decimals: usize| [one, two].map(|number| format!("{number:.decimals$}"));
    (1..7)
        .map(written)
        .find(|[one, two]| one != two)
        .unwrap_or_else(|| written(7))
}

/// A share that is not 0, so that it does not look like 0.
pub(super) fn percent(share: f64) -> String {
    if share < 0.001 {
        "under 0.1 %".to_owned()
    } else {
        format!("{:.1} %", share * 100.0)
    }
}
