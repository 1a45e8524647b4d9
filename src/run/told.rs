//! What the records of a cell say in words: why requests failed, how many were tried again, how many were given up.

use std::collections::BTreeMap;

use crate::instruments::record::{Attempt, Outcome, Phase};
use crate::results::Warning;

/// Different texts that are counted; a server that says something new each time costs no memory.
const MOST_TEXTS: usize = 64;
/// Texts that are shown.
const SHOWN: usize = 3;
/// How `load` says that the time to drain had passed.
const GIVEN_UP: &str = "given up when the time to drain had passed";

/// What was told.
#[derive(Debug, Default)]
pub struct Told {
    retries: u64,
    given_up: u64,
    lost_reused: u64,
    failures: BTreeMap<(String, String), u64>,
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
        self.count((format!("{phase}{}", attempt.outcome), text), 1);
    }

    fn count(&mut self, failure: (String, String), times: u64) {
        if self.failures.len() < MOST_TEXTS || self.failures.contains_key(&failure) {
            *self.failures.entry(failure).or_default() += times;
        }
    }

    /// Takes what further attempts have told.
    pub fn join(&mut self, further: Self) {
        self.retries += further.retries;
        self.given_up += further.given_up;
        self.lost_reused += further.lost_reused;
        for (failure, times) in further.failures {
            self.count(failure, times);
        }
    }

    /// Why attempts failed, the most frequent first.
    pub fn failures(&self) -> Vec<String> {
        let mut failures: Vec<_> = self.failures.iter().collect();
        failures.sort_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));
        failures
            .into_iter()
            .map(|((outcome, text), times)| format!("{outcome}, {times} times: {text}"))
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
