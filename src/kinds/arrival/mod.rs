//! Arrival processes: when requests are intended, relative to the repeat's start.
//!
//! A process is drawn lazily from one generator, so that the same seed gives the same schedule on every platform.

mod batch;
mod constant;
mod gamma;
mod poisson;
mod trace;

use std::sync::Arc;

use crate::foundation::kinds::kinds;
use crate::foundation::seed::Generator;
use crate::foundation::units::Offset;

kinds! {
    /// The kinds of arrival process, as a scenario names them.
    #[derive(Default)]
    #[schemars(rename = "Arrival")]
    pub enum Kind: About {
        /// Evenly spaced, offset i/rate exactly.
        #[default]
        Constant = "constant" => constant::ABOUT,
        /// Memoryless gaps with mean 1/rate.
        Poisson = "poisson" => poisson::ABOUT,
        /// Gamma gaps with mean 1/rate; `burstiness` is the shape.
        Gamma = "gamma" => gamma::ABOUT,
        /// So many at once, then the next batch when all have ended.
        Batch = "batch" => batch::ABOUT,
        /// The dataset's own timestamps.
        Trace = "trace" => trace::ABOUT,
    }
}

impl Kind {
    /// Whether it sets its own times, so that a rate beside it would set others.
    pub const fn sets_own_times(self) -> bool {
        self.about().sets_own_times
    }

    /// Opens the process: its first arrival is at the start, and the same generator gives the same times. `None` where
    /// the process has no times of its own: all at once, or one batch after the other.
    ///
    /// # Errors
    /// Where a parameter is out of its range.
    pub fn open(self, parameters: Parameters) -> Opened {
        (self.about().open)(parameters)
    }
}

/// What a kind's file says of it.
struct About {
    sets_own_times: bool,
    open: fn(Parameters) -> Opened,
}

/// A process, or `None` where the kind has no times of its own.
type Opened = Result<Option<Box<dyn Arrival>>, ArrivalError>;

/// What a process may be opened from; each takes what it needs.
#[derive(Debug, Clone)]
pub struct Parameters {
    /// Requests per second; `None` where the rate is `inf`.
    pub per_second: Option<f64>,
    /// The gamma's shape.
    pub burstiness: f64,
    /// The rows' own times in seconds, sorted; empty where the process sets none by them.
    pub timestamps_s: Arc<[f64]>,
    /// How much these times are compressed.
    pub speed: f64,
}

impl Parameters {
    /// The rate, where there is one.
    fn rate(&self) -> Result<Option<f64>, ArrivalError> {
        match self.per_second {
            Some(per_second) if !(per_second.is_finite() && per_second > 0.0) => {
                Err(ArrivalError::Rate { per_second })
            }
            rate => Ok(rate),
        }
    }
}

/// An arrival process of an open loop.
pub trait Arrival: Send {
    /// The intended time of the next request; `None` where the process has ended (a trace).
    fn next(&mut self, generator: &mut Generator) -> Option<Offset>;
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
