//! The scenario's values: every one legal, every default filled, every name found.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::Value;

use crate::foundation::secret::{Secret, SecretRef};
use crate::foundation::units::{Concurrency, Rate};
use crate::instruments::simulator::Model;
use crate::kinds::arrival;
use crate::kinds::dataset::{Folders, Params, Source, Task};
use crate::kinds::metric::slo::Limits;
use crate::kinds::protocol;
use crate::kinds::verdict::objective::{NoData, Objective};

/// A whole experiment.
pub struct Scenario {
    /// Its name; names the report folder.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// Where its paths start and what they may not leave.
    pub folders: Folders,
    /// SHA-256 of the effective scenario, in hex.
    pub hash: String,
    /// Targets by name, in the order of declaration.
    pub targets: IndexMap<String, Target>,
    /// Datasets by name, in the order of declaration.
    pub datasets: IndexMap<String, Dataset>,
    /// The matrix, not yet expanded.
    pub matrix: Matrix,
    /// `load` as written (a JSON object), for cells whose axes change some of it; see [`Scenario::load`].
    pub load_document: Value,
    /// Load without any axis applied.
    pub load: Load,
    /// Limits and objectives.
    pub slo: Slo,
    /// What is compared, where anything is.
    pub compare: Option<Compare>,
    /// What is written.
    pub report: Report,
    /// The scenario after defaults, references in place of values: `effective.yaml`.
    pub effective: Value,
}

/// What is loaded.
pub struct Target {
    /// Its name.
    pub name: String,
    /// The wire format.
    pub protocol: protocol::Kind,
    /// Where it is.
    pub address: Address,
    /// The model that requests name.
    pub model: Option<String>,
    /// Replaces the protocol's own path.
    pub path: Option<String>,
    /// Credentials.
    pub auth: Option<Auth>,
    /// `user:password` out of the base URL, sent as Basic; its reference names the key that it stood in.
    pub user_info: Option<Secret>,
    /// Headers of every request to its own origin.
    pub headers: Vec<(String, String)>,
    /// Request parameters for this target.
    pub params: Params,
    /// A `tokenizer.json`, relative to the scenario, that counts tokens where the server tells none.
    #[expect(dead_code, reason = "`run` refuses it until it can be executed")]
    pub tokenizer: Option<PathBuf>,
    /// How to know that it is ready.
    pub ready: Option<Ready>,
    /// A path or URL whose JSON is recorded.
    pub metadata: Option<String>,
    /// HTTP options.
    pub http: HttpOptions,
    /// Price of running it.
    pub prices: Option<Prices>,
    /// Requests sent once before its cells.
    #[expect(dead_code, reason = "`run` refuses it until it can be executed")]
    pub setup: Vec<protocol::http::Step>,
    /// Requests sent once after its cells.
    #[expect(dead_code, reason = "`run` refuses it until it can be executed")]
    pub teardown: Vec<protocol::http::Step>,
    /// Its own limits and objectives, merged over the file's.
    pub slo: Slo,
    /// Other hosts that an answer may send us to.
    #[expect(dead_code, reason = "`run` refuses it until it can be executed")]
    pub allow_hosts: Vec<String>,
    /// Options of `http`.
    pub http_protocol: Option<protocol::http::Options>,
}

/// Where a target is.
#[derive(Debug, Clone, PartialEq)]
pub enum Address {
    /// Base URLs, used round robin; user-info removed. A trailing slash is removed, and `/v1` is not doubled.
    Urls(Vec<String>),
    /// The simulator, started for this target on a loopback port.
    Embedded(Box<Model>),
}

/// Credentials of a target.
#[derive(Debug, Clone, PartialEq)]
pub enum Auth {
    /// `Authorization: Bearer …`
    Bearer(SecretRef),
    /// `Authorization: Basic …`
    Basic {
        /// The user's name.
        user: String,
        /// The password.
        password: SecretRef,
    },
    /// A header of that name.
    Header {
        /// The header.
        name: String,
        /// Its value.
        value: SecretRef,
    },
}

/// How to know that a target is ready.
#[derive(Debug, Clone, PartialEq)]
pub struct Ready {
    /// A GET of this path answers 2xx.
    pub path: String,
    /// The budget.
    pub within: Duration,
    /// Time between two tries.
    pub every: Duration,
}

/// Which HTTP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(try_from = "serde_json::Value")]
pub enum HttpVersion {
    /// 1.1; over TLS what the server chooses of 2 and 1.1.
    #[default]
    Auto,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2.
    Http2,
}

impl TryFrom<Value> for HttpVersion {
    type Error = String;

    /// `auto`, `1.1` or `2`; the last two as a number too, since that is what YAML makes of them.
    fn try_from(written: Value) -> Result<Self, String> {
        let text = written
            .as_str()
            .map_or_else(|| written.to_string(), str::to_owned);
        match text.as_str() {
            "auto" => Ok(Self::Auto),
            "1.1" => Ok(Self::Http11),
            "2" | "2.0" => Ok(Self::Http2),
            _ => Err(format!("`{text}` is none of `auto`, `1.1`, `2`")),
        }
    }
}

impl schemars::JsonSchema for HttpVersion {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HttpVersion".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Which HTTP is spoken: `auto` (1.1; over TLS 2 or 1.1, as the server chooses), `1.1`, or `2` (negotiated over TLS, else without asking). A connection carries one request at a time by any of them; `ready` and `metadata` are asked by 1.1.",
            "enum": ["auto", "1.1", "2", 1.1, 2],
            "examples": ["auto"],
        })
    }
}

/// Which HTTP client sends the load by HTTP/1.1; where 2 is spoken, all but reqwest are the same.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum HttpClient {
    /// Our own HTTP/1.1 codec.
    #[default]
    Native,
    /// hyper's connections, driven directly.
    Hyper,
    /// reqwest, for cross-checks; HTTP/1.1 alone, at several times the cost. It hides its sockets: `sent` is when a
    /// request was handed to it, so that making a connection counts as service; bytes are stamped when it gives them;
    /// `connected` is absent, and nothing is marked `reused`. It sends `Accept: */*` where `headers` have no Accept.
    Reqwest,
}

/// HTTP options of a target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HttpOptions {
    /// Version.
    pub version: HttpVersion,
    /// A new connection for every request.
    pub connection_per_request: bool,
    /// Proxies from the environment are used.
    pub proxy_from_environment: bool,
    /// Client.
    pub client: HttpClient,
    /// Certificates to trust beside the system's; found from the scenario's folder.
    pub ca_file: Option<PathBuf>,
}

/// Price of running a target.
#[derive(Debug, Clone, PartialEq)]
pub struct Prices {
    /// Price of an hour.
    pub per_hour: f64,
    /// Its currency.
    pub currency: String,
}

/// Where requests come from.
pub struct Dataset {
    /// Its kind's name: `trace`, `random`, …
    pub kind: String,
    /// What its requests ask for.
    pub task: Option<Task>,
    /// What opens it.
    pub source: Box<dyn Source>,
    /// Fill what a row lacks.
    pub params: Params,
    /// Replace what a row has.
    pub overrides: Params,
    /// Whether rows are read again when they end.
    pub cycle: bool,
    /// Whether the order is drawn from the seed.
    pub shuffle: bool,
    /// Whether it never ends by itself (`random`, `urls`, `mix`).
    pub endless: bool,
}

/// The matrix as declared.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Matrix {
    /// Axes in the order of declaration, `target` and `dataset` not yet defaulted. Values are canonical JSON: a rate
    /// is a number per second or `"inf"`, a concurrency a number or `"inf"`.
    pub axes: IndexMap<String, Vec<Value>>,
    /// Those of them that stand under `load`.
    pub under_load: Vec<String>,
    /// Entries that remove cells, each with its JSON pointer.
    pub exclude: Vec<(String, IndexMap<String, Value>)>,
    /// Entries that extend or add cells, each with its JSON pointer.
    pub include: Vec<(String, IndexMap<String, Value>)>,
    /// Most cells.
    pub max_cells: u64,
}

/// How load is put on a target: everything under `load` but rate, concurrency and arrival, which are axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// The rate, where it stands under `load`.
    pub rate: Option<Rate>,
    /// The concurrency, where it stands under `load`.
    pub concurrency: Option<Concurrency>,
    /// The arrival, where it stands under `load`.
    pub arrival: Option<arrival::Kind>,
    /// The gamma's shape.
    pub burstiness: f64,
    /// Size of a batch.
    pub batch: u32,
    /// How much a trace is compressed.
    pub speed: f64,
    /// Requests of each repeat.
    pub requests: Option<u64>,
    /// Length of each repeat.
    pub duration: Option<Duration>,
    /// Time between a client's answer and its next request: least and most.
    pub think_time: (Duration, Duration),
    /// Time over which a closed loop's clients start.
    pub ramp: Duration,
    /// Warm-ups.
    pub warmup: Warmup,
    /// How often each cell is run.
    pub repeats: u32,
    /// In which order.
    pub order: Order,
    /// Pause between cells.
    pub cooldown: Duration,
    /// The root of every random choice.
    pub seed: u64,
    /// Time-outs.
    pub timeouts: Timeouts,
    /// Further attempts at a failed request.
    pub retries: u32,
    /// What was scheduled before this is left out of the statistics.
    pub window_skip: Duration,
    /// How long a stop by `duration` waits for what is in flight; the total time-out unless given.
    pub drain: Option<Duration>,
    /// Spin for the last 100 µs before a send.
    pub precise: bool,
    /// After a stall of our own, send the backlog at once.
    pub catch_up_burst: bool,
    /// Time between polls of a job.
    pub poll_every: Option<Duration>,
    /// The cost of a request.
    pub workload: Option<Workload>,
    /// Which replicas a model load takes: `random` or `cached`.
    pub replicas: Option<String>,
}

/// Warm-ups: recorded, never counted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Warmup {
    /// How many.
    pub requests: u64,
    /// How many at once.
    pub concurrency: u32,
    /// Parameters over all others.
    pub params: Params,
}

/// The order in which repeats of cells are run.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// All repeats of a cell, then the next cell.
    Declared,
    /// Drawn from the seed.
    Shuffled,
    /// Repeat 1 of every cell, then repeat 2, …
    Interleaved,
}

/// The four time-outs of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To connect.
    pub connect: Duration,
    /// To the first byte; `None`: 60 s for streamed answers, `total` for others.
    pub first_byte: Option<Duration>,
    /// Between bytes.
    pub idle: Duration,
    /// For the whole attempt.
    pub total: Duration,
}

/// The cost of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// The unit's name.
    pub unit: String,
    /// The expression over the request's parameters, or the name of a preset.
    pub cost: WorkloadCost,
}

/// What computes a request's cost.
#[derive(Debug, Clone, PartialEq)]
pub enum WorkloadCost {
    /// The requested `max_tokens`.
    Tokens,
    /// 1 a request.
    Requests,
    /// width · height · steps.
    PixelSteps,
    /// The ComfyUI wrapper's formula (seeds.md 2.4).
    Comfyui,
    /// An expression.
    Expression(String),
}

/// Limits of a request and objectives of a cell.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Slo {
    /// What makes a request good.
    pub limits: Limits,
    /// What a cell must reach.
    pub objectives: Vec<Objective>,
    /// What an objective without data does.
    pub no_data: NoData,
}

/// What is compared within the run, or what gates a stored comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Compare {
    /// The axis and its two values, base first.
    pub by: Option<(String, Value, Value)>,
    /// What can fail a pull request.
    pub gates: Vec<Gate>,
    /// Share of false discoveries over all gates.
    pub false_discovery_rate: f64,
}

/// One metric that can fail a pull request.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// The metric's name.
    pub metric: String,
    /// The statistic.
    pub statistic: Option<String>,
    /// How much worse is too much: a share, for rates of errors in points.
    pub tolerance: f64,
    /// Where it was declared.
    pub pointer: String,
}

/// What is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Formats by name: `md`, `html`, `json`, `csv`, `junit`.
    pub formats: Vec<String>,
    /// A user's own template.
    pub template: Option<PathBuf>,
    /// Axis values of the cell that others are shown relative to.
    pub baseline: IndexMap<String, Value>,
    /// Request parameters to show statistics by.
    pub group_by: Vec<String>,
    /// Samples kept per cell.
    pub samples: u32,
    /// Further percentiles, as shares.
    pub percentiles: Vec<f64>,
    /// Further files.
    pub exports: Vec<String>,
}
