//! Memoryless arrivals: exponential gaps with mean 1/rate.

use rand_distr::{Distribution, Exp};

use super::{Arrival, ArrivalError, Gaps};
use crate::foundation::seed::Generator;
use crate::foundation::units::Offset;

/// A Poisson process, begun by its first arrival at the start.
#[derive(Debug)]
pub(super) struct Poisson {
    gap: Exp<f64>,
    gaps: Gaps,
}

impl Poisson {
    pub(super) fn new(per_second: f64) -> Result<Self, ArrivalError> {
        let gap = Exp::new(per_second).map_err(|_| ArrivalError::Rate { per_second })?;
        Ok(Self {
            gap,
            gaps: Gaps::default(),
        })
    }
}

impl Arrival for Poisson {
    fn next(&mut self, generator: &mut Generator) -> Option<Offset> {
        Some(self.gaps.next(|| self.gap.sample(generator)))
    }
}
