//! Memoryless arrivals: exponential gaps with mean 1/rate.

use rand_distr::{Distribution, Exp};

use super::{About, Arrival, ArrivalError, Gaps};
use crate::foundation::seed::Generator;
use crate::foundation::units::Offset;

pub(super) const ABOUT: About = About {
    sets_own_times: false,
    open: |parameters| match parameters.rate()? {
        Some(per_second) => Ok(Some(Box::new(Poisson::new(per_second)?))),
        None => Ok(None),
    },
};

/// A Poisson process, begun by its first arrival at the start.
#[derive(Debug)]
struct Poisson {
    gap: Exp<f64>,
    gaps: Gaps,
}

impl Poisson {
    fn new(per_second: f64) -> Result<Self, ArrivalError> {
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
