//! Plots: latency percentiles over cells, throughput and goodput over what varies, a time line for each cell.
//!
//! Each draws nothing but what the results hold: no smoothing, no value between two measured ones, the greatest value
//! always in sight, a note where there is nothing to draw.

mod frame;
mod labels;
mod latency;
mod rows;
pub mod scale;
pub mod svg;
mod throughput;
mod timeline;

use self::svg::Svg;
use super::context::Axes;
use crate::results::Results;

/// A plot of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// What it is called within a page.
    pub id: String,
    /// Its file within the report folder.
    pub file: String,
    /// The number of the cell that it is about, from 0; `None` for one about all.
    pub cell: Option<usize>,
    /// The drawing.
    pub svg: Svg,
}

/// The plots of these results, those about all cells first.
pub fn plots(results: &Results) -> Vec<Plot> {
    let axes = Axes::of(results);
    let mut plots = vec![
        Plot {
            id: "latency".to_owned(),
            file: "plots/latency.svg".to_owned(),
            cell: None,
            svg: latency::draw(results, &axes),
        },
        Plot {
            id: "throughput".to_owned(),
            file: "plots/throughput.svg".to_owned(),
            cell: None,
            svg: throughput::draw(results, &axes),
        },
    ];
    let most = timeline::stretches_for(results.cells.len());
    plots.extend(results.cells.iter().enumerate().map(|(index, cell)| Plot {
        id: format!("timeline-{index}"),
        file: format!("plots/timeline-{}.svg", file_part(&cell.key, index)),
        cell: Some(index),
        svg: timeline::draw(cell, &axes.label(cell), most),
    }));
    plots
}

/// A cell's key as part of a file name: names are made of the key, and a key that is none of ours is not trusted.
fn file_part(key: &str, index: usize) -> String {
    let safe =
        !key.is_empty() && key.len() <= 64 && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if safe {
        key.to_owned()
    } else {
        format!("cell-{index}")
    }
}

#[cfg(test)]
mod tests;
