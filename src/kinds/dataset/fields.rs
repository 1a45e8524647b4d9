//! A record's fields become a row: which names mean what, and how their values are read.

use std::path::PathBuf;

use serde_json::{Map, Number, Value, json};

use super::{Params, Prompt, Row};

/// Why a record is no row: the field at fault, where one is, and the reason.
pub type Refusal = (Option<String>, String);

/// Parameters that are whole numbers wherever they come from.
const INTEGERS: [&str; 7] = [
    "width",
    "height",
    "num_frames",
    "num_inference_steps",
    "fps",
    "seed",
    "max_tokens",
];

/// Reads a record: the fields of scenario.md's `trace`, chat messages and ShareGPT conversations included; other keys
/// become request parameters, `null`s and empty cells are absent. Paths of pictures are left as written.
pub fn row(fields: Map<String, Value>) -> Result<Row, Refusal> {
    let mut row = Row::default();
    let (mut text, mut output_tokens) = (None, None);
    for (name, value) in fields {
        if value.is_null() {
            continue;
        }
        let refuse = |reason: &str| (Some(name.clone()), reason.to_owned());
        let no_text = || refuse("is no text");
        match name.as_str() {
            "prompt" if value.is_array() => row.prompt = Prompt::Messages(messages(value, &name)?),
            "prompt" => row.prompt = string(value).map(Prompt::Text).ok_or_else(no_text)?,
            "text" => text = Some(string(value).ok_or_else(no_text)?),
            "messages" => row.prompt = Prompt::Messages(messages(value, &name)?),
            "conversations" => row.prompt = Prompt::Messages(conversation(&value, &name)?),
            "timestamp" => row.timestamp_s = time(&value).map_err(refuse)?,
            "slo_ms" => row.slo_ms = limit(&value).map_err(refuse)?,
            "request_id" => row.request_id = string(value).map(Some).ok_or_else(no_text)?,
            "image_path" | "image_paths" => {
                let no_paths = || refuse("is no path, nor a list of them");
                row.images = paths(value).ok_or_else(no_paths)?;
            }
            "input_tokens" => row.input_tokens = count(&value).map_err(refuse)?,
            // What was generated when the trace was recorded is what is asked for; a `max_tokens` beside it wins.
            "output_tokens" => output_tokens = count(&value).map_err(refuse)?,
            _ => parameter(&mut row.params, &name, value).map_err(refuse)?,
        }
    }
    if let Some(tokens) = output_tokens {
        let asked = row.params.entry("max_tokens");
        asked.or_insert_with(|| Value::from(tokens));
    }
    if let (Prompt::None, Some(text)) = (&row.prompt, text) {
        row.prompt = Prompt::Text(text);
    }
    Ok(row)
}

fn parameter(params: &mut Params, name: &str, value: Value) -> Result<(), &'static str> {
    if !INTEGERS.contains(&name) || is_range(&value) {
        params.insert(name.to_owned(), value);
        return Ok(());
    }
    match integer(&value) {
        Some(integer) => drop(params.insert(name.to_owned(), Value::from(integer))),
        None if is_blank(&value) => {}
        None => return Err("is no whole number"),
    }
    Ok(())
}

/// Whether a value is `{min, max}`, to be drawn for each request.
pub fn is_range(value: &Value) -> bool {
    value.as_object().is_some_and(|range| {
        range.len() == 2 && range.contains_key("min") && range.contains_key("max")
    })
}

/// A whole number out of what stands in a trace: a number is cut, a text is read as one; `None` for anything else.
///
/// The rule of the seed's traces (seeds.md 4.4, G18): `"512.0"` is 512, `1.9` is 1, and `true` is none.
pub fn integer(value: &Value) -> Option<i64> {
    let float = match value {
        Value::Number(number) => {
            if let Some(integer) = number.as_i64() {
                return Some(integer);
            }
            number.as_f64()?
        }
        Value::String(text) => {
            if let Ok(integer) = text.trim().parse() {
                return Some(integer);
            }
            text.trim().parse().ok()?
        }
        _ => return None,
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "cut on purpose, and bounded by the check"
    )]
    (float.is_finite() && float.abs() < 9.0e15).then_some(float.trunc() as i64)
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn is_blank(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.trim().is_empty())
}

fn time(value: &Value) -> Result<Option<f64>, &'static str> {
    match number(value) {
        Some(seconds) if seconds.is_finite() && seconds >= 0.0 => Ok(Some(seconds)),
        Some(_) => Err("is no time: it is negative or not finite"),
        None if is_blank(value) => Ok(None),
        None => Err("is no number of seconds"),
    }
}

fn limit(value: &Value) -> Result<Option<f64>, &'static str> {
    match number(value) {
        Some(ms) if ms.is_finite() && ms > 0.0 => Ok(Some(ms)),
        None if is_blank(value) => Ok(None),
        _ => Err("is no positive number of milliseconds"),
    }
}

fn count(value: &Value) -> Result<Option<u64>, &'static str> {
    match integer(value) {
        Some(count) => u64::try_from(count).map(Some).map_err(|_| "is negative"),
        None if is_blank(value) => Ok(None),
        None => Err("is no whole number"),
    }
}

fn string(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn paths(value: Value) -> Option<Vec<PathBuf>> {
    match value {
        Value::String(text) if text.trim_start().starts_with('[') => {
            paths(serde_json::from_str(&text).ok()?)
        }
        Value::String(text) if text.trim().is_empty() => Some(Vec::new()),
        Value::String(path) => Some(vec![PathBuf::from(path)]),
        Value::Array(items) => items
            .into_iter()
            .map(|item| item.as_str().map(PathBuf::from))
            .collect(),
        _ => None,
    }
}

/// Chat messages in the OpenAI form.
fn messages(value: Value, field: &str) -> Result<Vec<Value>, Refusal> {
    let refuse = |reason: &str| (Some(field.to_owned()), reason.to_owned());
    let Value::Array(messages) = value else {
        return Err(refuse("is no list of messages"));
    };
    let has_role = |message: &Value| message.get("role").is_some_and(Value::is_string);
    if messages.is_empty() || !messages.iter().all(has_role) {
        return Err(refuse(
            "needs at least one message, each with a `role` and `content`",
        ));
    }
    Ok(messages)
}

/// A ShareGPT conversation: the turns up to and with the first human one.
fn conversation(value: &Value, field: &str) -> Result<Vec<Value>, Refusal> {
    let refuse = |reason: String| (Some(field.to_owned()), reason);
    let turns = value
        .as_array()
        .ok_or_else(|| refuse("is no list of turns".to_owned()))?;
    let mut messages = Vec::new();
    for turn in turns {
        let (Some(from), Some(text)) = (turn["from"].as_str(), turn["value"].as_str()) else {
            return Err(refuse("has a turn without `from` and `value`".to_owned()));
        };
        let role = match from {
            "human" | "user" => "user",
            "gpt" | "assistant" | "chatgpt" | "bing" | "bard" => "assistant",
            "system" => "system",
            other => {
                return Err(refuse(format!(
                    "has a turn of `{other}`, neither human, gpt nor system"
                )));
            }
        };
        messages.push(json!({ "role": role, "content": text }));
        if role == "user" {
            return Ok(messages);
        }
    }
    Err(refuse("has no human turn".to_owned()))
}

/// The value of a CSV cell: a number or truth value where it is written like one, else a text; an empty cell is null.
///
/// Only fields that are texts by their meaning (`prompt`) are kept from this.
pub fn cell(name: &str, text: &str) -> Value {
    if matches!(
        name,
        "prompt" | "text" | "negative_prompt" | "request_id" | "image_path" | "image_paths"
    ) {
        return if text.is_empty() {
            Value::Null
        } else {
            Value::from(text)
        };
    }
    match text.trim() {
        "" => Value::Null,
        "true" | "True" => Value::Bool(true),
        "false" | "False" => Value::Bool(false),
        trimmed if trimmed.starts_with(['{', '[']) => {
            serde_json::from_str(trimmed).unwrap_or_else(|_| text.into())
        }
        trimmed => match (trimmed.parse::<i64>(), trimmed.parse::<f64>()) {
            (Ok(integer), _) => Value::from(integer),
            (_, Ok(float)) => Number::from_f64(float).map_or_else(|| text.into(), Value::Number),
            _ => Value::from(text),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: Value) -> Result<Row, Refusal> {
        row(value.as_object().unwrap().clone())
    }

    /// G18, seeds.md 4.4.
    #[test]
    fn whole_numbers_are_read_as_the_seed_reads_them() {
        for (value, expected) in [
            (json!("512.0"), Some(512)),
            (json!(" 20 "), Some(20)),
            (json!(""), None),
            (json!(true), None),
            (json!("x"), None),
            (json!(1.9), Some(1)),
        ] {
            assert_eq!(integer(&value), expected, "{value}");
        }
    }

    #[test]
    fn a_record_becomes_a_row() {
        let row = read(json!({
            "request_id": 7, "timestamp": 1.5, "text": "second choice", "prompt": "A cat.", "width": "512.0",
            "height": 512, "seed": 0, "fps": null, "negative_prompt": "blur", "slo_ms": 900, "image_path": "a.png",
            "input_tokens": 12, "output_tokens": 34, "guidance_scale": 7.5
        }))
        .unwrap();
        assert_eq!(row.prompt, Prompt::Text("A cat.".to_owned()));
        assert_eq!(
            (row.timestamp_s, row.slo_ms, row.input_tokens),
            (Some(1.5), Some(900.0), Some(12))
        );
        assert_eq!(row.request_id.as_deref(), Some("7"));
        assert_eq!(row.images, [PathBuf::from("a.png")]);
        assert_eq!(
            Value::Object(row.params),
            json!({"width": 512, "height": 512, "seed": 0, "negative_prompt": "blur", "max_tokens": 34, "guidance_scale": 7.5})
        );
        assert_eq!(
            read(json!({"text": "alone"})).unwrap().prompt,
            Prompt::Text("alone".to_owned())
        );
    }

    #[test]
    fn a_field_that_cannot_be_read_is_named() {
        for (record, field) in [
            (json!({"width": "wide"}), "width"),
            (json!({"seed": true}), "seed"),
            (json!({"timestamp": -1}), "timestamp"),
            (json!({"timestamp": "NaN"}), "timestamp"),
            (json!({"slo_ms": 0}), "slo_ms"),
            (json!({"image_paths": [1]}), "image_paths"),
            (json!({"messages": []}), "messages"),
            (json!({"messages": [{"content": "x"}]}), "messages"),
            (
                json!({"conversations": [{"from": "gpt", "value": "hi"}]}),
                "conversations",
            ),
        ] {
            assert_eq!(
                read(record.clone()).unwrap_err().0.as_deref(),
                Some(field),
                "{record}"
            );
        }
    }

    #[test]
    fn a_sharegpt_conversation_is_sent_up_to_its_first_human_turn() {
        let turns = json!([
            {"from": "system", "value": "Be terse."}, {"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yo"}
        ]);
        assert_eq!(
            read(json!({ "conversations": turns })).unwrap().prompt,
            Prompt::Messages(vec![
                json!({"role": "system", "content": "Be terse."}),
                json!({"role": "user", "content": "Hi"})
            ])
        );
    }
}
