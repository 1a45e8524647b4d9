//! The most requests in flight.

use std::fmt;
use std::num::NonZeroU32;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many requests may be in flight at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Concurrency {
    /// At most so many.
    AtMost(NonZeroU32),
    /// As many as are due.
    Infinite,
}

impl Concurrency {
    /// One request at a time.
    pub const ONE: Self = Self::AtMost(NonZeroU32::MIN);

    /// The bound, `None` where there is none.
    pub const fn limit(self) -> Option<u32> {
        match self {
            Self::AtMost(limit) => Some(limit.get()),
            Self::Infinite => None,
        }
    }
}

impl fmt::Display for Concurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "{limit}"),
            Self::Infinite => f.write_str("inf"),
        }
    }
}

impl Serialize for Concurrency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::AtMost(limit) => serializer.serialize_u32(limit.get()),
            Self::Infinite => serializer.serialize_str("inf"),
        }
    }
}

impl<'de> Deserialize<'de> for Concurrency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(NonZeroU32),
            Text(String),
        }
        match Written::deserialize(deserializer) {
            Ok(Written::Number(limit)) => Ok(Self::AtMost(limit)),
            Ok(Written::Text(text)) if text == "inf" => Ok(Self::Infinite),
            Ok(Written::Text(text)) => text.parse().map(Self::AtMost).map_err(|_| {
                serde::de::Error::custom(format!(
                    "`{text}` is not a concurrency: a whole number from 1 on, or `inf`"
                ))
            }),
            Err(_) => Err(serde::de::Error::custom(
                "a concurrency is a whole number from 1 on, or `inf`",
            )),
        }
    }
}

impl schemars::JsonSchema for Concurrency {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Concurrency".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "The most requests in flight: a whole number from 1 on, or `inf`.",
            "anyOf": [
                { "type": "integer", "minimum": 1, "maximum": u32::MAX },
                { "type": "string", "pattern": "^(inf|[1-9][0-9]*)$" },
            ],
            "examples": [8, "inf"],
        })
    }
}
