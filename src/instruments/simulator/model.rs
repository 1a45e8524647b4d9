//! The latency model as written in a scenario's `embedded:` and in `mock --profile` (running.md, "The simulator").

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::service::Distribution;
use crate::foundation::diagnostic::{Finding, Findings};
use crate::foundation::units::{HumanDuration, Ratio};

/// How the simulator answers: service time, queueing, streaming, faults.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Model {
    /// Seed of every random choice; the same seed gives the same answers. 0 unless given.
    #[schemars(example = 7)]
    pub seed: u64,
    /// Requests served at once; the rest queue. Unlimited unless given.
    #[schemars(range(min = 1), example = 4)]
    pub servers: Option<u32>,
    /// Requests that may queue; what comes beyond is answered with 429. 100 unless given.
    #[schemars(example = 100)]
    pub queue: Option<u32>,
    /// Time that a request holds its server, from its start to its last byte, where its kind has no time of its own:
    /// streamed tokens take `ttft` and `itl` where both are given, pictures `image`, loads `load`. An answer in one
    /// piece, of tokens too, takes this.
    pub service: Option<Service>,
    /// Time to the first token of a streamed answer. Without `itl`, the other tokens spread evenly over `service`.
    #[schemars(example = &"20ms")]
    pub ttft: Option<HumanDuration>,
    /// Time between the tokens of a streamed answer. Without `ttft`, the last token comes at the end of `service`.
    #[schemars(example = &"5ms")]
    pub itl: Option<HumanDuration>,
    /// Time to make pictures and videos.
    pub image: Option<ImageTime>,
    /// Time to load a model.
    pub load: Option<LoadTime>,
    /// What goes wrong, and when.
    pub faults: Vec<Fault>,
}

impl Model {
    /// What is wrong with the model beyond its types, each at its place below `pointer` (`/targets/x/embedded`).
    pub fn check(&self, pointer: &str) -> Findings {
        let mut findings = Findings::new();
        let mut refuse = |at: String, message: &str, help: &str| {
            findings.push(Finding::error(MODEL, format!("{pointer}{at}"), message).help(help));
        };
        if self.servers == Some(0) {
            refuse(
                "/servers".to_owned(),
                "a simulator without a server answers nothing",
                "write 1 or more, or leave it out for no limit",
            );
        }
        if let Some(Err((field, problem))) = self.service.as_ref().map(Distribution::new) {
            refuse(format!("/service/{field}"), &problem, SERVICE_HELP);
        }
        for (number, fault) in self.faults.iter().enumerate() {
            if fault.rate.is_some_and(|rate| rate.0 <= 0.0 || rate.0 > 1.0) {
                let help = "write a share such as `1%`, or leave it out to hit every request in the window";
                refuse(
                    format!("/faults/{number}/rate"),
                    "a fault must hit more than 0% and at most 100% of requests",
                    help,
                );
            }
            if fault.lasts.is_some_and(|lasts| lasts.0.is_zero()) {
                let help = "write a duration such as `2s`, or leave it out for a fault that stays";
                refuse(
                    format!("/faults/{number}/for"),
                    "a window of no length holds nothing",
                    help,
                );
            }
        }
        findings
    }

    /// Whether `service` says nothing of streamed tokens, since `ttft` and `itl` say everything.
    pub const fn streams_without_service(&self) -> bool {
        self.service.is_some() && self.ttft.is_some() && self.itl.is_some()
    }

    /// Whether `service` says nothing of pictures, since `image` says everything.
    pub const fn pictures_without_service(&self) -> bool {
        self.service.is_some() && self.image.is_some()
    }
}

/// The code of every finding about a model.
const MODEL: &str = "simulator-model";

/// What each kind of distribution takes.
const SERVICE_HELP: &str = "`constant` takes `value`; `exponential` `mean`; `lognormal` `median` and `sigma`; \
    `bimodal` `median`, `slow` and `slow_share`; `pareto` `median` and `shape`";

/// A distribution of service times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The distribution.
    #[schemars(example = &"lognormal")]
    pub kind: ServiceKind,
    /// The median (`lognormal`, `bimodal`'s faster mode), the constant, or the least value (`pareto`).
    #[schemars(example = &"80ms")]
    pub median: Option<HumanDuration>,
    /// The mean (`exponential`).
    #[schemars(example = &"100ms")]
    pub mean: Option<HumanDuration>,
    /// The value (`constant`).
    #[schemars(example = &"50ms")]
    pub value: Option<HumanDuration>,
    /// Standard deviation of the logarithm (`lognormal`).
    #[schemars(example = 0.4)]
    pub sigma: Option<f64>,
    /// The slower mode (`bimodal`).
    #[schemars(example = &"400ms")]
    pub slow: Option<HumanDuration>,
    /// Share of requests in the slower mode (`bimodal`).
    #[schemars(example = &"10%")]
    pub slow_share: Option<Ratio>,
    /// Shape of the tail (`pareto`); above 2 the variance is finite.
    #[schemars(example = 2.5)]
    pub shape: Option<f64>,
}

/// Kinds of service-time distributions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServiceKind {
    /// Always the same.
    Constant,
    /// Memoryless, with the given mean.
    Exponential,
    /// exp(N(ln median, sigma)).
    Lognormal,
    /// Mostly `median`, sometimes `slow`.
    Bimodal,
    /// A heavy tail from `median` (its least value) on.
    Pareto,
}

/// How long pictures take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageTime {
    /// Time of any picture.
    #[schemars(example = &"300ms")]
    pub base: HumanDuration,
    /// Time per unit of D = area·frames·steps, the area in 16×16 patches.
    #[schemars(example = &"0.05ms")]
    pub per_unit: HumanDuration,
}

/// How long loading a model takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadTime {
    /// A load from storage.
    #[schemars(example = &"2s")]
    pub cold: HumanDuration,
    /// A load of what was loaded before.
    #[schemars(example = &"300ms")]
    pub cached: HumanDuration,
}

/// One thing that goes wrong: in a window of time, or for a share of requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// When it begins, from the simulator's start.
    #[schemars(example = &"10s")]
    pub at: Option<HumanDuration>,
    /// How long it lasts.
    #[serde(rename = "for")]
    #[schemars(example = &"2s")]
    pub lasts: Option<HumanDuration>,
    /// Share of requests that it hits; all in its window unless given.
    #[schemars(example = &"1%")]
    pub rate: Option<Ratio>,
    /// What happens.
    #[schemars(example = &"stall")]
    pub kind: FaultKind,
}

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Nothing moves until the window ends.
    Stall,
    /// The connection is reset.
    Reset,
    /// Status 500.
    #[serde(rename = "http_500")]
    Http500,
    /// Status 429.
    #[serde(rename = "http_429")]
    Http429,
    /// The answer comes a byte at a time, slowly.
    SlowDrip,
    /// Status 200 and no event.
    EmptyStream,
    /// The stream ends without its end.
    CutStream,
    /// The answer is not what it says it is.
    Malformed,
    /// A good answer without a picture.
    NoImage,
    /// A Content-Type that does not fit.
    WrongType,
}
