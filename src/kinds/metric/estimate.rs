//! Estimated limits: the expected time of a request from its size (metrics.md, "Estimated SLOs").

use serde_json::{Map, Value};

use super::slo::Estimate;
use crate::instruments::record::Attempt;

/// What a unit of work took in the warm-ups; makes the expected time of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Base {
    /// base · D.
    Linear {
        /// Milliseconds a unit of D.
        base_ms: f64,
    },
    /// a + b · D.
    Affine {
        /// Milliseconds whatever the size.
        fixed_ms: f64,
        /// Milliseconds a unit of D.
        per_unit_ms: f64,
    },
}

/// By how much the largest warm-up must be larger than the smallest for a slope to be more than noise.
const LEAST_SPREAD: f64 = 1.1;

/// Why warm-ups give no base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoBase {
    /// None was ok and told its size.
    #[error("no warm-up of a repeat was ok and had a width and a height")]
    Unsized,
    /// Nothing to draw a slope through.
    #[error(
        "an affine model needs warm-ups of two sizes, the largest at least a tenth larger than the smallest"
    )]
    OneSize,
    /// A line that falls, or is below 0 where it was measured.
    #[error(
        "the affine model does not fit the warm-ups: larger ones took no longer, or a time would be below 0"
    )]
    Senseless,
}

impl Base {
    /// The base of an estimate: as given, else measured from the successful ones of `warmups`.
    ///
    /// Linear: the median of e2e / D. Affine: least squares over warm-ups of two or more sizes.
    ///
    /// # Errors
    /// Where the warm-ups do not tell.
    pub fn of<'a>(
        estimate: &Estimate,
        warmups: impl IntoIterator<Item = &'a Attempt>,
    ) -> Result<Self, NoBase> {
        if let Some(base_ms) = estimate.base_ms {
            return Ok(Self::Linear { base_ms });
        }
        let points: Vec<(f64, f64)> = warmups
            .into_iter()
            .filter(|attempt| attempt.outcome.is_ok())
            .filter_map(|attempt| {
                let took = attempt.clocks.end?.since(attempt.clocks.scheduled);
                let e2e_ms = took.as_secs_f64() * 1e3;
                Some((demand(&attempt.params)?, e2e_ms)).filter(|(_, e2e_ms)| *e2e_ms > 0.0)
            })
            .collect();
        if estimate.affine {
            least_squares(&points)
        } else {
            median_rate(&points).ok_or(NoBase::Unsized)
        }
    }

    /// The time that a request of that size is expected to take, in milliseconds; `None` where an affine model leaves no
    /// time at all for so small a one.
    pub fn expected_ms(self, demand: f64) -> Option<f64> {
        let expected = match self {
            Self::Linear { base_ms } => base_ms * demand,
            Self::Affine {
                fixed_ms,
                per_unit_ms,
            } => fixed_ms + per_unit_ms * demand,
        };
        (expected > 0.0).then_some(expected)
    }

    /// Milliseconds whatever the size; `None` in a linear model.
    pub const fn intercept_ms(self) -> Option<f64> {
        match self {
            Self::Linear { .. } => None,
            Self::Affine { fixed_ms, .. } => Some(fixed_ms),
        }
    }

    /// Milliseconds a unit of D: the number that a report shows and `base:` takes.
    pub const fn base_ms(self) -> f64 {
        match self {
            Self::Linear { base_ms } => base_ms,
            Self::Affine { per_unit_ms, .. } => per_unit_ms,
        }
    }
}

/// D = A · F · S of a request's parameters (a JSON object): A = max(width · height / 256, 1), F frames or 1, S steps
/// or 1. `None` without a width or a height.
pub fn demand(params: &str) -> Option<f64> {
    let params: Map<String, Value> = serde_json::from_str(params).ok()?;
    let positive = |name: &str| whole_number(params.get(name)?).filter(|number| *number > 0.0);
    let area = (positive("width")? * positive("height")? / 256.0).max(1.0);
    let frames = positive("num_frames").unwrap_or(1.0);
    let steps = positive("num_inference_steps").unwrap_or(1.0);
    Some(area * frames * steps)
}

/// A parameter as a whole number: numbers and numeric text, fractions cut off (traces write `512.0`).
fn whole_number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then(|| number.trunc())
}

fn median_rate(points: &[(f64, f64)]) -> Option<Base> {
    let mut rates: Vec<f64> = points
        .iter()
        .map(|(demand, e2e_ms)| e2e_ms / demand)
        .collect();
    rates.sort_by(f64::total_cmp);
    let middle = rates.len() / 2;
    let upper = *rates.get(middle)?;
    let base_ms = if rates.len().is_multiple_of(2) {
        f64::midpoint(rates[middle - 1], upper)
    } else {
        upper
    };
    Some(Base::Linear { base_ms })
}

fn least_squares(points: &[(f64, f64)]) -> Result<Base, NoBase> {
    let demands = || points.iter().map(|(demand, _)| *demand);
    let (Some(least), Some(most)) = (
        demands().min_by(f64::total_cmp),
        demands().max_by(f64::total_cmp),
    ) else {
        return Err(NoBase::Unsized);
    };
    if most < least * LEAST_SPREAD {
        return Err(NoBase::OneSize);
    }
    let n = super::totals::count(points.len() as u64);
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (demand_mean, time_mean) = (mean(|point| point.0), mean(|point| point.1));
    let sums = points.iter().fold((0.0, 0.0), |(xx, xy), (demand, time)| {
        let off = demand - demand_mean;
        (xx + off * off, xy + off * (time - time_mean))
    });
    let per_unit_ms = sums.1 / sums.0;
    let base = Base::Affine {
        fixed_ms: time_mean - per_unit_ms * demand_mean,
        per_unit_ms,
    };
    if per_unit_ms > 0.0 && base.expected_ms(least).is_some() {
        Ok(base)
    } else {
        Err(NoBase::Senseless)
    }
}
