//! A comparison rendered for people: text for a terminal, Markdown for a pull request (compare.md, "What is written").
//!
//! Both say the same in the same order: one sentence, what was compared, the rows that matter, the rest in counts. Knows
//! no statistics: every number stands in the [`Diff`].

mod row;
#[cfg(test)]
mod tests;
mod words;

pub use row::Shown;

use serde::Serialize;

use super::number::NO_DATA;
use super::{escape, template};
use crate::compare::{Diff, Refusal, Row};
use row::{matters, shown};
use words::{advisory_title, context, notes, rest_title, sentence};

/// The most characters of a comment; forges allow 65,536.
const MOST_CHARACTERS: usize = 60_000;

/// The template of the comment.
const TEMPLATE: &str = include_str!("../../../reports/templates/diff.md.jinja");

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

/// What a report shows of the comparison that its scenario asks for; `diff.md` has the rest.
#[derive(Debug, Serialize)]
pub struct Overview {
    /// The verdict in one sentence.
    pub sentence: String,
    /// The rows that matter, the worst first.
    pub gates: Vec<Shown>,
    /// Rows that matter and are left out.
    pub more_gates: usize,
}

/// The sentence and the rows that matter, as plain text.
pub fn overview(diff: &Diff) -> Overview {
    let [detail, ..] = DETAILS;
    let matter: Vec<&Row> = diff.gates.iter().filter(|row| matters(row)).collect();
    Overview {
        sentence: sentence(diff),
        more_gates: matter.len().saturating_sub(detail.gates),
        gates: matter
            .into_iter()
            .take(detail.gates)
            .map(|row| shown(row, detail.text, str::to_owned))
            .collect(),
    }
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
    row_lines(&mut lines, &matter);
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

/// Rows in columns under the cells that they are of.
fn row_lines(lines: &mut Vec<String>, rows: &[Shown]) {
    let width = |text: fn(&Shown) -> &str| {
        rows.iter()
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
    for row in rows {
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

fn code(refusal: &Refusal) -> String {
    serde_json::to_value(refusal.code)
        .ok()
        .and_then(|code| code.as_str().map(ToOwned::to_owned))
        .unwrap_or_default()
}
