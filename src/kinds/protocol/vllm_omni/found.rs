//! What stands in an answer: pictures or videos, texts, the server's own measures. All of it is read first, and noted then:
//! what is refused leaves nothing in a record.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::instruments::exchange::Judgement;
use crate::instruments::record::{Outcome, Sample, Seen};
use crate::kinds::protocol::answer::{self, invalid, malformed};
use crate::kinds::protocol::framing::media::{self, Media};
use crate::kinds::protocol::framing::members::{Object, elements, entries};
use crate::kinds::protocol::framing::text::Text;
use crate::kinds::protocol::head;

/// So much of an answer's texts is kept for an error: more than a record shows of one.
const LONGEST_TEXT: usize = 2 << 10;
/// Durations of more stages are not kept track of.
pub(super) const MOST_STAGES: usize = 1024;

type Read = Result<(), serde_json::Error>;

/// The answer, as far as it is read.
#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    choices: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    metrics: Option<Object<Measures<'a>>>,
    #[serde(borrow)]
    stage_durations: Option<&'a RawValue>,
    peak_memory_mb: Option<f64>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    message: Option<Object<Message<'a>>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    /// A text, or items.
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    image_url: Option<Object<Url<'a>>>,
    #[serde(borrow)]
    video_url: Option<Object<Url<'a>>>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    stage_durations: Option<&'a RawValue>,
    peak_memory_mb: Option<f64>,
}

#[derive(Deserialize)]
struct Url<'a> {
    #[serde(borrow)]
    url: Option<Text<'a>>,
}

/// The server's own measures, wherever they stand.
#[derive(Deserialize)]
struct Measures<'a> {
    #[serde(borrow)]
    stage_durations: Option<&'a RawValue>,
    peak_memory_mb: Option<f64>,
}

/// Whether the answer has as many pictures (or videos) as were asked for, each of them one by its bytes; and notes what it
/// has.
pub fn judge(body: &[u8], asked: u32, wants_video: bool, seen: &mut Seen) -> Judgement {
    let mut found = Found {
        wants_video,
        keeps_samples: seen.keep_samples,
        ..Found::default()
    };
    let read = answer::json(body).and_then(|json| {
        let read = found.read(json);
        read.map_err(|error| malformed("the answer", &error))
    });
    match read {
        Err(judgement) => judgement,
        Ok(()) => found.judge(asked, seen),
    }
}

/// What was found in an answer so far.
#[derive(Default)]
struct Found {
    wants_video: bool,
    keeps_samples: bool,
    /// How many pictures, or videos.
    count: u32,
    /// The pictures' decoded size, where any tells its own.
    image_bytes: Option<u64>,
    samples: Vec<Sample>,
    /// The beginning of all texts together.
    text: Vec<u8>,
    /// Of each stage, as the server names it.
    durations: Vec<(String, f64)>,
    peak_memory_mb: Option<f64>,
    /// What the answer is, where nothing that follows can change it.
    failure: Option<Judgement>,
}

impl Found {
    fn read(&mut self, json: &str) -> Read {
        let Object(reply): Object<Reply<'_>> = serde_json::from_str(json)?;
        if let Some(error) = reply.error {
            self.failure = Some(invalid(head::error_text(error.get().as_bytes())));
            return Ok(());
        }
        if let Some(choices) = reply.choices {
            elements(choices, |choice| self.choice(choice))?;
        }
        self.measures(reply.stage_durations, reply.peak_memory_mb)?;
        match reply.metrics {
            Some(Object(beside)) => self.measures(beside.stage_durations, beside.peak_memory_mb),
            None => Ok(()),
        }
    }

    fn choice(&mut self, choice: &RawValue) -> Read {
        let Object(choice): Object<Choice<'_>> = serde_json::from_str(choice.get())?;
        let Some(content) = choice.message.and_then(|message| message.0.content) else {
            return Ok(());
        };
        match Text::of(content) {
            Some(text) => text.push(&mut self.text, LONGEST_TEXT),
            None => elements(content, |item| self.item(item))?,
        }
        Ok(())
    }

    fn item(&mut self, item: &RawValue) -> Read {
        let Object(item): Object<Item<'_>> = serde_json::from_str(item.get())?;
        if let Some(text) = item.text {
            text.push(&mut self.text, LONGEST_TEXT);
        }
        let urls = [item.image_url, item.video_url].into_iter().flatten();
        for url in urls.filter_map(|url| url.0.url) {
            if self.failure.is_none() {
                self.failure = self.take(&url.read()).err();
                self.count += 1;
            }
        }
        self.measures(item.stage_durations, item.peak_memory_mb)
    }

    /// Durations of stages in the unit that their names say; of several memory peaks the highest is kept.
    fn measures(&mut self, durations: Option<&RawValue>, peak_memory_mb: Option<f64>) -> Read {
        if let Some(peak) = peak_memory_mb {
            let highest = self.peak_memory_mb.map_or(peak, |other| other.max(peak));
            self.peak_memory_mb = Some(highest);
        }
        let Some(durations) = durations else {
            return Ok(());
        };
        entries(durations, |stage, duration| {
            if self.durations.len() < MOST_STAGES
                && let Ok(duration) = duration.get().parse()
            {
                let name = format!("stage_durations.{stage}");
                self.durations.push((name, duration));
            }
            Ok(())
        })
    }

    /// Checks one picture or video, and keeps what the record wants of it.
    fn take(&mut self, url: &str) -> Result<(), Judgement> {
        let invalid = |error: &str| Err(Judgement::failed(Outcome::Invalid, error));
        if url.starts_with("http://") || url.starts_with("https://") {
            return invalid("the answer has a URL in place of a picture, which is not fetched yet");
        }
        let Some(bytes) = media::decode(url) else {
            return invalid("a picture is no base64");
        };
        let Some(media) = Media::of(&bytes) else {
            return invalid("what came as a picture is none");
        };
        if self.wants_video == media.is_picture() {
            return invalid(if self.wants_video {
                "a picture came in place of a video"
            } else {
                "a video came in place of a picture"
            });
        }
        if let Some(decoded) = media.decoded_bytes() {
            self.image_bytes = Some(self.image_bytes.unwrap_or(0) + decoded);
        }
        if self.keeps_samples {
            self.samples.push(Sample {
                extension: media.extension,
                bytes,
            });
        }
        Ok(())
    }

    /// The judgement. The server's measures are noted whatever it is, for they are no part of what was asked for.
    fn judge(self, asked: u32, seen: &mut Seen) -> Judgement {
        for (name, duration) in &self.durations {
            head::note_measure(seen, name, *duration);
        }
        if let Some(peak) = self.peak_memory_mb {
            head::note_measure(seen, "peak_memory_mb", peak);
        }
        if let Some(failure) = self.failure {
            return failure;
        }
        if self.count < asked {
            let what = if self.wants_video { "video" } else { "picture" };
            let mut error = format!("the answer has {} of {asked} {what}s", self.count);
            if !self.text.is_empty() {
                error = format!("{error}: {}", String::from_utf8_lossy(&self.text));
            }
            return invalid(error);
        }
        seen.image_bytes = self.image_bytes;
        seen.samples.extend(self.samples);
        Judgement::ok()
    }
}
