//! The order in which the repeats of all cells are run (scenario.md, `load.order`).

use indexmap::IndexMap;

use super::cell::{Cell, Plan};
use crate::foundation::seed::Seed;
use crate::scenario::Order;

/// One repeat of one cell, at its place in the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Execution {
    /// The cell's place in the plan.
    pub cell: usize,
    /// The number of the repeat, from 1.
    pub repeat: u32,
    /// The place in the order, from 0.
    pub position: u32,
}

/// Every repeat of every cell, in the order of running.
///
/// Draws are hashes of what is drawn for, so that another cell more or less moves no draw of the others.
pub fn order(plan: &Plan) -> Vec<Execution> {
    let Some(first) = plan.cells.first() else {
        return Vec::new();
    };
    let seed = Seed::root(first.load.seed).derive("order");
    let pairs = match first.load.order {
        Order::Declared => declared(&plan.cells),
        Order::Shuffled => shuffled(&plan.cells, seed),
        Order::Interleaved => interleaved(plan, seed),
    };
    (0..)
        .zip(pairs)
        .map(|(position, (cell, repeat))| Execution {
            cell,
            repeat,
            position,
        })
        .collect()
}

fn declared(cells: &[Cell]) -> Vec<(usize, u32)> {
    let repeats =
        |(place, cell): (usize, &Cell)| (1..=times(cell)).map(move |repeat| (place, repeat));
    cells.iter().enumerate().flat_map(repeats).collect()
}

/// How often a cell is executed. A search is one execution: its probes have their repeats within it.
fn times(cell: &Cell) -> u32 {
    if cell.search.is_some() {
        1
    } else {
        cell.load.repeats
    }
}

/// All repeats in an order drawn from the seed; those of one cell are numbered in the order in which they are run.
fn shuffled(cells: &[Cell], seed: Seed) -> Vec<(usize, u32)> {
    let mut drawn: Vec<(u64, usize)> = declared(cells)
        .into_iter()
        .map(|(place, repeat)| {
            (
                seed.derive(&cells[place].id)
                    .index(u64::from(repeat))
                    .as_u64(),
                place,
            )
        })
        .collect();
    drawn.sort_unstable();
    let mut done = vec![0; cells.len()];
    let number = |(_, place): (u64, usize)| {
        done[place] += 1;
        (place, done[place])
    };
    drawn.into_iter().map(number).collect()
}

/// Repeat 1 of every cell, then repeat 2 …; cells that differ only in the paired axis are a block, whose order is drawn
/// anew for each repeat.
fn interleaved(plan: &Plan, seed: Seed) -> Vec<(usize, u32)> {
    let mut blocks: IndexMap<String, Vec<usize>> = IndexMap::new();
    for (place, cell) in plan.cells.iter().enumerate() {
        blocks
            .entry(super::key::id_without(&cell.axes, &plan.paired_axis))
            .or_default()
            .push(place);
    }
    let most = plan.cells.iter().map(times).max().unwrap_or(0);
    let mut pairs = Vec::new();
    for repeat in 1..=most {
        for block in blocks.values() {
            let mut drawn: Vec<(u64, usize)> = block
                .iter()
                .filter(|place| repeat <= times(&plan.cells[**place]))
                .map(|place| {
                    let seed = seed.derive(&plan.cells[*place].id);
                    (seed.index(u64::from(repeat)).as_u64(), *place)
                })
                .collect();
            drawn.sort_unstable();
            pairs.extend(drawn.into_iter().map(|(_, place)| (place, repeat)));
        }
    }
    pairs
}
