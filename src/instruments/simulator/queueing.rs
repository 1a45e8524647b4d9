//! A queue with so many servers, first come first served, computed on arrival: since a request's time of service is
//! known when it arrives, so is the moment at which it will start, and no wake-up can be late for it.
//!
//! A client that hangs up does not free its place: the work is done for nobody.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use crate::foundation::units::Offset;

/// Requests in service and in line.
#[derive(Debug)]
pub(super) struct Queue {
    /// When each server is free; empty where servers are without limit.
    free: BinaryHeap<Reverse<Offset>>,
    /// When those in line will start, in order.
    starts: VecDeque<Offset>,
    /// Most that may stand in line.
    capacity: usize,
    /// The latest arrival.
    latest: Offset,
}

impl Queue {
    /// An empty queue; `servers: None` serves everyone at once.
    pub fn new(servers: Option<u32>, capacity: u32) -> Self {
        let free = (0..servers.unwrap_or(0))
            .map(|_| Reverse(Offset::ZERO))
            .collect();
        Self {
            free,
            starts: VecDeque::new(),
            capacity: capacity as usize,
            latest: Offset::ZERO,
        }
    }

    /// Takes in a request that arrived at `arrival` and holds its server for `hold`; says when it starts.
    ///
    /// `None`: the line is full. Who is told of late, behind one who came later, stands behind it: by how much the arrivals
    /// lie apart, it queues though a server was free.
    pub fn enter(&mut self, arrival: Offset, hold: Duration) -> Option<Offset> {
        let Some(mut soonest) = self.free.peek_mut() else {
            return Some(arrival);
        };
        self.latest = self.latest.max(arrival);
        let now = self.latest;
        while self.starts.front().is_some_and(|start| *start <= now) {
            self.starts.pop_front();
        }
        let start = soonest.0.max(now);
        if start > now {
            if self.starts.len() >= self.capacity {
                return None;
            }
            self.starts.push_back(start);
        }
        *soonest = Reverse(start + hold);
        Some(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: Duration = Duration::from_secs(1);

    fn at(seconds: f64) -> Offset {
        Offset::from_seconds(seconds)
    }

    #[test]
    fn one_server_finishes_three_at_once_one_after_the_other() {
        let mut queue = Queue::new(Some(1), 100);
        let starts: Vec<_> = (0..3)
            .map(|_| queue.enter(at(0.0), SERVICE).unwrap())
            .collect();
        assert_eq!(starts, [at(0.0), at(1.0), at(2.0)]);
    }

    #[test]
    fn a_later_arrival_waits_only_for_the_rest_of_the_service() {
        let mut queue = Queue::new(Some(2), 100);
        for arrival in [0.0, 0.25] {
            assert_eq!(queue.enter(at(arrival), SERVICE), Some(at(arrival)));
        }
        assert_eq!(queue.enter(at(0.5), SERVICE), Some(at(1.0)));
        assert_eq!(queue.enter(at(0.5), SERVICE), Some(at(1.25)));
        assert_eq!(queue.enter(at(10.0), SERVICE), Some(at(10.0)));
    }

    #[test]
    fn a_full_line_refuses_until_someone_starts() {
        let mut queue = Queue::new(Some(1), 2);
        for start in [0.0, 1.0, 2.0] {
            assert_eq!(queue.enter(at(0.0), SERVICE), Some(at(start)));
        }
        assert_eq!(queue.enter(at(0.5), SERVICE), None);
        assert_eq!(queue.enter(at(1.0), SERVICE), Some(at(3.0)));
    }

    #[test]
    fn who_is_told_of_late_stands_behind_those_who_came_later() {
        let mut queue = Queue::new(Some(1), 100);
        assert_eq!(queue.enter(at(1.0), SERVICE), Some(at(1.0)));
        assert_eq!(queue.enter(at(0.5), SERVICE), Some(at(2.0)));
        let mut idle = Queue::new(Some(2), 0);
        assert_eq!(idle.enter(at(1.0), SERVICE), Some(at(1.0)));
        assert_eq!(idle.enter(at(0.5), SERVICE), Some(at(1.0)), "not before");
    }

    #[test]
    fn servers_without_limit_never_queue() {
        let mut queue = Queue::new(None, 0);
        for _ in 0..1000 {
            assert_eq!(queue.enter(at(0.5), SERVICE), Some(at(0.5)));
        }
    }
}
