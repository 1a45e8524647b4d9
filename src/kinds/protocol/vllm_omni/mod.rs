//! `vllm-omni`: POST /v1/chat/completions with `extra_body` for diffusion; pictures come back in the message's content.

mod found;

use serde_json::{Map, Value, json};

use self::found::judge;
use super::head::{self, Refusal};
use super::kept::Body;
use super::openai::content;
use super::prepare::{body_json, params_json, stream_of};
use super::{About, PrepareError, Prepared, Protocol, Settings};
use crate::instruments::exchange::{Exchange, Flow, Head, Issue, Judgement, Received, Step, Steps};
use crate::instruments::record::Seen;
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

#[cfg(test)]
mod tests;
