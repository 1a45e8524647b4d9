//! Arrival processes: when requests are intended, relative to the repeat's start.
//!
//! A process is drawn lazily from one generator, so that the same seed gives the same schedule on every platform.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::foundation::seed::Generator;
use crate::foundation::units::Offset;

/// The kinds of arrival process, as a scenario names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
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
    pub const ALL: [Self; 5] = [Self::Constant, Self::Poisson, Self::Gamma, Self::Batch, Self::Trace];

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
