//! What of a load reaches the wire: the part of a cell's key that is not its axes, target or dataset.

use serde_json::{Value, json};

use super::axis;
use crate::kinds::arrival;
use crate::scenario::Load;

/// The part of `load` that changes what is sent or when; how often a cell is run and how it is judged are not in it, so
/// that more repeats go on from the first ones.
pub(super) fn what_is_sent(load: &Load, arrival: arrival::Kind) -> Value {
    let only =
        |kind: arrival::Kind, value: Value| if arrival == kind { value } else { Value::Null };
    let ns = |duration: std::time::Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    json!({
        "arrival": arrival.name(),
        "burstiness": only(arrival::Kind::Gamma, json!(load.burstiness)),
        "batch": only(arrival::Kind::Batch, json!(load.batch)),
        "speed": only(arrival::Kind::Trace, json!(load.speed)),
        "requests": load.requests,
        "duration_ns": load.duration.map(ns),
        "think_time_ns": [ns(load.think_time.0), ns(load.think_time.1)],
        "ramp_ns": ns(load.ramp),
        "warmup": {
            "requests": load.warmup.requests,
            "concurrency": load.warmup.concurrency,
            "params": axis::canonical_numbers(&Value::Object(load.warmup.params.clone())),
        },
        "timeouts_ns": [
            json!(ns(load.timeouts.connect)),
            json!(load.timeouts.first_byte.map(ns)),
            json!(ns(load.timeouts.idle)),
            json!(ns(load.timeouts.total)),
        ],
        "drain_ns": load.drain.map(ns),
        "retries": load.retries,
        "seed": load.seed,
        "precise": load.precise,
        "catch_up_burst": load.catch_up_burst,
        "poll_every_ns": load.poll_every.map(ns),
        "replicas": load.replicas,
    })
}
