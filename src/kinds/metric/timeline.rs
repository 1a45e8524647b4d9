//! A cell over its time: at most 60 stretches a repeat.

use std::ops::Range;

use polars::prelude::*;

use super::latency::e2e;
use super::sample::Sorted;
use super::totals::count;
use super::value::TimelinePoint;

/// Most stretches of a repeat.
const MOST: u64 = 60;

/// The stretches of one repeat, from the first scheduled time to the last end.
///
/// `requests` has the kept columns; `rows` are the repeat's.
pub(super) fn points(
    requests: &DataFrame,
    repeat: u32,
    rows: &Range<usize>,
) -> PolarsResult<Vec<TimelinePoint>> {
    let offset = i64::try_from(rows.start).unwrap_or(i64::MAX);
    let part = requests.slice(offset, rows.len());
    let (scheduled, end) = (
        part.column("scheduled_ns")?.i64()?,
        part.column("end_ns")?.i64()?,
    );
    let times = part.clone().lazy().select([e2e().alias("e2e")]).collect()?;
    let (ok, failed) = (part.column("ok")?.bool()?, part.column("failed")?.bool()?);
    let (Some(first), Some(last)) = (scheduled.min(), end.max().max(scheduled.max())) else {
        return Ok(Vec::new());
    };
    let width = width_ns(first.unsigned_abs(), last.unsigned_abs());
    let place = |at: i64| {
        usize::try_from(at.unsigned_abs() / width - first.unsigned_abs() / width)
            .unwrap_or(usize::MAX)
    };
    let mut stretches: Vec<Stretch> = (0..=place(last)).map(|_| Stretch::default()).collect();
    for ((((scheduled, end), ok), failed), e2e) in scheduled
        .iter()
        .zip(end.iter())
        .zip(ok.iter())
        .zip(failed.iter())
        .zip(times.column("e2e")?.f64()?.iter())
    {
        let Some(scheduled) = scheduled else { continue };
        stretches[place(scheduled)].scheduled += 1;
        let Some(end) = end else { continue };
        let stretch = &mut stretches[place(end.max(first))];
        if ok == Some(true) {
            stretch.e2e_s.extend(e2e);
        } else if failed == Some(true) {
            stretch.failed += 1;
        }
    }
    let start = first.unsigned_abs() / width;
    let seconds = count(width) / 1e9;
    Ok(stretches
        .into_iter()
        .enumerate()
        .map(|(number, stretch)| {
            let at = count((start + number as u64) * width) / 1e9;
            let ok = stretch.e2e_s.len() as u64;
            let e2e = Sorted::new(stretch.e2e_s);
            TimelinePoint {
                repeat,
                at,
                width: seconds,
                scheduled: stretch.scheduled,
                ok,
                failed: stretch.failed,
                e2e_p50: e2e.quantile(0.5),
                e2e_p99: e2e.quantile(0.99),
            }
        })
        .collect())
}

#[derive(Default)]
struct Stretch {
    scheduled: u64,
    failed: u64,
    e2e_s: Vec<f64>,
}

/// The least of 1, 2, 5, 10, … ms at which `first..=last` takes no more than [`MOST`] stretches.
fn width_ns(first: u64, last: u64) -> u64 {
    let mut decade = 1_000_000;
    loop {
        for step in [1, 2, 5] {
            let width = decade * step;
            if last / width - first / width < MOST {
                return width;
            }
        }
        decade = decade.saturating_mul(10);
    }
}
