//! What varies between cells, and what a cell is called by it.

use serde::Serialize;
use serde_json::Value;

use crate::report::number::NO_DATA;
use crate::results::{CellResult, Results};

/// Axes that come first in an id, in its order; the others follow by name.
const FIRST: [&str; 4] = ["target", "dataset", "rate", "concurrency"];

/// Names of all axes, in the order of the id.
pub fn names(results: &Results) -> Vec<&String> {
    let mut names: Vec<&String> = Vec::new();
    for name in results.cells.iter().flat_map(|cell| cell.axes.keys()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    // Whatever the order of the map: results that were read back have theirs sorted.
    names.sort_by_key(|name| {
        (
            FIRST
                .iter()
                .position(|first| first == name)
                .unwrap_or(FIRST.len()),
            *name,
        )
    });
    names
}

/// Axes by whether they vary.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Axes {
    /// Axes with more than one value, in the order of the id.
    pub varying: Vec<String>,
    /// Axes with the same value in every cell.
    pub fixed: Vec<FixedAxis>,
}

/// An axis with one value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FixedAxis {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl Axes {
    /// The axes of all cells.
    pub fn of(results: &Results) -> Self {
        let mut axes = Self::default();
        for name in names(results) {
            let first = results.cells.first().and_then(|cell| cell.axes.get(name));
            if results
                .cells
                .iter()
                .all(|cell| cell.axes.get(name) == first)
            {
                axes.fixed.push(FixedAxis {
                    name: name.clone(),
                    value: shown(first),
                });
            } else {
                axes.varying.push(name.clone());
            }
        }
        axes
    }

    /// The values of what varies, in order.
    pub fn values(&self, cell: &CellResult) -> Vec<String> {
        self.varying
            .iter()
            .map(|name| shown(cell.axes.get(name)))
            .collect()
    }

    /// What tells a cell from the others: `rate=2, concurrency=8`; its id where nothing varies.
    pub fn label(&self, cell: &CellResult) -> String {
        if self.varying.is_empty() {
            return cell.id.clone();
        }
        let parts: Vec<String> = self
            .varying
            .iter()
            .zip(self.values(cell))
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        parts.join(", ")
    }

    /// The same in few characters, the names of usual axes left out where one or two vary.
    pub fn short_label(&self, cell: &CellResult) -> String {
        let parts: Vec<String> = self
            .varying
            .iter()
            .zip(self.values(cell))
            .map(|(name, value)| match name.as_str() {
                "target" | "dataset" | "model" | "arrival" => value,
                "rate" if value == "inf" => "rate inf".to_owned(),
                "rate" => format!("{value}/s"),
                "concurrency" => format!("c {value}"),
                other => format!("{} {value}", other.strip_prefix("params.").unwrap_or(other)),
            })
            .collect();
        if parts.is_empty() {
            cell.axes
                .get("target")
                .map_or_else(|| cell.id.clone(), |target| shown(Some(target)))
        } else {
            parts.join(" · ")
        }
    }
}

/// An axis value as people write it: a number in its shortest form, a text without quotes, a range by its ends.
pub fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => NO_DATA.to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number
            .as_f64()
            .filter(|_| number.is_f64())
            .map_or_else(|| number.to_string(), |float| float.to_string()),
        Some(other) => range(other).unwrap_or_else(|| other.to_string()),
    }
}

/// A range as an id shows it, by its ends: `1ms..9ms`.
fn range(value: &Value) -> Option<String> {
    let ends = (value.get("min")?, value.get("max")?);
    let of_two = value.as_object().is_some_and(|map| map.len() == 2);
    of_two.then(|| format!("{}..{}", shown(Some(ends.0)), shown(Some(ends.1))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use serde_json::json;

    #[test]
    fn a_cell_is_called_by_what_varies() {
        let results = fixture::results();
        let axes = Axes::of(&results);
        assert_eq!(axes.varying, ["rate", "concurrency"]);
        assert_eq!(
            axes.fixed[0],
            FixedAxis {
                name: "target".to_owned(),
                value: "omni".to_owned()
            }
        );
        assert_eq!(axes.label(&results.cells[1]), "rate=1, concurrency=inf");
        assert_eq!(axes.short_label(&results.cells[1]), "1/s · c inf");
    }

    #[test]
    fn an_axis_that_only_some_cells_have_varies() {
        let mut results = fixture::results();
        results.cells.truncate(2);
        results.cells[1].axes = results.cells[0].axes.clone();
        results.cells[1]
            .axes
            .insert("params.steps".to_owned(), json!(20.0));
        let axes = Axes::of(&results);
        assert_eq!(axes.label(&results.cells[0]), "params.steps=–");
        assert_eq!(axes.label(&results.cells[1]), "params.steps=20");
    }

    #[test]
    fn a_range_is_shown_by_its_ends_as_in_an_id() {
        let value = json!({"min": "1ms", "max": "9ms"});
        assert_eq!(shown(Some(&value)), "1ms..9ms");
        let other = json!({"min": 1, "mean": 2, "max": 9});
        assert!(shown(Some(&other)).starts_with('{'));
    }

    #[test]
    fn a_single_cell_is_called_by_its_id() {
        let mut results = fixture::results();
        results.cells.truncate(1);
        assert_eq!(
            Axes::of(&results).label(&results.cells[0]),
            results.cells[0].id
        );
    }
}
