//! Rates of requests: `5`, `30/min`, `2/s`, `inf`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::UnitError;

/// Requests offered per second, or as many as there are at once.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub enum Rate {
    /// A positive, finite number of requests per second.
    PerSecond(f64),
    /// No pacing: a request is due as soon as there is one.
    Infinite,
}

const EXPECTED: &str =
    "a rate: requests per second as a number, or `30/min`, `2/s`, `100/h`, `inf`";

impl Rate {
    /// Requests per second, `None` where the rate is infinite.
    pub const fn per_second(self) -> Option<f64> {
        match self {
            Self::PerSecond(rate) => Some(rate),
            Self::Infinite => None,
        }
    }

    fn finite(written: &str, rate: f64) -> Result<Self, UnitError> {
        if rate.is_finite() && rate > 0.0 {
            Ok(Self::PerSecond(rate))
        } else {
            Err(UnitError::new(written, EXPECTED))
        }
    }
}

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(written: &str) -> Result<Self, UnitError> {
        if written == "inf" {
            return Ok(Self::Infinite);
        }
        let refuse = |_| UnitError::new(written, EXPECTED);
        let (number, per) = match written.split_once('/') {
            Some((number, "s" | "sec")) => (number, 1.0),
            Some((number, "min" | "m")) => (number, 60.0),
            Some((number, "h")) => (number, 3600.0),
            Some(_) => return Err(UnitError::new(written, EXPECTED)),
            None => (written, 1.0),
        };
        if number.starts_with(['+', '-']) || number.contains(|c: char| c.is_ascii_alphabetic()) {
            return Err(UnitError::new(written, EXPECTED));
        }
        let number: f64 = number.parse().map_err(refuse)?;
        Self::finite(written, number / per)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PerSecond(rate) => write!(f, "{rate}"),
            Self::Infinite => f.write_str("inf"),
        }
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::PerSecond(rate) => serializer.serialize_f64(*rate),
            Self::Infinite => serializer.serialize_str("inf"),
        }
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(rate) => Self::finite(&rate.to_string(), rate),
            Written::Text(text) => text.parse(),
        }
        .map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Rate {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Requests per second as a bare number, or with its unit: `30/min`, `2/s`, `100/h`; `inf` sends as soon as there is a request.",
            "anyOf": [
                { "type": "number", "exclusiveMinimum": 0 },
                { "type": "string", "pattern": r"^(inf|[0-9]+(\.[0-9]+)?(/(s|sec|min|m|h))?)$" },
            ],
            "examples": [5, "30/min", "inf"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_per_second_whatever_it_was_written_in() {
        assert_eq!("30/min".parse(), Ok(Rate::PerSecond(0.5)));
        assert_eq!("2/s".parse(), Ok(Rate::PerSecond(2.0)));
        assert_eq!("inf".parse(), Ok(Rate::Infinite));
        assert_eq!("0.1".parse(), Ok(Rate::PerSecond(0.1)));
    }

    #[test]
    fn a_rate_that_offers_nothing_is_refused() {
        for text in ["0", "-1", "nan", "1e400", "5/day", "", "/s", "infinity"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
