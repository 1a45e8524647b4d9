//! What can be an axis, and the one form in which each value of it is held.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Number, Value, json};

use super::search::Search;
use crate::foundation::units::{Concurrency, Rate, Ratio};
use crate::kinds::arrival;
use crate::scenario::{Scenario, canonical};

/// Keys of `load` that hold for the whole run, and so for every cell alike.
const WHOLE_RUN: [&str; 4] = ["order", "repeats", "seed", "cooldown"];

/// Keys that may stand under `load` and are axes by their own name.
const OWN_NAME: [&str; 3] = ["rate", "concurrency", "arrival"];

/// What every message about a wrong key says.
pub(super) const AXES: &str = "axes are target, dataset, model, rate, concurrency, arrival, params.<name>, params \
     (a list of maps) and load.<key>";

/// A key of the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis<'a> {
    Target,
    Dataset,
    Model,
    Rate,
    Concurrency,
    Arrival,
    /// One request parameter.
    Param(&'a str),
    /// Request parameters that move together.
    Params,
    /// A key path below `load`.
    Load(&'a str),
}

impl<'a> Axis<'a> {
    /// The axis of that name, or why it cannot be one.
    pub(super) fn parse(name: &'a str) -> Result<Self, String> {
        Ok(match name {
            "target" => Self::Target,
            "dataset" => Self::Dataset,
            "model" => Self::Model,
            "rate" => Self::Rate,
            "concurrency" => Self::Concurrency,
            "arrival" => Self::Arrival,
            "params" => Self::Params,
            _ => match name.split_once('.') {
                Some(("params", parameter)) if !parameter.is_empty() => Self::Param(parameter),
                Some(("load", key)) if WHOLE_RUN.contains(&key) => {
                    return Err(format!(
                        "`load.{key}` holds for the whole run and cannot be an axis"
                    ));
                }
                Some(("load", key)) if OWN_NAME.contains(&key) => {
                    return Err(format!("`load.{key}` is the axis `{key}`"));
                }
                Some(("load", key)) if !key.is_empty() => Self::Load(key),
                _ => return Err(format!("`{name}` cannot be an axis")),
            },
        })
    }

    /// The form in which equal values are equal: rates per second, integers without a fraction.
    pub(super) fn canonical(self, value: &Value) -> Result<Value, String> {
        match self {
            Self::Rate | Self::Concurrency if value.get("search").is_some() => {
                let search = self.search(value)?.map(|search| {
                    let (min, max, precision) = (search.min, search.max, search.precision);
                    json!({ "search": { "min": min, "max": max, "precision": precision } })
                });
                Ok(canonical_numbers(&search.unwrap_or_default()))
            }
            Self::Rate => rate(value).map(|rate| canonical_numbers(&to_value(&rate))),
            Self::Concurrency => concurrency(value).map(|limit| to_value(&limit)),
            Self::Arrival => arrival_kind(value).map(|kind| Value::from(kind.name())),
            Self::Target | Self::Dataset | Self::Model => match value {
                Value::String(_) => Ok(value.clone()),
                other => Err(format!("`{other}` is not a name")),
            },
            Self::Params if !value.is_object() => {
                Err(format!("`{value}` is not a map of request parameters"))
            }
            Self::Param(_) | Self::Params | Self::Load(_) => Ok(canonical_numbers(value)),
        }
    }

    /// What to write as a value of it.
    pub(super) const fn example(self) -> &'static str {
        match self {
            Self::Target | Self::Dataset | Self::Model => "write a name",
            Self::Rate => "write it like `5`, `30/min`, `inf` or `{ search: { min: 1, max: 64 } }`",
            Self::Concurrency => "write it like `8`, `inf` or `{ search: { min: 1, max: 64 } }`",
            Self::Arrival => "write one of these",
            Self::Param(_) | Self::Load(_) => "write it as it would stand at its own place",
            Self::Params => "write it like `{ width: 512, height: 512 }`",
        }
    }

    /// The search that a value of this axis asks for; `None` where it is a plain value.
    pub(super) fn search(self, value: &Value) -> Result<Option<Search>, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Ends<T> {
            min: T,
            max: T,
            precision: Option<Ratio>,
        }
        let Some(written) = value.get("search") else {
            return Ok(None);
        };
        let wrong = |error: serde_json::Error| format!("a search needs `min` and `max`: {error}");
        let (axis, min, max, precision) = match self {
            Self::Rate => {
                let ends: Ends<Rate> = Ends::deserialize(written).map_err(wrong)?;
                (
                    "rate",
                    ends.min.per_second(),
                    ends.max.per_second(),
                    ends.precision,
                )
            }
            Self::Concurrency => {
                let ends: Ends<Concurrency> = Ends::deserialize(written).map_err(wrong)?;
                let limit = |end: Concurrency| end.limit().map(f64::from);
                (
                    "concurrency",
                    limit(ends.min),
                    limit(ends.max),
                    ends.precision,
                )
            }
            _ => return Err("only `rate` and `concurrency` can be searched for".to_owned()),
        };
        let (Some(min), Some(max)) = (min, max) else {
            return Err("the ends of a search are finite".to_owned());
        };
        let precision = precision.map_or(0.05, |Ratio(share)| share);
        if min > max {
            return Err(format!(
                "a search goes from `min` up to `max`, and {min} is over {max}"
            ));
        }
        if precision <= 0.0 {
            return Err("a search ends by its precision, which cannot be 0".to_owned());
        }
        Ok(Some(Search {
            axis,
            min,
            max,
            precision,
            sent: Value::Null,
        }))
    }
}

/// A rate as it stands in a matrix.
pub(super) fn rate(value: &Value) -> Result<Rate, String> {
    Rate::deserialize(value).map_err(|error| error.to_string())
}

/// A concurrency as it stands in a matrix.
pub(super) fn concurrency(value: &Value) -> Result<Concurrency, String> {
    Concurrency::deserialize(&canonical_numbers(value)).map_err(|error| error.to_string())
}

/// An arrival process as it stands in a matrix.
pub(super) fn arrival_kind(value: &Value) -> Result<arrival::Kind, String> {
    let found = value.as_str().and_then(arrival::Kind::named);
    found.ok_or_else(|| {
        let names = arrival::Kind::ALL.map(arrival::Kind::name).join(", ");
        format!(
            "`{}` is no arrival process: {names}",
            value.as_str().unwrap_or(&value.to_string())
        )
    })
}

/// A unit's serde form; what prints itself as a number or a text always has one.
fn to_value(unit: &impl serde::Serialize) -> Value {
    serde_json::to_value(unit).unwrap_or(Value::Null)
}

/// Numbers with the same value in the same form at every depth: `20.0` is `20`.
pub(super) fn canonical_numbers(value: &Value) -> Value {
    /// Below it every integer is a float of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap_or(f64::NAN);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a whole number within 2^53"
            )]
            if float.fract() == 0.0 && float.abs() < EXACT {
                Value::Number(Number::from(float as i64))
            } else {
                value.clone()
            }
        }
        Value::Array(values) => values.iter().map(canonical_numbers).collect(),
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| (key.clone(), canonical_numbers(value)))
                .collect::<Map<_, _>>(),
        ),
        other => other.clone(),
    }
}

/// What a combination has for a key that no axis sets: what stands under `load`, and the defaults of rate, concurrency
/// and arrival (scenario.md, `matrix`).
pub(super) fn implied(
    scenario: &Scenario,
    values: &IndexMap<String, Value>,
    key: &str,
) -> Option<Value> {
    let load = &scenario.load;
    let value = |key: &str| {
        values
            .get(key)
            .cloned()
            .or_else(|| implied(scenario, values, key))
    };
    match key {
        "rate" => Some(printed(load.rate.unwrap_or(Rate::Infinite))),
        "arrival" => Some(json!(load.arrival.unwrap_or_default().name())),
        "concurrency" => {
            let paced =
                value("arrival").is_some_and(|arrival| arrival == "batch" || arrival == "trace");
            let closed = value("rate").is_some_and(|rate| rate == "inf") && !paced;
            let usual = if closed {
                Concurrency::ONE
            } else {
                Concurrency::Infinite
            };
            Some(printed(load.concurrency.unwrap_or(usual)))
        }
        _ => {
            let path = key.strip_prefix("load.")?.replace('.', "/");
            let written = scenario.load_document.pointer(&format!("/{path}"))?;
            Some(canonical(key, written))
        }
    }
}

/// A quantity in the form that a cell's axis has.
pub(super) fn printed(unit: impl serde::Serialize) -> Value {
    canonical_numbers(&serde_json::to_value(unit).unwrap_or(Value::Null))
}
