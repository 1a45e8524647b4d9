//! The open loop: intended times drawn from the seed, whatever the target does.

use std::time::Duration;

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

impl Replay {
    fn due(self, scheduled: Offset) -> Offset {
        self.sent + scheduled.since(self.scheduled) / 2
    }
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
        let slowed = replay.due(scheduled);
        if slowed > scheduled {
            return slowed;
        }
        self.replay = None;
        scheduled
    }

    /// When to send what a stall of our own has made late by more than `stall`: its backlog is replayed from now on.
    ///
    /// Each lane has claimed one request ahead. Where another lane has told of the same stall before, this one has its place
    /// in that replay, so that not all lanes send at once; an earlier one becomes its beginning.
    pub(super) fn stalled(&mut self, scheduled: Offset, now: Offset, stall: Duration) -> Offset {
        if let Some(replay) = &mut self.replay
            && now.since(replay.due(scheduled)) <= stall
        {
            replay.scheduled = replay.scheduled.min(scheduled);
            return replay.due(scheduled);
        }
        let sent = now;
        self.replay = Some(Replay { scheduled, sent });
        now
    }
}

#[cfg(test)]
mod tests {
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
        let now = Offset::from_seconds(0.11);
        assert_eq!(open.stalled(first, now, Duration::from_millis(10)), now);
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

    #[test]
    fn what_several_lanes_had_claimed_before_a_stall_is_not_sent_all_at_once() {
        let mut open = open();
        let stall = Duration::from_millis(10);
        let claimed: Vec<Offset> = (0..4)
            .map(|n| Offset::from_seconds(f64::from(n) / 100.0))
            .collect();
        let now = Offset::from_seconds(0.5);
        let ms = |offset: Offset| offset.as_nanos() / 1_000_000;
        // The lanes wake in any order: the first to tell goes, and so does the earliest.
        let dues = [2, 0, 1, 3].map(|lane: usize| ms(open.stalled(claimed[lane], now, stall)));
        assert_eq!(dues, [500, 500, 505, 515]);
        // A further stall begins anew.
        let later = Offset::from_seconds(0.9);
        assert_eq!(open.stalled(claimed[3], later, stall), later);
    }
}
