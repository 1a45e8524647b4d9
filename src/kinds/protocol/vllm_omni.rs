//! `vllm-omni`: POST /v1/chat/completions with `extra_body` for diffusion; pictures come back in the message's content.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::answer::{invalid, malformed};
use super::framing::media::{self, Media};
use super::framing::members::{elements, entries};
use super::framing::text::push_string;
use super::head::{self, Refusal};
use super::kept::Body;
use super::openai::content;
use super::prepare::{body_json, params_json, stream_of};
use super::{About, PrepareError, Prepared, Protocol, Settings};
use crate::instruments::exchange::{Exchange, Flow, Head, Issue, Judgement, Received, Step, Steps};
use crate::instruments::record::{Outcome, Sample, Seen};
use crate::kinds::dataset::{Params, Prompt, Request, Task};

/// The protocol.
pub(super) const ABOUT: About = About {
    tasks: &[
        Task::T2i,
        Task::I2i,
        Task::Ti2i,
        Task::T2v,
        Task::I2v,
        Task::Ti2v,
    ],
    without_task: false,
    under_v1: true,
    build: Some(|settings| Ok(Box::new(VllmOmni { settings }))),
};

/// The path below the target's base URL.
const PATH: &str = "/v1/chat/completions";
/// Parameters of the chat request itself; all others are the diffusion's.
const TOP_LEVEL: [&str; 3] = ["stream", "model", "modalities"];

/// The protocol for one target.
#[derive(Debug)]
struct VllmOmni {
    settings: Settings,
}

impl Protocol for VllmOmni {
    fn prepare(&self, request: Request) -> Result<Prepared, PrepareError> {
        let text = match &request.row.prompt {
            Prompt::Text(text) => text.as_str(),
            Prompt::None if !request.row.images.is_empty() => "",
            _ => {
                return Err(PrepareError {
                    at: None,
                    message: "the row has no prompt".to_owned(),
                    help: "give each row a `prompt`, or `image_paths`".to_owned(),
                });
            }
        };
        let mut body = Map::new();
        if let Some(model) = &self.settings.model {
            body.insert("model".to_owned(), Value::from(model.as_str()));
        }
        body.insert(
            "messages".to_owned(),
            json!([{ "role": "user", "content": content(text, &request)? }]),
        );
        let params = &request.params;
        stream_of(params)?;
        for name in TOP_LEVEL {
            if let Some(value) = params.get(name) {
                body.insert(name.to_owned(), value.clone());
            }
        }
        let extra_body = extra_body(params);
        if !extra_body.is_empty() {
            body.insert("extra_body".to_owned(), Value::Object(extra_body));
        }
        let body = body_json(&body)?;
        let pictures = params
            .get("num_outputs_per_prompt")
            .and_then(Value::as_u64)
            .unwrap_or(1);
        Ok(Prepared {
            params_json: params_json(params)?,
            exchange: Exchange::post_json(self.settings.path.as_deref().unwrap_or(PATH), body),
            stream: false,
            choices: u32::try_from(pictures).unwrap_or(u32::MAX).max(1),
            requested_tokens: None,
            request,
        })
    }

    fn begin<'a>(&'a self, prepared: &'a Prepared, _issue: Issue) -> Box<dyn Steps + 'a> {
        let wants_video = self
            .settings
            .task
            .is_some_and(|task| task.name().ends_with('v'));
        Box::new(Answer {
            prepared,
            wants_video,
            sent: false,
            state: State::Whole(Body::default()),
            judgement: None,
        })
    }
}

/// The diffusion's parameters: width and height only together, no empty `fps`; the request's own `extra_body` wins.
fn extra_body(params: &Params) -> Params {
    let is_set = |name: &str| {
        params
            .get(name)
            .and_then(Value::as_f64)
            .is_some_and(|number| number != 0.0)
    };
    let has_size = is_set("width") && is_set("height");
    let mut extra = Map::new();
    for (name, value) in params {
        let left_out = match name.as_str() {
            "width" | "height" => !has_size,
            "fps" => !is_set("fps"),
            "extra_body" => true,
            name => TOP_LEVEL.contains(&name),
        };
        if !left_out {
            extra.insert(name.clone(), value.clone());
        }
    }
    if let Some(Value::Object(own)) = params.get("extra_body") {
        extra.extend(own.clone());
    }
    extra
}

/// One attempt.
struct Answer<'a> {
    prepared: &'a Prepared,
    wants_video: bool,
    sent: bool,
    state: State,
    judgement: Option<Judgement>,
}

enum State {
    Whole(Body),
    Refused(Refusal),
}

impl Answer<'_> {
    fn head(&mut self, head: &Head, seen: &mut Seen) {
        head::note_head(head, seen);
        let Some(outcome) = head.refusal() else {
            self.state = State::Whole(Body::whole(head));
            if head.media_type() != "application/json" {
                head::note(seen, "content_type");
            }
            return;
        };
        self.state = State::Refused(Refusal::new(outcome, head.status));
    }
}

impl Steps for Answer<'_> {
    fn next(&mut self, seen: &mut Seen) -> Step<'_> {
        if !self.sent {
            self.sent = true;
            return Step::Send(&self.prepared.exchange);
        }
        Step::Finish(match (self.judgement.take(), &self.state) {
            (Some(judgement), _) => judgement,
            (None, State::Refused(refusal)) => refusal.judge(),
            (None, State::Whole(body)) => {
                judge(body.json(), self.prepared.choices, self.wants_video, seen)
            }
        })
    }

    fn receive(&mut self, event: Received<'_>, seen: &mut Seen) -> Flow {
        match event {
            Received::Head(head) => self.head(head, seen),
            Received::Chunk { bytes, .. } => match &mut self.state {
                State::Refused(refusal) => refusal.take(bytes),
                State::Whole(body) => {
                    self.judgement = body.take(bytes);
                    if self.judgement.is_some() {
                        return Flow::Enough;
                    }
                }
            },
            Received::End { .. } | Received::Elapsed { .. } => {}
        }
        Flow::More
    }
}

/// The answer, as far as it is read; its texts stay where they are.
#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    choices: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    metrics: Option<Measures<'a>>,
    #[serde(borrow)]
    stage_durations: Option<&'a RawValue>,
    peak_memory_mb: Option<f64>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    message: Option<Message<'a>>,
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
    image_url: Option<Url<'a>>,
    #[serde(borrow)]
    video_url: Option<Url<'a>>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    stage_durations: Option<&'a RawValue>,
    peak_memory_mb: Option<f64>,
}

#[derive(Deserialize)]
struct Url<'a> {
    #[serde(borrow)]
    url: Option<Cow<'a, str>>,
}

/// The server's own measures, wherever they stand.
#[derive(Deserialize, Default)]
struct Measures<'a> {
    #[serde(borrow)]
    stage_durations: Option<&'a RawValue>,
    peak_memory_mb: Option<f64>,
}

/// Whether the answer has as many pictures (or videos) as were asked for, each of them one by its bytes.
fn judge(body: &[u8], asked: u32, wants_video: bool, seen: &mut Seen) -> Judgement {
    if body.trim_ascii().is_empty() {
        return Judgement::failed(Outcome::Invalid, "the answer is empty");
    }
    let mut found = Found {
        wants_video,
        count: 0,
        text: Vec::new(),
        failure: None,
    };
    match found.read(body, seen) {
        Err(error) => malformed("the answer", &error),
        Ok(()) => found.judge(asked),
    }
}

/// What was found in an answer so far.
struct Found {
    wants_video: bool,
    /// How many pictures, or videos.
    count: u32,
    text: Vec<u8>,
    /// What the answer is, where nothing that follows can change it.
    failure: Option<Judgement>,
}

impl Found {
    fn read(&mut self, body: &[u8], seen: &mut Seen) -> Result<(), serde_json::Error> {
        let reply: Reply<'_> = serde_json::from_slice(body)?;
        if reply.error.is_some() {
            self.failure = Some(invalid(head::error_text(body)));
            return Ok(());
        }
        if let Some(choices) = reply.choices {
            elements(choices, |choice| self.choice(choice, seen))?;
        }
        let beside = reply.metrics.unwrap_or_default();
        note_measures(reply.stage_durations, reply.peak_memory_mb, seen)?;
        note_measures(beside.stage_durations, beside.peak_memory_mb, seen)
    }

    fn choice(&mut self, choice: &RawValue, seen: &mut Seen) -> Result<(), serde_json::Error> {
        let choice: Choice<'_> = serde_json::from_str(choice.get())?;
        match choice.message.and_then(|message| message.content) {
            None => Ok(()),
            Some(text) if text.get().starts_with('"') => {
                push_string(&mut self.text, text.get());
                Ok(())
            }
            Some(items) => elements(items, |item| self.item(item, seen)),
        }
    }

    fn item(&mut self, item: &RawValue, seen: &mut Seen) -> Result<(), serde_json::Error> {
        let item: Item<'_> = serde_json::from_str(item.get())?;
        let text = item.text.unwrap_or_default();
        self.text.extend_from_slice(text.as_bytes());
        note_measures(item.stage_durations, item.peak_memory_mb, seen)?;
        let urls = [item.image_url, item.video_url].into_iter().flatten();
        for url in urls.filter_map(|url| url.url) {
            if self.failure.is_none() {
                self.failure = take(&url, self.wants_video, seen).err();
                self.count += 1;
            }
        }
        Ok(())
    }

    fn judge(self, asked: u32) -> Judgement {
        if let Some(failure) = self.failure {
            return failure;
        }
        if self.count >= asked {
            return Judgement::ok();
        }
        let what = if self.wants_video { "video" } else { "picture" };
        let mut error = format!("the answer has {} of {asked} {what}s", self.count);
        if !self.text.is_empty() {
            error = format!("{error}: {}", String::from_utf8_lossy(&self.text));
        }
        invalid(error)
    }
}

/// Checks one picture or video, and keeps what the record wants of it.
fn take(url: &str, wants_video: bool, seen: &mut Seen) -> Result<(), Judgement> {
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
    if wants_video == media.is_picture() {
        return invalid(if wants_video {
            "a picture came in place of a video"
        } else {
            "a video came in place of a picture"
        });
    }
    if let Some(decoded) = media.decoded_bytes() {
        seen.image_bytes = Some(seen.image_bytes.unwrap_or(0) + decoded);
    }
    if seen.keep_samples {
        seen.samples.push(Sample {
            extension: media.extension,
            bytes,
        });
    }
    Ok(())
}

/// Durations of stages as the server names them, in seconds; of several memory peaks the highest is kept.
fn note_measures(
    durations: Option<&RawValue>,
    peak_memory_mb: Option<f64>,
    seen: &mut Seen,
) -> Result<(), serde_json::Error> {
    if let Some(peak) = peak_memory_mb {
        let highest = seen
            .server
            .get("peak_memory_mb")
            .map_or(peak, |other| other.max(peak));
        seen.server.insert("peak_memory_mb".to_owned(), highest);
    }
    let Some(durations) = durations else {
        return Ok(());
    };
    entries(durations, |stage, duration| {
        if let Ok(duration) = duration.get().parse() {
            head::note_measure(seen, &format!("stage_durations.{stage}"), duration);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::dataset::Task;
    use crate::kinds::protocol::rehearsal::{Answer, Attempt, play, play_keeping, request};
    use crate::kinds::protocol::{Kind, build};

    macro_rules! wire {
        ($path:literal) => {
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/fixtures/wire/vllm-omni/",
                $path
            ))
        };
    }

    fn protocol(task: Task) -> Box<dyn Protocol> {
        let settings = Settings {
            model: Some("tiny".to_owned()),
            task: Some(task),
            ..Settings::default()
        };
        build(Kind::VllmOmni, settings).unwrap()
    }

    fn body(params: Value) -> Value {
        let prepared = protocol(Task::T2i)
            .prepare(request("A cat.", params))
            .unwrap();
        serde_json::from_slice(&prepared.exchange.body).unwrap()
    }

    fn answered(params: Value, answer: Answer) -> Attempt {
        let protocol = protocol(Task::T2i);
        let prepared = protocol.prepare(request("A cat.", params)).unwrap();
        play(&*protocol, &prepared, &[answer])
    }

    fn json(body: &str) -> Answer {
        Answer::ok("application/json", body.to_owned())
    }

    /// seeds.md 4.3: what the seed's client sends.
    #[test]
    fn diffusion_parameters_go_into_extra_body() {
        assert_eq!(
            body(
                json!({"width": 512, "height": 256, "num_inference_steps": 20, "seed": 0, "fps": 0, "negative_prompt": "blur"})
            ),
            json!({"model": "tiny", "messages": [{"role": "user", "content": "A cat."}],
                   "extra_body": {"width": 512, "height": 256, "num_inference_steps": 20, "seed": 0, "negative_prompt": "blur"}})
        );
        assert_eq!(body(json!({"width": 512}))["extra_body"], Value::Null);
        assert_eq!(
            body(json!({"seed": 1, "extra_body": {"seed": 2, "x": 3}}))["extra_body"],
            json!({"seed": 2, "x": 3})
        );
    }

    #[test]
    fn a_row_with_a_picture_sends_it_as_a_part() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.gif"), b"GIF89a\x01\0\x01\0").unwrap();
        let mut asked = request("", json!({}));
        asked.row.images = vec![folder.path().join("a.gif")];
        let prepared = protocol(Task::I2i).prepare(asked).unwrap();
        let body: Value = serde_json::from_slice(&prepared.exchange.body).unwrap();
        let content = &body["messages"][0]["content"];
        assert_eq!(
            (content.as_array().unwrap().len(), &content[0]["type"]),
            (1, &json!("image_url"))
        );
        assert!(
            content[0]["image_url"]["url"]
                .as_str()
                .unwrap()
                .starts_with("data:image/gif;base64,")
        );
    }

    #[test]
    fn a_picture_is_an_answer_with_its_size_and_the_servers_measures() {
        let Attempt {
            judgement, seen, ..
        } = answered(json!({}), json(wire!("picture.json")));
        assert_eq!(
            (judgement.error, seen.image_bytes),
            (None, Some(16 * 8 * 3))
        );
        assert_eq!(seen.server["stage_durations.stage_0_gen_s"], 0.0945);
        assert_eq!(seen.server["peak_memory_mb"], 512.5);
        assert_eq!((seen.tokens.output, seen.first_content), (None, None));
    }

    #[test]
    fn the_servers_measures_are_found_in_all_their_places() {
        for (body, generation, peak) in [
            (wire!("measures-at-the-top.json"), 0.08, Some(256.0)),
            (wire!("measures-in-metrics.json"), 0.07, None),
        ] {
            let seen = answered(json!({}), json(body)).seen;
            assert_eq!(seen.server["stage_durations.stage_0_gen_s"], generation);
            assert_eq!(seen.server.get("peak_memory_mb").copied(), peak);
        }
    }

    #[test]
    fn what_is_no_picture_is_invalid_whatever_the_status() {
        let outcome = |body: String| answered(json!({}), json(&body)).judgement;
        let none = outcome(wire!("no-picture.json").to_owned());
        assert_eq!(none.outcome, Outcome::Invalid);
        assert!(none.error.unwrap().contains("no images were produced"));
        let with_url =
            |url: &str| wire!("picture.json").replace("data:image/png;base64,iVBOR", url);
        for url in [
            "data:image/png;base64,AAAA",
            "data:image/png;base64,!",
            "http://elsewhere/",
        ] {
            assert_eq!(outcome(with_url(url)).outcome, Outcome::Invalid, "{url}");
        }
        for body in [
            "",
            "{}",
            r#"{"choices":[{"message":{"content":null}}]}"#,
            r#"{"choices":[{"message":{"content":[]}}]}"#,
        ] {
            assert_eq!(outcome(body.to_owned()).outcome, Outcome::Invalid, "{body}");
        }
        assert_eq!(outcome("{".to_owned()).outcome, Outcome::Protocol);
        assert_eq!(
            answered(
                json!({"num_outputs_per_prompt": 2}),
                json(wire!("picture.json"))
            )
            .judgement
            .outcome,
            Outcome::Invalid
        );
        let protocol = protocol(Task::T2v);
        let prepared = protocol.prepare(request("A cat.", json!({}))).unwrap();
        let attempt = play(&*protocol, &prepared, &[json(wire!("picture.json"))]);
        assert_eq!(
            attempt.judgement.error.as_deref(),
            Some("a picture came in place of a video")
        );
    }

    #[test]
    fn an_error_has_the_servers_text() {
        let answer = Answer {
            status: 400,
            headers: vec![],
            pieces: vec![r#"{"message":"bad size","code":400}"#.into()],
        };
        let judgement = answered(json!({}), answer).judgement;
        assert_eq!(
            (judgement.outcome, judgement.error.as_deref()),
            (Outcome::Http(400), Some("HTTP 400: bad size"))
        );
    }

    #[test]
    fn the_picture_is_kept_where_a_sample_is_wanted() {
        let protocol = protocol(Task::T2i);
        let prepared = protocol.prepare(request("A cat.", json!({}))).unwrap();
        let seen = play_keeping(&*protocol, &prepared, &[json(wire!("picture.json"))], true).seen;
        assert_eq!((seen.samples.len(), seen.samples[0].extension), (1, "png"));
    }
}
