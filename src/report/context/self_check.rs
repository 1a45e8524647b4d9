//! What the generator saw of itself, written out.

use super::facts::fact;
use super::view::Fact;
use crate::report::number::Scale;
use crate::results::SelfCheck;

/// How late it was, and what it had of the machine.
pub fn self_check(check: &SelfCheck) -> Vec<Fact> {
    let facts = late(check).into_iter().chain(machine(check));
    facts.flatten().collect()
}

fn late(check: &SelfCheck) -> [Option<Fact>; 9] {
    [
        milliseconds("lateness p50", check.lateness_p50),
        milliseconds("lateness p99", check.lateness_p99),
        milliseconds("lateness max", check.lateness_max),
        milliseconds("1 ms canary, late by (p50)", check.canary_p50),
        milliseconds("1 ms canary, late by (p99)", check.canary_p99),
        milliseconds("1 ms canary, late by (max)", check.canary_max),
        // No latency holds it: without the name one would add it up.
        milliseconds(
            "answers read late by (p50), in no latency",
            check.read_late_p50,
        ),
        milliseconds(
            "answers read late by (p99), in no latency",
            check.read_late_p99,
        ),
        milliseconds(
            "answers read late by (max), in no latency",
            check.read_late_max,
        ),
    ]
}

fn machine(check: &SelfCheck) -> [Option<Fact>; 9] {
    let some = |count: Option<u64>| {
        count
            .filter(|&count| count > 0)
            .map(|count| count.to_string())
    };
    let above_0 = |value: Option<f64>| value.filter(|&value| value > 0.0);
    [
        fact(
            "processors that it had",
            check.processors.map(|count| Scale::Plain.with_unit(count)),
        ),
        share("own CPU, most in a second", check.cpu_share_max),
        share("own CPU spent spinning (`precise`)", check.spun_share),
        share("stolen, most in a second", check.steal_max),
        share(
            "kept by a quota, most in a second",
            above_0(check.throttled_max),
        ),
        fact("pages from swap", some(check.swapped_in)),
        milliseconds("clock set by", above_0(check.clock_set_max)),
        fact(
            "descriptors, most",
            check.descriptors_max.map(|count| count.to_string()),
        ),
        share("tried, of intended", check.tried_ratio),
    ]
}

fn milliseconds(name: &str, value: Option<f64>) -> Option<Fact> {
    fact(
        name,
        value.map(|value| Scale::Milliseconds.with_unit(value)),
    )
}

fn share(name: &str, value: Option<f64>) -> Option<Fact> {
    fact(name, value.map(|value| Scale::Percent.with_unit(value)))
}
