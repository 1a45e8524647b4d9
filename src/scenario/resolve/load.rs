//! `load`: every default of the specification, and what a cell's `load.<key>` axes change.

use std::time::Duration;

use serde_json::Value;

use super::refused;
use crate::foundation::diagnostic::Finding;
use crate::foundation::units::HumanDuration;
use crate::scenario::check;
use crate::scenario::document::load as document;
use crate::scenario::document::matrix::Searched;
use crate::scenario::domain::{Load, Order, Scenario, Timeouts, Warmup, Workload, WorkloadCost};
use crate::scenario::rules;

/// Time-outs unless given, in seconds (running.md, "The engine").
const CONNECT_S: u64 = 5;
const IDLE_S: u64 = 30;
const TOTAL_S: u64 = 600;

impl Scenario {
    /// `load` for a cell whose `load.<key>` axes have these values: each override is a key path below `load`
    /// (`timeout.total`) and its value as written in the matrix.
    ///
    /// # Errors
    /// Where a value does not fit its key; the finding's pointer is where the key has its usual place, below `/load`.
    pub fn load_with(&self, overrides: &[(&str, &Value)]) -> Result<Load, Finding> {
        if overrides.is_empty() {
            return Ok(self.load.clone());
        }
        let mut document = self.load_document.clone();
        for (path, value) in overrides {
            put(&mut document, path, value);
        }
        let mut wrong = check::load_findings(&document)
            .into_iter()
            .chain(rules::durations(&document));
        if let Some(finding) = wrong.next() {
            return Err(finding);
        }
        let written = serde_json::from_value(document).map_err(|error| refused("/load", &error))?;
        load(written)
    }
}

/// Puts a value at a path of keys, making the maps on the way.
fn put(document: &mut Value, path: &str, value: &Value) {
    let mut at = document;
    for key in path.split('.') {
        if !at.is_object() {
            *at = Value::Object(serde_json::Map::new());
        }
        let Value::Object(map) = at else { return };
        at = map.entry(key).or_insert(Value::Null);
    }
    *at = value.clone();
}

/// `load` with its defaults.
pub(super) fn load(written: document::Load) -> Result<Load, Finding> {
    let (offer, extent, repeats, attempts) = (
        written.offer,
        written.extent,
        written.repeats,
        written.attempts,
    );
    let count = repeats.repeats.unwrap_or(1);
    let usual = if count > 1 {
        Order::Interleaved
    } else {
        Order::Declared
    };
    Ok(Load {
        rate: offer.rate.and_then(Searched::value),
        concurrency: offer.concurrency.and_then(Searched::value),
        arrival: offer.arrival,
        burstiness: offer.burstiness.unwrap_or(1.0),
        batch: offer.batch.unwrap_or(1),
        speed: offer.speed.unwrap_or(1.0),
        requests: extent.requests,
        duration: extent.duration.map(|duration| duration.0),
        think_time: think_time(offer.think_time)?,
        ramp: or_zero(offer.ramp),
        warmup: extent.warmup.map(warmup).unwrap_or_default(),
        repeats: count,
        order: repeats.order.unwrap_or(usual),
        cooldown: or_zero(repeats.cooldown),
        seed: repeats.seed.unwrap_or(0),
        timeouts: timeouts(&attempts.timeout.unwrap_or_default()),
        retries: attempts.retries.unwrap_or(0),
        window_skip: or_zero(extent.window.map(|window| window.skip)),
        drain: extent.drain.map(|drain| drain.0),
        precise: offer.precise.unwrap_or(false),
        catch_up_burst: offer.catch_up == Some(document::CatchUp::Burst),
        poll_every: attempts.poll.map(|poll| poll.every.0),
        workload: written.workload.map(workload),
        replicas: written.replicas.map(|replicas| {
            match replicas {
                document::Replicas::Random => "random",
                document::Replicas::Cached => "cached",
            }
            .to_owned()
        }),
    })
}

fn or_zero(duration: Option<HumanDuration>) -> Duration {
    duration.map_or(Duration::ZERO, |duration| duration.0)
}

fn think_time(written: Option<document::DurationOrRange>) -> Result<(Duration, Duration), Finding> {
    let (least, most) = match written {
        None => (Duration::ZERO, Duration::ZERO),
        Some(document::DurationOrRange::Fixed(fixed)) => (fixed.0, fixed.0),
        Some(document::DurationOrRange::Range(range)) => (range.min.0, range.max.0),
    };
    if least > most {
        return Err(
            Finding::error("empty-range", "/load/think_time", "`min` is above `max`")
                .help("swap them"),
        );
    }
    Ok((least, most))
}

fn warmup(written: document::Warmup) -> Warmup {
    Warmup {
        requests: written.requests,
        concurrency: written.concurrency.unwrap_or(1),
        params: written.params,
    }
}

fn timeouts(written: &document::Timeout) -> Timeouts {
    let or = |given: Option<HumanDuration>, seconds| {
        given.map_or(Duration::from_secs(seconds), |given| given.0)
    };
    Timeouts {
        connect: or(written.connect, CONNECT_S),
        first_byte: written.first_byte.map(|given| given.0),
        idle: or(written.idle, IDLE_S),
        total: or(written.total, TOTAL_S),
    }
}

fn workload(written: document::Workload) -> Workload {
    let preset = |unit: &str, cost| Workload {
        unit: unit.to_owned(),
        cost,
    };
    match written {
        document::Workload::Preset(document::Preset::Tokens) => {
            preset("tokens", WorkloadCost::Tokens)
        }
        document::Workload::Preset(document::Preset::Requests) => {
            preset("requests", WorkloadCost::Requests)
        }
        document::Workload::Preset(document::Preset::PixelSteps) => {
            preset("pixel_steps", WorkloadCost::PixelSteps)
        }
        document::Workload::Preset(document::Preset::Comfyui) => {
            preset("comfyui", WorkloadCost::Comfyui)
        }
        document::Workload::Custom(own) => Workload {
            unit: own.unit,
            cost: WorkloadCost::Expression(own.cost),
        },
    }
}
