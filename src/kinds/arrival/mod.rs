//! Arrival processes: when requests are intended, relative to the repeat's start.
//!
//! A process is drawn lazily from one generator, so that the same seed gives the same schedule on every platform.

mod constant;
mod gamma;
mod poisson;
mod trace;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::foundation::seed::Generator;
use crate::foundation::units::Offset;

/// The kinds of arrival process, as a scenario names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Arrival")]
pub enum Kind {
    /// Evenly spaced, offset i/rate exactly.
    #[default]
    Constant,
    /// Memoryless gaps with mean 1/rate.
    Poisson,
    /// Gamma gaps with mean 1/rate; `burstiness` is the shape.
    Gamma,
    /// So many at once, then the next batch when all have ended.
    Batch,
    /// The dataset's own timestamps.
    Trace,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 5] = [
        Self::Constant,
        Self::Poisson,
        Self::Gamma,
        Self::Batch,
        Self::Trace,
    ];

    /// The name as written in a scenario.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Poisson => "poisson",
            Self::Gamma => "gamma",
            Self::Batch => "batch",
            Self::Trace => "trace",
        }
    }
}

/// An arrival process of an open loop.
pub trait Arrival: Send {
    /// The intended time of the next request; `None` where the process has ended (a trace).
    fn next(&mut self, generator: &mut Generator) -> Option<Offset>;
}

/// What an arrival process is opened from: its kind with its parameters. A batch is none: its times follow from the
/// answers, and the load's barrier sets them.
#[derive(Debug, Clone, PartialEq)]
pub enum Process {
    /// Evenly spaced.
    Constant {
        /// Requests per second.
        per_second: f64,
    },
    /// Exponential gaps.
    Poisson {
        /// Requests per second.
        per_second: f64,
    },
    /// Gamma gaps.
    Gamma {
        /// Requests per second.
        per_second: f64,
        /// The gamma's shape.
        burstiness: f64,
    },
    /// The dataset's own times.
    Trace {
        /// Seconds, sorted.
        timestamps_s: Arc<[f64]>,
        /// How much they are compressed.
        speed: f64,
    },
}

/// Why there is no such process.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ArrivalError {
    /// A rate that is none.
    #[error("{per_second} requests per second is no rate")]
    Rate {
        /// As given.
        per_second: f64,
    },
    /// A shape that is none.
    #[error("a burstiness of {burstiness} is no shape")]
    Burstiness {
        /// As given.
        burstiness: f64,
    },
    /// A compression that is none.
    #[error("a trace cannot be replayed at speed {speed}")]
    Speed {
        /// As given.
        speed: f64,
    },
    /// A time that is no number, negative, or before the one before it.
    #[error("time {seconds} of row {place} is negative, no number, or before the row before it")]
    Timestamp {
        /// The row, from 0.
        place: usize,
        /// As given.
        seconds: f64,
    },
}

impl ArrivalError {
    /// What the user can do.
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Rate { .. } => "give a positive, finite `rate`",
            Self::Burstiness { .. } => {
                "give a positive `burstiness`; 1 is Poisson, below it burstier"
            }
            Self::Speed { .. } => "give a positive `speed`; 1 replays the trace as it was recorded",
            Self::Timestamp { .. } => "correct the row's `timestamp`, in seconds",
        }
    }
}

/// Opens a process. The first arrival is at the start; the same generator gives the same times.
///
/// # Errors
/// Where a parameter is out of its range.
pub fn open(process: Process) -> Result<Box<dyn Arrival>, ArrivalError> {
    let positive = |per_second: f64| {
        let fits = per_second.is_finite() && per_second > 0.0;
        if fits {
            Ok(per_second)
        } else {
            Err(ArrivalError::Rate { per_second })
        }
    };
    Ok(match process {
        Process::Constant { per_second } => {
            Box::new(constant::Constant::new(positive(per_second)?))
        }
        Process::Poisson { per_second } => Box::new(poisson::Poisson::new(positive(per_second)?)?),
        Process::Gamma {
            per_second,
            burstiness,
        } => Box::new(gamma::Gamma::new(positive(per_second)?, burstiness)?),
        Process::Trace {
            timestamps_s,
            speed,
        } => Box::new(trace::Trace::new(timestamps_s, speed)?),
    })
}

/// The running time of a process that is drawn gap by gap. Sums in seconds, so that rounding to nanoseconds adds
/// nothing up.
#[derive(Debug, Default)]
struct Gaps {
    at: Option<f64>,
}

impl Gaps {
    /// The time of the next arrival: the start, then one gap after the other.
    fn next(&mut self, gap: impl FnOnce() -> f64) -> Offset {
        let at = self.at.map_or(0.0, |at| at + gap());
        self.at = Some(at);
        Offset::from_seconds(at)
    }
}

#[cfg(test)]
mod tests;
