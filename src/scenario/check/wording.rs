//! How values and expectations are said.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Problem};
use serde_json::Value;

/// What a form of the schema is, for "… is not …".
const FORMS: [(&str, &str); 9] = [
    ("HumanDuration", "a duration with its unit"),
    ("Size", "a size with its unit"),
    (
        "Rate",
        "a rate: requests per second, `30/min`, `2/s` or `inf`",
    ),
    ("Ratio", "a share, such as `95%` or `0.95`"),
    (
        "Concurrency",
        "a concurrency: a whole number from 1 on, or `inf`",
    ),
    (
        "SecretRef",
        "a reference to a secret, `{ env: NAME }` or `{ file: PATH }`",
    ),
    (
        "E2e",
        "a limit: a duration, `{ estimate: warmup, scale: 3 }` or `{ from: row }`",
    ),
    (
        "DurationOrRange",
        "a duration with its unit, or a range of two",
    ),
    (
        "Amount",
        "a number of tokens, a range `{ min, max }` or `{ mean, stddev }`",
    ),
];

/// Names that other tools have for a key of ours.
const USUAL: [(&str, &str); 16] = [
    ("url", "base_url"),
    ("endpoint", "base_url"),
    ("host", "base_url"),
    ("address", "base_url"),
    ("backend", "protocol"),
    ("type", "kind"),
    ("qps", "rate"),
    ("rps", "rate"),
    ("request_rate", "rate"),
    ("users", "concurrency"),
    ("vus", "concurrency"),
    ("max_concurrency", "concurrency"),
    ("num_prompts", "requests"),
    ("iterations", "repeats"),
    ("thresholds", "objectives"),
    ("file", "path"),
];

/// The key of ours that another tool's name stands for, where it may stand here.
pub(super) fn usual_name(key: &str, known: &[&str]) -> Option<&'static str> {
    let wanted = USUAL
        .iter()
        .filter(|(usual, _)| *usual == key)
        .map(|(_, ours)| *ours);
    wanted.into_iter().find(|ours| known.contains(ours))
}

/// The last part of a pointer, as it was written.
pub(super) fn last(pointer: &str) -> String {
    pointer
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .replace("~1", "/")
        .replace("~0", "~")
}

/// A scalar as it is written in YAML.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A value as it is written in a flow mapping.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!(
            "[{}]",
            items.iter().map(flow).collect::<Vec<_>>().join(", ")
        ),
        Value::Object(map) => {
            let parts: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{key}: {}", flow(value)))
                .collect();
            format!("{{ {} }}", parts.join(", "))
        }
        other => other.to_string(),
    }
}

/// What stands in the file.
pub(super) fn found(value: &Value) -> String {
    const MOST: usize = 60;
    match value {
        Value::Null => "an empty value".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map".to_owned(),
        Value::String(text) if text.is_empty() => "an empty text".to_owned(),
        Value::String(text) if text.chars().count() > MOST => {
            format!("`{}…`", text.chars().take(MOST).collect::<String>())
        }
        scalar => format!("`{}`", plain(scalar)),
    }
}

/// What should stand there.
pub(super) fn expected(schema: &Value, error: &ValidationError<'_>) -> String {
    let path = error.schema_path().as_str();
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let form = |name: &str| {
        FORMS
            .iter()
            .find(|(form, _)| *form == name)
            .map(|(_, said)| (*said).to_owned())
    };
    let of_definition = parent
        .strip_prefix("/definitions/")
        .and_then(|rest| form(rest.split('/').next().unwrap_or_default()));
    let of_reference = || {
        let branches = schema.pointer(path)?.as_array()?;
        branches.iter().find_map(|branch| {
            form(
                branch
                    .get("$ref")?
                    .as_str()?
                    .strip_prefix("#/definitions/")?,
            )
        })
    };
    if let Some(said) = of_definition.or_else(of_reference) {
        return said;
    }
    match error.kind() {
        Problem::Type {
            kind: TypeKind::Single(kind),
        } => type_name(&kind.to_string()).to_owned(),
        Problem::Type {
            kind: TypeKind::Multiple(kinds),
        } => kinds
            .iter()
            .map(|kind| type_name(&kind.to_string()).to_owned())
            .collect::<Vec<_>>()
            .join(" or "),
        Problem::Pattern { pattern } => format!("of the form `{pattern}`"),
        _ => of_branches(schema, path),
    }
}

/// The types that a union takes.
fn of_branches(schema: &Value, path: &str) -> String {
    let branches = schema
        .pointer(path)
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let mut types: Vec<&str> = branches
        .iter()
        .map(|branch| {
            let target = branch
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|path| schema.pointer(path.trim_start_matches('#')));
            target.unwrap_or(branch)
        })
        .filter_map(|branch| branch.get("type").and_then(Value::as_str))
        .map(type_name)
        .collect();
    types.dedup();
    if types.is_empty() {
        "what may stand here".to_owned()
    } else {
        types.join(" or ")
    }
}

fn type_name(kind: &str) -> &str {
    match kind {
        "string" => "a text",
        "number" => "a number",
        "integer" => "a whole number",
        "boolean" => "`true` or `false`",
        "array" => "a list",
        "object" => "a map",
        "null" => "empty",
        other => other,
    }
}

/// What to write instead where the schema has no example of it.
pub(super) fn fallback(value: &Value, pointer: &str) -> String {
    match (value, pointer.strip_prefix("/load/")) {
        (Value::Array(_), Some(key)) => {
            let own = ["rate", "concurrency", "arrival"].contains(&key);
            let axis = if own {
                key.to_owned()
            } else {
                format!("load.{}", key.replace('/', "."))
            };
            format!("a list is an axis: write it under `matrix`, as `{axis}`")
        }
        (Value::Null, _) => "give it a value, or leave the key out".to_owned(),
        _ => "see `plimsoll schema` for what may stand here".to_owned(),
    }
}

/// What to write instead: with a unit where a bare number lacks it, else the schema's example.
pub(super) fn help(value: &Value, part: &Value) -> Option<String> {
    let example = part.get("examples").and_then(|examples| examples.get(0))?;
    if let (Value::Number(number), Some(text)) = (value, example.as_str())
        && text.starts_with(|letter: char| letter.is_ascii_digit())
    {
        return Some(if text.ends_with('B') {
            format!("give it a unit, such as `{number}KiB`")
        } else {
            format!("give it a unit, such as `{number}s` or `{number}ms`")
        });
    }
    Some(format!("write it like `{}`", flow(example)))
}
