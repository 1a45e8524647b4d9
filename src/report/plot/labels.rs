//! What cells are called in a plot with a row a cell: by what varies, in as few characters as tell them apart.

use std::collections::BTreeSet;

use super::rows::{WIDTH, float};
use super::svg::{CHARACTER, characters, shortened};
use crate::report::context::Axes;
use crate::results::CellResult;

/// Least and most room for names, in pixels.
const ROOM: (f64, f64) = (172.0, 300.0);
/// Between names and what is drawn, and before them.
const AROUND: f64 = 14.0;

/// Names of cells, no two of them alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    /// One a cell.
    pub texts: Vec<String>,
    /// Their room in pixels.
    pub room: f64,
    /// Which axes they are the values of, where the names of axes had no room.
    pub axes: Option<String>,
    /// What numbers stand for, where even values had no room: lines as they are drawn.
    pub legend: Vec<String>,
}

impl Labels {
    /// Names in full where there is room for them; else values alone; else cut, where that leaves them different; else
    /// numbers, with a legend.
    pub fn of(axes: &Axes, cells: &[CellResult]) -> Self {
        let named: Vec<String> = cells.iter().map(|cell| axes.short_label(cell)).collect();
        let values: Vec<String> = cells
            .iter()
            .map(|cell| axes.values(cell).join(" · "))
            .collect();
        if fits(&named) && differ(&named) {
            return Self::plain(named);
        }
        if fits(&values) && differ(&values) {
            let of: Vec<&str> = axes
                .varying
                .iter()
                .map(|name| name.strip_prefix("params.").unwrap_or(name))
                .collect();
            return Self {
                axes: Some(of.join(" · ")),
                ..Self::plain(values)
            };
        }
        let cut: Vec<String> = named
            .iter()
            .map(|name| shortened(name, ROOM.1 - AROUND))
            .collect();
        if differ(&cut) {
            return Self::plain(cut);
        }
        let legend = cells
            .iter()
            .zip(1..)
            .flat_map(|(cell, number)| wrapped(&format!("{number}: {}", axes.label(cell))));
        Self {
            legend: legend.collect(),
            ..Self::plain((1..=cells.len()).map(|number| number.to_string()).collect())
        }
    }

    fn plain(texts: Vec<String>) -> Self {
        let widest = texts.iter().map(|text| text.chars().count()).max();
        let room = float(widest.unwrap_or(0)) * CHARACTER + AROUND;
        Self {
            texts,
            room: room.clamp(ROOM.0, ROOM.1),
            axes: None,
            legend: Vec::new(),
        }
    }
}

/// A text in lines that have room in a plot, none of it left out.
fn wrapped(text: &str) -> Vec<String> {
    let text: Vec<char> = text.chars().collect();
    let lines = text.chunks(characters(WIDTH)).map(String::from_iter);
    lines.map(|line: String| line.trim().to_owned()).collect()
}

fn fits(texts: &[String]) -> bool {
    texts
        .iter()
        .all(|text| text.chars().count() <= characters(ROOM.1 - AROUND))
}

/// Whether no two texts are alike.
pub fn differ(texts: &[String]) -> bool {
    texts.iter().collect::<BTreeSet<_>>().len() == texts.len()
}
