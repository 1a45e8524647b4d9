//! What `calibrate` has shown of this machine and this binary: the file that `plan`, `run` and reports read.
//!
//! Data alone: how it is measured and where its file lies is not known here. Begin at [`Calibration`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Host;

/// The value of `schema` that this version writes.
pub const SCHEMA: &str = "plimsoll.calibration.v1";

/// What a machine and a binary were shown to be able to do, client and simulator both running on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Calibration {
    /// Name and version of this format.
    #[schemars(example = SCHEMA)]
    pub schema: String,
    /// The version of plimsoll that was measured.
    pub version: String,
    /// When it was measured, RFC 3339 in UTC.
    pub measured: String,
    /// The time that it was measured within, in seconds: the less, the fewer requests are behind each figure.
    pub within_s: f64,
    /// The machine.
    pub machine: Host,
    /// Simulators that ran beside the client, each a process of one thread.
    pub simulators: u32,
    /// Plain requests at each rate that was tried, the least first.
    pub rates: Vec<RateFigures>,
    /// The highest rate that was offered truthfully; null where not even the least was.
    pub highest_rate: Option<HighestRate>,
    /// Streamed answers by how many ran at once, the fewest first.
    pub streams: Vec<StreamFigures>,
    /// Processor time that the client takes.
    pub cpu: CpuFigures,
    /// How far equal measurements lie apart.
    pub noise: NoiseFigures,
    /// How often a cell was measured again, since something else than what was asked had disturbed it; what it had shown
    /// before is not in here.
    #[serde(default)]
    pub repeated: u32,
}

/// Plain requests at one rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RateFigures {
    /// Requests per second, as offered.
    pub rate: f64,
    /// Whether the rate was offered truthfully: the cell is VALID and its requests were answered.
    pub truthful: bool,
    /// Why not, where it was not.
    pub reason: Option<String>,
    /// Sending after the intended time, with slots free; null where nothing was sent so.
    pub lateness: Option<Quantiles>,
    /// What the client adds to the time of an answer: its service time less the simulator's own (metrics.md,
    /// `overhead`), way and kernel included.
    pub service_error: Option<Quantiles>,
}

/// Streamed answers, so many at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StreamFigures {
    /// How many ran at once.
    pub streams: u32,
    /// Whether the generator was fit by its own verdict (metrics.md, "When a measurement is void").
    pub valid: bool,
    /// Why it was not fit, where it was not.
    #[serde(default)]
    pub reason: Option<String>,
    /// What the client adds to the time from sending to the first token, against the simulator's stamps.
    pub ttft_error: Option<Quantiles>,
    /// How far a gap between two tokens is from that between the simulator's stamps, either way.
    pub gap_error: Option<Quantiles>,
}

/// A distribution of times, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quantiles {
    /// How many values are behind it.
    pub n: u64,
    /// Median, in seconds.
    pub p50_s: f64,
    /// 99th percentile, in seconds.
    pub p99_s: f64,
    /// Greatest, in seconds.
    pub max_s: f64,
}

/// The highest rate that was offered truthfully.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HighestRate {
    /// Requests per second.
    pub value: f64,
    /// What ended the search at the next higher rate; null where the greatest rate that is tried was offered.
    pub limit: Option<String>,
}

/// Processor time of the client alone, all that it does beside included.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct CpuFigures {
    /// Seconds for a plain request, at the highest rate; null where it was not measured.
    pub request_s: Option<f64>,
    /// Seconds for a token of a streamed answer, at the most streams with which the generator was fit; null where it was
    /// not measured.
    pub token_event_s: Option<f64>,
    /// Why one of them was not measured, and what to do; null where both were.
    #[serde(default)]
    pub missing: Option<String>,
}

/// Pairs of equal measurements, run and compared as base and head are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct NoiseFigures {
    /// Pairs that were measured.
    pub blocks: u32,
    /// Whether the generator was fit in all of them.
    pub valid: bool,
    /// Metrics that the comparison calls regressed or improved, though nothing had changed.
    pub false_alarms: u32,
    /// The noise of each metric with its statistic.
    pub metrics: BTreeMap<String, Noise>,
}

/// How far equal measurements of one metric lie apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Noise {
    /// Geometric mean of the metric, in its unit.
    pub value: f64,
    /// Noise of one repeat as a share of the value: the standard deviation of the pairs' log ratios over √2.
    pub cv: f64,
    /// The smallest change, as a share, that a comparison of so many pairs would have shown with a power of 80 %; null
    /// where that cannot be told.
    pub smallest_visible: Option<f64>,
}

/// Why a file holds no calibration that can be used.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// It is of another version of the format, or something else.
    #[error("its `schema` is {found}, and {SCHEMA} can be read")]
    Format {
        /// What it says that it is.
        found: String,
    },
    /// It is not what its format says.
    #[error("it is no calibration: {0}")]
    Json(#[from] serde_json::Error),
}

/// What tells of a file what it is.
#[derive(Deserialize)]
struct Mark {
    schema: String,
}

impl RateFigures {
    /// The first of the reasons why the rate was not offered truthfully, where one is known.
    pub fn first_reason(&self) -> Option<&str> {
        self.reason.as_deref()?.split("; ").next()
    }
}

impl StreamFigures {
    /// The first of the reasons why the generator was not fit, where one is known.
    pub fn first_reason(&self) -> Option<&str> {
        self.reason.as_deref()?.split("; ").next()
    }
}

impl Calibration {
    /// Reads what [`Calibration::to_json`] wrote.
    ///
    /// # Errors
    /// Where it is of another version, or none.
    pub fn parse(json: &[u8]) -> Result<Self, CalibrationError> {
        let Mark { schema: found } = serde_json::from_slice(json)?;
        if found != SCHEMA {
            return Err(CalibrationError::Format { found });
        }
        Ok(serde_json::from_slice(json)?)
    }

    /// The file's text.
    ///
    /// # Errors
    /// Never for what was measured: numbers are finite.
    pub fn to_json(&self) -> Result<String, CalibrationError> {
        Ok(format!("{}\n", serde_json::to_string_pretty(self)?))
    }

    /// Why it says nothing of this machine and this binary; `None` where it does.
    pub fn misfit(&self, host: &Host, version: &str) -> Option<String> {
        let shown = |value: Option<String>| value.unwrap_or_else(|| "an unknown one".to_owned());
        let minor = |version: &str| version.split('.').take(2).collect::<Vec<_>>().join(".");
        if self.machine.cpu_model != host.cpu_model {
            return Some(format!(
                "it was measured on another processor ({}; here is {})",
                shown(self.machine.cpu_model.clone()),
                shown(host.cpu_model.clone())
            ));
        }
        if self.machine.cores != host.cores {
            let cores = |cores: Option<u32>| shown(cores.map(|cores| cores.to_string()));
            return Some(format!(
                "it was measured with {} cores, and here are {}",
                cores(self.machine.cores),
                cores(host.cores)
            ));
        }
        (minor(&self.version) != minor(version)).then(|| {
            format!(
                "plimsoll {} was measured, and this is {version}",
                self.version
            )
        })
    }

    /// The figures that hold for so many requests per second: of the least truthful rate that is no less, else of the
    /// highest.
    pub fn at_rate(&self, rate: f64) -> Option<&RateFigures> {
        let truthful = || self.rates.iter().filter(|figures| figures.truthful);
        truthful()
            .find(|figures| figures.rate >= rate)
            .or_else(|| truthful().next_back())
    }

    /// The figures that hold for so many streams at once: of the fewest measured that are no fewer, else of the most.
    pub fn at_streams(&self, streams: f64) -> Option<&StreamFigures> {
        self.streams
            .iter()
            .find(|figures| f64::from(figures.streams) >= streams)
            .or_else(|| self.streams.last())
    }

    /// The most streams at once in which the generator was fit; `None` where it never was.
    pub fn most_streams(&self) -> Option<u32> {
        let fit = self.streams.iter().filter(|figures| figures.valid);
        fit.map(|figures| figures.streams).max()
    }

    /// The day on which it was measured.
    pub fn day(&self) -> &str {
        self.measured.split('T').next().unwrap_or_default()
    }
}

/// The JSON Schema of the file (draft-07), as committed in `schemas/calibration.v1.json`.
pub fn schema() -> Value {
    SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<Calibration>()
        .to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundation::files::committed;

    fn figures(rate: f64, truthful: bool) -> RateFigures {
        RateFigures {
            rate,
            truthful,
            reason: None,
            lateness: None,
            service_error: None,
        }
    }

    fn calibration() -> Calibration {
        Calibration {
            schema: SCHEMA.to_owned(),
            version: "0.3.1".to_owned(),
            measured: "2026-11-25T12:00:00Z".to_owned(),
            within_s: 100.0,
            machine: Host {
                name: Some("runner-7".to_owned()),
                cpu_model: Some("Example CPU 3000".to_owned()),
                cores: Some(2),
                kernel: Some("Linux 6.12".to_owned()),
            },
            simulators: 1,
            rates: vec![
                figures(250.0, true),
                figures(1000.0, true),
                figures(4000.0, false),
            ],
            highest_rate: Some(HighestRate {
                value: 1000.0,
                limit: Some("late".to_owned()),
            }),
            streams: [(1, true), (10, true), (100, false)]
                .map(|(streams, valid)| StreamFigures {
                    streams,
                    valid,
                    reason: None,
                    ttft_error: None,
                    gap_error: None,
                })
                .to_vec(),
            cpu: CpuFigures::default(),
            noise: NoiseFigures::default(),
            repeated: 0,
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_another_format_is_refused_by_its_name() {
        let written = calibration();
        let json = written.to_json().unwrap();
        assert_eq!(Calibration::parse(json.as_bytes()).unwrap(), written);
        let other = json.replace("calibration.v1", "calibration.v2");
        let error = Calibration::parse(other.as_bytes())
            .unwrap_err()
            .to_string();
        assert!(error.contains("plimsoll.calibration.v2"), "{error}");
        assert!(Calibration::parse(b"[]").is_err());
    }

    #[test]
    fn another_processor_other_cores_or_another_minor_version_is_a_misfit() {
        let (known, here) = (calibration(), calibration().machine);
        assert_eq!(known.misfit(&here, "0.3.9"), None);
        let renamed = Host {
            name: Some("runner-8".to_owned()),
            kernel: Some("Linux 6.13".to_owned()),
            ..here.clone()
        };
        assert_eq!(known.misfit(&renamed, "0.3.1"), None, "a name says nothing");
        let four = Host {
            cores: Some(4),
            ..here.clone()
        };
        let other = Host {
            cpu_model: None,
            ..here.clone()
        };
        for (misfit, said) in [
            (known.misfit(&four, "0.3.1"), "with 2 cores, and here are 4"),
            (known.misfit(&other, "0.3.1"), "here is an unknown one"),
            (known.misfit(&here, "0.4.0"), "plimsoll 0.3.1 was measured"),
        ] {
            assert!(
                misfit.as_ref().is_some_and(|text| text.contains(said)),
                "{misfit:?}"
            );
        }
    }

    #[test]
    fn figures_hold_for_what_was_measured_at_least_as_hard() {
        let known = calibration();
        let at_rate = |rate| known.at_rate(rate).map(|figures| figures.rate);
        assert_eq!(at_rate(1.0), Some(250.0));
        assert_eq!(at_rate(250.0), Some(250.0));
        assert_eq!(at_rate(251.0), Some(1000.0));
        assert_eq!(
            at_rate(9000.0),
            Some(1000.0),
            "an untruthful rate says nothing"
        );
        let at_streams = |streams| known.at_streams(streams).map(|figures| figures.streams);
        assert_eq!(at_streams(2.5), Some(10));
        assert_eq!(at_streams(1e6), Some(100));
        assert_eq!(known.most_streams(), Some(10));
        assert_eq!(known.day(), "2026-11-25");
    }

    #[test]
    fn the_committed_schema_is_current_and_takes_what_is_written() {
        committed::schema_is_current("calibration.v1.json", &schema());
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let written = serde_json::to_value(calibration()).unwrap();
        assert!(validator.is_valid(&written), "{written:#}");
    }
}
