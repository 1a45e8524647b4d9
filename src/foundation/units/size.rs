//! Sizes in bytes with a unit: `8KiB`, `64MiB`, `100B`.

use std::fmt;
use std::str::FromStr;

use super::{UnitError, text_form};

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(pub u64);

const EXPECTED: &str = "a size with its unit, such as `100B`, `8KiB` or `64MiB`";

/// Units with their number of bytes, largest binary unit first (the order in which a size is printed).
const UNITS: [(&str, u64); 8] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

text_form!(
    Size,
    "A size in bytes with its unit: `100B`, `8KiB`, `64MiB`, `1GB`. A bare number is an error.",
    r"^[0-9]+(\.[0-9]+)?(B|kB|MB|GB|KiB|MiB|GiB|TiB)$",
    "8KiB"
);

impl FromStr for Size {
    type Err = UnitError;

    fn from_str(written: &str) -> Result<Self, UnitError> {
        let refuse = || UnitError::new(written, EXPECTED);
        let unit_at = written
            .find(|c: char| c.is_ascii_alphabetic())
            .ok_or_else(refuse)?;
        let (number, unit) = written.split_at(unit_at);
        let bytes = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .map(|(_, bytes)| *bytes)
            .ok_or_else(refuse)?;
        if !number.starts_with(|c: char| c.is_ascii_digit()) || number.ends_with('.') {
            return Err(refuse());
        }
        let value: f64 = number.parse().map_err(|_| refuse())?;
        #[expect(
            clippy::cast_precision_loss,
            reason = "units are powers of two or ten below 2^53"
        )]
        let total = value * bytes as f64;
        if total >= 9.0e18 {
            return Err(refuse());
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bounded above, not negative"
        )]
        Ok(Self(total.round() as u64))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, bytes) = UNITS
            .into_iter()
            .find(|(_, bytes)| self.0 >= *bytes && self.0.is_multiple_of(*bytes))
            .unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_with_its_unit_and_reads_back() {
        for (text, bytes) in [
            ("8KiB", 8192),
            ("100B", 100),
            ("1.5MiB", 1_572_864),
            ("1GB", 1_000_000_000),
        ] {
            let size: Size = text.parse().unwrap();
            assert_eq!(size.0, bytes, "{text}");
            assert_eq!(size.to_string().parse(), Ok(size), "{text}");
        }
        for text in ["8", "8K", "KiB", "-1B", "1.KiB", "8 KiB"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
