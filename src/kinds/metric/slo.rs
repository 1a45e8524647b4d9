//! Limits of one request, and whether it kept them (scenario.md `slo`, metrics.md "Estimated SLOs").

use std::time::Duration;

/// From which clock a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SloClock {
    /// From the intended time.
    #[default]
    Scheduled,
    /// From the actual sending.
    Sent,
}

/// The limit on e2e.
#[derive(Debug, Clone, PartialEq)]
pub enum E2eLimit {
    /// The same for all requests.
    Fixed(Duration),
    /// The row's `slo_ms`.
    FromRow,
    /// Estimated from warm-ups.
    Estimate(Estimate),
}

/// How a limit is estimated.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Factor on the expected time.
    pub scale: f64,
    /// `linear` (base · D) or `affine` (a + b · D).
    pub affine: bool,
    /// The base in milliseconds, where it is given instead of measured.
    pub base_ms: Option<f64>,
}

/// The limits that make a request good.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Limits {
    /// On e2e.
    pub e2e: Option<E2eLimit>,
    /// On time to first token.
    pub ttft: Option<Duration>,
    /// On time per output token.
    pub tpot: Option<Duration>,
    /// On the longest gap.
    pub itl: Option<Duration>,
    /// On the wait before sending.
    pub queue: Option<Duration>,
    /// From which clock they count.
    pub clock: SloClock,
}
