//! Gamma arrivals: gaps with mean 1/rate and the burstiness as shape, so that their CV is 1/√burstiness.

use rand_distr::{Distribution, Gamma as Distributed};

use super::{Arrival, ArrivalError, Gaps};
use crate::foundation::seed::Generator;
use crate::foundation::units::Offset;

/// A renewal process with gamma gaps, begun by its first arrival at the start. Shape 1 is Poisson, below it burstier.
#[derive(Debug)]
pub(super) struct Gamma {
    gap: Distributed<f64>,
    gaps: Gaps,
}

impl Gamma {
    pub(super) fn new(per_second: f64, burstiness: f64) -> Result<Self, ArrivalError> {
        if !(burstiness.is_finite() && burstiness > 0.0) {
            return Err(ArrivalError::Burstiness { burstiness });
        }
        let gap = Distributed::new(burstiness, 1.0 / (per_second * burstiness))
            .map_err(|_| ArrivalError::Rate { per_second })?;
        Ok(Self {
            gap,
            gaps: Gaps::default(),
        })
    }
}

impl Arrival for Gamma {
    fn next(&mut self, generator: &mut Generator) -> Option<Offset> {
        Some(self.gaps.next(|| self.gap.sample(generator)))
    }
}
