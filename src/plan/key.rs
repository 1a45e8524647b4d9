//! What names a cell: its id for people, its key for files and journals.

use std::fmt::Write as _;

use indexmap::IndexMap;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The axes that every id begins with, in this order (`dataset` where any is declared).
const LEADING: [&str; 4] = ["target", "dataset", "rate", "concurrency"];

/// Puts axes in the order of the id: the leading ones, then the others by name.
pub(super) fn in_id_order(mut axes: IndexMap<String, Value>) -> IndexMap<String, Value> {
    let rank = |name: &str| {
        LEADING
            .iter()
            .position(|leading| *leading == name)
            .unwrap_or(LEADING.len())
    };
    axes.sort_unstable_by(|one, _, two, _| (rank(one), one).cmp(&(rank(two), two)));
    axes
}

/// The id of axes that stand in the id's order.
pub(super) fn id(axes: &IndexMap<String, Value>) -> String {
    join(axes.iter())
}

/// The id without one of its axes.
pub(super) fn id_without(axes: &IndexMap<String, Value>, left_out: &str) -> String {
    join(axes.iter().filter(|(name, _)| *name != left_out))
}

fn join<'a>(axes: impl Iterator<Item = (&'a String, &'a Value)>) -> String {
    let mut id = String::with_capacity(96);
    for (name, value) in axes {
        if !id.is_empty() {
            id.push(',');
        }
        encode(name, &mut id);
        id.push('=');
        match value {
            Value::String(text) => encode(text, &mut id),
            other => encode(&printed(other), &mut id),
        }
    }
    id
}

/// Percent-encodes what would make an id ambiguous or unreadable: `%`, `,`, `=` and control characters.
fn encode(text: &str, id: &mut String) {
    for character in text.chars() {
        if matches!(character, '%' | ',' | '=') || character.is_control() {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                // Writing to a string cannot fail.
                let _ = write!(id, "%{byte:02X}");
            }
        } else {
            id.push(character);
        }
    }
}

/// A value that is no text as an id shows it: numbers in their shortest form, ranges and searches by their ends, other
/// maps and lists as JSON with sorted keys.
fn printed(value: &Value) -> String {
    if let Value::Number(number) = value {
        return match number.as_f64() {
            Some(float) if number.is_f64() => float.to_string(),
            _ => number.to_string(),
        };
    }
    let ends = |value: &Value| {
        let ends = (value.get("min")?, value.get("max")?);
        Some(format!("{}..{}", plain(ends.0), plain(ends.1)))
    };
    let keys = value.as_object().map_or(0, serde_json::Map::len);
    match value.get("search").filter(|_| keys == 1) {
        Some(search) => ends(search).map(|ends| format!("search({ends})")),
        None if keys == 2 => ends(value),
        None => None,
    }
    .unwrap_or_else(|| canonical_json(value))
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| printed(value), ToOwned::to_owned)
}

/// JSON without spaces, keys sorted: the same for equal values, whatever the order in which they were written.
pub(super) fn canonical_json(value: &Value) -> String {
    let mut sorted = value.clone();
    sorted.sort_all_objects();
    sorted.to_string()
}

/// The key of a cell with those axes; `sent` is what it sends whatever they are.
pub(super) fn key(axes: &IndexMap<String, Value>, sent: &Value) -> String {
    let mut named = sent.clone();
    named["axes"] = json!(axes);
    short_hash(&named)
}

/// A hash of a value, shortened to 16 hexadecimal digits.
pub(super) fn short_hash(value: &Value) -> String {
    let digest = Sha256::digest(canonical_json(value).as_bytes());
    digest
        .iter()
        .take(8)
        .fold(String::with_capacity(16), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}
