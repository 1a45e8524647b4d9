//! Tokens and bytes (metrics.md: counts with their source).

use polars::prelude::*;

use super::catalogue::{Better, Metric, Unit};
use super::latency::tpot;
use super::totals::ratio;

const A_FACT: (Unit, Better) = (Unit::Count, Better::Neither);

pub(super) const METRICS: &[Metric] = &[
    Metric::each(
        "output_throughput_per_user",
        (Unit::PerSecond, Better::Higher),
        "1 / tpot",
        || lit(1.0) / tpot(),
    ),
    Metric::each("input_tokens", A_FACT, "tokens of the prompt", || {
        number("input_tokens")
    }),
    Metric::each(
        "output_tokens",
        A_FACT,
        "tokens generated, reasoning included",
        || number("output_tokens"),
    ),
    Metric::each(
        "reasoning_tokens",
        A_FACT,
        "tokens of reasoning, where the server tells them",
        || number("reasoning_tokens"),
    ),
    Metric::scalar(
        "chunks_per_token",
        (Unit::Ratio, Better::Neither),
        "content chunks / output tokens of streamed answers; outside 0.8 … 1.25 a chunk is not a token",
        |totals| ratio(totals.tokens.chunks?, totals.tokens.counted?),
    ),
    Metric::each(
        "bytes_received",
        (Unit::Bytes, Better::Neither),
        "bytes of the answer on the wire",
        || number("bytes_received"),
    ),
    Metric::each(
        "image_bytes",
        (Unit::Bytes, Better::Neither),
        "decoded size of the pictures, width · height · 3",
        || number("image_bytes"),
    ),
];

fn number(column: &str) -> Expr {
    col(column).cast(DataType::Float64)
}

/// Output tokens of one choice.
pub(super) fn tokens_per_choice() -> Expr {
    number("output_tokens") / number("choices")
}
