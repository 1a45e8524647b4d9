//! What goes wrong, and when.

use std::time::Duration;

use super::model::{Fault, FaultKind};
use super::service::Uniform;
use crate::foundation::seed::Seed;
use crate::foundation::units::Offset;

/// The faults of a model, ready to be asked.
#[derive(Debug)]
pub(super) struct Faults {
    /// Windows in which nothing moves, by their beginning.
    stalls: Vec<Strike>,
    /// All else, in the order of the file.
    others: Vec<Strike>,
}

/// One fault: its window and whom it hits.
#[derive(Debug)]
struct Strike {
    kind: FaultKind,
    from: Offset,
    /// `None`: for good.
    to: Option<Offset>,
    /// `None`: everyone in the window.
    share: Option<(f64, Uniform)>,
}

impl Strike {
    fn new(fault: &Fault, number: usize, seed: Seed) -> Self {
        let from = Offset::ZERO + fault.at.map_or(Duration::ZERO, |at| at.0);
        let share = fault
            .rate
            .map(|rate| (rate.0, Uniform::new(seed, &format!("fault {number}"))));
        Self {
            kind: fault.kind,
            from,
            to: fault.lasts.map(|lasts| from + lasts.0),
            share,
        }
    }

    fn covers(&self, moment: Offset) -> bool {
        self.from <= moment && self.to.is_none_or(|to| moment < to)
    }

    /// Whether it hits the request of that number; what has no number (a health check) is hit by no share.
    fn hits(&self, ordinal: Option<u64>) -> bool {
        match (&self.share, ordinal) {
            (None, _) => true,
            (Some((share, uniform)), Some(ordinal)) => uniform.draw(ordinal) < *share,
            (Some(_), None) => false,
        }
    }
}

impl Faults {
    /// The faults of a model.
    pub fn new(faults: &[Fault], seed: Seed) -> Self {
        let strikes = faults
            .iter()
            .enumerate()
            .map(|(number, fault)| Strike::new(fault, number, seed));
        let (mut stalls, others): (Vec<_>, Vec<_>) =
            strikes.partition(|strike| strike.kind == FaultKind::Stall);
        stalls.sort_by_key(|stall| stall.from);
        Self { stalls, others }
    }

    /// The first fault, stalls aside, that hits the request of that number which arrives at `arrival`.
    pub fn hit(&self, ordinal: u64, arrival: Offset) -> Option<FaultKind> {
        self.others
            .iter()
            .find(|strike| strike.covers(arrival) && strike.hits(Some(ordinal)))
            .map(|strike| strike.kind)
    }

    /// When something that is due at `due` really leaves: at the end of the stalls that it falls into.
    ///
    /// `None`: never.
    pub fn release(&self, ordinal: Option<u64>, due: Offset) -> Option<Offset> {
        let mut leaves = due;
        for stall in &self.stalls {
            if stall.covers(leaves) && stall.hits(ordinal) {
                leaves = stall.to?;
            }
        }
        Some(leaves)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundation::units::{HumanDuration, Ratio};

    fn fault(kind: FaultKind, at: Option<u64>, lasts: Option<u64>, rate: Option<f64>) -> Fault {
        let seconds = |s: u64| HumanDuration(Duration::from_secs(s));
        Fault {
            at: at.map(seconds),
            lasts: lasts.map(seconds),
            rate: rate.map(Ratio),
            kind,
        }
    }

    fn at(seconds: f64) -> Offset {
        Offset::from_seconds(seconds)
    }

    #[test]
    fn what_is_due_in_a_stall_leaves_at_its_end() {
        let stalls = [
            fault(FaultKind::Stall, Some(12), Some(1), None),
            fault(FaultKind::Stall, Some(10), Some(2), None),
        ];
        let faults = Faults::new(&stalls, Seed::root(0));
        assert_eq!(faults.release(Some(0), at(9.9)), Some(at(9.9)));
        assert_eq!(
            faults.release(Some(0), at(10.0)),
            Some(at(13.0)),
            "two windows that touch"
        );
        assert_eq!(faults.release(None, at(12.5)), Some(at(13.0)));
        assert_eq!(faults.release(None, at(13.0)), Some(at(13.0)));
    }

    #[test]
    fn a_stall_without_an_end_lets_nothing_out() {
        let faults = Faults::new(
            &[fault(FaultKind::Stall, Some(1), None, None)],
            Seed::root(0),
        );
        assert_eq!(faults.release(Some(0), at(0.5)), Some(at(0.5)));
        assert_eq!(faults.release(Some(0), at(1.5)), None);
    }

    #[test]
    fn a_share_hits_as_many_requests_as_it_says() {
        let faults = Faults::new(
            &[fault(FaultKind::Reset, None, None, Some(0.01))],
            Seed::root(7),
        );
        let hit: Vec<_> = (0..10_000)
            .filter(|ordinal| faults.hit(*ordinal, at(5.0)).is_some())
            .collect();
        assert_eq!(hit.len(), 100, "draws are stratified");
        let again = Faults::new(
            &[fault(FaultKind::Reset, None, None, Some(0.01))],
            Seed::root(7),
        );
        assert!(
            hit.iter()
                .all(|ordinal| again.hit(*ordinal, at(5.0)) == Some(FaultKind::Reset))
        );
    }

    #[test]
    fn a_window_is_asked_about_the_arrival() {
        let faults = Faults::new(
            &[fault(FaultKind::Http500, Some(1), Some(1), None)],
            Seed::root(0),
        );
        assert_eq!(faults.hit(0, at(0.9)), None);
        assert_eq!(faults.hit(0, at(1.0)), Some(FaultKind::Http500));
        assert_eq!(faults.hit(0, at(2.0)), None);
    }
}
