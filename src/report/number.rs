//! Numbers as people read them: three significant digits, one unit a column, a point whatever the locale.
//!
//! Rounding must not flatter: what is under a whole never reads as 100 %, what is not nothing never reads as 0, and a
//! value that misses its bound never reads as the bound itself. Knows no results.

use crate::kinds::metric::Unit;

/// What stands where there is no data; never 0.
pub const NO_DATA: &str = "–";

/// Significant digits of a displayed number.
const DIGITS: usize = 3;
/// Digits after which a value that still reads like its bound is no longer spelt out.
const MOST_DIGITS: usize = 9;

/// The unit that a column is shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Seconds as seconds.
    Seconds,
    /// Seconds as milliseconds.
    Milliseconds,
    /// Events per second.
    PerSecond,
    /// Shares as per cent.
    Percent,
    /// Whole things; means of them with three digits.
    Count,
    /// Bytes as they are.
    Bytes,
    /// Bytes in KiB.
    Kibibytes,
    /// Bytes in MiB.
    Mebibytes,
    /// Megabytes.
    Megabytes,
    /// As it is.
    Plain,
}

impl Scale {
    /// The scale for a column of such values: that of its middle in the logarithm, so that one value that moves seldom
    /// changes how all others are written.
    pub fn of(unit: Unit, values: impl IntoIterator<Item = f64>) -> Self {
        let logs: Vec<f64> = values
            .into_iter()
            .filter(|value| *value > 0.0)
            .map(f64::ln)
            .collect();
        let middle = logs
            .iter()
            .copied()
            .reduce(f64::min)
            .zip(logs.iter().copied().reduce(f64::max));
        let middle = middle.map_or(0.0, |(least, most)| f64::midpoint(least, most).exp());
        match unit {
            Unit::Seconds if middle >= 1.0 => Self::Seconds,
            Unit::Seconds => Self::Milliseconds,
            Unit::PerSecond => Self::PerSecond,
            Unit::Ratio => Self::Percent,
            Unit::Count => Self::Count,
            Unit::Bytes if middle >= 1024.0 * 1024.0 => Self::Mebibytes,
            Unit::Bytes if middle >= 4096.0 => Self::Kibibytes,
            Unit::Bytes => Self::Bytes,
            Unit::Megabytes => Self::Megabytes,
            Unit::Currency | Unit::None => Self::Plain,
        }
    }

    /// The scale of that name, as filters of templates take it.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "s" => Self::Seconds,
            "ms" => Self::Milliseconds,
            "/s" => Self::PerSecond,
            "%" => Self::Percent,
            "count" => Self::Count,
            "B" => Self::Bytes,
            "KiB" => Self::Kibibytes,
            "MiB" => Self::Mebibytes,
            "MB" => Self::Megabytes,
            "" => Self::Plain,
            _ => return None,
        })
    }

    /// The unit's symbol; empty for counts and what has none.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Milliseconds => "ms",
            Self::PerSecond => "/s",
            Self::Percent => "%",
            Self::Bytes => "B",
            Self::Kibibytes => "KiB",
            Self::Mebibytes => "MiB",
            Self::Megabytes => "MB",
            Self::Count | Self::Plain => "",
        }
    }

    /// By what a value in the results' unit is multiplied.
    pub const fn factor(self) -> f64 {
        match self {
            Self::Milliseconds => 1e3,
            Self::Percent => 100.0,
            Self::Kibibytes => 1.0 / 1024.0,
            Self::Mebibytes => 1.0 / (1024.0 * 1024.0),
            _ => 1.0,
        }
    }

    /// The value without its unit.
    pub fn show(self, value: f64) -> String {
        self.digits(value, DIGITS)
    }

    /// The value with its unit: `412 ms`, `12.3/s`.
    pub fn with_unit(self, value: f64) -> String {
        self.joined(&self.show(value))
    }

    /// The value with its unit and with as many digits as it takes to tell it from `bound`, unless they are equal.
    pub fn against(self, value: f64, bound: f64) -> String {
        let told = (DIGITS..=MOST_DIGITS)
            .find(|digits| self.digits(value, *digits) != self.digits(bound, *digits))
            .filter(|_| value.total_cmp(&bound).is_ne());
        self.joined(&self.digits(value, told.unwrap_or(DIGITS)))
    }

    fn joined(self, number: &str) -> String {
        match self.symbol() {
            "" => number.to_owned(),
            "/s" => format!("{number}/s"),
            symbol => format!("{number} {symbol}"),
        }
    }

    fn digits(self, value: f64, digits: usize) -> String {
        let scaled = value * self.factor();
        match self {
            Self::Count if value.fract() == 0.0 && value.abs() < 1e15 => format!("{value:.0}"),
            Self::Percent => percent(scaled, digits),
            _ => significant(scaled, digits),
        }
    }
}

/// A share in per cent; one under the whole never rounds up to it, one above never down.
fn percent(scaled: f64, digits: usize) -> String {
    let is_whole = |text: &str| {
        text.parse::<f64>()
            .is_ok_and(|shown| shown.total_cmp(&100.0).is_eq())
    };
    (digits..=MOST_DIGITS)
        .map(|digits| significant(scaled, digits))
        .find(|text| !is_whole(text) || scaled.total_cmp(&100.0).is_eq())
        .unwrap_or_else(|| if scaled < 100.0 { "< 100" } else { "> 100" }.to_owned())
}

/// A number with so many significant digits, without an exponent where it can be read without one.
pub fn significant(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return NO_DATA.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{value:.*e}", digits.saturating_sub(1));
    let exponent: i32 = scientific
        .split_once('e')
        .and_then(|(_, exponent)| exponent.parse().ok())
        .unwrap_or(0);
    if !(-6..15).contains(&exponent) {
        return scientific;
    }
    let rounded: f64 = scientific.parse().unwrap_or(value);
    let decimals = i32::try_from(digits).unwrap_or(0) - 1 - exponent;
    format!("{rounded:.*}", usize::try_from(decimals).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_has_three_significant_digits_and_no_exponent() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1.00"),
            (12.345, "12.3"),
            (0.012_345, "0.0123"),
            (999.6, "1000"),
            (1234.0, "1230"),
            (-4.5678, "-4.57"),
            (99.96, "100"),
            (9.996, "10.0"),
            (123_456.0, "123000"),
            (f64::NAN, "–"),
            (f64::INFINITY, "–"),
        ] {
            assert_eq!(significant(value, 3), text, "{value}");
        }
    }

    #[test]
    fn a_share_under_the_whole_never_reads_as_the_whole() {
        for (share, text) in [
            (1.0, "100 %"),
            (0.9996, "99.96 %"),
            (0.999_999, "99.9999 %"),
            (0.5, "50.0 %"),
            (0.000_04, "0.00400 %"),
            (0.0, "0 %"),
            (1.0 - 1e-12, "< 100 %"),
            (0.01, "1.00 %"),
            (1.0004, "100.04 %"),
            (10.0, "1000 %"),
        ] {
            assert_eq!(Scale::Percent.with_unit(share), text, "{share}");
        }
    }

    #[test]
    fn a_value_that_misses_its_bound_never_reads_as_the_bound() {
        assert_eq!(Scale::Seconds.against(20.004, 20.0), "20.004 s");
        assert_eq!(Scale::Seconds.against(20.0, 20.0), "20.0 s");
        assert_eq!(Scale::Percent.against(0.94999, 0.95), "94.999 %");
        assert_eq!(Scale::Milliseconds.against(0.4, 0.25), "400 ms");
    }

    #[test]
    fn a_column_has_one_unit_by_its_middle() {
        assert_eq!(Scale::of(Unit::Seconds, [0.01, 0.2]), Scale::Milliseconds);
        assert_eq!(Scale::of(Unit::Seconds, [2.0, 30.0]), Scale::Seconds);
        assert_eq!(Scale::of(Unit::Seconds, []), Scale::Milliseconds);
        assert_eq!(Scale::of(Unit::Bytes, [3e6]), Scale::Mebibytes);
    }

    proptest! {
        #[test]
        fn a_shown_number_is_within_half_a_percent_of_the_value(value in 1e-5_f64..1e12) {
            let shown: f64 = significant(value, 3).parse().unwrap();
            prop_assert!((shown - value).abs() <= value * 0.005_000_1);
        }
    }
}
