//! `http`: any method, path, headers and body, from templates over the row; how a user adds a system of his own.
//!
//! Begin with [`options`] for what a scenario may say, `exchange` for how a step becomes a request, `body` for the forms of
//! its body, `attempt` for how answers are judged and what they give to later steps, `pointed` for how their JSON is read.

mod attempt;
mod body;
mod exchange;
mod expect;
mod options;
mod pointed;

pub use options::{Options, Step};

use serde_json::{Map, Value, json};

use self::attempt::Attempt;
use self::exchange::Compiled;
use self::options::Body;
use super::framing::media;
use super::prepare::params_json;
use super::{ANY_TASK, About, PrepareError, Prepared, Protocol, Settings};
use crate::foundation::secret::SecretRef;
use crate::instruments::exchange::{Issue, Steps};
use crate::kinds::dataset::{Prompt, Request};

/// The protocol: it serves any task, and none at all.
pub(super) const ABOUT: About = About {
    tasks: ANY_TASK,
    without_task: true,
    under_v1: false,
    build: Some(|settings| Ok(Box::new(Http::new(settings)?))),
};

/// The protocol for one target.
pub struct Http {
    settings: Settings,
    steps: Vec<Compiled>,
}

impl Http {
    /// Compiles the options of a target.
    ///
    /// # Errors
    /// Where a template is none, a body has several forms, or a file cannot be read.
    pub fn new(settings: Settings) -> Result<Self, PrepareError> {
        let options = settings.http.clone().unwrap_or_default();
        let is_short = options.steps.is_empty();
        let steps = options.into_steps(settings.path.as_deref())?;
        let place = |number: usize| {
            if is_short {
                String::new()
            } else {
                format!("/steps/{number}")
            }
        };
        let steps = steps
            .into_iter()
            .enumerate()
            .map(|(number, step)| Compiled::new(step, place(number), &settings))
            .collect::<Result<_, _>>()?;
        Ok(Self { settings, steps })
    }
}

impl Protocol for Http {
    fn prepare(&self, request: Request) -> Result<Prepared, PrepareError> {
        let issue = Issue {
            index: 0,
            attempt: 1,
            seed: 0,
        };
        let context = context(&request, issue)?;
        let first = self
            .steps
            .first()
            .ok_or_else(|| refusal("the target has no step"))?;
        let exchange = first.exchange(&context, &self.settings)?;
        Ok(Prepared {
            params_json: params_json(&request.params)?,
            stream: exchange.streamed,
            exchange,
            choices: 1,
            requested_tokens: request.params.get("max_tokens").and_then(Value::as_u64),
            request,
        })
    }

    fn begin<'a>(&'a self, prepared: &'a Prepared, issue: Issue) -> Box<dyn Steps + 'a> {
        let needs_context =
            self.steps.len() > 1 || self.steps.iter().any(|step| step.names_request);
        // The row was put into this form once already, so that it can be again.
        let context = if needs_context {
            context(&prepared.request, issue).unwrap_or_default()
        } else {
            Map::new()
        };
        Box::new(Attempt::new(&self.steps, &self.settings, prepared, context))
    }
}

/// What templates see: `row` (after all parameters), `request` and `workload`; earlier steps are added as they end.
fn context(request: &Request, issue: Issue) -> Result<Map<String, Value>, PrepareError> {
    let mut row = request.params.clone();
    match &request.row.prompt {
        Prompt::None => {}
        Prompt::Text(text) => {
            row.insert("prompt".to_owned(), Value::from(text.as_str()));
        }
        Prompt::Messages(messages) => {
            row.insert("messages".to_owned(), Value::from(messages.clone()));
        }
    }
    if !request.row.images.is_empty() {
        let urls = request.row.images.iter().map(|path| {
            media::data_url(path)
                .map_err(|error| refusal(format!("cannot read {}: {error}", path.display())))
        });
        row.insert(
            "images".to_owned(),
            Value::Array(
                urls.map(|url| url.map(Value::from))
                    .collect::<Result<_, _>>()?,
            ),
        );
    }
    Ok(Map::from_iter([
        ("row".to_owned(), Value::Object(row)),
        (
            "request".to_owned(),
            json!({ "index": issue.index, "seed": issue.seed }),
        ),
        ("workload".to_owned(), json!(request.workload)),
    ]))
}

fn refusal(message: impl Into<String>) -> PrepareError {
    PrepareError {
        at: None,
        message: message.into(),
        help: "see `http` in the documentation of protocols".to_owned(),
    }
}

impl Options {
    /// The steps; the short form is one of them, at the target's `path`.
    fn into_steps(self, path: Option<&str>) -> Result<Vec<Step>, PrepareError> {
        let Self {
            steps,
            method,
            url,
            query,
            body,
            expect,
            extract,
        } = self;
        let short = Step {
            method,
            url,
            query,
            body,
            expect,
            extract,
            ..Step::default()
        };
        if steps.is_empty() {
            return Ok(vec![Step {
                path: path.map(str::to_owned),
                ..short
            }]);
        }
        if short != Step::default() {
            return Err(refusal(
                "`steps` stand beside a method, url, query, body, expect or extract of the target",
            ));
        }
        Ok(steps)
    }

    /// The credentials that bodies, queries and headers name as `{ secret: … }`, to be read before a run.
    pub fn secrets(&self) -> Vec<SecretRef> {
        let mut found = Vec::new();
        let mut visit = |body: &Body, maps: [&indexmap::IndexMap<String, Value>; 2]| {
            let maps = maps
                .into_iter()
                .chain(body.form.as_ref())
                .chain(body.multipart.as_ref());
            let values = maps
                .flat_map(indexmap::IndexMap::values)
                .chain(body.json.as_ref());
            values.for_each(|value| secrets_in(value, &mut found));
        };
        visit(&self.body, [&self.query, &indexmap::IndexMap::new()]);
        for step in &self.steps {
            visit(&step.body, [&step.query, &step.headers]);
        }
        found
    }
}

/// The reference that an object `{ secret: { env: NAME } }` is.
fn secret(value: &Value) -> Option<SecretRef> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    serde_json::from_value(object.get("secret")?.clone()).ok()
}

fn secrets_in(value: &Value, found: &mut Vec<SecretRef>) {
    if let Some(reference) = secret(value) {
        found.push(reference);
        return;
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| secrets_in(item, found)),
        Value::Object(entries) => entries.values().for_each(|item| secrets_in(item, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
