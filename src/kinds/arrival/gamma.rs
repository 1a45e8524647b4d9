//! Gamma arrivals: gaps with mean 1/rate and the burstiness as shape, so that their CV is 1/√burstiness.

use rand_distr::{Distribution, Gamma as Distributed};

use super::{About, Arrival, ArrivalError, Gaps};
use crate::foundation::seed::Generator;
use crate::foundation::units::Offset;

pub(super) const ABOUT: About = About {
    sets_own_times: false,
    open: |parameters| match parameters.rate()? {
        Some(per_second) => Ok(Some(Box::new(Gamma::new(
            per_second,
            parameters.burstiness,
        )?))),
        None => Ok(None),
    },
};

/// A renewal process with gamma gaps, begun by its first arrival at the start. Shape 1 is Poisson, below it burstier.
#[derive(Debug)]
struct Gamma {
    gap: Distributed<f64>,
    gaps: Gaps,
}

impl Gamma {
    fn new(per_second: f64, burstiness: f64) -> Result<Self, ArrivalError> {
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
