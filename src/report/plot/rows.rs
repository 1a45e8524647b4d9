//! Plots with a row a cell: the cell's name at the left, its values along a scale, its validity at the right.

use super::frame::{Area, tick_labels};
use super::labels::Labels;
use super::scale::PlotScale;
use super::svg::{Anchor, Svg};
use crate::report::context::{Axes, status_of};
use crate::results::{CellResult, ValidityStatus};

/// Width of all plots.
pub const WIDTH: f64 = 760.0;
/// Room for what is said of a cell's validity.
pub const NOTES: f64 = 96.0;
/// Room above the rows: title, legend, names of the scales.
pub const HEAD: f64 = 66.0;
/// Room below the rows for the ticks.
const FOOT: f64 = 30.0;
/// Height of a line of the legend that numbers have.
const LEGEND: f64 = 14.0;
/// Rows up to which each is tall and answers a pointer.
const TALL: usize = 40;

/// Where the rows are.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    count: usize,
    height: f64,
    labels: Labels,
}

impl Rows {
    /// A row a cell.
    pub fn of(axes: &Axes, cells: &[CellResult]) -> Self {
        let count = cells.len();
        Self {
            count,
            height: if count > TALL { 15.0 } else { 24.0 },
            labels: Labels::of(axes, cells),
        }
    }

    /// Where what is drawn begins, at the right of the cells' names.
    pub fn left(&self) -> f64 {
        self.labels.room
    }

    /// Whether there are few enough to be answered one by one.
    pub fn are_few(&self) -> bool {
        self.count <= TALL
    }

    /// Radius of a marker.
    pub fn marker(&self) -> f64 {
        if self.are_few() { 4.2 } else { 3.0 }
    }

    /// The middle of a row.
    pub fn y(&self, index: usize) -> f64 {
        HEAD + (float(index) + 0.5) * self.height
    }

    /// Below the last row.
    pub fn bottom(&self) -> f64 {
        HEAD + float(self.count.max(3)) * self.height
    }

    /// The height of the whole plot.
    pub fn total(&self) -> f64 {
        self.bottom() + FOOT + float(self.labels.legend.len()) * LEGEND
    }

    /// Names and validities of the cells, every second row on a band.
    pub fn labels(&self, svg: &mut Svg, cells: &[CellResult]) {
        let left = self.left();
        if let Some(names) = &self.labels.axes {
            let place = (left - 10.0, HEAD - 10.0);
            svg.text_within("s", Anchor::End, place, (names, left - 14.0));
        }
        for (text, line) in self.labels.legend.iter().zip(1..) {
            let y = self.bottom() + FOOT + float(line) * LEGEND - 4.0;
            svg.text_within("s", Anchor::Start, (0.0, y), (text, WIDTH));
        }
        for (index, (cell, label)) in cells.iter().zip(&self.labels.texts).enumerate() {
            let y = self.y(index);
            if index % 2 == 1 {
                svg.rectangle("n", (0.0, y - self.height / 2.0), (WIDTH, self.height));
            }
            svg.text_within(
                "s",
                Anchor::End,
                (left - 10.0, y + 3.8),
                (label, left - 10.0),
            );
            if cell.validity.status != ValidityStatus::Valid {
                svg.text(
                    "s v",
                    Anchor::End,
                    (WIDTH - 4.0, y + 3.8),
                    &status_of(cell).replace('_', " "),
                );
            }
        }
    }

    /// A scale along rows: lines, values below, its name above.
    pub fn scale(svg: &mut Svg, area: &Area, scale: &PlotScale, name: &str) {
        for tick in scale.ticks() {
            let x = area.x(scale, *tick);
            svg.line("g", (x, area.top), (x, area.bottom));
        }
        tick_labels(svg, area, scale);
        svg.text("b", Anchor::Start, (area.left, area.top - 10.0), name);
    }
}

/// A small number as a float.
pub fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
