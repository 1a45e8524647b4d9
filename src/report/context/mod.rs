//! What a template is given: the results as they are, and what the built-in reports show of them, already written out.
//!
//! docs/template-context.md describes it for users; its version is [`SCHEMA`]. The order of everything here is that of
//! the plan, so that the same results give the same text.

mod axes;
mod facts;
mod latency;
mod objectives;
mod searches;
mod self_check;
mod table;
pub mod tables;
mod verdict;
mod view;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;

use super::diff::{self, Overview};
use super::escape;
use super::plot::Plot;
use crate::compare;
use crate::results::{CellResult, ObjectiveVerdict, PacedBy, Results, ValidityStatus};
use facts::{environment, reproduction};
use self_check::self_check;

pub use axes::{Axes, names, shown};
pub use objectives::{unit_of_objective, value_against_bound};
pub use searches::{SearchView, searches};
pub use table::{Value, status_of};
pub use tables::{distribution, scale_of};
pub use verdict::{Banner, Verdict, banners, counted};
pub use view::{
    CellView, DefinitionView, Fact, PlotView, SampleView, Tables, UncontrolledView, WarningView,
};

/// Name and version of the context.
pub const SCHEMA: &str = "plimsoll.context.v1";

/// Cells up to which each has its table of all statistics in the report.
const CELLS_IN_DETAIL: usize = 24;
/// Cells with something wrong that are shown in detail where there are more cells than that.
const WRONG_IN_DETAIL: usize = 12;
/// Characters of a kept text that are shown.
const TEXT_SHOWN: usize = 600;
/// Bytes of a thumbnail that are shown.
const THUMBNAIL_BYTES: usize = 64 * 1024;

/// Everything that a template may name.
#[derive(Debug, Serialize)]
pub struct Context {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// `results.json`, but for what is one entry a second (`timeline`, `self_check.seconds`), which the plots have, and
    /// for `files`, which this is one of.
    pub results: Results,
    /// The verdict.
    pub verdict: Verdict,
    /// What stands above the first number.
    pub banners: Vec<Banner>,
    /// What varies.
    pub axes: Axes,
    /// The searches, each with its answer.
    pub searches: Vec<SearchView>,
    /// What the scenario's comparison says; null where it asks for none, or the run was interrupted.
    pub comparison: Option<Overview>,
    /// The tables.
    pub tables: Tables,
    /// The cells, in the order of the plan.
    pub cells: Vec<CellView>,
    /// Why cells have no offered rate that anybody controlled, each with the cells that it is about.
    pub uncontrolled: Vec<UncontrolledView>,
    /// Warnings, each with the cells that it is about.
    pub warnings: Vec<WarningView>,
    /// The metrics that the tables show, with their definitions.
    pub definitions: Vec<DefinitionView>,
    /// What it takes to run this again.
    pub reproduction: Vec<Fact>,
    /// On what it was run.
    pub environment: Vec<Fact>,
    /// The plots.
    pub plots: Vec<PlotView>,
}

impl Context {
    /// The context of these results; `plots` as [`super::plot::plots`] gives them.
    pub fn of(results: &Results, plots: &[Plot]) -> Self {
        let axes = Axes::of(results);
        let cells: Vec<CellView> = results
            .cells
            .iter()
            .enumerate()
            .map(|(index, cell)| cell_view(results, &axes, cell, plots, index))
            .collect();
        Self {
            schema: SCHEMA,
            verdict: Verdict::of(results),
            banners: banners(results, &axes),
            searches: searches(results),
            comparison: comparison(results),
            tables: Tables {
                throughput: tables::throughput(results, &axes),
                latency: latency::latency(results, &axes),
                objectives_open: objectives::objectives(results, &axes, false),
                objectives_met: objectives::objectives(results, &axes, true),
                relative: tables::relative(results, &axes),
                groups: tables::groups(results, &axes),
            },
            cells,
            uncontrolled: uncontrolled(results, &axes),
            warnings: warnings(results, &axes),
            definitions: definitions(results),
            reproduction: reproduction(results),
            environment: environment(results),
            plots: plots
                .iter()
                .filter(|plot| plot.cell.is_none())
                .map(PlotView::of)
                .collect(),
            axes,
            results: without_seconds(results),
        }
    }

    /// The context as a document whose texts went through `escape`; SVG stays as it is, since the plots escaped theirs.
    ///
    /// # Errors
    /// Where the results hold what JSON cannot: a bug.
    pub fn document(&self, escape: fn(&str) -> String) -> Result<Json, serde_json::Error> {
        let mut document = escape::document(serde_json::to_value(self)?, escape);
        let restore = |place: Option<&mut Json>, plot: &PlotView| {
            if let Some(Json::Object(view)) = place {
                view.insert("svg".to_owned(), Json::String(plot.svg.clone()));
            }
        };
        for (index, plot) in self.plots.iter().enumerate() {
            restore(document.pointer_mut(&format!("/plots/{index}")), plot);
        }
        for (index, cell) in self.cells.iter().enumerate() {
            if let Some(plot) = &cell.timeline {
                restore(
                    document.pointer_mut(&format!("/cells/{index}/timeline")),
                    plot,
                );
            }
            for (number, sample) in cell.samples.iter().enumerate() {
                // A URL of checked base64 has nothing to escape, and would lose its scheme by it.
                let place =
                    document.pointer_mut(&format!("/cells/{index}/samples/{number}/thumbnail"));
                if let (Some(place), Some(url)) = (place, &sample.thumbnail) {
                    *place = Json::String(url.clone());
                }
            }
        }
        // Read back from results.json, maps come sorted: the same report must come of both.
        document.sort_all_objects();
        Ok(document)
    }
}

fn comparison(results: &Results) -> Option<Overview> {
    compare::of_run(results).map(|diff| diff::overview(&diff))
}

fn cell_view(
    results: &Results,
    axes: &Axes,
    cell: &CellResult,
    plots: &[Plot],
    index: usize,
) -> CellView {
    let counts = |counts: &BTreeMap<String, u64>, but: &str| {
        let parts: Vec<String> = counts
            .iter()
            .filter(|(name, _)| *name != but)
            .map(|(name, count)| format!("{name}: {count}"))
            .collect();
        parts.join(", ")
    };
    CellView {
        label: axes.label(cell),
        status: status_of(cell),
        outcomes: counts(&cell.outcomes, ""),
        failures: counts(&cell.outcomes, "ok"),
        http_status: counts(&cell.http_status, ""),
        self_check: self_check(&cell.self_check),
        in_detail: in_detail(results, index),
        statistics: (results.cells.len() <= CELLS_IN_DETAIL)
            .then(|| tables::statistics(results, cell)),
        timeline: plots
            .iter()
            .find(|plot| plot.cell == Some(index))
            .map(PlotView::of),
        samples: cell
            .samples
            .iter()
            .map(|sample| SampleView {
                file: sample.file.clone(),
                text: sample
                    .text
                    .as_deref()
                    .map(|text| escape::shorten(text, TEXT_SHOWN)),
                thumbnail: sample.thumbnail.clone().filter(|url| is_picture(url)),
            })
            .collect(),
    }
}

/// Whether a cell's time line is shown: in small reports all are, in large ones the first few that something is wrong with.
fn in_detail(results: &Results, index: usize) -> bool {
    let is_wrong = |cell: &CellResult| {
        cell.validity.status != ValidityStatus::Valid
            || cell
                .objectives
                .iter()
                .any(|objective| objective.verdict != ObjectiveVerdict::Met)
    };
    results.cells.len() <= CELLS_IN_DETAIL
        || results.cells.get(index).is_some_and(is_wrong)
            && results.cells[..index]
                .iter()
                .filter(|cell| is_wrong(cell))
                .count()
                < WRONG_IN_DETAIL
}

/// Whether a data URL is a picture of a kind that runs nothing, in plain base64, and small enough.
fn is_picture(url: &str) -> bool {
    url.len() <= THUMBNAIL_BYTES
        && ["png", "jpeg", "gif", "webp"]
            .iter()
            .filter_map(|kind| url.strip_prefix(&format!("data:image/{kind};base64,")))
            .any(|data| {
                !data.is_empty()
                    && data
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
            })
}

/// A closed loop is to be called one: its target sets the rate, and its latencies lack what nobody waited to send.
fn uncontrolled(results: &Results, axes: &Axes) -> Vec<UncontrolledView> {
    let of = |paced_by: PacedBy, text: &str| {
        let cells = results
            .cells
            .iter()
            .filter(|cell| cell.paced_by == paced_by);
        UncontrolledView {
            text: text.to_owned(),
            cells: cells.map(|cell| axes.label(cell)).collect(),
        }
    };
    let mut views = vec![
        of(
            PacedBy::ClosedLoop,
            "closed loop, offered rate not controlled: a client sends its next request when its last one has ended, \
             so that a target which slows down is asked less, and shows less of it",
        ),
        of(
            PacedBy::Batches,
            "batches, offered rate not controlled: the next one is sent when all of the last have ended",
        ),
        of(PacedBy::AtOnce, "all at once, without a rate"),
    ];
    views.retain(|view| !view.cells.is_empty());
    views
}

fn warnings(results: &Results, axes: &Axes) -> Vec<WarningView> {
    let mut views: Vec<WarningView> = Vec::new();
    for cell in &results.cells {
        for warning in &cell.warnings {
            let label = axes.label(cell);
            match views
                .iter_mut()
                .find(|view| view.code == warning.code && view.text == warning.text)
            {
                Some(view) => view.cells.push(label),
                None => views.push(WarningView {
                    code: warning.code.clone(),
                    text: warning.text.clone(),
                    cells: vec![label],
                }),
            }
        }
    }
    views
}

fn definitions(results: &Results) -> Vec<DefinitionView> {
    [
        "request_throughput",
        "goodput",
        "slo_attainment",
        "output_throughput",
        "workload_throughput",
        "error_rate",
        "ttft",
        "tpot",
        "load",
        "e2e",
    ]
    .iter()
    .filter(|name| {
        results
            .cells
            .iter()
            .any(|cell| cell.metrics.get(**name).is_some_and(Option::is_some))
    })
    .filter_map(|name| {
        let definition = results.definitions.get(*name)?;
        Some(DefinitionView {
            name: (*name).to_owned(),
            text: definition.definition.clone(),
        })
    })
    .collect()
}

fn without_seconds(results: &Results) -> Results {
    let mut results = results.clone();
    results.files.clear();
    for cell in &mut results.cells {
        cell.timeline.clear();
        cell.self_check.seconds.clear();
    }
    results
}
