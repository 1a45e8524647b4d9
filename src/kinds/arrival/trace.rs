//! The dataset's own times, counted from the earliest and compressed by `speed`.

use std::sync::Arc;

use super::{About, Arrival, ArrivalError};
use crate::foundation::seed::Generator;
use crate::foundation::units::Offset;

pub(super) const ABOUT: About = About {
    sets_own_times: true,
    open: |parameters| {
        let trace = Trace::new(parameters.timestamps_s, parameters.speed)?;
        Ok(Some(Box::new(trace)))
    },
};

/// Replays timestamps; ends after the last.
#[derive(Debug)]
struct Trace {
    timestamps_s: Arc<[f64]>,
    speed: f64,
    next: usize,
}

impl Trace {
    fn new(timestamps_s: Arc<[f64]>, speed: f64) -> Result<Self, ArrivalError> {
        if !(speed.is_finite() && speed > 0.0) {
            return Err(ArrivalError::Speed { speed });
        }
        let wrong = timestamps_s
            .iter()
            .position(|time| !time.is_finite() || *time < 0.0);
        let unsorted = || {
            timestamps_s
                .windows(2)
                .position(|pair| pair[1] < pair[0])
                .map(|at| at + 1)
        };
        if let Some(place) = wrong.or_else(unsorted) {
            return Err(ArrivalError::Timestamp {
                place,
                seconds: timestamps_s[place],
            });
        }
        Ok(Self {
            timestamps_s,
            speed,
            next: 0,
        })
    }
}

impl Arrival for Trace {
    fn next(&mut self, _: &mut Generator) -> Option<Offset> {
        let time = self.timestamps_s.get(self.next)?;
        self.next += 1;
        Some(Offset::from_seconds(
            (time - self.timestamps_s[0]) / self.speed,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundation::seed::Seed;

    #[test]
    fn a_trace_counts_from_its_earliest_row_and_ends() {
        let mut trace = Trace::new([10.0, 10.5, 10.5, 14.0].into(), 2.0).unwrap();
        let mut generator = Seed::root(0).generator();
        let offsets: Vec<f64> = std::iter::from_fn(|| trace.next(&mut generator))
            .map(Offset::as_seconds)
            .collect();
        assert_eq!(offsets, [0.0, 0.25, 0.25, 2.0]);
    }

    #[test]
    fn times_that_are_none_or_go_back_are_refused_at_their_place() {
        for (times, place) in [
            (vec![0.0, f64::NAN], 1),
            (vec![-1.0], 0),
            (vec![2.0, 3.0, 1.0], 2),
        ] {
            let error = Trace::new(times.into(), 1.0).unwrap_err();
            assert!(matches!(error, ArrivalError::Timestamp { place: at, .. } if at == place));
        }
        assert!(matches!(
            Trace::new([].into(), 0.0),
            Err(ArrivalError::Speed { .. })
        ));
    }
}
