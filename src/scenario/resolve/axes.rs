//! The matrix: axis values in one canonical form each, so that `30/min` and `0.5` are one value.

use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde_json::{Number, Value};

use crate::foundation::units::{Concurrency, Rate};
use crate::scenario::document::matrix as document;
use crate::scenario::domain::Matrix;

/// Most cells unless the scenario says otherwise.
pub const MAX_CELLS: u64 = 256;

/// A value of an axis in its canonical form: rates per second, whole numbers without a fraction. A search stays as it is.
pub fn canonical(axis: &str, value: &Value) -> Value {
    match (axis, value) {
        (_, Value::Array(values)) => {
            Value::Array(values.iter().map(|value| canonical(axis, value)).collect())
        }
        (_, Value::Object(map)) => Value::Object(
            map.iter()
                .map(|(key, value)| (key.clone(), canonical("", value)))
                .collect(),
        ),
        ("rate", _) => read::<Rate>(value).unwrap_or_else(|| whole(value)),
        ("concurrency", _) => read::<Concurrency>(value).unwrap_or_else(|| whole(value)),
        _ => whole(value),
    }
}

/// The value as its type prints it.
fn read<T: DeserializeOwned + serde::Serialize>(value: &Value) -> Option<Value> {
    let read: T = serde_json::from_value(value.clone()).ok()?;
    serde_json::to_value(read).ok().map(|value| whole(&value))
}

/// A number without a fraction is a whole one: `20.0` and `20` are one value.
fn whole(value: &Value) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value.as_f64() {
        Some(number) if value.is_f64() && number.fract() == 0.0 && number.abs() < EXACT => {
            #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
            let number = number as i64;
            Value::Number(Number::from(number))
        }
        _ => value.clone(),
    }
}

/// The matrix of a legal document.
pub(super) fn matrix(written: &document::Matrix) -> Matrix {
    let axes = written
        .axes()
        .map(|(axis, values)| {
            (
                axis.to_owned(),
                values.iter().map(|value| canonical(axis, value)).collect(),
            )
        })
        .collect();
    Matrix {
        axes,
        exclude: entries(written, "exclude"),
        include: entries(written, "include"),
        max_cells: written
            .0
            .get("max_cells")
            .and_then(Value::as_u64)
            .unwrap_or(MAX_CELLS),
    }
}

fn entries(written: &document::Matrix, key: &str) -> Vec<(String, IndexMap<String, Value>)> {
    let entries = written
        .0
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let entry = |(index, entry): (usize, &Value)| {
        let values = entry.as_object().into_iter().flatten();
        let values = values
            .map(|(axis, value)| (axis.clone(), canonical(axis, value)))
            .collect();
        (format!("/matrix/{key}/{index}"), values)
    };
    entries.iter().enumerate().map(entry).collect()
}
