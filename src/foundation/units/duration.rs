//! Durations with a unit: `250ms`, `30s`, `2m30s`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{UnitError, text_form};

/// A span of time as written in a scenario: one or more numbers, each with its unit, largest first.
///
/// Units are `h`, `m`, `s`, `ms`, `us` (or `µs`) and `ns`. A bare number is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct HumanDuration(pub Duration);

const EXPECTED: &str = "a duration with its unit, such as `250ms`, `30s` or `2m30s`";

/// Units with their length in nanoseconds, longest first; the order of the parts of a duration.
const UNITS: [(&str, f64); 7] = [
    ("h", 3.6e12),
    ("m", 6e10),
    ("s", 1e9),
    ("ms", 1e6),
    ("us", 1e3),
    ("µs", 1e3),
    ("ns", 1.0),
];

text_form!(
    HumanDuration,
    "A duration with its unit: `250ms`, `30s`, `2m30s`. Units: h, m, s, ms, us, ns. A bare number is an error.",
    r"^([0-9]+(\.[0-9]+)?(h|ms|m|s|us|µs|ns))+$",
    "30s"
);

impl FromStr for HumanDuration {
    type Err = UnitError;

    fn from_str(written: &str) -> Result<Self, UnitError> {
        let refuse = || UnitError::new(written, EXPECTED);
        let mut rest = written;
        let mut total_ns = 0.0_f64;
        let mut shortest = f64::INFINITY;
        while !rest.is_empty() {
            let number_len = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .ok_or_else(refuse)?;
            let (number, after) = rest.split_at(number_len);
            let unit_len = after
                .find(|c: char| c.is_ascii_digit() || c == '.')
                .unwrap_or(after.len());
            let (unit, next) = after.split_at(unit_len);
            let unit_ns = UNITS
                .iter()
                .find(|(name, _)| *name == unit)
                .map(|(_, ns)| *ns)
                .ok_or_else(refuse)?;
            if unit_ns >= shortest || number.starts_with('.') || number.ends_with('.') {
                return Err(refuse());
            }
            let value: f64 = number.parse().map_err(|_| refuse())?;
            total_ns += value * unit_ns;
            shortest = unit_ns;
            rest = next;
        }
        // Two centuries bound every duration: sums of offsets stay far from the end of 64 bits.
        if shortest.is_infinite() || total_ns > 6.3e18 {
            return Err(refuse());
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bounded above, and no part is negative"
        )]
        Ok(Self(Duration::from_nanos(total_ns.round() as u64)))
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total_ns = self.0.as_nanos();
        if total_ns == 0 {
            return f.write_str("0s");
        }
        let mut rest = total_ns;
        for (unit, ns) in [
            ("h", 3_600_000_000_000),
            ("m", 60_000_000_000),
            ("s", 1_000_000_000),
            ("ms", 1_000_000),
            ("us", 1_000),
            ("ns", 1),
        ] {
            let count = rest / ns;
            if count > 0 {
                write!(f, "{count}{unit}")?;
                rest %= ns;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Option<Duration> {
        text.parse::<HumanDuration>()
            .ok()
            .map(|duration| duration.0)
    }

    #[test]
    fn a_duration_is_read_with_its_unit() {
        assert_eq!(parse("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse("2m30s"), Some(Duration::from_secs(150)));
        assert_eq!(parse("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(parse("0.49ms"), Some(Duration::from_micros(490)));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "", "5", "5 s", "-1s", "1s1m", "1s1s", "s", "1.s", ".5s", "1e3s", "5sec", "inf",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_printed_duration_reads_back(ns in 0_u64..1_000_000_000_000_000) {
            let duration = HumanDuration(Duration::from_nanos(ns));
            prop_assert_eq!(duration.to_string().parse::<HumanDuration>(), Ok(duration));
        }
    }
}
