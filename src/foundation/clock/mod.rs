//! The only reader of time and the only sleeper. Real, or simulated with a resolution of a microsecond.

use std::time::Duration;

use crate::foundation::units::Offset;

/// A monotonic clock with an epoch of its own.
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Real { epoch: std::time::Instant },
    /// One simulated microsecond is one millisecond of a paused tokio runtime.
    Simulated { epoch: tokio::time::Instant },
}

impl Clock {
    /// The machine's monotonic clock, from now on.
    pub fn real() -> Self {
        Self(Kind::Real { epoch: std::time::Instant::now() })
    }

    /// A clock that moves only when everything waits; must be made inside a paused runtime.
    pub fn simulated() -> Self {
        Self(Kind::Simulated { epoch: tokio::time::Instant::now() })
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

    /// The same clock with its epoch at this moment.
    #[must_use]
    pub fn restarted(&self) -> Self {
        match &self.0 {
            Kind::Real { .. } => Self::real(),
            Kind::Simulated { .. } => Self::simulated(),
        }
    }

    /// Waits until the clock shows `at`.
    pub async fn sleep_until(&self, at: Offset) {
        match &self.0 {
            Kind::Real { epoch } => {
                let due = *epoch + Duration::from_nanos(at.as_nanos());
                tokio::time::sleep_until(due.into()).await;
            }
            Kind::Simulated { epoch } => {
                tokio::time::sleep_until(*epoch + Duration::from_millis(at.as_nanos().div_ceil(1000))).await;
            }
        }
    }
}
