//! Whether requests that miss a bound were late by the target, or may have been by the generator's own stalls.
//!
//! A generator is fit while it reads and sends late by no more than a share of a limit at p99. Where a limit is that near
//! to what the target does, or many answers come at once and one stall holds up all of them, that is enough to miss it.

use crate::kinds::metric::Held;
use crate::results::SelfCheckSecond;

/// A stall is counted when its lane hands over what it gathered, which may be in the second after.
const COUNTED_LATER_S: f64 = 0.25;

/// Which requests violate the bound, and would have done so without any stall of the generator while they were under way.
///
/// `seconds` are the generator's own, repeat by repeat in the order of time.
pub fn violates_for_certain(requests: &[Held], seconds: &[SelfCheckSecond]) -> Vec<bool> {
    let certain = |request: &Held| {
        request.violates
            && request
                .over_s
                .is_none_or(|over_s| over_s > longest_stall(request, seconds))
    };
    requests.iter().map(certain).collect()
}

/// The longest time, in seconds, for which a lane did not get to run while a request was under way.
pub fn longest_stall(request: &Held, seconds: &[SelfCheckSecond]) -> f64 {
    let due = seconds_of(request.due_ns);
    let over = request
        .ended_ns
        .map_or(due, |ended| seconds_of(ended).max(due))
        + COUNTED_LATER_S;
    let first =
        seconds.partition_point(|second| (second.repeat, second.at) < (request.repeat, due));
    // The second in which it ended is the first that ended later.
    let mut ended_before = true;
    seconds[first..]
        .iter()
        .take_while(|second| second.repeat == request.repeat)
        .take_while(|second| std::mem::replace(&mut ended_before, second.at < over))
        .filter_map(|second| second.canary_max)
        .fold(0.0, f64::max)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "times of a run stay far below 2^53 nanoseconds"
)]
fn seconds_of(ns: i64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(repeat: u32, at: f64, canary_max: f64) -> SelfCheckSecond {
        SelfCheckSecond {
            repeat,
            at,
            canary_max: Some(canary_max),
            ..SelfCheckSecond::default()
        }
    }

    fn request(repeat: u32, due_s: f64, ended_s: f64, over_s: Option<f64>) -> Held {
        let ns = |s: f64| format!("{:.0}", s * 1e9).parse().unwrap();
        Held {
            repeat,
            due_ns: ns(due_s),
            ended_ns: Some(ns(ended_s)),
            violates: true,
            over_s,
        }
    }

    fn seconds() -> [SelfCheckSecond; 6] {
        [
            second(1, 1.0, 0.001),
            second(1, 2.0, 0.030),
            second(1, 3.0, 0.002),
            second(1, 3.4, 0.003),
            second(2, 1.0, 0.050),
            second(2, 2.0, 0.004),
        ]
    }

    #[test]
    fn the_stall_of_a_request_is_the_longest_of_the_seconds_that_it_touches() {
        let stall = |repeat, due, ended| {
            let stall = longest_stall(&request(repeat, due, ended, None), &seconds());
            format!("{:.0}", stall * 1e3)
        };
        assert_eq!(stall(1, 0.1, 0.2), "1");
        assert_eq!(stall(1, 0.1, 1.4), "30");
        assert_eq!(stall(1, 0.1, 0.9), "30", "told in the second after it");
        assert_eq!(stall(1, 2.1, 2.2), "2");
        assert_eq!(stall(1, 2.1, 9.0), "3", "and none of another repeat");
        assert_eq!(stall(2, 0.5, 0.6), "50");
        assert_eq!(stall(2, 1.5, 1.6), "4");
        assert_eq!(stall(3, 0.0, 1.0), "0");
        assert_eq!(
            format!("{}", longest_stall(&request(1, 1.5, 1.6, None), &[])),
            "0"
        );
    }

    #[test]
    fn what_is_over_by_more_than_its_stall_or_failed_violates_for_certain() {
        let mut kept = request(1, 0.1, 0.2, Some(-0.1));
        kept.violates = false;
        let requests = [
            request(1, 1.5, 1.6, Some(0.029)),
            request(1, 1.5, 1.6, Some(0.031)),
            request(1, 1.5, 1.6, None),
            request(1, 2.5, 2.6, Some(0.029)),
            kept,
        ];
        assert_eq!(
            violates_for_certain(&requests, &seconds()),
            [false, true, true, true, false]
        );
    }
}
