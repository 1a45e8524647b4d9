//! What every protocol reads of an answer before its content: status, failure texts, the server's times in the head.

use http::{HeaderMap, HeaderName};
use serde_json::Value;

use super::framing::Framing;
use crate::instruments::exchange::{Head, Judgement};
use crate::instruments::record::{Outcome, Seen};

/// So much of a failure's body is looked into for its text.
const LONGEST_REFUSAL: usize = 64 << 10;

/// A text without the byte-order mark that some servers write first, and that JSON does not know.
pub fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text)
}

/// A failure by status, whose body is read for its text.
#[derive(Debug)]
pub struct Refusal {
    outcome: Outcome,
    status: u16,
    body: Vec<u8>,
}

impl Refusal {
    /// The failure that a status is.
    pub fn new(outcome: Outcome, status: u16) -> Self {
        Self {
            outcome,
            status,
            body: Vec::new(),
        }
    }

    /// Takes the next bytes; what is too much is left out.
    pub fn take(&mut self, bytes: &[u8]) {
        let room = LONGEST_REFUSAL.saturating_sub(self.body.len());
        self.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// The judgement, with the error's text out of the body.
    pub fn judge(&self) -> Judgement {
        let text = error_text(&self.body);
        let colon = if text.is_empty() { "" } else { ": " };
        Judgement::failed(self.outcome, format!("HTTP {}{colon}{text}", self.status))
    }
}

/// The text of an error: its message where it is one of the JSON forms in use, else all of it, up to 64 KiB.
pub fn error_text(body: &[u8]) -> String {
    let body = without_mark(&body[..body.len().min(LONGEST_REFUSAL)]);
    let message = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|value| message(&value));
    message.unwrap_or_else(|| String::from_utf8_lossy(body).trim().to_owned())
}

fn message(value: &Value) -> Option<String> {
    let text = |value: &Value| match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    };
    text(value)
        .or_else(|| value.get("error").and_then(message))
        .or_else(|| value.get("message").and_then(text))
        .or_else(|| {
            value
                .get("detail")
                .map(|detail| text(detail).unwrap_or_else(|| detail.to_string()))
        })
}

/// Notes what the head says of the server's own times: `Server-Timing` durations, told in milliseconds, noted in seconds
/// as `server_timing.<name>`. Its `total` is the server's own total, but where the answer streams: that head left long
/// before the answer's end, and knew only of the time until then.
pub fn note_head(head: &Head, seen: &mut Seen) {
    for (name, duration_ms) in server_timing(&head.headers) {
        let duration = duration_ms / 1000.0;
        if name == "total" && Framing::of(&head.media_type()).is_none() {
            // Of several exchanges in an attempt, all are the server's.
            *seen.server.entry(TOTAL.to_owned()).or_insert(0.0) += duration;
        }
        seen.server
            .insert(format!("server_timing.{name}"), duration);
    }
}

/// The server's own total time in seconds, against which ours is held (metrics.md, `overhead`).
pub const TOTAL: &str = "total_s";

/// Units of time that a measure's name may end in, each with how many of it are a second.
const UNITS: [(&str, f64); 3] = [("_ms", 1e3), ("_us", 1e6), ("_ns", 1e9)];

/// Notes a measure of the server's own: durations are seconds in the record as everywhere, so that `prompt_ms: 2.5`
/// becomes `prompt_s: 0.0025`. What is no duration by its name (`peak_memory_mb`, `cache_n`) stays as told.
pub fn note_measure(seen: &mut Seen, name: &str, value: f64) {
    if !value.is_finite() {
        return;
    }
    let in_seconds = UNITS.iter().find_map(|(suffix, a_second)| {
        let stem = name.strip_suffix(suffix)?;
        Some((format!("{stem}_s"), value / a_second))
    });
    let (name, value) = in_seconds.unwrap_or_else(|| (name.to_owned(), value));
    seen.server.insert(name, value);
}

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

fn server_timing(headers: &HeaderMap) -> impl Iterator<Item = (String, f64)> {
    let values = headers
        .get_all(SERVER_TIMING)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .filter_map(|entry| {
            let mut parts = entry.split(';').map(str::trim);
            let name = parts.next().filter(|name| !name.is_empty())?;
            let duration = parts.find_map(|part| {
                let (key, value) = part.split_once('=')?;
                let value = value.trim().trim_matches('"');
                key.trim()
                    .eq_ignore_ascii_case("dur")
                    .then(|| value.parse::<f64>().ok())
                    .flatten()
            })?;
            duration
                .is_finite()
                .then(|| (name.to_ascii_lowercase(), duration))
        })
}

/// Notes something once.
pub fn note(seen: &mut Seen, note: &'static str) {
    if !seen.notes.contains(&note) {
        seen.notes.push(note);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::CONTENT_TYPE;

    use super::*;

    #[test]
    fn the_text_of_an_error_is_its_message_in_every_dialect() {
        for (body, text) in [
            (r#"{"error":{"message":"too long","code":400}}"#, "too long"),
            (
                r#"{"error":{"message":"slow down","type":"throttling_error","code":"429"}}"#,
                "slow down",
            ),
            (
                r#"{"error":"Model is overloaded","error_type":"overloaded"}"#,
                "Model is overloaded",
            ),
            (
                r#"{"message":"bad size","type":"x","code":400}"#,
                "bad size",
            ),
            (r#"{"detail":"Not Found"}"#, "Not Found"),
            (r#"{"detail":[{"loc":["body"]}]}"#, r#"[{"loc":["body"]}]"#),
            ("  upstream timed out\n", "upstream timed out"),
            ("\u{feff}{\"error\":\"busy\"}", "busy"),
            ("", ""),
        ] {
            assert_eq!(error_text(body.as_bytes()), text);
        }
    }

    #[test]
    fn the_servers_times_are_read_from_the_head() {
        let mut headers = HeaderMap::new();
        headers.append(
            "server-timing",
            "total;dur=12.5, db;desc=\"x\";dur=3".parse().unwrap(),
        );
        headers.append("server-timing", "cache".parse().unwrap());
        let mut head = Head {
            status: 200,
            headers: headers.into(),
            at: crate::foundation::units::Offset::from_nanos(0),
        };
        let mut seen = Seen::default();
        note_head(&head, &mut seen);
        let found: Vec<_> = seen
            .server
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        assert_eq!(
            found,
            [
                ("server_timing.db", 0.003),
                ("server_timing.total", 0.0125),
                ("total_s", 0.0125)
            ]
        );
        // A stream's head leaves before its content: what it calls the total is no total.
        for stream in ["text/event-stream; charset=utf-8", "application/x-ndjson"] {
            let stream = HeaderValue::from_static(stream);
            std::rc::Rc::make_mut(&mut head.headers).insert(CONTENT_TYPE, stream);
            let mut seen = Seen::default();
            note_head(&head, &mut seen);
            assert_eq!(seen.server.get(TOTAL), None);
            assert_eq!(seen.server["server_timing.total"], 0.0125);
        }
    }

    #[test]
    fn a_measure_that_is_a_duration_by_its_name_is_noted_in_seconds() {
        let mut seen = Seen::default();
        for (name, value) in [
            ("stage_durations.stage_0_gen_ms", 94.5),
            ("wait_ns", 5e6),
            ("load_s", 2.0),
            ("peak_memory_mb", 512.5),
            ("broken_ms", f64::NAN),
        ] {
            note_measure(&mut seen, name, value);
        }
        let found: Vec<_> = seen
            .server
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        assert_eq!(
            found,
            [
                ("load_s", 2.0),
                ("peak_memory_mb", 512.5),
                ("stage_durations.stage_0_gen_s", 0.0945),
                ("wait_s", 0.005)
            ]
        );
    }
}
