//! What is compared, and the tolerances that are not given.

use super::canonical;
use crate::foundation::diagnostic::Finding;
use crate::kinds::verdict::parse;
use crate::scenario::document::compare as document;
use crate::scenario::domain::{Compare, Gate};

/// Tolerance unless given.
const TOLERANCE: f64 = 0.05;
/// Tolerance of a p99 unless given: it scatters more.
const TOLERANCE_P99: f64 = 0.10;
/// Share of false discoveries unless given.
const FALSE_DISCOVERY_RATE: f64 = 0.05;

/// The comparison of a legal document.
pub(super) fn compare(written: document::Compare) -> Result<Compare, Finding> {
    let by = written
        .by
        .and_then(|by| by.into_iter().next())
        .and_then(|(axis, pair)| {
            let [base, head] = <[serde_json::Value; 2]>::try_from(pair.0).ok()?;
            let (base, head) = (canonical(&axis, &base), canonical(&axis, &head));
            Some((axis, base, head))
        });
    let gates = written
        .gates
        .into_iter()
        .enumerate()
        .map(|(index, gate)| self::gate(&gate, index))
        .collect::<Result<_, _>>()?;
    let false_discovery_rate = written
        .false_discovery_rate
        .map_or(FALSE_DISCOVERY_RATE, |rate| rate.0);
    Ok(Compare {
        by,
        gates,
        false_discovery_rate,
    })
}

fn gate(written: &document::Gate, index: usize) -> Result<Gate, Finding> {
    let pointer = format!("/compare/gates/{index}");
    let (metric, statistic, _) = parse::metric(&written.metric).map_err(|error| {
        Finding::error("bad-gate", format!("{pointer}/metric"), error.to_string())
            .help(error.help())
    })?;
    let usual = if statistic.as_deref() == Some("p99") {
        TOLERANCE_P99
    } else {
        TOLERANCE
    };
    Ok(Gate {
        metric,
        statistic,
        tolerance: written.tolerance.map_or(usual, |tolerance| tolerance.0),
        pointer,
    })
}
