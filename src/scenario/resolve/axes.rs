//! The matrix: axis values in one canonical form each, so that `30/min` and `0.5` are one value.

use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde_json::{Number, Value};

use crate::foundation::units::{Concurrency, HumanDuration, Rate};
use crate::scenario::document::matrix as document;
use crate::scenario::domain::Matrix;

/// Most cells unless the scenario says otherwise.
pub const MAX_CELLS: u64 = 256;

/// What the names of axes that are keys of `load` begin with.
const LOAD: &str = "load.";

/// A value of an axis in its canonical form: rates per second, durations in their shortest form, whole numbers without a
/// fraction. A search stays as it is.
pub fn canonical(axis: &str, value: &Value) -> Value {
    match (axis, value) {
        (_, Value::Array(values)) => {
            Value::Array(values.iter().map(|value| canonical(axis, value)).collect())
        }
        (_, Value::Object(map)) => {
            // What stands below a part of `load` is of the same language.
            let below = if axis.starts_with(LOAD) { LOAD } else { "" };
            let below = |key: &str| if key == "params" { "" } else { below };
            let part =
                |(key, value): (&String, &Value)| (key.clone(), canonical(below(key), value));
            Value::Object(map.iter().map(part).collect())
        }
        // No other value of `load` reads as a duration.
        (_, Value::String(text)) if axis.starts_with(LOAD) => {
            let duration = text.parse::<HumanDuration>();
            duration.map_or_else(
                |_| value.clone(),
                |duration| Value::String(duration.to_string()),
            )
        }
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

/// The matrix of a legal document. A search that stands under `load` is an axis all the same.
pub(super) fn matrix(written: &document::Matrix, load: &Value) -> Matrix {
    let mut axes: IndexMap<String, Vec<Value>> = written
        .axes()
        .map(|(axis, values)| {
            (
                axis.to_owned(),
                values.iter().map(|value| canonical(axis, value)).collect(),
            )
        })
        .collect();
    let mut under_load = Vec::new();
    for axis in ["rate", "concurrency"] {
        let search = load.get(axis).filter(|value| value.is_object());
        if let Some(search) = search.filter(|_| !axes.contains_key(axis)) {
            axes.insert(axis.to_owned(), vec![canonical(axis, search)]);
            under_load.push(axis.to_owned());
        }
    }
    Matrix {
        axes,
        under_load,
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
