//! A search for the highest value of an axis at which the objectives hold: which value is tried next, given what those
//! before have shown, and what all of them say (scenario.md, `matrix`; ci.md B.3 (13)). Pure: nothing is run here.
//!
//! From the least value it goes up geometrically until a value does not pass, then halves what lies between the highest
//! that passed and the lowest that did not, in the same proportion, until the two are as near as asked for.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::axis::canonical_numbers;
use super::cell::Cell;
use super::key;
use crate::foundation::seed::Seed;
use crate::foundation::units::{Concurrency, Rate};

/// How much higher than the last value that passed the next is, until one does not.
const RAMP: f64 = 4.0;

/// A probe whose requests show nothing yet is gone on with, up to so many times the repeats of its cell.
pub const MOST_ROUNDS: u32 = 4;

/// A probe that something disturbed is measured again: so often at most in all.
pub const MOST_LOOKS: u32 = 2;

/// A search for the highest value of an axis at which the objectives hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// `rate` or `concurrency`.
    pub axis: &'static str,
    /// The least value, which must hold.
    pub min: f64,
    /// The greatest value that is tried.
    pub max: f64,
    /// The share to which the answer is narrowed.
    pub precision: f64,
    /// What its cell sends whatever the axes, as the keys of its probes have it.
    pub(super) sent: Value,
}

/// What a probe has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// That the objectives hold at its value.
    Passed,
    /// That they do not, or not that they do.
    NotPassed,
    /// Nothing of the target: the client was the limit.
    Limited,
}

/// A search's answer: the highest value at which the objectives were shown to hold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Capacity {
    /// The highest value that passed: requests per second, or requests in flight. Never a value between two probes.
    pub value: f64,
    /// The lower end of the interval in which the capacity lies: the highest value that passed.
    pub low: f64,
    /// Its upper end: the lowest value at which the target did not pass; null where no value showed that.
    pub high: Option<f64>,
    /// Whether it may be more: the greatest value passed, or the client was the limit at the next one.
    pub at_least: bool,
}

impl Capacity {
    /// The answer of a search that has ended; `None` where not even the least value passed.
    pub fn of(tried: &[(f64, Shown)]) -> Option<Self> {
        let low = highest_passed(tried)?;
        let next = lowest(tried, |shown| shown != Shown::Passed);
        let limited = lowest(tried, |shown| shown == Shown::Limited);
        Some(Self {
            value: low,
            low,
            high: lowest(tried, |shown| shown == Shown::NotPassed),
            at_least: next.is_none() || next == limited,
        })
    }
}

impl Search {
    /// The value to try next; `None` where the search has ended. `tried` are the values so far, in any order.
    pub fn next(&self, tried: &[(f64, Shown)]) -> Option<f64> {
        if tried.is_empty() {
            return Some(self.min);
        }
        let low = highest_passed(tried)?;
        match lowest(tried, |shown| shown != Shown::Passed) {
            None if low >= self.max => None,
            None => Some(self.written(low * RAMP).min(self.max)),
            Some(high) => self.between(low, high),
        }
    }

    /// The most values that it tries.
    pub fn most_probes(&self) -> u32 {
        let span = self.max / self.min;
        let climbed = (span.ln() / RAMP.ln()).ceil().max(0.0);
        let halved = (span.min(RAMP).ln() / self.precision.ln_1p())
            .log2()
            .ceil()
            .max(0.0);
        // One more, since values are tried as they are written.
        let spare = f64::from(u8::from(climbed > 0.0));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "logarithms of finite numbers are small, and none is negative"
        )]
        let most = (1.0 + climbed + halved + spare) as u32;
        most
    }

    /// The value in the middle of two in proportion; `None` where they are near enough.
    fn between(&self, low: f64, high: f64) -> Option<f64> {
        if high <= low * (1.0 + self.precision) {
            return None;
        }
        let middle = (low * high).sqrt();
        let inside = |value: &f64| low < *value && *value < high;
        if self.is_whole() {
            return (high - low > 1.0).then(|| middle.round().clamp(low + 1.0, high - 1.0));
        }
        Some(self.written(middle))
            .filter(inside)
            .or(Some(middle))
            .filter(inside)
    }

    /// The value as people would write it: with digits enough for the precision.
    fn written(&self, value: f64) -> f64 {
        if self.is_whole() {
            return value.round();
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 2 and 17"
        )]
        let decimals = (1.0 - self.precision.log10().floor()).clamp(2.0, 17.0) as usize;
        format!("{value:.decimals$e}").parse().unwrap_or(value)
    }

    fn is_whole(&self) -> bool {
        self.axis == "concurrency"
    }
}

impl Cell {
    /// The cell that tries a value of its search; `None` for a cell that is no search. Its id, key and seed are those of
    /// any cell with that value.
    pub fn probe(&self, value: f64) -> Option<Self> {
        let search = self.search.as_ref()?;
        let mut axes = self.axes.clone();
        axes.insert(search.axis.to_owned(), canonical_numbers(&json!(value)));
        let mut probe = Self {
            id: key::id(&axes),
            key: key::key(&axes, &search.sent),
            seed: Seed::root(self.load.seed).derive(&key::id_without(&axes, "target")),
            axes,
            search: None,
            ..self.clone()
        };
        if search.is_whole() {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a whole number between two numbers of 32 bits"
            )]
            let limit = NonZeroU32::new(value as u32)?;
            probe.concurrency = Concurrency::AtMost(limit);
        } else {
            probe.rate = Rate::PerSecond(value);
        }
        Some(probe)
    }
}

fn highest_passed(tried: &[(f64, Shown)]) -> Option<f64> {
    let passed = tried.iter().filter(|(_, shown)| *shown == Shown::Passed);
    passed.map(|(value, _)| *value).max_by(f64::total_cmp)
}

fn lowest(tried: &[(f64, Shown)], which: impl Fn(Shown) -> bool) -> Option<f64> {
    let chosen = tried.iter().filter(|(_, shown)| which(*shown));
    chosen.map(|(value, _)| *value).min_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn search(axis: &'static str, min: f64, max: f64, precision: f64) -> Search {
        Search {
            axis,
            min,
            max,
            precision,
            sent: Value::Null,
        }
    }

    /// Runs the search against what a value shows.
    fn run(search: &Search, shows: impl Fn(f64) -> Shown) -> Vec<(f64, Shown)> {
        let mut tried = Vec::new();
        while let Some(value) = search.next(&tried) {
            assert!(
                tried.iter().all(|(known, _)| *known != value),
                "{value} is tried twice"
            );
            tried.push((value, shows(value)));
            assert!(tried.len() <= 200, "it does not end");
        }
        tried
    }

    fn knee_at(knee: f64) -> impl Fn(f64) -> Shown {
        move |value| {
            if value <= knee {
                Shown::Passed
            } else {
                Shown::NotPassed
            }
        }
    }

    #[test]
    fn the_example_of_the_contract_takes_at_most_twelve_probes() {
        let search = search("rate", 0.1, 64.0, 0.05);
        assert!(search.most_probes() <= 12, "{}", search.most_probes());
        let tried = run(&search, knee_at(40.0));
        let values: Vec<f64> = tried.iter().map(|(value, _)| *value).collect();
        assert_eq!(values[..6], [0.1, 0.4, 1.6, 6.4, 25.6, 64.0]);
        let capacity = Capacity::of(&tried).unwrap();
        assert!(capacity.value <= 40.0 && 40.0 < capacity.high.unwrap());
        assert!(capacity.high.unwrap() <= capacity.value * 1.05 && !capacity.at_least);
    }

    #[test]
    fn values_are_tried_as_people_would_write_them() {
        let tried = run(&search("rate", 1.0, 100.0, 0.05), knee_at(33.0));
        for (value, _) in tried {
            assert!(value.to_string().len() <= 5, "{value}");
        }
    }

    #[test]
    fn what_passes_to_the_end_is_at_least_that_much() {
        let search = search("concurrency", 1.0, 10.0, 0.05);
        let tried = run(&search, |_| Shown::Passed);
        let all = Capacity {
            value: 10.0,
            low: 10.0,
            high: None,
            at_least: true,
        };
        assert_eq!(Capacity::of(&tried), Some(all));
        assert_eq!(tried.len(), 3);
    }

    #[test]
    fn where_the_client_was_the_limit_the_answer_is_at_least() {
        let search = search("rate", 1.0, 64.0, 0.05);
        let client = |value: f64| {
            if value <= 10.0 {
                Shown::Passed
            } else {
                Shown::Limited
            }
        };
        let capacity = Capacity::of(&run(&search, client)).unwrap();
        assert!(capacity.at_least && capacity.value <= 10.0 && capacity.high.is_none());
        // The target is known to end at 14, and the client ended before.
        let both = |value: f64| {
            if value > 14.0 {
                Shown::NotPassed
            } else {
                client(value)
            }
        };
        let capacity = Capacity::of(&run(&search, both)).unwrap();
        assert!(
            capacity.at_least && capacity.high == Some(16.0),
            "{capacity:?}"
        );
    }

    #[test]
    fn a_search_whose_least_value_does_not_pass_ends_without_an_answer() {
        for shown in [Shown::NotPassed, Shown::Limited] {
            let search = search("rate", 1.0, 64.0, 0.05);
            let tried = run(&search, |_| shown);
            assert_eq!((tried.len(), Capacity::of(&tried)), (1, None));
        }
    }

    #[test]
    fn a_search_of_one_value_tries_it() {
        let search = search("rate", 5.0, 5.0, 0.05);
        assert_eq!(
            (run(&search, knee_at(9.0)).len(), search.most_probes()),
            (1, 1)
        );
    }

    proptest! {
        #[test]
        fn any_knee_is_bracketed_to_the_precision_within_the_bound(
            whole in any::<bool>(), min in 1_u32..500, span in 1.0_f64..5000.0, at in 0.0_f64..1.1, percent in 1_u32..50,
        ) {
            let (min, precision) = (f64::from(min), f64::from(percent) / 100.0);
            let (axis, max) = if whole { ("concurrency", (min * span).round()) } else { ("rate", min * span) };
            let search = search(axis, min, max, precision);
            let knee = min * span.powf(at);
            let tried = run(&search, knee_at(knee));
            prop_assert!(tried.len() <= search.most_probes() as usize, "{} of {}", tried.len(), search.most_probes());
            let capacity = Capacity::of(&tried).unwrap();
            prop_assert!(capacity.value <= knee && capacity.value >= min && capacity.value <= max);
            match capacity.high {
                Some(high) => {
                    prop_assert!(knee < high && !capacity.at_least);
                    let near = high <= capacity.value * (1.0 + precision) || whole && high - capacity.value <= 1.0;
                    prop_assert!(near, "{capacity:?}");
                }
                None => prop_assert!(capacity.at_least && capacity.value == max),
            }
            if whole {
                prop_assert!(tried.iter().all(|(value, _)| value.fract() == 0.0));
            }
        }
    }
}
