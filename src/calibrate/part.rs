//! What is measured, as scenarios: a rate is searched for, streams run side by side, one server is compared with itself.

use std::time::Duration;

use crate::foundation::units::HumanDuration;

/// The metrics whose noise is told, in the order of the table.
pub const NOISE: [&str; 8] = [
    "ttft.p50",
    "ttft.p95",
    "tpot.p50",
    "itl.p95",
    "e2e.p50",
    "e2e.p95",
    "request_throughput",
    "output_throughput",
];

/// The least rate that is tried, and the greatest.
const RATES: (u32, u32) = (250, 1_000_000);
/// Slots for plain requests: more than a simulator that keeps up ever fills.
const SLOTS: u32 = 256;
/// How many streams run at once.
const STREAMS: [u32; 4] = [1, 10, 100, 1000];
/// Descriptors that are not there for streams.
const RESERVED: u64 = 128;
/// The time that all sizes below are meant for.
const WHOLE_S: f64 = 100.0;

/// A part of the calibration: a scenario of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Plain requests at ever higher rates: lateness, and the highest rate that is offered truthfully.
    Rates,
    /// Streamed answers side by side: errors of TTFT and of gaps.
    Streams,
    /// One server under two names, compared as base and head are.
    Noise,
}

impl Part {
    /// All of them, in the order in which they are measured.
    pub const ALL: [Self; 3] = [Self::Rates, Self::Streams, Self::Noise];

    /// The scenario's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rates => "rates",
            Self::Streams => "streams",
            Self::Noise => "noise",
        }
    }

    /// What it is about, for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Rates => "plain requests by rate",
            Self::Streams => "streamed answers by number",
            Self::Noise => "equal measurements, compared",
        }
    }
}

/// How the simulators answer, as `mock --profile` takes it: plain requests at once, streams at a fast model's pace.
pub const MODEL: &str = "ttft: 50ms\nitl: 40ms\n";

/// How long and how often things are measured, so that all of it takes about a given time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sizes {
    /// One rate.
    probe: Duration,
    /// One number of streams.
    streams: Duration,
    /// Tokens of a stream.
    tokens: u32,
    /// Pairs of equal measurements.
    blocks: u32,
    /// Requests of each.
    requests: u32,
}

impl Sizes {
    /// The sizes for a calibration within that time; each has a least, below which its figures would say nothing.
    pub fn within(time: Duration) -> Self {
        let scale = time.as_secs_f64() / WHOLE_S;
        let span = |whole: f64, least: f64, most: f64| {
            let seconds = (whole * scale).clamp(least, most);
            // As scenarios write it.
            Duration::from_secs_f64((seconds * 10.0).round() / 10.0)
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to small positive numbers"
        )]
        let count =
            |whole: f64, least: f64, most: f64| (whole * scale).round().clamp(least, most) as u32;
        Self {
            probe: span(5.5, 0.2, 6.0),
            streams: span(5.0, 0.5, 6.0),
            tokens: count(24.0, 6.0, 24.0),
            blocks: count(10.0, 3.0, 20.0),
            requests: count(100.0, 20.0, 100.0),
        }
    }

    /// From when to when streams are looked at: all of them have started by then, and none has been the last.
    pub fn settled(&self) -> (Duration, Duration) {
        (self.streams / 5, self.streams)
    }
}

/// The scenario of a part, as YAML. Simulators answer at `servers`; `descriptors` is how many the system grants.
pub fn scenario(part: Part, sizes: &Sizes, servers: &[String], descriptors: Option<u64>) -> String {
    let name = part.name();
    let servers = servers.join(", ");
    let rest = match part {
        Part::Rates => rates(sizes, &servers),
        Part::Streams => streams(sizes, &servers, descriptors),
        Part::Noise => noise(sizes, &servers),
    };
    format!("version: 1\nname: {name}\n{rest}report: {{ formats: [json], samples: 0 }}\n")
}

fn rates(sizes: &Sizes, servers: &str) -> String {
    let (least, most) = RATES;
    format!(
        "targets:
  simulator: {{ protocol: http, path: /hello, base_urls: [{servers}] }}
matrix:
  rate: {{ search: {{ min: {least}, max: {most}, precision: 10% }} }}
load: {{ duration: {}, concurrency: {SLOTS}, drain: 2s }}
slo: {{ objectives: [error_rate <= 10%] }}
",
        HumanDuration(sizes.probe)
    )
}

fn streams(sizes: &Sizes, servers: &str, descriptors: Option<u64>) -> String {
    let granted = |streams: &u32| {
        descriptors.is_none_or(|descriptors| u64::from(*streams) + RESERVED <= descriptors)
    };
    let streams: Vec<String> = STREAMS
        .iter()
        .filter(|streams| granted(streams))
        .map(ToString::to_string)
        .collect();
    format!(
        "targets:
  simulator: {{ protocol: openai-chat, model: simulated, base_urls: [{servers}] }}
datasets:
  short: {{ kind: random, task: chat, prompt_tokens: 16, output_tokens: {} }}
matrix:
  concurrency: [{}]
load: {{ duration: {}, ramp: {} }}
",
        sizes.tokens,
        streams.join(", "),
        HumanDuration(sizes.streams),
        HumanDuration(sizes.settled().0)
    )
}

fn noise(sizes: &Sizes, servers: &str) -> String {
    let gates: Vec<String> = NOISE
        .iter()
        .map(|metric| format!("{{ metric: {metric} }}"))
        .collect();
    format!(
        "targets:
  base: {{ protocol: openai-chat, model: simulated, base_urls: [{servers}] }}
  head: {{ protocol: openai-chat, model: simulated, base_urls: [{servers}] }}
datasets:
  short: {{ kind: random, task: chat, prompt_tokens: 16, output_tokens: 5 }}
load: {{ rate: 100, requests: {}, repeats: {}, order: interleaved }}
compare: {{ by: {{ target: [base, head] }}, gates: [{}] }}
",
        sizes.requests,
        sizes.blocks,
        gates.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibrate::figures::REQUEST_WITHIN;

    #[test]
    fn the_time_given_scales_what_is_measured_down_to_what_still_says_something() {
        let whole = Sizes::within(Duration::from_secs(100));
        // The rule on processors looks at five seconds in a row; a p95 needs 72 requests.
        assert!(whole.probe >= Duration::from_secs(5) && whole.requests >= 72);
        let (from, until) = whole.settled();
        assert!(from < until);
        // The client's share of the processors is told of more than half a second.
        assert!(Sizes::within(REQUEST_WITHIN).probe >= Duration::from_secs(1));
        let least = Sizes::within(Duration::from_millis(1));
        assert_eq!(least.probe, Duration::from_millis(200));
        // Ten per cent of errors are told from none by 29 requests (ci.md B.3 (2)).
        assert!(least.probe.as_secs_f64() * f64::from(RATES.0) >= 29.0);
        assert!(least.blocks >= 3, "a comparison needs three blocks");
        assert_eq!(
            Sizes::within(Duration::from_secs(3600)).probe,
            Duration::from_secs(6)
        );
    }

    #[test]
    fn no_more_streams_are_asked_for_than_there_are_descriptors() {
        let sizes = Sizes::within(Duration::from_secs(100));
        let servers = ["http://127.0.0.1:1".to_owned()];
        let text = |descriptors| scenario(Part::Streams, &sizes, &servers, descriptors);
        assert!(text(None).contains("concurrency: [1, 10, 100, 1000]"));
        assert!(text(Some(1024)).contains("concurrency: [1, 10, 100]\n"));
    }
}
