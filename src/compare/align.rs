//! Which cell of base is held against which of head.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use serde_json::Value;

use super::document::{Refusal, RefusalCode};
use crate::results::{CellResult, ComparedAxis, RepeatResult, Results};

/// A cell as both sides measured it.
#[derive(Debug)]
pub(super) struct Pair<'a> {
    /// Its id, without the axis that is compared.
    pub(super) cell: String,
    /// Its axes, without the one that is compared.
    pub(super) axes: IndexMap<String, Value>,
    /// Base's measurement, where it has one.
    pub(super) base: Option<&'a CellResult>,
    /// Head's.
    pub(super) head: Option<&'a CellResult>,
    /// Why no row of this pair may pass a gate.
    pub(super) refusal: Option<Refusal>,
}

/// Pairs the cells of two values of one axis, sorted by cell.
pub(super) fn within<'a>(results: &'a Results, by: &ComparedAxis) -> Vec<Pair<'a>> {
    let mut pairs: BTreeMap<String, Pair<'a>> = BTreeMap::new();
    let mut values: BTreeSet<String> = BTreeSet::new();
    for cell in &results.cells {
        let Some(value) = cell.axes.get(&by.axis) else {
            continue;
        };
        values.insert(value.to_string());
        let (is_base, is_head) = (same(value, &by.base), same(value, &by.head));
        if !(is_base || is_head) {
            continue;
        }
        let id = without(&cell.id, &by.axis);
        let mut axes = cell.axes.clone();
        axes.shift_remove(&by.axis);
        let empty = Pair {
            cell: id.clone(),
            axes,
            base: None,
            head: None,
            refusal: None,
        };
        let pair = pairs.entry(id).or_insert(empty);
        if is_base {
            pair.base = Some(cell);
        } else {
            pair.head = Some(cell);
        }
    }
    let mut pairs: Vec<Pair<'a>> = pairs.into_values().collect();
    for pair in &mut pairs {
        if let (Some(base), Some(head)) = (pair.base, pair.head) {
            pair.refusal = not_interleaved(base, head, values.len());
        }
    }
    pairs
}

/// Pairs the cells of two runs by id, sorted by cell.
pub(super) fn between<'a>(base: &'a Results, head: &'a Results) -> Vec<Pair<'a>> {
    let mut pairs: BTreeMap<&str, Pair<'a>> = BTreeMap::new();
    let empty = |cell: &CellResult| Pair {
        cell: cell.id.clone(),
        axes: cell.axes.clone(),
        base: None,
        head: None,
        refusal: None,
    };
    for cell in &base.cells {
        pairs.entry(&cell.id).or_insert_with(|| empty(cell)).base = Some(cell);
    }
    for cell in &head.cells {
        pairs.entry(&cell.id).or_insert_with(|| empty(cell)).head = Some(cell);
    }
    let mut pairs: Vec<Pair<'a>> = pairs.into_values().collect();
    for pair in &mut pairs {
        let keys = pair
            .base
            .zip(pair.head)
            .map(|(base, head)| (&base.key, &head.key));
        if keys.is_some_and(|(base, head)| base != head) {
            pair.refusal = Some(Refusal {
                code: RefusalCode::OtherKey,
                text: "the two runs do not send the same in this cell: their keys differ"
                    .to_owned(),
            });
        }
    }
    pairs
}

/// Repeats of a cell by number.
pub(super) fn repeats(cell: &CellResult) -> BTreeMap<u32, &RepeatResult> {
    cell.repeats
        .iter()
        .map(|repeat| (repeat.repeat, repeat))
        .collect()
}

/// Equality of axis values: numbers by value, whatever their form.
fn same(one: &Value, two: &Value) -> bool {
    match (one.as_f64(), two.as_f64()) {
        (Some(one), Some(two)) => one.total_cmp(&two).is_eq(),
        _ => one == two,
    }
}

/// An id without one of its axes; commas within values are encoded, so that every comma ends an axis.
fn without(id: &str, axis: &str) -> String {
    let others: Vec<&str> = id
        .split(',')
        .filter(|part| part.split_once('=').is_none_or(|(name, _)| name != axis))
        .collect();
    others.join(",")
}

/// Drift hits both sides of a block only where they were run next to each other: as close as the values of the axis
/// allow, and block after block.
fn not_interleaved(base: &CellResult, head: &CellResult, values: usize) -> Option<Refusal> {
    let (base, head) = (repeats(base), repeats(head));
    let blocks: Vec<(u32, u32)> = base
        .iter()
        .filter_map(|(number, base)| Some((base.position, head.get(number)?.position)))
        .collect();
    let apart = blocks
        .iter()
        .any(|(base, head)| base.abs_diff(*head) as usize >= values.max(2) || base == head);
    let mixed = blocks
        .windows(2)
        .any(|pair| pair[0].0.max(pair[0].1) >= pair[1].0.min(pair[1].1));
    (apart || mixed).then(|| Refusal {
        code: RefusalCode::NotInterleaved,
        text: "base and head were not run next to each other, so that drift may hit one of them: run with \
               `order: interleaved`"
            .to_owned(),
    })
}
