//! Plan, metrics and what the run saw, put together into `results.json`'s value. Pure: no clock, no file.

use std::collections::BTreeMap;

use serde_json::Value;

use super::document::{
    Better, CellResult, CompareSettings, ComparedAxis, DatasetReference, Definition, Environment,
    GateSettings, ObjectiveResult, ObjectiveVerdict, PacedBy, RepeatResult, ReportSettings,
    Requests, Results, RunVerdict, SCHEMA, SampleReference, ScenarioReference, Selection,
    SelfCheck, Shape, SloResult, Tool, Unit, Validity, ValidityStatus, Warning,
};
use super::relative::relative_to_baseline;
use super::search::SearchResult;
use crate::kinds::metric::estimate::Base;
use crate::kinds::metric::{CellMetrics, RepeatMetrics, catalogue};
use crate::kinds::verdict::objective::NoData;
use crate::plan::{Cell, Plan};
use crate::scenario::{Compare, Report, Scenario};

/// What a run has to say.
pub struct Assembly<'a> {
    /// What was asked.
    pub scenario: &'a Scenario,
    /// The cells, in order.
    pub plan: &'a Plan,
    /// Each cell's numbers, in the plan's order.
    pub metrics: Vec<CellMetrics>,
    /// What the run saw of each cell, in the plan's order.
    pub runs: Vec<CellRun>,
    /// What searches have found.
    pub searches: Vec<SearchResult>,
    /// Machine facts.
    pub environment: Environment,
    /// Datasets as read.
    pub datasets: Vec<DatasetReference>,
    /// Whether some cell was not executed.
    pub incomplete: bool,
    /// Which cells of the plan these are, where not all.
    pub selection: Option<Selection>,
}

/// What the run saw of a cell beside its attempts.
#[derive(Debug, Clone, Default)]
pub struct CellRun {
    /// Whether the generator was fit: [`crate::kinds::verdict::validity::judge`].
    pub validity: Validity,
    /// What the generator saw of itself.
    pub self_check: SelfCheck,
    /// The estimate's base, measured or given.
    pub base: Option<Base>,
    /// Each repeat's place in the order of the whole run, from 0; repeat 1 first.
    pub positions: Vec<u32>,
    /// Kept texts, pictures and videos.
    pub samples: Vec<SampleReference>,
    /// What a reader must know beyond what the rows tell.
    pub warnings: Vec<Warning>,
}

/// The results of a run, all objectives evaluated. The verdict is left open: how a run ends is not known here.
///
/// A cell without numbers or without a run has no data; it is there all the same.
pub fn assemble(input: Assembly<'_>) -> Results {
    let mut metrics = input.metrics.into_iter();
    let mut runs = input.runs.into_iter();
    let mut cells: Vec<CellResult> = input
        .plan
        .cells
        .iter()
        .map(|planned| {
            cell(
                planned,
                input.scenario,
                metrics.next().unwrap_or_default(),
                runs.next().unwrap_or_default(),
            )
        })
        .collect();
    relative_to_baseline(&mut cells, &input.scenario.report.baseline);
    Results {
        schema: SCHEMA.to_owned(),
        tool: Tool {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        scenario: ScenarioReference {
            name: input.scenario.name.clone(),
            hash: input.scenario.hash.clone(),
            description: input.scenario.description.clone(),
            labels: input.scenario.labels.clone(),
        },
        environment: input.environment,
        datasets: input.datasets,
        definitions: definitions(&cells),
        cells,
        searches: input.searches,
        report: report_settings(&input.scenario.report),
        compare: input.scenario.compare.as_ref().map(compare_settings),
        incomplete: input.incomplete,
        selection: input.selection,
        files: Vec::new(),
        verdict: RunVerdict::default(),
    }
}

fn cell(planned: &Cell, scenario: &Scenario, numbers: CellMetrics, run: CellRun) -> CellResult {
    // What was executed in part has neither met nor missed anything.
    let complete = run.positions.len() >= planned.load.repeats as usize;
    let no_data = if complete {
        planned.slo.no_data
    } else {
        NoData::Warn
    };
    let objectives = planned
        .slo
        .objectives
        .iter()
        .map(|objective| {
            let evaluated = objective.evaluate(&numbers, no_data);
            let verdict = match run.validity.status {
                ValidityStatus::Invalid => ObjectiveVerdict::Void,
                _ if !complete => ObjectiveVerdict::NoData,
                _ => evaluated.verdict,
            };
            ObjectiveResult {
                verdict,
                ..evaluated
            }
        })
        .collect();
    let mut warnings = run.warnings;
    warnings.extend(numbers.warnings.iter().cloned());
    let cell = CellResult {
        id: planned.id.clone(),
        key: planned.key.clone(),
        axes: planned.axes.clone(),
        validity: run.validity,
        requests: Requests::default(),
        outcomes: BTreeMap::new(),
        http_status: BTreeMap::new(),
        metrics: BTreeMap::new(),
        metrics_failed: BTreeMap::new(),
        metrics_all: BTreeMap::new(),
        spread: BTreeMap::new(),
        repeats: Vec::new(),
        groups: Vec::new(),
        slo: SloResult {
            base_ms: run.base.map(Base::base_ms),
            intercept_ms: run.base.and_then(Base::intercept_ms),
            ..SloResult::default()
        },
        paced_by: PacedBy::of(planned),
        price_per_hour: price_per_hour(scenario, planned),
        objectives,
        warnings,
        self_check: run.self_check,
        samples: run.samples,
        tokens_source: None,
        timeline: Vec::new(),
        relative: BTreeMap::new(),
    };
    with_numbers(cell, numbers, &run.positions)
}

/// Price of an hour of the cell's target, where the scenario gives one.
pub fn price_per_hour(scenario: &Scenario, cell: &Cell) -> Option<f64> {
    let prices = scenario.targets.get(&cell.target)?.prices.as_ref()?;
    Some(prices.per_hour)
}

/// The cell with all that is computed from its rows; `positions` are its repeats' places in the order of the run.
pub(super) fn with_numbers(
    cell: CellResult,
    numbers: CellMetrics,
    positions: &[u32],
) -> CellResult {
    CellResult {
        requests: numbers.requests,
        outcomes: numbers.outcomes,
        http_status: numbers.http_status,
        metrics: numbers.metrics,
        metrics_failed: numbers.failed,
        metrics_all: numbers.all,
        spread: numbers.spread,
        repeats: numbers
            .repeats
            .into_iter()
            .map(|repeat| self::repeat(repeat, positions))
            .collect(),
        groups: numbers.groups,
        slo: SloResult {
            base_ms: cell.slo.base_ms,
            intercept_ms: cell.slo.intercept_ms,
            ..numbers.slo
        },
        tokens_source: numbers.tokens_source,
        timeline: numbers.timeline,
        ..cell
    }
}

fn repeat(numbers: RepeatMetrics, positions: &[u32]) -> RepeatResult {
    let place = numbers.repeat.saturating_sub(1) as usize;
    RepeatResult {
        repeat: numbers.repeat,
        position: positions.get(place).copied().unwrap_or_default(),
        metrics: numbers.metrics,
        requests: numbers.requests,
    }
}

/// What each metric means: all of the catalogue, and the server's own measures that some cell has.
pub(super) fn definitions(cells: &[CellResult]) -> BTreeMap<String, Definition> {
    let known = catalogue::all().map(|metric| {
        let definition = Definition {
            unit: metric.unit,
            better: metric.better,
            shape: metric.shape,
            definition: metric.definition.to_owned(),
        };
        (metric.name.to_owned(), definition)
    });
    let own = |name: &String| catalogue::find(name).is_none();
    let of_servers = cells
        .iter()
        .flat_map(|cell| cell.metrics.keys())
        .filter(|name| own(name))
        .map(|name| {
            let definition = Definition {
                unit: Unit::None,
                better: Better::Neither,
                shape: Shape::Distribution,
                definition:
                    "as the server told it: durations in seconds, all else in the server's unit"
                        .to_owned(),
            };
            (name.clone(), definition)
        });
    known.chain(of_servers).collect()
}

fn report_settings(report: &Report) -> ReportSettings {
    ReportSettings {
        formats: report.formats.clone(),
        template: report
            .template
            .as_ref()
            .map(|path| path.display().to_string()),
        baseline: report.baseline.clone(),
        group_by: report.group_by.clone(),
        percentiles: report.percentiles.clone(),
        exports: report.exports.clone(),
    }
}

fn compare_settings(compare: &Compare) -> CompareSettings {
    let axis = |(axis, base, head): &(String, Value, Value)| ComparedAxis {
        axis: axis.clone(),
        base: base.clone(),
        head: head.clone(),
    };
    CompareSettings {
        by: compare.by.as_ref().map(axis),
        gates: compare
            .gates
            .iter()
            .map(|gate| GateSettings {
                metric: match &gate.statistic {
                    Some(statistic) => format!("{}.{statistic}", gate.metric),
                    None => gate.metric.clone(),
                },
                tolerance: gate.tolerance,
            })
            .collect(),
        false_discovery_rate: compare.false_discovery_rate,
    }
}
