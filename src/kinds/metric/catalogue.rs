//! The list of metrics: name, unit, better direction, definition.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which direction is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Latency, errors, cost.
    Lower,
    /// Throughput, goodput, success.
    Higher,
    /// Neither: a fact.
    Neither,
}

/// The unit of a metric in the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Events per second.
    PerSecond,
    /// A share, 1 being the whole.
    Ratio,
    /// A number of things.
    Count,
    /// Bytes.
    Bytes,
    /// Megabytes, as servers report memory.
    Megabytes,
    /// The currency that the prices are in.
    Currency,
    /// No unit, or the scenario's own (workload).
    None,
}

/// Whether a metric is one number or a distribution with statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// A distribution over requests (or gaps): an objective needs a statistic.
    Distribution,
    /// One number a cell.
    Scalar,
}

/// One metric of metrics.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// The name, as in results, objectives and templates.
    pub name: &'static str,
    /// The unit.
    pub unit: Unit,
    /// Which direction is better.
    pub better: Better,
    /// Number or distribution.
    pub shape: Shape,
    /// The definition, in one sentence.
    pub definition: &'static str,
}

/// Statistics of a distribution that an objective may name, beside any `p<number>`.
pub const STATISTICS: [&str; 10] = ["mean", "stddev", "min", "max", "p50", "p75", "p90", "p95", "p99", "p999"];

const fn time(name: &'static str, definition: &'static str) -> Metric {
    Metric { name, unit: Unit::Seconds, better: Better::Lower, shape: Shape::Distribution, definition }
}

const fn throughput(name: &'static str, definition: &'static str) -> Metric {
    Metric { name, unit: Unit::PerSecond, better: Better::Higher, shape: Shape::Scalar, definition }
}

const fn scalar(name: &'static str, unit: Unit, better: Better, definition: &'static str) -> Metric {
    Metric { name, unit, better, shape: Shape::Scalar, definition }
}

const fn counted(name: &'static str, unit: Unit, better: Better, definition: &'static str) -> Metric {
    Metric { name, unit, better, shape: Shape::Distribution, definition }
}

/// Every metric, in the order of the report. `server.<name>` and `step.<name>` are families beside these.
pub const ALL: &[Metric] = &[
    time("e2e", "end − scheduled: what a user waits, queueing included"),
    time("service", "end − sent: what the target took"),
    time("queue", "sent − scheduled: the wait before sending"),
    time("ttft", "first content − scheduled: time to first token"),
    time("ttft_service", "first content − sent"),
    time("ttfo", "first chunk of the answer proper − scheduled, after any reasoning"),
    time("tpot", "(last content − first content) / (output tokens / choices − 1): time per output token"),
    time("itl", "gaps between content chunks within a choice, pooled over requests: inter-token latency"),
    time("connect", "connected − start of connecting, where a new connection was made"),
    time("first_byte", "first byte of the answer's head − sent"),
    time("overhead", "service less the server's own total: one clock checked by the other"),
    throughput("request_throughput", "ok / duration"),
    throughput("attempt_rate", "all requests / duration"),
    throughput("goodput", "requests that were ok and within their limits / duration"),
    throughput("output_throughput", "output tokens of ok / duration"),
    throughput("input_throughput", "input tokens of ok / duration"),
    throughput("total_throughput", "input and output tokens of ok / duration"),
    throughput("workload_throughput", "workload of ok / duration, in the declared unit per second"),
    counted("output_throughput_per_user", Unit::PerSecond, Better::Higher, "1 / tpot"),
    scalar("offered_rate", Unit::PerSecond, Better::Neither, "(n − 1) / (last − first scheduled); none in a closed loop"),
    scalar("achieved_ratio", Unit::Ratio, Better::Higher, "sent / intended"),
    scalar("duration", Unit::Seconds, Better::Neither, "last end − first scheduled, warm-ups excluded, summed over repeats"),
    scalar("concurrency.mean", Unit::Count, Better::Neither, "Σ service / duration (Little's law)"),
    scalar("concurrency.max", Unit::Count, Better::Neither, "most requests in flight at once"),
    scalar("error_rate", Unit::Ratio, Better::Lower, "1 − ok / all, unsent included"),
    scalar("success_rate", Unit::Ratio, Better::Higher, "ok / all, unsent included"),
    scalar("slo_attainment", Unit::Ratio, Better::Higher, "good / requests whose limits are defined; failures with limits count as misses"),
    scalar("slo_defined", Unit::Count, Better::Neither, "requests whose limits are defined"),
    scalar("slo_met", Unit::Count, Better::Higher, "requests that were ok and within their limits"),
    counted("input_tokens", Unit::Count, Better::Neither, "tokens of the prompt"),
    counted("output_tokens", Unit::Count, Better::Neither, "tokens generated, reasoning included"),
    counted("reasoning_tokens", Unit::Count, Better::Neither, "tokens of reasoning, where the server tells them"),
    scalar("chunks_per_token", Unit::Ratio, Better::Neither, "content chunks / output tokens; outside 0.8 … 1.25 a chunk is not a token"),
    counted("bytes_received", Unit::Bytes, Better::Neither, "bytes of the answer on the wire"),
    counted("image_bytes", Unit::Bytes, Better::Neither, "decoded size of the pictures, width · height · 3"),
    scalar("cost_per_1k_requests", Unit::Currency, Better::Lower, "price of the duration per 1,000 ok requests"),
    scalar("cost_per_1m_output_tokens", Unit::Currency, Better::Lower, "price of the duration per 1,000,000 output tokens of ok"),
];

/// The metric of that name.
pub fn find(name: &str) -> Option<&'static Metric> {
    ALL.iter().find(|metric| metric.name == name)
}
