//! The parts of the context, as templates see them.

use serde::Serialize;

use super::table::Table;
use crate::report::plot::Plot;

/// The tables.
#[derive(Debug, Serialize)]
pub struct Tables {
    /// Throughput, goodput and errors, a cell a row.
    pub throughput: Table,
    /// Latency percentiles, a cell a row.
    pub latency: Table,
    /// Objectives that are missed, void or without data.
    pub objectives_open: Table,
    /// Objectives that are met.
    pub objectives_met: Table,
    /// Each cell relative to the baseline; null where none was declared.
    pub relative: Option<Table>,
    /// Statistics by request parameters; null where none were asked for.
    pub groups: Option<Table>,
}

/// A cell.
#[derive(Debug, Serialize)]
pub struct CellView {
    /// What tells it from the others.
    pub label: String,
    /// `VALID`, `INVALID` or `CLIENT_LIMITED`.
    pub status: &'static str,
    /// Outcomes with their counts, `ok: 360, timeout_total: 7`.
    pub outcomes: String,
    /// The same without the ok ones; empty where nothing failed.
    pub failures: String,
    /// Statuses with their counts.
    pub http_status: String,
    /// What the generator saw of itself.
    pub self_check: Vec<Fact>,
    /// Whether the page shows its time line: there are few cells, or something is wrong with this one.
    pub in_detail: bool,
    /// All statistics; null where there are too many cells for it.
    pub statistics: Option<Table>,
    /// Its time line; null where there is none.
    pub timeline: Option<PlotView>,
    /// Kept texts and pictures.
    pub samples: Vec<SampleView>,
}

/// Why cells have no offered rate that anybody controlled.
#[derive(Debug, Serialize)]
pub struct UncontrolledView {
    /// In one sentence.
    pub text: String,
    /// Labels of the cells.
    pub cells: Vec<String>,
}

/// A warning.
#[derive(Debug, Serialize)]
pub struct WarningView {
    /// Its kind.
    pub code: String,
    /// In one sentence.
    pub text: String,
    /// Labels of the cells that have it.
    pub cells: Vec<String>,
}

/// A metric and its meaning.
#[derive(Debug, Serialize)]
pub struct DefinitionView {
    /// Its name.
    pub name: String,
    /// Its definition.
    pub text: String,
}

/// A name with a value.
#[derive(Debug, Clone, Serialize)]
pub struct Fact {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

/// A plot.
#[derive(Debug, Clone, Serialize)]
pub struct PlotView {
    /// Its file within the report folder.
    pub file: String,
    /// Its title.
    pub title: String,
    /// What it shows, in words.
    pub description: String,
    /// The same as SVG without style of its own, to be put into HTML as it is.
    pub svg: String,
}

/// Something that a target returned.
#[derive(Debug, Serialize)]
pub struct SampleView {
    /// File under `samples/`.
    pub file: String,
    /// Its text, shortened.
    pub text: Option<String>,
    /// A picture as a data URL that holds nothing but base64.
    pub thumbnail: Option<String>,
}

impl PlotView {
    /// A plot as templates see it.
    pub fn of(plot: &Plot) -> Self {
        Self {
            file: plot.file.clone(),
            title: plot.svg.title().to_owned(),
            description: plot.svg.description().to_owned(),
            svg: plot.svg.inline(&plot.id),
        }
    }
}
