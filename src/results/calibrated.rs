//! What a calibration of the machine says about results: for their environment, and of figures within its errors.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::{CellResult, Results, Warning};
use crate::instruments::telemetry::calibration::{Calibration, Quantiles};

/// The rate whose lateness stands for the machine, where one so high was offered: requests per second.
const USUAL_RATE: f64 = 1000.0;

/// What `calibrate` has shown of the machine, in short.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Calibrated {
    /// When it was measured, RFC 3339 in UTC.
    pub measured: String,
    /// The highest rate that it was shown to offer truthfully, in requests per second; null where there was none.
    pub highest_rate: Option<f64>,
    /// The rate at which its lateness is told: 1,000 requests per second, or the nearest that was offered.
    pub lateness_rate: Option<f64>,
    /// Lateness of sending at that rate in seconds: median.
    pub lateness_p50: Option<f64>,
    /// The same, p99.
    pub lateness_p99: Option<f64>,
    /// The noise of equal measurements by metric and statistic, as a share: its coefficient of variation.
    pub noise: BTreeMap<String, f64>,
}

impl Calibrated {
    /// The short form.
    pub fn of(calibration: &Calibration) -> Self {
        let usual = calibration.at_rate(USUAL_RATE);
        let lateness = usual.and_then(|figures| figures.lateness);
        Self {
            measured: calibration.measured.clone(),
            highest_rate: calibration
                .highest_rate
                .as_ref()
                .map(|highest| highest.value),
            lateness_rate: usual.map(|figures| figures.rate),
            lateness_p50: lateness.map(|lateness| lateness.p50_s),
            lateness_p99: lateness.map(|lateness| lateness.p99_s),
            noise: calibration
                .noise
                .metrics
                .iter()
                .map(|(metric, noise)| (metric.clone(), noise.cv))
                .collect(),
        }
    }
}

/// Adds a warning to each cell whose times lie within what the machine was shown to add to such times, where that is
/// known.
pub fn warn_of_errors(results: &mut Results, calibration: Option<&Calibration>) {
    let Some(calibration) = calibration else {
        return;
    };
    for cell in &mut results.cells {
        let within = within_errors(cell, calibration);
        cell.warnings.extend(within);
    }
}

/// Medians that are no more than the error (p99) of such a time on this machine.
fn within_errors(cell: &CellResult, calibration: &Calibration) -> Vec<Warning> {
    let at_once = cell.value("concurrency.max", None).unwrap_or(1.0);
    let streams = calibration.at_streams(at_once);
    let rate = calibration.at_rate(cell.value("attempt_rate", None).unwrap_or(0.0));
    let streamed = cell.value("ttft_service", Some("p50")).is_some();
    let plain = rate.filter(|_| !streamed);
    let known: [(&str, Option<Quantiles>); 3] = [
        (
            "ttft_service",
            streams.and_then(|figures| figures.ttft_error),
        ),
        ("itl", streams.and_then(|figures| figures.gap_error)),
        ("service", plain.and_then(|figures| figures.service_error)),
    ];
    known
        .into_iter()
        .filter_map(|(metric, error)| {
            let (median, error) = (cell.value(metric, Some("p50"))?, error?.p99_s);
            (median <= error).then(|| Warning {
                code: "within_error".to_owned(),
                text: format!(
                    "{metric} p50 is {:.3} ms, and this machine was shown to err by up to {:.3} ms (p99, calibrated {}): \
                     it tells of the client as much as of the target",
                    median * 1e3,
                    error * 1e3,
                    calibration.day()
                ),
            })
        })
        .collect()
}
