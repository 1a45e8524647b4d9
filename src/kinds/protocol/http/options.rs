//! The options of `http`, as written in a scenario.

use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::foundation::units::HumanDuration;

/// Options of `http`: one request (the short form, beside the target's `path` and `headers`), or several steps.
///
/// Strings may hold templates over `row`, `request` (`index`, `seed`), `workload` and earlier steps by name; a value that
/// is one whole `{{ … }}` keeps its type. Flattened into the target, so it cannot itself refuse unknown keys.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Options {
    /// Exchanges, one after the other, that make up one request of the dataset; each is timed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = &serde_json::json!([{ "name": "infer", "path": "/infer", "json": { "prompt": "{{ row.prompt }}" } }]))]
    pub steps: Vec<Step>,
    /// The method; POST where there is a body, else GET.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"GET")]
    pub method: Option<Method>,
    /// A whole URL in place of `path`: of the target's own host, or one that `allow_hosts` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"{{ route.url }}/generate")]
    pub url: Option<String>,
    /// Query parameters, percent-encoded and added to the path.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(example = &serde_json::json!({ "text": "{{ row.prompt }}" }))]
    pub query: IndexMap<String, Value>,
    /// The body.
    #[serde(flatten)]
    pub body: Body,
    /// What makes an answer count; any 2xx unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &serde_json::json!({ "status": [200], "json": { "/output/0": "exists" } }))]
    pub expect: Option<Expect>,
    /// What is read out of an answer: a metric (`server.<name>`, `output_tokens`, `input_tokens`) or a name for later
    /// steps. A number is taken as it stands, in the unit that its server uses.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(example = &serde_json::json!({ "server.inference_s": { "json": "/timings/inference" } }))]
    pub extract: IndexMap<String, Extract>,
}

/// One exchange of a request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Its name: later steps see what it extracted under it, and its time is `step.<name>`.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9_]*$"), example = &"route")]
    pub name: String,
    /// The method; POST where there is a body, else GET.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"POST")]
    pub method: Option<Method>,
    /// The path at the target; `/` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"/route/")]
    pub path: Option<String>,
    /// A whole URL in place of `path`: of the target's own host, or one that `allow_hosts` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"{{ route.url }}/generate/sync")]
    pub url: Option<String>,
    /// Query parameters, percent-encoded and added to the path.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(example = &serde_json::json!({ "text": "{{ row.prompt }}" }))]
    pub query: IndexMap<String, Value>,
    /// Headers of this exchange.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(example = &serde_json::json!({ "x-request": "{{ request.index }}" }))]
    pub headers: IndexMap<String, Value>,
    /// The body.
    #[serde(flatten)]
    pub body: Body,
    /// What makes the answer count; any 2xx unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &serde_json::json!({ "status": [200], "min_bytes": 1000 }))]
    pub expect: Option<Expect>,
    /// What is read out of the answer, by name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(example = &serde_json::json!({ "url": { "json": "/url" } }))]
    pub extract: IndexMap<String, Extract>,
    /// How long this exchange may take, beside the request's own time-outs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"30s")]
    pub timeout: Option<HumanDuration>,
    /// Whether the answer is expected to stream: chooses the default of the first-byte time-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = false)]
    pub stream: Option<bool>,
    /// TLS of this exchange's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &serde_json::json!({ "ca": "worker-ca.pem" }))]
    pub tls: Option<Tls>,
}

/// A request's method, by HTTP's own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET
    Get,
    /// HEAD
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
    /// OPTIONS
    Options,
}

/// The body of a request, in one of its forms.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Body {
    /// A JSON body; a credential in it is `{ secret: { env: NAME } }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &serde_json::json!({ "prompt": "{{ row.prompt }}", "seed": "{{ row.seed }}" }))]
    pub json: Option<Value>,
    /// A form, URL-encoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &serde_json::json!({ "prompt": "{{ row.prompt }}" }))]
    pub form: Option<IndexMap<String, Value>>,
    /// A multipart form; a part is a value, or a file as `{ upload: PATH }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &serde_json::json!({ "prompt": "{{ row.prompt }}", "image": { "upload": "cat.png" } }))]
    pub multipart: Option<IndexMap<String, Value>>,
    /// A text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"{{ row.prompt }}")]
    pub text: Option<String>,
    /// A file, relative to the scenario, sent as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"body.bin")]
    pub file: Option<PathBuf>,
}

/// What makes an answer count. A status that is not listed is a failure by its class; the rest is `invalid`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Good statuses; any 2xx unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &[200, 201])]
    pub status: Option<Statuses>,
    /// By JSON pointer: `exists`, or the value that must stand there (`{ equals: exists }` for that very text).
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(example = &serde_json::json!({ "/output/0": "exists", "/status": "done" }))]
    pub json: IndexMap<String, Value>,
    /// The media type, without its parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"application/json")]
    pub content_type: Option<String>,
    /// The least size of the body in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 1000)]
    pub min_bytes: Option<u64>,
    /// Where a picture must stand: a JSON pointer to base64 or a data URL, or `body` for the body itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"/output/0")]
    pub image: Option<String>,
}

/// One status or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Statuses {
    /// One.
    One(#[schemars(range(min = 100, max = 599), example = 200)] u16),
    /// Any of these.
    Many(
        #[schemars(length(min = 1), inner(range(min = 100, max = 599)), example = &[200, 202])]
        Vec<u16>,
    ),
}

impl Statuses {
    /// Whether `status` is one of them.
    pub fn contains(&self, status: u16) -> bool {
        match self {
            Self::One(one) => *one == status,
            Self::Many(many) => many.contains(&status),
        }
    }
}

/// Where a value stands in an answer. Nothing is read of one that is no text and is longer than 1 MiB, nested deeper than
/// 127, holds a number beyond a 64-bit float, or holds a text or key with a lone surrogate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Extract {
    /// A JSON pointer into the body.
    Json(#[schemars(example = &"/timings/inference")] String),
    /// A header.
    Header(#[schemars(example = &"x-tokens")] String),
}

impl Extract {
    /// The JSON pointer; `None` for a header.
    pub fn pointer(&self) -> Option<&str> {
        match self {
            Self::Json(pointer) => Some(pointer),
            Self::Header(_) => None,
        }
    }
}

/// TLS of one exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Certificates to trust beside the system's.
    #[schemars(example = &"worker-ca.pem")]
    pub ca: PathBuf,
}
