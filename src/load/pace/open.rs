//! The open loop: intended times drawn from the seed, whatever the target does.

use crate::foundation::seed::Generator;
use crate::foundation::units::Offset;
use crate::kinds::arrival::Arrival;

/// An arrival process and what it draws from.
pub(in crate::load) struct Schedule {
    arrival: Box<dyn Arrival>,
    generator: Generator,
}

impl Schedule {
    /// The schedule that `arrival` draws from `generator`.
    pub(in crate::load) fn new(arrival: Box<dyn Arrival>, generator: Generator) -> Self {
        Self { arrival, generator }
    }
}

/// All at once: what an infinite rate without a cap intends.
pub(in crate::load) struct AtOnce;

impl Arrival for AtOnce {
    fn next(&mut self, _: &mut Generator) -> Option<Offset> {
        Some(Offset::ZERO)
    }
}

/// A backlog that is replayed at twice its own pace.
#[derive(Debug, Clone, Copy)]
struct Replay {
    /// The first request of the backlog was scheduled here…
    scheduled: Offset,
    /// …and sent here.
    sent: Offset,
}

/// The pace of an open loop.
pub(in crate::load) struct Open {
    schedule: Schedule,
    peeked: Option<Offset>,
    replay: Option<Replay>,
}

impl Open {
    pub(in crate::load) const fn new(schedule: Schedule) -> Self {
        Self {
            schedule,
            peeked: None,
            replay: None,
        }
    }

    /// The next intended time; `None` where the process has ended.
    pub(super) fn peek(&mut self) -> Option<Offset> {
        if self.peeked.is_none() {
            self.peeked = self.schedule.arrival.next(&mut self.schedule.generator);
        }
        self.peeked
    }

    /// Goes on to the one after.
    pub(super) const fn advance(&mut self) {
        self.peeked = None;
    }

    /// When to send what is scheduled then: at once where it is late, unless a backlog is being replayed.
    pub(super) fn due(&mut self, scheduled: Offset) -> Offset {
        let Some(replay) = self.replay else {
            return scheduled;
        };
        let slowed = replay.sent + scheduled.since(replay.scheduled) / 2;
        if slowed > scheduled {
            return slowed;
        }
        self.replay = None;
        scheduled
    }

    pub(super) const fn replay(&mut self, scheduled: Offset, sent: Offset) {
        self.replay = Some(Replay { scheduled, sent });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::foundation::seed::Seed;

    struct Every(Duration, u32);

    impl Arrival for Every {
        fn next(&mut self, _: &mut Generator) -> Option<Offset> {
            self.1 += 1;
            Some(Offset::ZERO + self.0 * (self.1 - 1))
        }
    }

    fn open() -> Open {
        Open::new(Schedule::new(
            Box::new(Every(Duration::from_millis(10), 0)),
            Seed::root(0).generator(),
        ))
    }

    #[test]
    fn a_backlog_is_replayed_at_half_its_gaps_until_it_is_caught_up() {
        let mut open = open();
        let ms = |offset: Offset| offset.as_nanos() / 1_000_000;
        assert_eq!(open.peek().map(|at| open.due(at)), Some(Offset::ZERO));
        open.advance();
        // The request of 10 ms was sent at 110 ms.
        let first = open.peek().unwrap();
        open.replay(first, Offset::from_seconds(0.11));
        open.advance();
        let mut dues = Vec::new();
        for _ in 0..25 {
            let scheduled = open.peek().unwrap();
            dues.push((ms(scheduled), ms(open.due(scheduled))));
            open.advance();
        }
        assert_eq!(dues[..3], [(20, 115), (30, 120), (40, 125)]);
        assert_eq!(dues[18], (200, 205));
        // Caught up: sent when scheduled, and never earlier.
        assert_eq!(dues[19], (210, 210));
        assert_eq!(dues[24], (260, 260));
    }
}
