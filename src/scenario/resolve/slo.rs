//! Limits and objectives: a target's own merged deeply over the file's, its objectives in their place.

use serde_json::Value;

use super::{canonical, refused};
use crate::foundation::diagnostic::Finding;
use crate::kinds::metric::slo::{E2eLimit, Estimate, Limits};
use crate::kinds::verdict::objective::Objective;
use crate::kinds::verdict::parse;
use crate::scenario::document::slo as document;
use crate::scenario::domain::Slo;

/// The factor on an estimated time, the seed's default.
const SCALE: f64 = 3.0;

/// The file's limits and objectives.
pub(super) fn file(written: &Value) -> Result<Slo, Finding> {
    resolve(written, "")
}

/// A target's limits and objectives: its own over the file's.
pub(super) fn of_target(file: &Value, own: Option<&Value>, target: &str) -> Result<Slo, Finding> {
    let Some(own) = own else {
        return resolve(file, "");
    };
    let mut merged = file.clone();
    merge(&mut merged, own);
    let pointer = if own.get("objectives").is_some() {
        target
    } else {
        ""
    };
    resolve(&merged, pointer)
}

/// Maps merge deeply, all else is replaced; so is a limit of another form.
fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            if over.contains_key("from") || over.contains_key("estimate") {
                base.remove("from");
                if over.contains_key("from") {
                    base.clear();
                }
            }
            for (key, value) in over {
                merge(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

/// `pointer` is that of the map that `slo` (and its objectives) stands in.
fn resolve(written: &Value, pointer: &str) -> Result<Slo, Finding> {
    let slo: document::Slo = serde_json::from_value(written.clone())
        .map_err(|error| refused(&format!("{pointer}/slo"), &error))?;
    let objectives = slo.objectives.unwrap_or_default();
    let objectives = objectives
        .into_iter()
        .enumerate()
        .map(|(index, objective)| {
            self::objective(objective, format!("{pointer}/slo/objectives/{index}"))
        })
        .collect::<Result<_, _>>()?;
    let limits = Limits {
        clock: slo.clock.unwrap_or_default(),
        ..limits(slo.request.unwrap_or_default())
    };
    Ok(Slo {
        limits,
        objectives,
        no_data: slo.no_data.unwrap_or_default(),
    })
}

fn limits(written: document::Limits) -> Limits {
    Limits {
        e2e: written.e2e.map(|limit| match limit {
            document::E2e::Fixed(duration) => E2eLimit::Fixed(duration.0),
            document::E2e::Row(_) => E2eLimit::FromRow,
            document::E2e::Estimate(estimate) => E2eLimit::Estimate(Estimate {
                scale: estimate.scale.unwrap_or(SCALE),
                affine: estimate.model == Some(document::EstimateModel::Affine),
                base_ms: estimate.base.map(|base| base.0.as_secs_f64() * 1e3),
            }),
        }),
        ttft: written.ttft.map(|limit| limit.0),
        tpot: written.tpot.map(|limit| limit.0),
        itl: written.itl.map(|limit| limit.0),
        queue: written.queue.map(|limit| limit.0),
        ..Limits::default()
    }
}

fn objective(written: document::Objective, pointer: String) -> Result<Objective, Finding> {
    let (text, only) = match written {
        document::Objective::All(text) => (text, indexmap::IndexMap::new()),
        document::Objective::Some(conditional) => (conditional.objective, conditional.only),
    };
    let parsed = parse::objective(&text).map_err(|error| {
        Finding::error("bad-objective", pointer.clone(), error.to_string()).help(error.help())
    })?;
    let only = only
        .into_iter()
        .map(|(axis, value)| {
            let values = match canonical(&axis, &value) {
                Value::Array(values) => values,
                scalar => vec![scalar],
            };
            (axis, values)
        })
        .collect();
    Ok(Objective {
        text,
        metric: parsed.metric,
        statistic: parsed.statistic,
        op: parsed.op,
        bound: parsed.bound,
        only,
        pointer,
    })
}
