//! What the parts have shown, read from their results.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use super::part::{NOISE, Sizes};
use super::witness::Errors;
use crate::compare::{Diff, Row, Verdict};
use crate::foundation::clock;
use crate::instruments::statistics::{mean, quantile, stddev};
use crate::instruments::telemetry;
use crate::instruments::telemetry::calibration::{
    Calibration, CpuFigures, HighestRate, Noise, NoiseFigures, Quantiles, RateFigures, SCHEMA,
    StreamFigures,
};
use crate::plan::Shown;
use crate::results::{
    CellResult, MetricValue, ObjectiveResult, ObjectiveVerdict, Results, SelfCheck,
    SelfCheckSecond, ValidityStatus,
};

/// How far a second's end may lie from where it should.
const SLACK: f64 = 0.1;

/// From so much time on a rate lasts long enough for the client to know its share of the processors.
pub(super) const REQUEST_WITHIN: Duration = Duration::from_secs(20);
const TOO_SHORT_A_RATE: &str = "rates were offered for too short a time to tell a request's cost: give it longer \
                                (`--within 20s`)";
/// From so much time on streams run for the whole seconds that a token's cost is told by.
const TOKEN_WITHIN: Duration = Duration::from_mins(1);
const TOO_SHORT: &str =
    "streams ran for too short a time to tell a token's cost: give it longer (`--within 60s`)";
const NOT_TOLD: &str = "the system did not tell the client's processor time";

/// Figures, and what one of what they are of has cost in processor time, in seconds.
type Costed<F> = (F, Option<f64>);

/// What has been shown so far. What is measured again takes the place of what it had shown before.
#[derive(Debug, Default)]
pub struct Figures {
    /// In ascending order, each with the processor time of a request.
    rates: Vec<Costed<RateFigures>>,
    /// In ascending order, each with the processor time of a token.
    streams: Vec<Costed<StreamFigures>>,
    noise: NoiseFigures,
    repeated: u32,
}

impl Figures {
    /// Takes plain requests, a cell a rate.
    pub fn take_rates(&mut self, results: &Results) {
        for cell in &results.cells {
            let Some(figures) = rate(cell) else { continue };
            let shown = (figures, request(&cell.self_check));
            put(&mut self.rates, shown, |one, two| {
                one.rate.total_cmp(&two.rate)
            });
        }
    }

    /// What a rate has shown.
    pub fn shown(&self, rate: f64) -> Shown {
        let truthful = self
            .rates
            .iter()
            .any(|(figures, _)| figures.truthful && figures.rate.total_cmp(&rate).is_eq());
        if truthful {
            Shown::Passed
        } else {
            Shown::Limited
        }
    }

    /// Takes note that so many cells are measured again.
    pub fn repeat(&mut self, cells: usize) {
        let cells = u32::try_from(cells).unwrap_or(u32::MAX);
        self.repeated = self.repeated.saturating_add(cells);
    }

    /// Takes the streams; `errors` tells what was seen of a cell.
    pub fn take_streams(
        &mut self,
        results: &Results,
        errors: &dyn Fn(&str) -> Errors,
        sizes: &Sizes,
    ) {
        for cell in &results.cells {
            let streams = cell
                .axes
                .get("concurrency")
                .and_then(serde_json::Value::as_u64);
            let Some(streams) = streams.and_then(|streams| u32::try_from(streams).ok()) else {
                continue;
            };
            let Errors {
                ttft_s,
                gaps_s,
                tokens,
            } = errors(&cell.id);
            let figures = StreamFigures {
                streams,
                valid: cell.validity.status == ValidityStatus::Valid,
                reason: unfit(cell),
                ttft_error: quantiles(ttft_s),
                gap_error: quantiles(gaps_s),
            };
            let check = &cell.self_check;
            let token = check.processors.and_then(|processors| {
                token_event(&check.seconds, processors, tokens, sizes.settled())
            });
            put(&mut self.streams, (figures, token), |one, two| {
                one.streams.cmp(&two.streams)
            });
        }
    }

    /// Takes the pairs of equal measurements and their comparison.
    pub fn take_noise(&mut self, results: &Results, diff: Option<&Diff>) {
        let side = |target: &str| {
            let is = |cell: &&CellResult| cell.axes.get("target").is_some_and(|own| own == target);
            results.cells.iter().find(is)
        };
        let (Some(base), Some(head)) = (side("base"), side("head")) else {
            return;
        };
        let gates = diff.map_or(&[][..], |diff| &diff.gates);
        let moved = |row: &&Row| matches!(row.verdict, Verdict::Regressed | Verdict::Improved);
        self.noise = NoiseFigures {
            blocks: u32::try_from(base.repeats.len()).unwrap_or(u32::MAX),
            valid: [base, head]
                .iter()
                .all(|cell| cell.validity.status == ValidityStatus::Valid),
            false_alarms: u32::try_from(gates.iter().filter(moved).count()).unwrap_or(u32::MAX),
            metrics: NOISE
                .iter()
                .filter_map(|name| {
                    let gate = gates.iter().find(|row| row.metric == *name);
                    Some(((*name).to_owned(), noise(name, (base, head), gate)?))
                })
                .collect::<BTreeMap<_, _>>(),
        };
    }

    /// The calibration, of now and of this machine.
    pub fn calibration(self, simulators: u32, within: Duration) -> Calibration {
        let highest = self.rates.iter().rfind(|(figures, _)| figures.truthful);
        let most = self.streams.iter().rfind(|(figures, _)| figures.valid);
        let (request_s, token_event_s) = (
            highest.and_then(|(_, request)| *request),
            most.and_then(|(_, token)| *token),
        );
        let cpu = CpuFigures {
            request_s,
            token_event_s,
            missing: missing(
                (highest.is_some(), request_s),
                (most.is_some(), token_event_s),
                within,
            ),
        };
        let highest = highest.map(|(figures, _)| figures.rate);
        let rates: Vec<RateFigures> = self.rates.into_iter().map(|(figures, _)| figures).collect();
        Calibration {
            schema: SCHEMA.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            measured: clock::utc_now(),
            within_s: within.as_secs_f64(),
            machine: telemetry::host(),
            simulators,
            highest_rate: highest.map(|value| HighestRate {
                value,
                limit: limit(&rates, value),
            }),
            rates,
            streams: self
                .streams
                .into_iter()
                .map(|(figures, _)| figures)
                .collect(),
            cpu,
            noise: self.noise,
            repeated: self.repeated,
        }
    }
}

/// Why a request's or a token's cost is missing, where one is; each with whether anything was fit to tell it.
fn missing(
    (rates, request): (bool, Option<f64>),
    (streams, token): (bool, Option<f64>),
    within: Duration,
) -> Option<String> {
    let of_request = if !rates {
        "no rate was offered truthfully, of which a request's cost could be told"
    } else if within < REQUEST_WITHIN {
        TOO_SHORT_A_RATE
    } else {
        NOT_TOLD
    };
    let of_token = if !streams {
        "with no number of streams was the generator fit: calibrate while nothing else runs"
    } else if within < TOKEN_WITHIN {
        TOO_SHORT
    } else {
        NOT_TOLD
    };
    let mut reasons = Vec::new();
    if request.is_none() {
        reasons.push(of_request);
    }
    if token.is_none() {
        reasons.push(of_token);
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// Puts what was shown where it belongs in their order, in the place of what the same had shown before.
fn put<F>(known: &mut Vec<Costed<F>>, shown: Costed<F>, order: impl Fn(&F, &F) -> Ordering) {
    match known.binary_search_by(|(one, _)| order(one, &shown.0)) {
        Ok(at) => known[at] = shown,
        Err(at) => known.insert(at, shown),
    }
}

/// Plain requests at one rate.
fn rate(cell: &CellResult) -> Option<RateFigures> {
    let asked = cell.axes.get("rate")?.as_f64()?;
    let check = &cell.self_check;
    let lateness = || {
        Some(Quantiles {
            n: cell.requests.sent,
            p50_s: check.lateness_p50?,
            p99_s: check.lateness_p99?,
            max_s: check.lateness_max?,
        })
    };
    let reason = untruthful(cell);
    Some(RateFigures {
        rate: asked,
        truthful: reason.is_none(),
        reason,
        lateness: lateness(),
        service_error: summary(cell, "overhead"),
    })
}

/// Why the rate of a cell was not offered truthfully; `None` where it was.
fn untruthful(cell: &CellResult) -> Option<String> {
    match cell.validity.status {
        ValidityStatus::Invalid => unfit(cell),
        ValidityStatus::ClientLimited => Some("the simulators beside it took no more".to_owned()),
        ValidityStatus::Valid => {
            let missed = |one: &&ObjectiveResult| one.verdict != ObjectiveVerdict::Met;
            let objective = cell.objectives.iter().find(missed)?;
            Some(format!("{} does not hold", objective.text))
        }
    }
}

/// Why the generator was not fit; `None` where it was.
fn unfit(cell: &CellResult) -> Option<String> {
    let facts = cell.validity.reasons.iter().map(|reason| fact(reason));
    (cell.validity.status != ValidityStatus::Valid).then(|| facts.collect::<Vec<_>>().join("; "))
}

/// A reason without the advice after it: what was too much is not made less by it.
fn fact(reason: &str) -> &str {
    reason.split(';').next().unwrap_or(reason)
}

/// Processor time of a request.
fn request(check: &SelfCheck) -> Option<f64> {
    // A short rest has no share of time.
    let last = check
        .seconds
        .iter()
        .rfind(|second| second.cpu_share.is_some())?;
    each(
        cpu_time(shares(&check.seconds), check.processors?),
        last.sent,
    )
}

/// Why nothing beyond the highest rate was offered truthfully, where that was tried.
fn limit(rates: &[RateFigures], highest: f64) -> Option<String> {
    let beyond = rates.iter().find(|figures| figures.rate > highest)?;
    let reason = beyond.first_reason().unwrap_or("it did not pass");
    Some(format!("at {}/s {reason}", beyond.rate))
}

fn summary(cell: &CellResult, metric: &str) -> Option<Quantiles> {
    let Some(Some(MetricValue::Distribution(summary))) = cell.metrics.get(metric) else {
        return None;
    };
    Some(Quantiles {
        n: summary.n,
        p50_s: cell.value(metric, Some("p50"))?,
        p99_s: cell.value(metric, Some("p99"))?,
        max_s: cell.value(metric, Some("max"))?,
    })
}

fn quantiles(mut values: Vec<f64>) -> Option<Quantiles> {
    values.sort_by(f64::total_cmp);
    Some(Quantiles {
        n: values.len() as u64,
        p50_s: quantile(&values, 0.5)?,
        p99_s: quantile(&values, 0.99)?,
        max_s: *values.last()?,
    })
}

/// A second of the generator's own: from when to when, and its share of the processors; those without a share left out.
fn shares(seconds: &[SelfCheckSecond]) -> impl Iterator<Item = (f64, f64, f64)> {
    let begins = std::iter::once(0.0).chain(seconds.iter().map(|second| second.at));
    let spans = begins.zip(seconds);
    spans.filter_map(|(begin, second)| Some((begin, second.at, second.cpu_share?)))
}

/// Processor time over these seconds.
fn cpu_time(shares: impl Iterator<Item = (f64, f64, f64)>, processors: f64) -> f64 {
    shares
        .map(|(begin, end, share)| share * processors * (end - begin))
        .sum()
}

/// Processor time of a token, over the whole seconds in which streams were looked at.
fn token_event(
    seconds: &[SelfCheckSecond],
    processors: f64,
    tokens: u64,
    (from, until): (Duration, Duration),
) -> Option<f64> {
    let (from, until) = (from.as_secs_f64(), until.as_secs_f64());
    // In the first second everything is made that a stream needs.
    let inside = |&(begin, end, _): &(f64, f64, f64)| {
        begin > 0.0 && begin >= from - SLACK && end <= until + SLACK
    };
    let looked_at = || shares(seconds).filter(inside);
    let covered: f64 = looked_at().map(|(begin, end, _)| end - begin).sum();
    #[expect(clippy::cast_precision_loss, reason = "counts of tokens")]
    let tokens = tokens as f64 * covered / (until - from);
    Some(cpu_time(looked_at(), processors) / tokens).filter(|each| each.is_finite())
}

#[expect(clippy::cast_precision_loss, reason = "counts of requests")]
fn each(time: f64, count: u64) -> Option<f64> {
    Some(time / count as f64).filter(|each| each.is_finite())
}

/// The noise of one metric over the pairs of repeats.
fn noise(
    name: &str,
    (base, head): (&CellResult, &CellResult),
    gate: Option<&Row>,
) -> Option<Noise> {
    let (metric, statistic) = match name.split_once('.') {
        Some((metric, statistic)) => (metric, Some(statistic)),
        None => (name, None),
    };
    let logs = |cell: &CellResult| -> Vec<Option<f64>> {
        let values = cell.repeats.iter();
        let logs = values.map(|repeat| repeat.value(metric, statistic).map(f64::ln));
        logs.map(|log| log.filter(|log| log.is_finite())).collect()
    };
    let pairs: Vec<(f64, f64)> = logs(base)
        .into_iter()
        .zip(logs(head))
        .filter_map(|(base, head)| base.zip(head))
        .collect();
    let ratios: Vec<f64> = pairs.iter().map(|(base, head)| head - base).collect();
    let middles: Vec<f64> = pairs
        .iter()
        .map(|(base, head)| f64::midpoint(*base, *head))
        .collect();
    Some(Noise {
        value: mean(&middles)?.exp(),
        cv: stddev(&ratios)? / std::f64::consts::SQRT_2,
        smallest_visible: gate.and_then(|row| row.smallest_visible).map(f64::abs),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(at: f64, cpu_share: f64, sent: u64) -> SelfCheckSecond {
        SelfCheckSecond {
            at,
            cpu_share: Some(cpu_share),
            sent,
            ..SelfCheckSecond::default()
        }
    }

    #[test]
    fn processor_time_is_the_share_of_all_cores_over_the_seconds_that_count() {
        // Two cores: 0.5 s, 1 s and 1 s of processor time; the first second is before streams have settled.
        let seconds = [
            second(1.0, 0.25, 0),
            second(2.0, 0.5, 0),
            second(3.0, 0.5, 0),
        ];
        assert_eq!(cpu_time(shares(&seconds), 2.0), 2.5);
        let window = (Duration::from_secs(1), Duration::from_secs(3));
        assert_eq!(token_event(&seconds, 2.0, 1000, window), Some(0.002));
        // A window that no whole second covers tells of no second's tokens.
        let short = (Duration::from_millis(1500), Duration::from_millis(1900));
        assert_eq!(token_event(&seconds, 2.0, 1000, short), None);
        // Nor does the one in which everything is started.
        let window = (Duration::from_millis(100), Duration::from_millis(500));
        assert_eq!(token_event(&[second(0.55, 0.9, 0)], 2.0, 10, window), None);
    }

    fn rate_of(rate: f64, reason: Option<&str>) -> RateFigures {
        RateFigures {
            rate,
            truthful: reason.is_none(),
            reason: reason.map(str::to_owned),
            lateness: None,
            service_error: None,
        }
    }

    #[test]
    fn processor_time_is_that_of_the_most_that_was_measured_truthfully() {
        let streams = |streams: u32, valid: bool| StreamFigures {
            streams,
            valid,
            reason: None,
            ttft_error: None,
            gap_error: None,
        };
        let figures = Figures {
            rates: vec![
                (rate_of(250.0, None), Some(9e-6)),
                (rate_of(1000.0, None), Some(5e-6)),
                (rate_of(4000.0, Some("late")), Some(1e-6)),
            ],
            streams: vec![
                (streams(10, true), Some(8e-6)),
                (streams(100, true), Some(4e-6)),
                (streams(1000, false), Some(2e-6)),
            ],
            ..Figures::default()
        };
        assert_eq!(figures.shown(1000.0), Shown::Passed);
        assert_eq!(figures.shown(4000.0), Shown::Limited);
        let calibration = figures.calibration(1, Duration::from_secs(1));
        assert_eq!(
            calibration.highest_rate.map(|highest| highest.value),
            Some(1000.0)
        );
        assert_eq!(calibration.cpu.request_s, Some(5e-6));
        assert_eq!(calibration.cpu.token_event_s, Some(4e-6));
    }

    #[test]
    fn a_cost_that_was_not_measured_has_its_reason_and_what_helps() {
        let streams = |valid| StreamFigures {
            streams: 1,
            valid,
            reason: None,
            ttft_error: None,
            gap_error: None,
        };
        let missing = |reason: Option<&str>, stream: (bool, Option<f64>), within: u64| {
            let request = Some(9e-6).filter(|_| within > 1);
            let figures = Figures {
                rates: vec![(rate_of(250.0, reason), request)],
                streams: vec![(streams(stream.0), stream.1)],
                ..Figures::default()
            };
            let calibration = figures.calibration(1, Duration::from_secs(within));
            calibration.cpu.missing
        };
        assert_eq!(missing(None, (true, Some(4e-6)), 20), None);
        let short = missing(None, (true, None), 20).unwrap();
        assert!(short.contains("`--within 60s`"), "{short}");
        let long = missing(None, (true, None), 60).unwrap();
        assert!(!long.contains("--within"), "{long}");
        let shortest = missing(None, (true, None), 1).unwrap();
        for cost in [
            "a request's cost: give it longer (`--within 20s`)",
            "a token's cost",
        ] {
            assert!(shortest.contains(cost), "{shortest}");
        }
        let both = missing(Some("it was late"), (false, None), 20).unwrap();
        assert!(both.contains("no rate was offered truthfully"), "{both}");
        assert!(both.contains("no number of streams"), "{both}");
        // What is asked for is enough: a whole second, the second one, lies in what is looked at.
        let (from, until) = Sizes::within(TOKEN_WITHIN).settled();
        assert!(from.as_secs_f64() <= 1.0 + SLACK && until.as_secs_f64() >= 2.0);
    }

    #[test]
    fn what_is_measured_again_takes_the_place_of_what_it_had_shown_before() {
        let mut known = Vec::new();
        for (what, cost) in [(250, 1.0), (4000, 2.0), (1000, 3.0), (250, 4.0)] {
            put(&mut known, (what, Some(cost)), Ord::cmp);
        }
        let shown = [(250, Some(4.0)), (1000, Some(3.0)), (4000, Some(2.0))];
        assert_eq!(known, shown);
    }

    #[test]
    fn what_limits_the_highest_rate_is_what_the_next_one_shows() {
        let rates = [
            rate_of(250.0, None),
            rate_of(1000.0, Some("it was late; it was read late")),
            rate_of(4000.0, Some("it was later")),
        ];
        assert_eq!(
            limit(&rates, 250.0).as_deref(),
            Some("at 1000/s it was late")
        );
        assert_eq!(limit(&rates, 4000.0), None);
    }

    #[test]
    fn quantiles_are_of_all_values_in_any_order() {
        let found = quantiles(vec![3.0, 1.0, 2.0]).unwrap();
        assert_eq!((found.n, found.p50_s, found.max_s), (3, 2.0, 3.0));
        assert_eq!(quantiles(Vec::new()), None);
    }
}
