//! A template tried before there are results: every cell of the plan with figures that are made up.
//!
//! What only a run can know (a server's own measures, further percentiles) is given where the template names it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Rendering, ReportError, UserTemplate, render};
use crate::kinds::metric::catalogue::{self, PERCENTILES, STATISTICS};
use crate::kinds::metric::{percentile_name, percentile_share};
use crate::results::{
    Capacity, CellResult, GroupResult, MetricValue, Probe, ProbeVerdict, Relative, RepeatResult,
    ReportSettings, Requests, Results, SampleReference, SearchResult, SelfCheck, Shape, SloResult,
    Spread, Summary, Warning,
};

/// Renders a template with `results` as a plan gives them, their cells filled with figures.
///
/// # Errors
/// Where the template is wrong, or names what results do not have.
pub fn rehearse(mut results: Results, template: &UserTemplate) -> Result<(), ReportError> {
    let named = Named::by(&template.source, &results.report);
    for cell in &mut results.cells {
        fill(cell, &named, &results.report);
    }
    for search in &mut results.searches {
        answer(search);
    }
    let rendering = Rendering {
        formats: Vec::new(),
        template: Some(template.clone()),
        exports: Vec::new(),
        plots: true,
    };
    render(&results, &rendering).map(drop)
}

/// A search as if its own cell had been its only probe.
fn answer(search: &mut SearchResult) {
    let value = search.min;
    search.capacity = Some(Capacity {
        value,
        low: value,
        high: Some(search.max),
        at_least: false,
    });
    search.reason = None;
    search.probes = vec![Probe {
        cell: search.id.clone(),
        value,
        verdict: ProbeVerdict::Passed,
        reason: None,
        again: None,
    }];
}

/// What the figures are called.
struct Named {
    metrics: BTreeMap<String, Shape>,
    statistics: BTreeSet<String>,
}

impl Named {
    /// All of the catalogue, and what the template names beside.
    fn by(source: &str, report: &ReportSettings) -> Self {
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        let words: Vec<&str> = source.split(|c| !word(c)).collect();
        let own = words
            .iter()
            .filter(|word| word.starts_with("server.") || word.starts_with("step."));
        let metrics = catalogue::all().map(|metric| (metric.name.to_owned(), metric.shape));
        let shares = PERCENTILES.iter().chain(&report.percentiles);
        let parts = words.iter().flat_map(|word| word.split('.'));
        let percentiles = parts.filter(|part| percentile_share(part).is_some());
        Self {
            metrics: metrics
                .chain(own.map(|name| ((*name).to_owned(), Shape::Distribution)))
                .collect(),
            statistics: STATISTICS
                .into_iter()
                .chain(percentiles)
                .map(str::to_owned)
                .chain(shares.map(|share| percentile_name(*share)))
                .collect(),
        }
    }

    fn values(&self) -> BTreeMap<String, Option<MetricValue>> {
        let value = |shape: &Shape| match shape {
            Shape::Scalar => MetricValue::Number(1.0),
            Shape::Distribution => MetricValue::Distribution(Summary {
                n: 100,
                statistics: self
                    .statistics
                    .iter()
                    .map(|name| (name.clone(), Some(1.0)))
                    .collect(),
            }),
        };
        self.metrics
            .iter()
            .map(|(name, shape)| (name.clone(), Some(value(shape))))
            .collect()
    }

    /// Names of scalars and of each statistic of a distribution: `goodput`, `e2e.p99`.
    fn numbers(&self) -> impl Iterator<Item = String> {
        self.metrics.iter().flat_map(|(name, shape)| match shape {
            Shape::Scalar => vec![name.clone()],
            Shape::Distribution => self
                .statistics
                .iter()
                .map(|statistic| format!("{name}.{statistic}"))
                .collect(),
        })
    }
}

/// All of them went well.
const REQUESTS: Requests = Requests {
    intended: 100,
    tried: 100,
    sent: 100,
    ok: 100,
    failed: 0,
    unsent: 0,
    attempts: 100,
};

fn fill(cell: &mut CellResult, named: &Named, report: &ReportSettings) {
    let requests = REQUESTS;
    let slo = SloResult {
        defined: 100,
        met: 100,
        attainment: Some(1.0),
        base_ms: Some(1.0),
        intercept_ms: Some(1.0),
    };
    let values = named.values();
    cell.requests = requests;
    cell.outcomes = BTreeMap::from([("ok".to_owned(), 100)]);
    cell.http_status = BTreeMap::from([("200".to_owned(), 100)]);
    cell.metrics.clone_from(&values);
    cell.metrics_failed.clone_from(&values);
    cell.metrics_all.clone_from(&values);
    cell.spread = named.numbers().map(|name| (name, spread())).collect();
    cell.repeats = vec![RepeatResult {
        repeat: 1,
        position: 0,
        metrics: values.clone(),
        requests,
    }];
    if !report.group_by.is_empty() {
        let by = report
            .group_by
            .iter()
            .map(|name| (name.clone(), Value::Null))
            .collect();
        cell.groups = vec![GroupResult {
            by,
            requests,
            metrics: values,
            slo: slo.clone(),
        }];
    }
    if !report.baseline.is_empty() {
        cell.relative = named.numbers().map(|name| (name, relative())).collect();
    }
    cell.slo = slo;
    for objective in &mut cell.objectives {
        (objective.value, objective.n) = (Some(objective.bound), 100);
    }
    cell.warnings = vec![Warning {
        code: "sample".to_owned(),
        text: "a warning".to_owned(),
    }];
    cell.samples = vec![SampleReference {
        file: "sample.txt".to_owned(),
        text: Some("an answer".to_owned()),
        thumbnail: None,
    }];
    cell.tokens_source = Some("usage".to_owned());
    cell.self_check = self_check();
}

fn relative() -> Relative {
    Relative {
        speedup: Some(1.0),
        interval: Some([1.0, 1.0]),
        ..Relative::default()
    }
}

fn spread() -> Spread {
    let one = Some(1.0);
    Spread {
        n: 1,
        mean: one,
        stddev: one,
        ci95: Some([1.0, 1.0]),
        min: one,
        max: one,
        median: one,
    }
}

fn self_check() -> SelfCheck {
    let one = Some(1.0);
    SelfCheck {
        lateness_p50: one,
        lateness_p99: one,
        lateness_max: one,
        processors: one,
        cpu_share_max: one,
        spun_share: one,
        steal_max: one,
        throttled_max: one,
        swapped_in: Some(1),
        major_faults: Some(1),
        clock_set_max: one,
        canary_p50: one,
        canary_p99: one,
        canary_max: one,
        read_late_p50: one,
        read_late_p99: one,
        read_late_max: one,
        descriptors_max: Some(1),
        tried_ratio: one,
        sent_rate: one,
        seconds: Vec::new(),
    }
}
