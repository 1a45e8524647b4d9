//! A comparison rendered for people: text for a terminal, Markdown for a pull request (compare.md, "What is written").
//!
//! Both say the same in the same order: one sentence, what was compared, the rows that matter, the rest in counts. Knows
//! no statistics: every number stands in the [`Diff`].

use serde::Serialize;

use super::number::{NO_DATA, Scale};
use super::{escape, template};
use crate::compare::{Design, Diff, Refusal, Row, Verdict};
use crate::results::Better;

/// The most characters of a comment; forges allow 65,536.
const MOST_CHARACTERS: usize = 60_000;

/// The template of the comment.
const TEMPLATE: &str = include_str!("../../reports/templates/diff.md.jinja");

/// How much of a comparison is shown.
#[derive(Debug, Clone, Copy)]
struct Detail {
    /// Rows that matter.
    gates: usize,
    /// Gates that are within tolerance.
    rest: usize,
    /// Metrics that do not gate.
    advisory: usize,
    /// Cells that one side alone has, gates that were loosened, refusals.
    listed: usize,
    /// Characters of a cell's id or another text.
    text: usize,
}

/// What gives way until a comment fits, in this order: what cannot fail, what did not, the least bad of what did.
const DETAILS: [Detail; 5] = [
    Detail {
        gates: 30,
        rest: 100,
        advisory: 100,
        listed: 20,
        text: 300,
    },
    Detail {
        gates: 30,
        rest: 100,
        advisory: 0,
        listed: 20,
        text: 300,
    },
    Detail {
        gates: 30,
        rest: 0,
        advisory: 0,
        listed: 10,
        text: 300,
    },
    Detail {
        gates: 30,
        rest: 0,
        advisory: 0,
        listed: 5,
        text: 120,
    },
    Detail {
        gates: 10,
        rest: 0,
        advisory: 0,
        listed: 3,
        text: 60,
    },
];

/// A row as text.
#[derive(Debug, Serialize)]
struct Shown {
    mark: &'static str,
    cell: String,
    metric: String,
    base: String,
    head: String,
    change: String,
    pairs: String,
    visible: String,
    verdict: String,
}

/// What the comment's template is filled with.
#[derive(Debug, Serialize)]
struct Page {
    sentence: String,
    context: String,
    refusals: Vec<ShownRefusal>,
    gates: Vec<Shown>,
    more_gates: usize,
    rest_title: Option<String>,
    rest: Vec<Shown>,
    more_rest: usize,
    advisory_title: Option<String>,
    advisory: Vec<Shown>,
    more_advisory: usize,
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ShownRefusal {
    code: String,
    text: String,
}

/// The comparison as text for a terminal, without colour: the sentence, the rows that matter, the rest in counts.
pub fn human(diff: &Diff) -> String {
    let mut lines = vec![sentence(diff), escape::line(&context(diff, usize::MAX))];
    for refusal in &diff.refusals {
        lines.push(format!(
            "refused ({}): {}",
            code(refusal),
            escape::line(&refusal.text)
        ));
    }
    let matter: Vec<Shown> = diff
        .gates
        .iter()
        .filter(|row| matters(row))
        .map(|row| shown(row, usize::MAX, escape::line))
        .collect();
    let width = |text: fn(&Shown) -> &str| {
        matter
            .iter()
            .map(|row| text(row).chars().count())
            .max()
            .unwrap_or(0)
    };
    let (metric, base, head, change) = (
        width(|row| &row.metric),
        width(|row| &row.base),
        width(|row| &row.head),
        width(|row| &row.change),
    );
    let mut cell = "";
    for row in &matter {
        if row.cell != cell || lines.len() == 2 {
            lines.push(String::new());
            lines.push(row.cell.clone());
            cell = &row.cell;
        }
        lines.push(format!(
            "  {} {:metric$}  {:>base$} → {:>head$}  {:change$}  {}",
            row.mark, row.metric, row.base, row.head, row.change, row.verdict
        ));
        let asides: Vec<String> = [
            ("pairs worse", &row.pairs),
            ("smallest visible", &row.visible),
        ]
        .into_iter()
        .filter(|(_, value)| *value != NO_DATA)
        .map(|(what, value)| format!("{what} {value}"))
        .collect();
        if !asides.is_empty() {
            lines.push(format!("    {:metric$}  {}", "", asides.join(" · ")));
        }
    }
    lines.push(String::new());
    lines.extend(rest_title(diff));
    lines.extend(advisory_title(diff));
    lines.extend(
        notes(diff, usize::MAX, usize::MAX)
            .iter()
            .map(|note| escape::line(note)),
    );
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The comparison as a Markdown comment of at most 60,000 characters.
pub fn markdown(diff: &Diff) -> String {
    let fits = |text: &String| text.chars().count() <= MOST_CHARACTERS;
    let rendered = DETAILS.iter().find_map(|detail| {
        template::render("diff.md.jinja", TEMPLATE, &page(diff, *detail))
            .ok()
            .filter(fits)
    });
    // What no level of detail can shorten is left to the file.
    rendered.unwrap_or_else(|| format!("### {}\n\nThe rows are in `diff.json`.\n", sentence(diff)))
}

fn page(diff: &Diff, detail: Detail) -> serde_json::Value {
    let text = detail.text;
    let rows = |rows: Vec<&Row>, most: usize| -> (Vec<Shown>, usize) {
        let shown = rows
            .iter()
            .take(most)
            .map(|row| shown(row, text, escape::markdown))
            .collect();
        (shown, rows.len().saturating_sub(most))
    };
    let (gates, more_gates) = rows(
        diff.gates.iter().filter(|row| matters(row)).collect(),
        detail.gates,
    );
    let (rest, more_rest) = rows(
        diff.gates.iter().filter(|row| !matters(row)).collect(),
        detail.rest,
    );
    let (advisory, more_advisory) = rows(diff.advisory.iter().collect(), detail.advisory);
    let refusals = diff
        .refusals
        .iter()
        .take(detail.listed)
        .map(|refusal| ShownRefusal {
            code: code(refusal),
            text: escape::markdown(&escape::shorten(&refusal.text, 4 * text)),
        });
    let page = Page {
        sentence: sentence(diff),
        context: escape::markdown(&context(diff, text)),
        refusals: refusals.collect(),
        gates,
        more_gates,
        rest_title: rest_title(diff),
        rest,
        more_rest,
        advisory_title: advisory_title(diff),
        advisory,
        more_advisory,
        notes: notes(diff, detail.listed, text)
            .iter()
            .map(|note| escape::markdown(note))
            .collect(),
    };
    serde_json::to_value(page).unwrap_or_default()
}

/// Rows that a reader must see: what is not simply within tolerance.
fn matters(row: &Row) -> bool {
    row.verdict != Verdict::Ok
}

/// The whole verdict in one sentence.
fn sentence(diff: &Diff) -> String {
    let summary = &diff.summary;
    if summary.gates == 0 {
        return "No gate was compared: nothing here can fail or pass".to_owned();
    }
    let mut parts = vec![format!(
        "{} of {} regressed",
        summary.regressed,
        counted(summary.gates, "gate")
    )];
    let further = [
        (summary.invalid, "void"),
        (summary.improved, "improved"),
        (summary.ok, "within tolerance"),
        (summary.inconclusive, "inconclusive"),
    ];
    parts.extend(
        further
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}")),
    );
    let mut sentence = parts.join(", ");
    if !diff.refusals.is_empty() {
        sentence.push_str("; the comparison cannot gate");
    } else if summary.refused > 0 {
        sentence = format!("{sentence}; {} cannot gate", summary.refused);
    }
    sentence
}

/// What was compared and how.
fn context(diff: &Diff, most: usize) -> String {
    let side = |side: &crate::compare::Side| {
        let commit = side
            .git_commit
            .as_deref()
            .map(|commit| format!(" ({})", escape::shorten(commit, 12)));
        format!(
            "{}{}",
            escape::shorten(&side.label, most),
            commit.unwrap_or_default()
        )
    };
    let summary = &diff.summary;
    let design = match &diff.design {
        Design::Paired { by } => format!(
            "{} blocks, paired by {}",
            summary.blocks,
            escape::shorten(&by.axis, most)
        ),
        Design::Stored => format!("{} repeats of each of two runs, unpaired", summary.blocks),
    };
    let machine = diff.head.cpu_model.as_deref().map(|cpu| {
        let cores = diff.head.cores.map(|cores| format!(", {cores} cores"));
        format!(
            " · {}{}",
            escape::shorten(cpu, most),
            cores.unwrap_or_default()
        )
    });
    format!(
        "{}: base {} → head {} · {design} · false discovery rate {} over {} gates{}",
        escape::shorten(&diff.scenario, most),
        side(&diff.base),
        side(&diff.head),
        Scale::Percent.with_unit(summary.false_discovery_rate),
        summary.gates,
        machine.unwrap_or_default(),
    )
}

fn rest_title(diff: &Diff) -> Option<String> {
    let ok = diff.summary.ok;
    (ok > 0).then(|| format!("{} within tolerance", counted(ok, "gate")))
}

fn advisory_title(diff: &Diff) -> Option<String> {
    let count = |verdict: Verdict| {
        diff.advisory
            .iter()
            .filter(|row| row.verdict == verdict)
            .count()
    };
    let (all, worse, better) = (
        diff.advisory.len(),
        count(Verdict::Regressed),
        count(Verdict::Improved),
    );
    (all > 0).then(|| {
        let values = counted(all as u64, "value");
        format!("{values} compared beside the gates: {worse} worse, {better} better")
    })
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// What is neither a row nor a refusal.
fn notes(diff: &Diff, most: usize, text: usize) -> Vec<String> {
    let listed = |ids: &[String], what: &str| {
        let shown: Vec<String> = ids
            .iter()
            .take(most)
            .map(|id| escape::shorten(id, text))
            .collect();
        let left_out = ids.len().saturating_sub(most);
        let more = if left_out > 0 {
            format!(" and {left_out} more")
        } else {
            String::new()
        };
        (!ids.is_empty()).then(|| format!("{what}: {}{more}", shown.join("; ")))
    };
    let loosened: Vec<String> = diff
        .loosened
        .iter()
        .map(|gate| {
            let now = gate.head.map_or_else(
                || "dropped".to_owned(),
                |head| Scale::Percent.with_unit(head),
            );
            format!(
                "{} from {} to {now}",
                gate.metric,
                Scale::Percent.with_unit(gate.base)
            )
        })
        .collect();
    [
        listed(
            &diff.only_in_base,
            &format!("{} only in base", diff.only_in_base.len()),
        ),
        listed(
            &diff.only_in_head,
            &format!("{} only in head", diff.only_in_head.len()),
        ),
        listed(
            &loosened,
            &format!(
                "{} loosened by head",
                counted(loosened.len() as u64, "gate")
            ),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn code(refusal: &Refusal) -> String {
    serde_json::to_value(refusal.code)
        .ok()
        .and_then(|code| code.as_str().map(ToOwned::to_owned))
        .unwrap_or_default()
}

fn shown(row: &Row, most: usize, escaped: fn(&str) -> String) -> Shown {
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
            .map_or_else(|| NO_DATA.to_owned(), |visible| share(row, visible)),
        verdict: escaped(&escape::shorten(&verdict(row), most.saturating_mul(2))),
    }
}

fn verdict(row: &Row) -> String {
    let limit = if row.better == Better::Higher {
        -row.tolerance
    } else {
        row.tolerance
    };
    let word = match row.verdict {
        Verdict::Regressed => return format!("REGRESSED (limit {})", signed(row, limit)),
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

fn share(row: &Row, value: f64) -> String {
    signed(row, value).trim_start_matches('+').to_owned()
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

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
