use super::*;

fn fit() -> Evidence {
    Evidence {
        schedule: Schedule {
            intended: 1000,
            tried: 1000,
            ..Schedule::default()
        },
        timing: Timing {
            lateness_p99_s: Some(0.001),
            canary_p99_s: Some(0.001),
            ..Timing::default()
        },
        ..Evidence::default()
    }
}

/// The reasons of a cell that is INVALID.
fn reasons(change: impl FnOnce(&mut Evidence)) -> Vec<String> {
    let mut evidence = fit();
    change(&mut evidence);
    let validity = judge(&evidence);
    assert_eq!(validity.status, ValidityStatus::Invalid, "{evidence:?}");
    validity.reasons
}

/// The one reason of such a cell.
fn reason(change: impl FnOnce(&mut Evidence)) -> String {
    let mut reasons = reasons(change);
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    reasons.remove(0)
}

fn is_valid(change: impl FnOnce(&mut Evidence)) {
    let mut evidence = fit();
    change(&mut evidence);
    assert_eq!(judge(&evidence), Validity::default());
}

#[test]
fn a_quiet_generator_is_valid_without_reasons() {
    assert_eq!(judge(&fit()), Validity::default());
    assert_eq!(
        judge(&Evidence::default()),
        Validity::default(),
        "nothing was due"
    );
}

#[test]
fn lateness_is_held_against_five_milliseconds_or_two_percent_of_the_tightest_limit() {
    let late = |limit: Option<f64>| {
        move |own: &mut Evidence| {
            own.timing.lateness_p99_s = Some(0.0051);
            own.timing.sending_limit_s = limit;
        }
    };
    is_valid(|own| own.timing.lateness_p99_s = Some(0.005));
    reason(late(None));
    is_valid(late(Some(1.0)));
    // 2 ms would be, 5 ms are.
    reason(late(Some(0.1)));
}

#[test]
fn a_reason_never_says_that_what_is_allowed_was_too_late() {
    let late = |seconds: f64| reason(|own| own.timing.lateness_p99_s = Some(seconds));
    let said = late(0.00503);
    assert!(said.contains("p99 5.03 ms, 5.00 ms are allowed"), "{said}");
    let said = late(0.0071);
    assert!(said.contains("p99 7.1 ms, 5.0 ms are allowed"), "{said}");
}

#[test]
fn late_ticks_void_by_the_limits_that_reading_late_moves() {
    let ticks = |limit: Option<f64>| {
        move |own: &mut Evidence| {
            own.timing.canary_p99_s = Some(0.012);
            own.timing.reading_limit_s = limit;
        }
    };
    let said = reason(ticks(None));
    assert!(
        said.contains("late by 12.0 ms at p99, 5.0 ms are"),
        "{said}"
    );
    assert!(said.contains("more processors"), "{said}");
    reason(ticks(Some(0.3)));
    is_valid(ticks(Some(1.0)));
    is_valid(|own| own.timing.canary_p99_s = Some(0.005));
}

#[test]
fn one_stall_of_almost_half_a_second_voids_whatever_the_limits() {
    let said = reason(|own| {
        own.timing.longest_stall_s = Some(0.51);
        own.timing.canary_p99_s = Some(0.2);
        own.timing.reading_limit_s = Some(60.0);
    });
    assert!(said.contains("did not get to run for 0.5 s"), "{said}");
    is_valid(|own| own.timing.longest_stall_s = Some(0.39));
}

#[test]
fn a_reason_names_what_took_the_time() {
    let said = reason(|own| {
        own.timing.lateness_p99_s = Some(0.05);
        own.machine.throttled = vec![0.2, 0.4];
        own.machine.steal = vec![0.02; 4];
    });
    assert!(
        said.contains("(the quota of its container or service kept it from running for 30.0 % of the time, the hypervisor stole 2.0 % of the time)"),
        "{said}"
    );
    let said = reason(|own| {
        own.timing.lateness_p99_s = Some(0.05);
        own.machine.throttled = vec![0.001];
    });
    assert!(!said.contains('('), "{said}");
}

#[test]
fn what_the_target_kept_from_being_sent_is_not_the_generators_fault() {
    reason(|own| own.schedule.tried = 980);
    is_valid(|own| own.schedule.tried = 990);
    is_valid(|own| {
        own.schedule.tried = 980;
        own.schedule.stopped = true;
    });
    let mut capped = fit();
    capped.schedule.tried = 980;
    capped.schedule.unsent_for_slots = 20;
    capped.schedule.waited_for_slots = 400;
    let validity = judge(&capped);
    assert_eq!(validity.status, ValidityStatus::ClientLimited);
    assert!(
        validity.reasons[0].contains("40.0 % of requests waited"),
        "{:?}",
        validity.reasons
    );
}

#[test]
fn a_rate_that_could_not_be_offered_is_told_with_the_one_that_could() {
    let said = reasons(|own| {
        own.schedule = Schedule {
            intended: 4_000_000,
            tried: 366_408,
            asked_rate: Some(2_000_000.0),
            offered_rate: Some(183_204.4),
            ..Schedule::default()
        };
    });
    assert_eq!(
        said[1],
        "it offered 183,204/s of the 2,000,000/s that were asked for; ask for less, or spread the load over more machines"
    );
    let offering = |offered: f64| {
        move |own: &mut Evidence| {
            own.schedule.asked_rate = Some(100.0);
            own.schedule.offered_rate = Some(offered);
        }
    };
    // Late here and there is not a rate that cannot be had, and a rate alone is nobody's fault.
    reason(|own| {
        offering(99.0)(own);
        own.timing.lateness_p99_s = Some(0.02);
    });
    is_valid(offering(50.0));
    reason(|own| {
        offering(50.0)(own);
        own.void = vec!["SIGSTOP".into()];
    });
}

#[test]
fn a_cap_that_was_reached_is_told_by_what_it_did_and_never_as_a_share_of_nothing() {
    let reason = |waited, unsent| {
        let mut evidence = fit();
        evidence.schedule = Schedule {
            intended: 10_000,
            waited_for_slots: waited,
            unsent_for_slots: unsent,
            tried: 10_000 - unsent,
            ..Schedule::default()
        };
        judge(&evidence).reasons.join("")
    };
    let never_sent = reason(0, 300);
    assert!(
        never_sent.contains("slow: 3.0 % of requests were never sent;"),
        "{never_sent}"
    );
    let few = reason(3, 300);
    assert!(few.contains("under 0.1 % of requests waited"), "{few}");
    assert_eq!(reason(100, 0), "", "1 % may wait");
}

#[test]
fn requests_that_were_not_ready_in_time_void_beyond_one_in_a_hundred() {
    is_valid(|own| own.schedule.starved = 10);
    let said = reason(|own| own.schedule.starved = 11);
    assert!(said.contains("11 of 1000 requests were due"), "{said}");
}

#[test]
fn processors_must_be_busy_for_five_seconds_in_a_row() {
    let seconds = |repeats: &[&[f64]]| {
        let shares = repeats.iter().map(|repeat| repeat.to_vec()).collect();
        move |own: &mut Evidence| {
            own.machine.cpu_shares = shares;
            own.machine.processors = Some(0.5);
        }
    };
    let said = reason(seconds(&[&[0.1, 0.9, 0.9, 0.9, 0.9, 0.9]]));
    assert!(
        said.contains("over 90 % of the 0.5 processors that it has for 5 s"),
        "{said}"
    );
    is_valid(seconds(&[&[0.9, 0.9, 0.1, 0.9, 0.9, 0.9]]));
    is_valid(seconds(&[&[1.0; 4]]));
    // Five busy seconds are five of one repeat.
    is_valid(seconds(&[&[1.0; 4], &[1.0; 4]]));
}

#[test]
fn a_cap_reached_by_a_generator_without_processors_to_spare_is_not_the_targets_doing() {
    let capped = |share: f64| {
        let mut evidence = fit();
        evidence.schedule.waited_for_slots = 900;
        evidence.machine.cpu_shares = vec![vec![share], vec![share]];
        judge(&evidence)
    };
    assert_eq!(capped(0.8).status, ValidityStatus::ClientLimited);
    let validity = capped(0.81);
    assert_eq!(validity.status, ValidityStatus::Invalid);
    assert!(
        validity.reasons[0].contains("cannot be told"),
        "{validity:?}"
    );
}

#[test]
fn stolen_time_voids_where_it_lasts_and_not_for_one_bad_second() {
    let said = reason(|own| own.machine.steal = vec![0.07; 5]);
    assert!(said.contains("stole 7.0 %"), "{said}");
    is_valid(|own| own.machine.steal = vec![0.9; 4]);
    is_valid(|own| {
        own.machine.steal = vec![0.0; 3599];
        own.machine.steal.push(1.0);
    });
}

#[test]
fn an_exhausted_machine_is_named_with_what_helps() {
    for (change, names) in [
        (
            (|machine| machine.out_of_descriptors = 3) as fn(&mut Machine),
            ["3 attempts failed with EMFILE", "ulimit -n"],
        ),
        (
            |machine| machine.out_of_ports = 1,
            ["EADDRNOTAVAIL: the machine ran out of local ports", "reuse"],
        ),
        (
            |machine| machine.swapping_seconds = 2,
            ["swapped", "in 2 of"],
        ),
        (
            |machine| machine.clock_set_s = 0.0015,
            ["1.5 ms", "in step"],
        ),
    ] {
        let said = reason(|own| change(&mut own.machine));
        assert!(names.iter().all(|name| said.contains(name)), "{said}");
    }
    is_valid(|own| own.machine.clock_set_s = 0.001);
}

#[test]
fn a_repeat_that_was_cut_short_is_told_with_how_far_it_came() {
    let cut_short = |asked| {
        reason(|own| {
            own.cut_short = vec![CutShort {
                repeat: 2,
                tried: 2011,
                asked,
            }];
        })
    };
    let said = cut_short(Some(16_384));
    assert!(
        said.contains("repeat 2 was ended after 2011 of 16384 requests; choose a faster disk"),
        "{said}"
    );
    let said = cut_short(None);
    assert!(
        said.contains("repeat 2 was ended after 2011 requests"),
        "{said}"
    );
}

#[test]
fn invalid_wins_over_client_limited() {
    let said = reason(|own| {
        own.schedule.waited_for_slots = 900;
        own.void = vec!["SIGSTOP".into()];
    });
    assert_eq!(said, "SIGSTOP");
}
