//! A row of a comparison as text: values with their units, the change with its interval, the verdict in words.

use serde::Serialize;

use crate::compare::{Row, Verdict};
use crate::kinds::metric::catalogue;
use crate::report::escape;
use crate::report::number::{NO_DATA, Scale};
use crate::results::ValidityStatus;

/// A row as text.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// One sign for the verdict.
    pub mark: &'static str,
    /// The cell's id.
    pub cell: String,
    /// Name of the metric or statistic.
    pub metric: String,
    /// Value of base; `–` without data, `≥` before a throughput that the client held down.
    pub base: String,
    /// Value of head, in the same way.
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
    let [base_limited, head_limited] = limited(row);
    let value = |value: Option<f64>, limited: bool| match value {
        Some(value) if limited => format!("≥ {}", scale.with_unit(value)),
        Some(value) => scale.with_unit(value),
        None => NO_DATA.to_owned(),
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
        base: value(row.base, base_limited),
        head: value(row.head, head_limited),
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

/// Whether base and head are only known to be at least what is shown: throughput that the cap on requests in flight held
/// down.
fn limited(row: &Row) -> [bool; 2] {
    let name = row.metric.as_str();
    let metric = catalogue::find(name)
        .or_else(|| catalogue::find(name.rsplit_once('.')?.0))
        .is_some_and(catalogue::Metric::is_throughput);
    [row.base_validity, row.head_validity]
        .map(|validity| metric && validity == Some(ValidityStatus::ClientLimited))
}

/// The verdict, and whose throughput it stands on that the client held down.
fn verdict(row: &Row) -> String {
    let sides = match limited(row) {
        [false, false] => return outcome(row),
        [true, false] => "base is",
        [false, true] => "head is",
        [true, true] => "both are",
    };
    format!("{}; {sides} CLIENT_LIMITED", outcome(row))
}

fn outcome(row: &Row) -> String {
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

/// The change with its interval: `+20.9 % (+14.1 … +28.0)`; `≥` or `≤` where one side's throughput is only known to be at
/// least what is shown.
fn change(row: &Row) -> String {
    let Some(change) = row.change else {
        return NO_DATA.to_owned();
    };
    let sign = match limited(row) {
        [true, false] => "≤ ",
        [false, true] => "≥ ",
        _ => "",
    };
    let value = format!("{sign}{}", signed(row, change.value));
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
