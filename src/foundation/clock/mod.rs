//! The only reader of time and the only sleeper. Real, or simulated with a resolution of a microsecond.
//!
//! Begin at [`Clock`]; who waits takes a [`Timer`], which wakes within some ten microseconds where the machine can.

#![expect(
    clippy::disallowed_methods,
    reason = "the one room that reads time and sleeps"
)]

mod deadline;
mod lane;
mod step;
mod timer;
mod wall;
mod wheel;

use std::time::Duration;

use crate::foundation::units::Offset;

pub use deadline::Deadline;
pub use lane::lane;
pub use step::Ahead;
pub use timer::{Timer, Until};
pub use wall::{since_wall, utc_now};

/// A monotonic clock with an epoch of its own.
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Real {
        epoch: std::time::Instant,
    },
    /// One simulated microsecond is one millisecond of a paused tokio runtime.
    #[cfg_attr(not(test), expect(dead_code, reason = "for tests"))]
    Simulated {
        epoch: tokio::time::Instant,
    },
}

impl Clock {
    /// The machine's monotonic clock, from now on.
    pub fn real() -> Self {
        Self(Kind::Real {
            epoch: std::time::Instant::now(),
        })
    }

    /// A clock that moves only when everything waits; must be made inside a paused runtime ([`lane`]).
    #[cfg(test)]
    pub fn simulated() -> Self {
        Self(Kind::Simulated {
            epoch: tokio::time::Instant::now(),
        })
    }

    /// Whether time is simulated: then one thread does everything.
    pub const fn is_simulated(&self) -> bool {
        matches!(self.0, Kind::Simulated { .. })
    }

    /// Time since the epoch.
    pub fn now(&self) -> Offset {
        match &self.0 {
            Kind::Real { epoch } => {
                Offset::from_nanos(u64::try_from(epoch.elapsed().as_nanos()).unwrap_or(u64::MAX))
            }
            Kind::Simulated { epoch } => {
                let us = u64::try_from(epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
                Offset::from_nanos(us.saturating_mul(1000))
            }
        }
    }

    /// When this thread's lane looked for what had come, the time before last: what it reads now had not come by then, or
    /// would have been read. Now, where there was no such time.
    pub fn turn_before_last(&self) -> Offset {
        match (&self.0, lane::turn_before_last()) {
            (Kind::Real { epoch }, Some(turn)) => {
                let since = turn.saturating_duration_since(*epoch);
                Offset::ZERO + since
            }
            _ => self.now(),
        }
    }

    /// Waits until the clock shows `at`, to within a millisecond or two: for what need not be on time. A [`Timer`] is
    /// for the rest.
    pub async fn sleep_until(&self, at: Offset) {
        self.tokio_sleep(at).await;
    }

    /// The wait on tokio's clock that does not end before `at`.
    fn tokio_sleep(&self, at: Offset) -> tokio::time::Sleep {
        tokio::time::sleep_until(match &self.0 {
            Kind::Real { epoch } => (*epoch + Duration::from_nanos(at.as_nanos())).into(),
            Kind::Simulated { epoch } => {
                *epoch + Duration::from_millis(at.as_nanos().div_ceil(1000))
            }
        })
    }
}
