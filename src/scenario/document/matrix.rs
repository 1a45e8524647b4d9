//! The matrix, as written: axes in the order of declaration.

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::foundation::units::{Concurrency, Rate, Ratio};
use crate::kinds::arrival;

/// Axes by name, `exclude`, `include` and `max_cells`, in the order of declaration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Matrix(pub IndexMap<String, Value>);

/// The keys that are no axes.
pub const NO_AXES: [&str; 3] = ["exclude", "include", "max_cells"];

impl Matrix {
    /// The axes, each with its values; a scalar is a list of one.
    pub fn axes(&self) -> impl Iterator<Item = (&str, &[Value])> {
        self.0
            .iter()
            .filter(|(name, _)| !NO_AXES.contains(&name.as_str()))
            .map(|(name, value)| {
                let values = match value {
                    Value::Array(values) => values.as_slice(),
                    scalar => std::slice::from_ref(scalar),
                };
                (name.as_str(), values)
            })
    }
}

/// A search for the highest value whose objectives hold, in place of an axis' values.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[schemars(bound = "T: JsonSchema", rename = "SearchOf{T}")]
pub struct Search<T> {
    /// Where to look, and how closely.
    pub search: Bounds<T>,
}

/// A value, or a search for one.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(bound = "T: JsonSchema", rename = "Searched_{T}")]
pub enum Searched<T> {
    /// The value.
    Value(T),
    /// A search.
    Search(Search<T>),
}

impl<T> Searched<T> {
    /// The value, where there is one.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Search(_) => None,
        }
    }
}

/// The bounds of a search.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[schemars(bound = "T: JsonSchema", rename = "BoundsOf{T}")]
pub struct Bounds<T> {
    /// The least value; where it misses its objectives, the run fails.
    #[schemars(example = 1)]
    pub min: T,
    /// The most.
    #[schemars(example = 64)]
    pub max: T,
    /// How close the answer must be; 5% unless given.
    #[schemars(example = &"5%")]
    pub precision: Option<Ratio>,
}

/// A value, or a list of them.
fn axis(value: &Value, description: &str, examples: &Value) -> Value {
    json!({
        "description": description,
        "anyOf": [value, { "type": "array", "minItems": 1, "items": value }],
        "examples": examples,
    })
}

impl JsonSchema for Matrix {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Matrix".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let text = json!({ "type": "string" });
        let scalar = json!({ "type": ["string", "number", "boolean"] });
        let map = json!({ "type": "object" });
        let rate = generator.subschema_for::<Rate>().to_value();
        let concurrency = generator.subschema_for::<Concurrency>().to_value();
        let rate_search = generator.subschema_for::<Search<Rate>>().to_value();
        let concurrency_search = generator.subschema_for::<Search<Concurrency>>().to_value();
        let arrival = generator.subschema_for::<arrival::Kind>().to_value();
        let searched = |mut axis: Value, search: Value| {
            if let Some(Value::Array(branches)) = axis.get_mut("anyOf") {
                branches.push(search);
            }
            axis
        };
        let entries = |description: &str, example: Value| {
            json!({
                "type": "array", "items": { "type": "object", "minProperties": 1 },
                "description": description, "examples": [example],
            })
        };
        schemars::json_schema!({
            "type": "object",
            "description": "Axes, whose product gives the cells, the last axis fastest. A scalar is a list of one.",
            "properties": {
                "target": axis(&text, "Targets by name; all that are declared unless given.", &json!([["omni"]])),
                "dataset": axis(&text, "Datasets by name; all that are declared unless given.", &json!([["mixed"]])),
                "model": axis(&text, "Models that requests name, in place of the target's.", &json!([["Qwen/Qwen3-8B", "Qwen/Qwen3-32B"]])),
                "rate": searched(axis(&rate, "Requests per second offered; `inf` unless given, which is a closed loop where the concurrency is finite.", &json!([[0.5, "30/min", "inf"]])), rate_search),
                "concurrency": searched(axis(&concurrency, "The most requests in flight. 1 unless given where the rate is `inf`, and `inf` where it is finite or `arrival` is `batch` or `trace`.", &json!([[1, 8, "inf"]])), concurrency_search),
                "arrival": axis(&arrival, "How intended times are drawn; `constant` unless given.", &json!([["constant", "poisson"]])),
                "params": axis(&map, "Maps of request parameters whose parts move together.", &json!([[{ "width": 512, "height": 512 }]])),
                "exclude": entries("Entries that remove every cell that matches all of their keys; one that removes nothing is an error.", json!([{ "rate": "inf", "concurrency": "inf" }])),
                "include": entries("Entries that are merged into each original cell that they do not contradict, and become cells of their own where they fit none.", json!([{ "rate": 8, "concurrency": 64 }])),
                "max_cells": { "type": "integer", "minimum": 1, "description": "The most cells that the matrix may have; 256 unless given.", "examples": [1000] },
            },
            "patternProperties": {
                "^params\\.[^.]": axis(&json!({}), "Values of one request parameter.", &json!([[20, 50]])),
                "^load\\.[a-z]": axis(&json!({ "anyOf": [scalar, map] }), "Values of one key of `load`; but not of `order`, `repeats`, `seed` and `cooldown`, which hold for the whole run.", &json!([["0s", "1s"]])),
            },
            "additionalProperties": false,
            "examples": [{ "rate": [1, 2, 4], "concurrency": ["inf"] }],
        })
    }
}
