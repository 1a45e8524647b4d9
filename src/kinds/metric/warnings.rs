//! What a reader must know before believing a cell's numbers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::aggregate::CellMetrics;
use super::value::Warning;

/// Chunks a token within which a chunk may stand for a token.
const CHUNKS_PER_TOKEN: std::ops::RangeInclusive<f64> = 0.8..=1.25;

/// What attempts' notes mean to a reader.
const NOTES: [(&str, &str); 4] = [
    (
        "warmup_reused",
        "warm-ups sent rows that measured requests sent again: a prompt cache may have known them",
    ),
    (
        "usage_zero",
        "answers told a usage of 0 output tokens beside content: another count was taken",
    ),
    (
        "content_type",
        "answers came in another content type than was asked for",
    ),
    (
        "more_tokens_than_asked",
        "answers had more tokens than were asked for: they are counted as told",
    ),
];

/// The warnings of a cell, from how often its attempts bear which note, from its numbers, and from how many of its ok
/// requests have a cost (`load.workload`).
pub(super) fn of(notes: &BTreeMap<String, u64>, cell: &CellMetrics, costed: u64) -> Vec<Warning> {
    let mut warnings: Vec<Warning> = notes
        .iter()
        .map(|(note, count)| {
            let known = NOTES.iter().find(|(name, _)| name == note);
            let text = known.map_or_else(|| note.clone(), |(_, text)| (*text).to_owned());
            Warning {
                code: note.clone(),
                text: format!("{text} ({count} attempts)"),
            }
        })
        .collect();
    let chunks = cell.value("chunks_per_token", None);
    warnings.extend(chunks.filter(|chunks| !CHUNKS_PER_TOKEN.contains(chunks)).map(|chunks| Warning {
        code: "chunks_per_token".to_owned(),
        text: format!("{chunks:.2} content chunks a token: itl is of chunks, not of tokens, and tpot is coarse"),
    }));
    let counted = cell.n("output_tokens", Some("mean"));
    warnings.extend((1..cell.requests.ok).contains(&counted).then(|| Warning {
        code: "tokens_missing".to_owned(),
        text: format!(
            "{} of {} answers have no count of output tokens: token throughput leaves them out",
            cell.requests.ok - counted,
            cell.requests.ok
        ),
    }));
    warnings.extend((1..cell.requests.ok).contains(&costed).then(|| Warning {
        code: "workload_missing".to_owned(),
        text: format!(
            "{} of {} answers have no workload, since its expression is undefined for their parameters: workload \
             throughput leaves them out",
            cell.requests.ok - costed,
            cell.requests.ok
        ),
    }));
    warnings.extend(silent_repeats(cell));
    warnings.extend(unknown_groups(cell));
    let mixed = cell
        .tokens_source
        .as_deref()
        .filter(|source| source.contains('+'));
    warnings.extend(mixed.map(|source| Warning {
        code: "tokens_source".to_owned(),
        text: format!("output tokens were counted in different ways: {source}"),
    }));
    warnings
}

/// Repeats in which nothing was answered, where others have answers.
fn silent_repeats(cell: &CellMetrics) -> Option<Warning> {
    let silent: Vec<String> = cell
        .repeats
        .iter()
        .filter(|repeat| repeat.requests.ok == 0 && repeat.requests.intended > 0)
        .map(|repeat| repeat.repeat.to_string())
        .collect();
    let some = (1..cell.repeats.len()).contains(&silent.len());
    some.then(|| Warning {
        code: "repeat_without_answers".to_owned(),
        text: format!(
            "of {} repeats these had no ok answer: {}; they count as 0 in throughput, and in no latency",
            cell.repeats.len(),
            silent.join(", ")
        ),
    })
}

/// Parameters to group by that no request has.
fn unknown_groups(cell: &CellMetrics) -> impl Iterator<Item = Warning> {
    let names = cell.groups.iter().flat_map(|group| group.by.keys());
    let names: BTreeSet<&String> = names.collect();
    let unknown = names.into_iter().filter(|name| {
        let mut groups = cell.groups.iter();
        groups.all(|group| group.by.get(*name).is_none_or(Value::is_null))
    });
    unknown.map(|name| Warning {
        code: "group_by".to_owned(),
        text: format!("no request has `{name}`: `report.group_by` tells nothing apart by it"),
    })
}
