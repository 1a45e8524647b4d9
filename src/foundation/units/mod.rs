//! Quantities as people write them: parsed from and printed to one canonical form each.
//!
//! A bare number is refused wherever a unit could be meant. Inside, times are `std::time::Duration` and [`Offset`].

mod concurrency;
mod duration;
mod grouped;
mod offset;
mod rate;
mod ratio;
mod size;

pub use concurrency::Concurrency;
pub use duration::HumanDuration;
pub use grouped::grouped;
pub use offset::Offset;
pub use rate::Rate;
pub use ratio::Ratio;
pub use size::Size;

/// Why a quantity could not be read: what stood there, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{written}` is not {expected}")]
pub struct UnitError {
    /// What stood in the file.
    pub written: String,
    /// The form that was expected, with an example.
    pub expected: &'static str,
}

impl UnitError {
    fn new(written: &str, expected: &'static str) -> Self {
        Self {
            written: written.to_owned(),
            expected,
        }
    }
}

/// Implements serde and JSON Schema for a quantity by its text form.
macro_rules! text_form {
    ($type:ident, $description:literal, $pattern:literal, $example:literal) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "description": $description,
                    "pattern": $pattern,
                    "examples": [$example],
                })
            }
        }
    };
}
use text_form;
