//! Evenly spaced arrivals: the i-th at i/rate exactly (seeds.md G19).

use super::{About, Arrival};
use crate::foundation::seed::Generator;
use crate::foundation::units::Offset;

pub(super) const ABOUT: About = About {
    sets_own_times: false,
    open: |parameters| {
        let per_second = parameters.rate()?;
        Ok(per_second.map(|rate| Box::new(Constant::new(rate)) as Box<dyn Arrival>))
    },
};

/// Evenly spaced.
#[derive(Debug)]
struct Constant {
    per_second: f64,
    next: u64,
}

impl Constant {
    const fn new(per_second: f64) -> Self {
        Self {
            per_second,
            next: 0,
        }
    }
}

impl Arrival for Constant {
    fn next(&mut self, _: &mut Generator) -> Option<Offset> {
        // From the number, not from the time before: sums of rounded gaps would drift.
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 requests")]
        let seconds = self.next as f64 / self.per_second;
        self.next += 1;
        Some(Offset::from_seconds(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundation::seed::Seed;
    use proptest::prelude::*;

    #[test]
    fn a_rate_of_four_sends_every_quarter_of_a_second() {
        let mut generator = Seed::root(0).generator();
        let mut arrival = Constant::new(4.0);
        let offsets: Vec<f64> = (0..5)
            .filter_map(|_| arrival.next(&mut generator))
            .map(Offset::as_seconds)
            .collect();
        assert_eq!(offsets, [0.0, 0.25, 0.5, 0.75, 1.0]);
    }

    proptest! {
        #[test]
        #[expect(clippy::cast_precision_loss, reason = "offsets of less than 2^53 nanoseconds")]
        fn no_offset_drifts_by_more_than_its_rounding(rate in 0.001_f64..10_000.0, skip in 0_u64..1_000_000) {
            let mut arrival = Constant { per_second: rate, next: skip };
            let offset = arrival.next(&mut Seed::root(0).generator()).unwrap();
            let exact_ns = skip as f64 / rate * 1e9;
            prop_assert!((offset.as_nanos() as f64 - exact_ns).abs() <= 0.5 + exact_ns * 1e-15);
        }
    }
}
