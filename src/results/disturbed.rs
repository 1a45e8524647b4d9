//! Whether something that came and went made a measurement unfit: then it says nothing of the machine, and is worth another
//! look.
//!
//! What is too much is too much from the first second to the last; a neighbour, a stall, a full disk come and go. So
//! what an unfit cell was asked for is taken for the cause where it was too much in more than a third of its seconds.
//! Time that a hypervisor stole was somebody else's however long that went on, and where there are few seconds nobody
//! can tell.

use super::{SelfCheck, SelfCheckSecond};
use crate::kinds::verdict::validity::{
    CPU_SHARE, LATENESS_FLOOR_S, SENT_SHARE, STEAL_SHARE, worked,
};

/// Fewer seconds tell nothing of what lasts.
const FEW: usize = 3;

impl SelfCheck {
    /// Whether what made its cell unfit, if it is, came and went: two thirds of the seconds were as they should be, or time
    /// was stolen.
    pub fn came_and_went(&self) -> bool {
        came_and_went(&self.seconds)
    }
}

fn came_and_went(seconds: &[SelfCheckSecond]) -> bool {
    let begins = std::iter::once(None).chain(seconds.iter().map(Some));
    let fit = begins
        .zip(seconds)
        .filter(|(before, second)| {
            is_fit(
                before.filter(|before| before.repeat == second.repeat),
                second,
            )
        })
        .count();
    seconds.len() < FEW || fit * 3 >= seconds.len() * 2 || stolen(seconds)
}

/// Whether a second shows nothing that would void a cell of such seconds.
fn is_fit(before: Option<&SelfCheckSecond>, second: &SelfCheckSecond) -> bool {
    let in_time = |late: Option<f64>| late.is_none_or(|late| late <= LATENESS_FLOOR_S);
    let since = |of: fn(&SelfCheckSecond) -> u64| of(second) - before.map_or(0, of).min(of(second));
    let (due, tried) = (
        since(|second| second.intended),
        since(|second| second.tried),
    );
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    let kept_up = tried as f64 >= due as f64 * SENT_SHARE;
    kept_up
        && in_time(second.lateness_p99)
        && in_time(second.canary_p99)
        && worked(second.cpu_share, second.spun_share).is_none_or(|share| share <= CPU_SHARE)
}

fn stolen(seconds: &[SelfCheckSecond]) -> bool {
    let shares: Vec<f64> = seconds.iter().filter_map(|second| second.steal).collect();
    #[expect(clippy::cast_precision_loss, reason = "a count of seconds")]
    let most = shares.len() as f64 * STEAL_SHARE;
    shares.iter().sum::<f64>() > most
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds of 1,000 requests a second, of which so many were tried.
    fn seconds(tried: &[u64]) -> Vec<SelfCheckSecond> {
        let mut seconds = Vec::new();
        let (mut all, mut due) = (0, 0);
        for tried in tried {
            all += tried;
            due += 1000;
            seconds.push(SelfCheckSecond {
                repeat: 1,
                tried: all,
                intended: due,
                lateness_p99: Some(0.0001),
                canary_p99: Some(0.001),
                cpu_share: Some(0.5),
                steal: Some(0.01),
                ..SelfCheckSecond::default()
            });
        }
        seconds
    }

    #[test]
    fn a_stall_that_was_made_up_for_came_and_went_and_a_rate_that_was_never_had_did_not() {
        assert!(came_and_went(&seconds(&[1000, 1000, 100, 1900, 1000])));
        assert!(!came_and_went(&seconds(&[800, 800, 800, 800, 800])));
        // Too much at first is too much, however it ended.
        assert!(!came_and_went(&seconds(&[700, 700, 700, 1000, 1000])));
    }

    #[test]
    fn seconds_that_were_late_or_busy_count_against_what_was_asked_for() {
        let spoilt: [fn(&mut SelfCheckSecond); 3] = [
            |second| second.lateness_p99 = Some(0.006),
            |second| second.canary_p99 = Some(0.006),
            |second| second.cpu_share = Some(0.9),
        ];
        for spoil in spoilt {
            let mut once = seconds(&[1000; 5]);
            spoil(&mut once[2]);
            assert!(came_and_went(&once));
            let mut always = seconds(&[1000; 5]);
            always.iter_mut().for_each(spoil);
            assert!(!came_and_went(&always));
        }
        let mut spun = seconds(&[1000; 5]);
        for second in &mut spun {
            (second.cpu_share, second.spun_share) = (Some(0.9), Some(0.2));
        }
        assert!(came_and_went(&spun), "what was spun away was no work");
    }

    #[test]
    fn time_that_was_stolen_is_never_the_fault_of_what_was_asked_for() {
        let mut stolen = seconds(&[500; 5]);
        for second in &mut stolen {
            second.steal = Some(0.06);
        }
        assert!(came_and_went(&stolen));
    }

    #[test]
    fn a_measurement_of_few_seconds_is_worth_another_look() {
        assert!(came_and_went(&seconds(&[500, 500])));
        assert!(came_and_went(&[]));
    }

    #[test]
    fn each_repeat_counts_its_requests_from_nought() {
        let mut two = seconds(&[1000, 1000]);
        let mut second = seconds(&[0, 0, 0]);
        for second in &mut second {
            second.repeat = 2;
        }
        two.append(&mut second);
        assert!(!came_and_went(&two), "most of it tried nothing");
    }
}
