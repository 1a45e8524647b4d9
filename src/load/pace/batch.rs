//! Batches: so many scheduled at one moment, the next when all of them have ended.

use crate::foundation::units::Offset;

/// The pace of barrier batches.
#[derive(Debug)]
pub(in crate::load) struct Batch {
    size: u64,
    /// When the present batch is scheduled.
    scheduled: Offset,
    unclaimed: u64,
    /// Claimed and not yet ended.
    outstanding: u64,
    latest_end: Offset,
}

impl Batch {
    pub(in crate::load) fn new(size: u32) -> Self {
        let size = u64::from(size.max(1));
        Self {
            size,
            scheduled: Offset::ZERO,
            unclaimed: size,
            outstanding: 0,
            latest_end: Offset::ZERO,
        }
    }

    /// When the present batch is scheduled; `None` where all of it is claimed and some has not ended.
    pub(super) fn peek(&self) -> Option<Offset> {
        (self.unclaimed > 0).then_some(self.scheduled)
    }

    pub(super) const fn advance(&mut self) {
        self.unclaimed -= 1;
        self.outstanding += 1;
    }

    /// Takes note of an end; true where it opened the next batch.
    pub(super) fn finished(&mut self, end: Offset) -> bool {
        self.outstanding = self.outstanding.saturating_sub(1);
        self.latest_end = self.latest_end.max(end);
        if self.unclaimed > 0 || self.outstanding > 0 {
            return false;
        }
        self.scheduled = self.latest_end;
        self.unclaimed = self.size;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_batch_is_scheduled_when_the_last_of_this_one_ended() {
        let mut batch = Batch::new(2);
        assert_eq!(batch.peek(), Some(Offset::ZERO));
        batch.advance();
        assert!(
            !batch.finished(Offset::from_nanos(9)),
            "one is not claimed yet"
        );
        batch.advance();
        assert_eq!(batch.peek(), None);
        assert!(batch.finished(Offset::from_nanos(7)));
        assert_eq!(batch.peek(), Some(Offset::from_nanos(9)));
    }
}
