//! `load`, as written, split by subject; one flat map in the file.

use schemars::JsonSchema;
use serde::Deserialize;

use super::matrix::Searched;
use crate::foundation::units::{Concurrency, HumanDuration, Rate};
use crate::kinds::arrival;
use crate::kinds::dataset::Params;
use crate::scenario::domain::Order;

/// How load is put on a target in each cell.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Load {
    /// What is offered.
    #[serde(flatten)]
    pub offer: Offer,
    /// How much, and what of it counts.
    #[serde(flatten)]
    pub extent: Extent,
    /// How cells are repeated.
    #[serde(flatten)]
    pub repeats: Repeats,
    /// How each request is tried.
    #[serde(flatten)]
    pub attempts: Attempts,
    /// The cost of one request, for throughput in units per second: a preset, or a unit and an expression over the request's
    /// parameters.
    #[schemars(example = &serde_json::json!({ "unit": "megapixel-steps", "cost": "width * height * num_inference_steps / 1e6" }))]
    pub workload: Option<Workload>,
    /// Which replicas a model load takes: each once in seeded order, or replica 0 each time after one unmeasured load.
    #[schemars(example = &"cached")]
    pub replicas: Option<Replicas>,
}

/// What is offered: the arrival process and its numbers.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Offer {
    /// Requests per second offered, or a search for the highest; here or in the matrix, never in both.
    #[schemars(example = 2)]
    pub rate: Option<Searched<Rate>>,
    /// The most requests in flight, or a search for the highest; here or in the matrix, never in both.
    #[schemars(example = 8)]
    pub concurrency: Option<Searched<Concurrency>>,
    /// How intended times are drawn; here or in the matrix, never in both. `constant` unless given.
    #[schemars(example = &"poisson")]
    pub arrival: Option<arrival::Kind>,
    /// The shape of `arrival: gamma`: 1 is Poisson, below it burstier (CV = 1/√burstiness). 1 unless given.
    #[schemars(extend("exclusiveMinimum" = 0), example = 0.5)]
    pub burstiness: Option<f64>,
    /// How many `arrival: batch` sends at once, before it waits for all of them. 1 unless given.
    #[schemars(range(min = 1), example = 10)]
    pub batch: Option<u32>,
    /// How much `arrival: trace` compresses the dataset's times. 1 unless given.
    #[schemars(extend("exclusiveMinimum" = 0), example = 2.0)]
    pub speed: Option<f64>,
    /// Time between a client's answer and its next request in a closed loop: a duration, or a range drawn from the seed.
    /// 0s unless given.
    #[schemars(example = &"500ms")]
    pub think_time: Option<DurationOrRange>,
    /// Time over which a closed loop's clients start. 0s unless given.
    #[schemars(example = &"10s")]
    pub ramp: Option<HumanDuration>,
    /// What is done after a stall of our own: the backlog is replayed at twice its own gaps, or sent at once. `paced` unless
    /// given.
    #[schemars(example = &"burst")]
    pub catch_up: Option<CatchUp>,
    /// Spin for the last 100 µs before each send: less jitter, for up to 100 µs of a core a request. What it cost is told
    /// as `self_check.spun_share`. False unless given.
    #[schemars(example = true)]
    pub precise: Option<bool>,
}

/// How much load each repeat has, and what of it counts.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Extent {
    /// Requests of each repeat. With neither this nor `duration` each row is sent once.
    #[schemars(range(min = 1), example = 100)]
    pub requests: Option<u64>,
    /// Length of each repeat; with `requests` too, whichever ends first.
    #[schemars(example = &"60s")]
    pub duration: Option<HumanDuration>,
    /// Requests before the measured ones, recorded and never counted. None unless given.
    pub warmup: Option<Warmup>,
    /// What is left out of the statistics.
    pub window: Option<Window>,
    /// How long a stop by `duration` waits for what is in flight; the total time-out unless given.
    #[schemars(example = &"30s")]
    pub drain: Option<HumanDuration>,
}

/// How cells are repeated.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Repeats {
    /// How often each cell is run. 1 unless given.
    #[schemars(range(min = 1), example = 3)]
    #[expect(clippy::struct_field_names, reason = "the name is the language's")]
    pub repeats: Option<u32>,
    /// In which order. `interleaved` where `repeats` is above 1, else `declared`, unless given.
    #[schemars(example = &"interleaved")]
    pub order: Option<Order>,
    /// Pause between cells. 0s unless given.
    #[schemars(example = &"5s")]
    pub cooldown: Option<HumanDuration>,
    /// The root of every random choice. 0 unless given.
    #[schemars(example = 42)]
    pub seed: Option<u64>,
}

/// How each request is tried.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Attempts {
    /// Time-outs of each attempt.
    pub timeout: Option<Timeout>,
    /// Further attempts at a failed request. 0 unless given.
    #[schemars(range(max = 100), example = 1)]
    pub retries: Option<u32>,
    /// How a job that answers later is asked.
    pub poll: Option<Poll>,
}

/// A duration, or a range that durations are drawn from.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum DurationOrRange {
    /// Always the same.
    Fixed(HumanDuration),
    /// Evenly distributed between two bounds.
    Range(DurationRange),
}

/// Two bounds, both included.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct DurationRange {
    /// The least.
    #[schemars(example = &"100ms")]
    pub min: HumanDuration,
    /// The most.
    #[schemars(example = &"900ms")]
    pub max: HumanDuration,
}

/// What is done after a stall of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CatchUp {
    /// The backlog is replayed at twice its own gaps.
    Paced,
    /// The backlog is sent at once.
    Burst,
}

/// Requests before the measured ones.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Warmup {
    /// How many.
    #[schemars(example = 2)]
    pub requests: u64,
    /// How many at once. 1 unless given.
    #[schemars(range(min = 1), example = 4)]
    pub concurrency: Option<u32>,
    /// Request parameters over all others; `null` removes one.
    #[serde(default)]
    #[schemars(example = &serde_json::json!({ "num_inference_steps": 1 }))]
    pub params: Params,
}

/// What is left out of the statistics.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Window {
    /// What was scheduled before this is left out; the rows stay, marked.
    #[schemars(example = &"10s")]
    pub skip: HumanDuration,
}

/// The four time-outs of an attempt.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Timeout {
    /// To connect. 5s unless given.
    #[schemars(example = &"5s")]
    pub connect: Option<HumanDuration>,
    /// To the first byte of the answer. 60s for streamed answers and `total` for others unless given.
    #[schemars(example = &"10m")]
    pub first_byte: Option<HumanDuration>,
    /// Between bytes of the answer. 30s unless given.
    #[schemars(example = &"60s")]
    pub idle: Option<HumanDuration>,
    /// For the whole attempt. 600s unless given.
    #[schemars(example = &"15m")]
    pub total: Option<HumanDuration>,
}

/// How a job that answers later is asked.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Poll {
    /// Time between polls; from 50ms on, growing, unless given.
    #[schemars(example = &"250ms")]
    pub every: HumanDuration,
}

/// The cost of one request.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Workload {
    /// A preset.
    Preset(Preset),
    /// A unit and an expression.
    Custom(Cost),
}

/// A preset cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// The requested `max_tokens`.
    Tokens,
    /// 1 a request.
    Requests,
    /// width · height · num_inference_steps.
    PixelSteps,
    /// The ComfyUI wrapper's formula.
    Comfyui,
}

/// A cost in a unit of the scenario's own.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Cost {
    /// The unit's name.
    #[schemars(example = &"megapixel-steps")]
    pub unit: String,
    /// An expression over the request's parameters.
    #[schemars(example = &"width * height * num_inference_steps / 1e6")]
    pub cost: String,
}

/// Which replicas a model load takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Replicas {
    /// Each replica once, in seeded order.
    Random,
    /// Replica 0 each time, after one unmeasured load.
    Cached,
}
