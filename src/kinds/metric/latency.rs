//! Times of a request, in seconds (metrics.md, "Clocks of one request").

use polars::prelude::*;

use super::catalogue::{Better, Compute, Metric, Pooled, Shape, Unit};
use super::tokens::tokens_per_choice;

pub(super) const METRICS: &[Metric] = &[
    Metric::time(
        "e2e",
        "end − scheduled: what a user waits, queueing included",
        e2e,
    ),
    Metric::time("service", "end − sent: what the target took", || {
        between("sent_ns", "end_ns")
    }),
    Metric::time(
        "queue",
        "sent − scheduled: the wait before sending",
        || between("scheduled_ns", "sent_ns"),
    ),
    Metric::time(
        "ttft",
        "first content − scheduled: time to first token",
        || between("scheduled_ns", "first_content_ns"),
    ),
    Metric::time("ttft_service", "first content − sent", || {
        between("sent_ns", "first_content_ns")
    }),
    Metric::time(
        "ttfo",
        "first chunk of the answer proper − scheduled, after any reasoning",
        || between("scheduled_ns", "first_answer_ns"),
    ),
    Metric::time(
        "tpot",
        "(last content − first content) / (output tokens / choices − 1): time per output token",
        tpot,
    ),
    Metric {
        name: "itl",
        unit: Unit::Seconds,
        better: Better::Lower,
        shape: Shape::Distribution,
        definition: "gaps between content chunks within a choice, pooled over requests: inter-token latency",
        compute: Compute::Pooled(Pooled {
            column: "gaps_ns",
            of: several_reads,
            per_unit: 1e9,
        }),
    },
    Metric::time(
        "first_byte",
        "first byte of the answer's head − sent",
        || between("sent_ns", "first_byte_ns"),
    ),
    Metric::time(
        "overhead",
        "service less the server's own total: one clock checked by the other",
        || between("sent_ns", "end_ns") - col("server_total_s"),
    ),
];

pub(super) fn e2e() -> Expr {
    between("scheduled_ns", "end_ns")
}

/// Seconds between two stamps; null where one is.
pub(super) fn between(from: &str, to: &str) -> Expr {
    (col(to) - col(from)).cast(DataType::Float64) / lit(1e9)
}

/// Whether content came in more than one read: else nothing is known of its pace. Null for what was not streamed.
fn several_reads() -> Expr {
    col("last_content_ns").gt(col("first_content_ns"))
}

/// Null for an answer that was not streamed, whose content came in one read, or of fewer than 2 tokens a choice.
pub(super) fn tpot() -> Expr {
    let span = between("first_content_ns", "last_content_ns");
    let enough = tokens_per_choice().gt_eq(lit(2.0));
    when(several_reads().and(enough))
        .then(span / (tokens_per_choice() - lit(1.0)))
        .otherwise(lit(NULL))
}
