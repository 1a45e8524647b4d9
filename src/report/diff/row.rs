//! A row of a comparison as text: values with their units, the change with its interval, the verdict in words.

use serde::Serialize;

use crate::compare::{Row, Verdict};
use crate::report::escape;
use crate::report::number::{NO_DATA, Scale};

/// A row as text.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// One sign for the verdict.
    pub mark: &'static str,
    /// The cell's id.
    pub cell: String,
    /// Name of the metric or statistic.
    pub metric: String,
    /// Value of base; `–` without data.
    pub base: String,
    /// Value of head; `–` without data.
    pub head: String,
    /// Change from base to head with its interval; `–` without one.
    pub change: String,
    /// Pairs in which head was worse, of all; `–` where nothing is paired.
    pub pairs: String,
    /// Smallest change that could have been seen; `–` where unknown.
    pub visible: String,
    /// Verdict in words.
    pub verdict: String,
}

/// Rows that a reader must see: what is not simply within tolerance.
pub fn matters(row: &Row) -> bool {
    row.verdict != Verdict::Ok
}

/// The row with texts of at most `most` characters, each made harmless by `escaped`.
pub fn shown(row: &Row, most: usize, escaped: fn(&str) -> String) -> Shown {
    let scale = Scale::of(row.unit, row.base.into_iter().chain(row.head));
    let value = |value: Option<f64>| {
        value.map_or_else(|| NO_DATA.to_owned(), |value| scale.with_unit(value))
    };
    Shown {
        mark: match row.verdict {
            Verdict::Regressed => "✗",
            Verdict::Invalid => "!",
            Verdict::Inconclusive => "?",
            Verdict::Improved | Verdict::Ok => "✓",
        },
        cell: escaped(&escape::shorten(&row.cell, most)),
        metric: escaped(&escape::shorten(&row.metric, most)),
        base: value(row.base),
        head: value(row.head),
        change: change(row),
        pairs: match row.pairs_worse {
            Some(worse) => format!("{worse}/{}", row.blocks),
            None => NO_DATA.to_owned(),
        },
        visible: row
            .smallest_visible
            .map_or_else(|| NO_DATA.to_owned(), |visible| signed(row, visible)),
        verdict: escaped(&escape::shorten(&verdict(row), most.saturating_mul(2))),
    }
}

fn verdict(row: &Row) -> String {
    let word = match row.verdict {
        Verdict::Regressed => return format!("REGRESSED (limit {})", signed(row, row.limit)),
        Verdict::Improved => "IMPROVED",
        Verdict::Ok => "OK",
        Verdict::Inconclusive => "INCONCLUSIVE",
        Verdict::Invalid => "INVALID",
    };
    match (&row.refusal, row.more_blocks) {
        (Some(refusal), _) => format!("{word}: {}", refusal.text),
        (None, Some(more)) => format!("{word}, some {more} more blocks would decide"),
        (None, None) => word.to_owned(),
    }
}

/// The change with its interval: `+20.9 % (+14.1 … +28.0)`.
fn change(row: &Row) -> String {
    let Some(change) = row.change else {
        return NO_DATA.to_owned();
    };
    let value = signed(row, change.value);
    match (change.low, change.high) {
        (Some(low), Some(high)) => {
            let decimals = decimals(low).max(decimals(high));
            format!(
                "{value} ({:+.decimals$} … {:+.decimals$})",
                low * 100.0,
                high * 100.0
            )
        }
        _ => value,
    }
}

/// A difference with its sign: per cent of base, or points of a rate.
fn signed(row: &Row, value: f64) -> String {
    let decimals = decimals(value);
    format!(
        "{:+.decimals$} {}",
        value * 100.0,
        if row.in_points { "points" } else { "%" }
    )
}

/// One decimal; more where one would show nothing.
fn decimals(value: f64) -> usize {
    let percent = (value * 100.0).abs();
    if percent >= 1.0 || percent == 0.0 {
        1
    } else {
        2
    }
}
