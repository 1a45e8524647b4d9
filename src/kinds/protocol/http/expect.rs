//! What makes an answer count, and what is read out of it.

use http::HeaderMap;
use indexmap::IndexMap;
use serde_json::Value;
use serde_json::value::RawValue;

use super::options::{Expect, Extract};
use super::pointed::{self, Pointed};
use crate::instruments::exchange::{Head, Judgement};
use crate::instruments::record::{Outcome, Sample, Seen};
use crate::kinds::protocol::framing::media::{self, Media};
use crate::kinds::protocol::framing::text::Text;

/// A body up to so long is kept as a sample.
pub const LONGEST_SAMPLE: usize = 64 << 10;

/// An answer that has come in whole.
pub struct Answer<'a> {
    /// Its headers, where they were kept.
    pub headers: Option<&'a HeaderMap>,
    /// Its media type.
    pub media_type: &'a str,
    /// Its body, where it was kept.
    pub body: &'a [u8],
    /// The body's length, kept or not.
    pub length: u64,
    /// What stands in it where it is asked for, where it is JSON.
    pub json: Option<Pointed<'a>>,
}

/// What of an answer a step looks into; the rest is dropped as it passes.
#[derive(Debug, Clone, Copy)]
pub struct Reads {
    /// The body as JSON.
    pub json: bool,
    /// The body's bytes.
    pub body: bool,
    /// The headers.
    pub headers: bool,
}

impl Reads {
    /// What a step reads that expects and extracts this.
    pub fn of(expect: &Expect, extract: &IndexMap<String, Extract>) -> Self {
        let is_json = |from: &Extract| from.pointer().is_some();
        let json = expect.reads_json() || extract.values().any(is_json);
        Self {
            json,
            body: json || expect.image.is_some(),
            headers: extract.values().any(|from| !is_json(from)),
        }
    }
}

impl Expect {
    /// The outcome by status alone; `None` where it is a good one.
    pub fn refuses(&self, head: &Head) -> Option<Outcome> {
        let listed = match &self.status {
            Some(statuses) => statuses.contains(head.status),
            None => (200..300).contains(&head.status),
        };
        if listed {
            None
        } else {
            Some(head.refusal().unwrap_or(Outcome::Http(head.status)))
        }
    }

    /// Whether the content of an answer is read at all.
    pub fn reads_json(&self) -> bool {
        self.pointers().next().is_some()
    }

    /// Where it looks into an answer's JSON.
    pub fn pointers(&self) -> impl Iterator<Item = &str> {
        let image = self.image.as_deref().filter(|place| *place != "body");
        self.json.keys().map(String::as_str).chain(image)
    }

    /// Whether the content of a listed status is what was expected.
    pub fn judge(&self, answer: &Answer<'_>, seen: &mut Seen) -> Judgement {
        let invalid = |error: String| Judgement::failed(Outcome::Invalid, error);
        if let Some(expected) = &self.content_type
            && !expected.eq_ignore_ascii_case(answer.media_type)
        {
            return invalid(format!(
                "the media type is `{}`, not `{expected}`",
                answer.media_type
            ));
        }
        if let Some(least) = self.min_bytes
            && answer.length < least
        {
            return invalid(format!("the body has {} bytes, not {least}", answer.length));
        }
        if self.reads_json() && answer.json.is_none() {
            return Judgement::failed(Outcome::Protocol, "the body is no JSON");
        }
        for (pointer, expected) in &self.json {
            if let Err(error) = holds(
                answer.json.as_ref().and_then(|json| json.at(pointer)),
                expected,
            ) {
                return invalid(format!("`{pointer}` {error}"));
            }
        }
        match self
            .image
            .as_deref()
            .map(|place| (place, answer.picture(place)))
        {
            None => Judgement::ok(),
            Some((place, None)) => invalid(format!("there is no picture at `{place}`")),
            Some((_, Some((bytes, media)))) => {
                seen.image_bytes = media.decoded_bytes();
                if seen.keep_samples {
                    seen.samples.push(Sample {
                        extension: media.extension,
                        bytes,
                    });
                }
                Judgement::ok()
            }
        }
    }
}

/// Whether a value is what was expected: `exists`, `{ equals: … }`, or the value itself.
fn holds(found: Option<&RawValue>, expected: &Value) -> Result<(), String> {
    let Some(found) = found else {
        return Err("is missing".to_owned());
    };
    let expected = match expected {
        Value::String(text) if text == "exists" => return Ok(()),
        Value::Object(object) if object.len() == 1 => object.get("equals").unwrap_or(expected),
        other => other,
    };
    let value = pointed::value(found);
    // 1 and 1.0 are the same number.
    let same_number = match (value.as_ref().and_then(Value::as_f64), expected.as_f64()) {
        (Some(found), Some(expected)) => found.total_cmp(&expected).is_eq(),
        _ => false,
    };
    if value.as_ref() == Some(expected) || same_number {
        return Ok(());
    }
    let found: String = found.get().chars().take(80).collect();
    Err(format!("is {found}, not {expected}"))
}

impl Answer<'_> {
    fn picture(&self, place: &str) -> Option<(Vec<u8>, Media)> {
        let bytes = if place == "body" {
            self.body.to_vec()
        } else {
            media::decode(&Text::of(self.json.as_ref()?.at(place)?)?.read())?
        };
        let media = Media::of(&bytes).filter(Media::is_picture)?;
        Some((bytes, media))
    }

    /// The value that stands where `extract` says; `None` where nothing does, or what is not built.
    pub fn extract(&self, extract: &Extract) -> Option<Value> {
        match extract {
            Extract::Json(pointer) => pointed::value(self.json.as_ref()?.at(pointer)?),
            Extract::Header(name) => self.headers?.get(name)?.to_str().ok().map(Value::from),
        }
    }

    /// Keeps the body as a sample, where it is a text.
    pub fn keep(&self, seen: &mut Seen) {
        if seen.keep_samples && seen.samples.is_empty() && self.body.len() <= LONGEST_SAMPLE {
            let extension = if self.media_type == "application/json" {
                "json"
            } else {
                "txt"
            };
            if !self.body.is_empty() && std::str::from_utf8(self.body).is_ok() {
                seen.samples.push(Sample {
                    extension,
                    bytes: self.body.to_vec(),
                });
            }
        }
    }
}

/// Writes what was extracted into the record, where its name is a metric's: `server.<name>`, `output_tokens`,
/// `input_tokens`. A value that is no number has no metric.
pub fn note(name: &str, value: &Value, seen: &mut Seen) {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let Some(number) = number.filter(|number: &f64| number.is_finite()) else {
        return;
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float saturates"
    )]
    let count = (number >= 0.0).then_some(number as u64);
    match name {
        "output_tokens" => seen.usage(None, count),
        "input_tokens" => seen.usage(count, None),
        _ => {
            if let Some(name) = name.strip_prefix("server.") {
                seen.server.insert(name.to_owned(), number);
            }
        }
    }
}
