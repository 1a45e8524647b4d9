//! What the records of a cell say in words: why requests failed, how many were tried again, how many were given up.

use std::collections::BTreeMap;

use crate::instruments::record::{Attempt, Outcome, Phase};
use crate::results::Warning;

/// Different texts of an outcome that are counted; a server that says something new each time costs no memory.
const MOST_TEXTS: usize = 64;
/// Outcomes that are shown.
const SHOWN: usize = 3;
/// How `load` says that the time to drain had passed.
const GIVEN_UP: &str = "given up when the time to drain had passed";

/// What was told.
#[derive(Debug, Default)]
pub struct Told {
    retries: u64,
    given_up: u64,
    lost_reused: u64,
    failures: BTreeMap<String, Failures>,
}

/// Failures of one outcome.
#[derive(Debug, Default)]
struct Failures {
    times: u64,
    /// How often which text was told; texts may differ in times and names, and are examples.
    texts: BTreeMap<String, u64>,
}

impl Failures {
    fn add(&mut self, text: String, times: u64) {
        self.times += times;
        if self.texts.len() < MOST_TEXTS || self.texts.contains_key(&text) {
            *self.texts.entry(text).or_default() += times;
        }
    }
}

impl Told {
    /// Takes an attempt. Of warm-ups only their failures are told: they count nowhere else.
    pub fn add(&mut self, attempt: &Attempt) {
        let measured = attempt.phase == Phase::Measured;
        self.retries += u64::from(measured && attempt.attempt > 1);
        if matches!(attempt.outcome, Outcome::Ok | Outcome::Unsent) {
            return;
        }
        let text = attempt.error.clone().unwrap_or_default();
        let reset = attempt.outcome == Outcome::Reset;
        self.lost_reused += u64::from(measured && reset && attempt.traffic.reused);
        self.given_up += u64::from(measured && text.starts_with(GIVEN_UP));
        let phase = if measured { "" } else { "warm-up: " };
        let outcome = format!("{phase}{}", attempt.outcome);
        self.failures.entry(outcome).or_default().add(text, 1);
    }

    /// Takes what further attempts have told.
    pub fn join(&mut self, further: Self) {
        self.retries += further.retries;
        self.given_up += further.given_up;
        self.lost_reused += further.lost_reused;
        for (outcome, further) in further.failures {
            let known = self.failures.entry(outcome).or_default();
            // Those whose texts were too many to be kept count too.
            known.times += further.times - further.texts.values().sum::<u64>();
            for (text, times) in further.texts {
                known.add(text, times);
            }
        }
    }

    /// Why attempts failed, by outcome, the most frequent first; each with the text that it was told with most often.
    pub fn failures(&self) -> Vec<String> {
        let mut failures: Vec<_> = self.failures.iter().collect();
        failures.sort_by(|(a, one), (b, two)| two.times.cmp(&one.times).then_with(|| a.cmp(b)));
        failures
            .into_iter()
            .map(|(outcome, Failures { times, texts })| {
                let most = texts.values().max();
                let text = texts
                    .iter()
                    .find(|(_, times)| Some(*times) == most)
                    .map_or("", |(text, _)| text);
                let such_as = if texts.len() > 1 { "such as " } else { "" };
                format!("{outcome}, {times} times: {such_as}{text}")
            })
            .collect()
    }

    /// As warnings of the cell, the most frequent failures first.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let mut warn = |code: &str, text: String| {
            warnings.push(Warning {
                code: code.to_owned(),
                text,
            });
        };
        for failure in self.failures().into_iter().take(SHOWN) {
            warn("failures", failure);
        }
        if self.retries > 0 {
            let text = format!(
                "{} further attempts were made; the numbers are over requests",
                self.retries
            );
            warn("retries", text);
        }
        if self.lost_reused > 0 {
            warn(
                "reused",
                format!(
                    "{} requests were lost on connections that the target had kept open and closed just then; \
                     `http: {{ connections: per_request }}` opens one for each",
                    self.lost_reused
                ),
            );
        }
        if self.given_up > 0 {
            warn(
                "drained",
                format!(
                    "{} requests were still in flight when the time to drain had passed; they count as timeout_total",
                    self.given_up
                ),
            );
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instruments::record::Clocks;

    fn failed(outcome: Outcome, text: &str) -> Attempt {
        Attempt {
            outcome,
            error: Some(text.to_owned()),
            ..Attempt::unsent(Phase::Measured, 0, Clocks::default())
        }
    }

    #[test]
    fn failures_are_counted_by_outcome_whatever_their_texts_say_of_times() {
        let mut told = Told::default();
        for ms in [301, 300, 302, 301, 307] {
            let text = format!("nothing came for {ms} ms");
            told.add(&failed(Outcome::TimeoutIdle, &text));
        }
        told.add(&failed(Outcome::Connect, "refused"));
        assert_eq!(
            told.failures(),
            [
                "timeout_idle, 5 times: such as nothing came for 301 ms",
                "connect, 1 times: refused"
            ]
        );
    }
}
