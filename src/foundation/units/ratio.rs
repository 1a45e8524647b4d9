//! Shares of a whole: `95%` or `0.95`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::UnitError;

/// A share, 1 being the whole. Not negative; may exceed 1 (a tolerance of `150%`).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Ratio(pub f64);

const EXPECTED: &str = "a share, such as `95%` or `0.95`";

impl FromStr for Ratio {
    type Err = UnitError;

    fn from_str(written: &str) -> Result<Self, UnitError> {
        let refuse = || UnitError::new(written, EXPECTED);
        let (number, whole) = match written.strip_suffix('%') {
            Some(number) => (number, 100.0),
            None => (written, 1.0),
        };
        if !number.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(refuse());
        }
        let value: f64 = number.parse().map_err(|_| refuse())?;
        if value.is_finite() {
            Ok(Self(value / whole))
        } else {
            Err(refuse())
        }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A share as typed (`5%`) must not come back as `5.000000000000001%`.
        let percent = (self.0 * 100.0 * 1e9).round() / 1e9;
        write!(f, "{percent}%")
    }
}

impl Serialize for Ratio {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ratio {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(share) => share.to_string().parse(),
            Written::Text(text) => text.parse(),
        }
        .map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Ratio {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Ratio".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A share of the whole: `95%` or `0.95`.",
            "anyOf": [
                { "type": "number", "minimum": 0 },
                { "type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?%?$" },
            ],
            "examples": ["5%", 0.05],
        })
    }
}
