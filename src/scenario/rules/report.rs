//! What a report shows.

use serde_json::Value;

use super::{Rule, Subject};
use crate::foundation::diagnostic::{Finding, Findings};
use crate::kinds::metric::{percentile_name, percentile_share};

/// A share where a percentile was to stand, or more decimals than a name has.
pub const PERCENTILE: Rule = Rule {
    code: "no-percentile",
    explain: "`report.percentiles` are in percent: 95 is the 95th, and 0.95 would be less than the first.",
    check: percentile,
};

fn percentile(subject: &Subject<'_>, findings: &mut Findings) {
    let written = subject
        .get("/report/percentiles")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate();
    for (index, value) in written {
        // What is no number above 0 and below 100 was told by the schema.
        let Some(percent) = value.as_f64().filter(|it| *it > 0.0 && *it < 100.0) else {
            continue;
        };
        let share = percent / 100.0;
        let read = percentile_share(&percentile_name(share));
        let (message, help) = if percent <= 1.0 {
            let meant = ((percent * 1e8).round() / 1e6).min(99.0);
            (
                format!("{percent} is a share, and percentiles are in percent"),
                format!("write `{meant}` for the {meant}th percentile"),
            )
        } else if read.is_none_or(|read| (read - share).abs() > 1e-12) {
            (
                format!("{percent} has more decimals than can be told apart"),
                "write 8 decimals at most".to_owned(),
            )
        } else {
            continue;
        };
        let pointer = format!("/report/percentiles/{index}");
        findings.push(Finding::error(PERCENTILE.code, pointer, message).help(help));
    }
}
