//! Searches: the answer in a sentence, and what each value that was tried has shown.

use serde::Serialize;

use super::axes::shown;
use super::table::{Column, Row, Table, Value, validity_of};
use crate::report::number::Scale;
use crate::results::{Capacity, Probe, ProbeVerdict, Results, SearchResult};

/// A search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchView {
    /// The answer, or why there is none.
    pub sentence: String,
    /// `good` with an answer, else `bad`.
    pub state: &'static str,
    /// A row for each value that was tried, from the least on.
    pub probes: Table,
}

/// The searches of a run, in the order of the plan.
pub fn searches(results: &Results) -> Vec<SearchView> {
    let view = |search| SearchView {
        sentence: sentence(results, search),
        state: if search.capacity.is_some() {
            "good"
        } else {
            "bad"
        },
        probes: probes(results, search),
    };
    results.searches.iter().map(view).collect()
}

fn sentence(results: &Results, search: &SearchResult) -> String {
    let told_apart = search.axes.iter().filter(|(axis, value)| {
        let same = |other: &SearchResult| other.axes.get(*axis) == Some(*value);
        !results.searches.iter().all(same)
    });
    let mut told_apart: Vec<String> = told_apart
        .map(|(axis, value)| format!("{axis}={}", shown(Some(value))))
        .collect();
    if results
        .searches
        .iter()
        .any(|other| other.axis != search.axis)
    {
        told_apart.push(search.axis.clone());
    }
    let name = match told_apart.join(", ") {
        name if name.is_empty() => String::new(),
        name => format!("{name}: "),
    };
    let answer = match (&search.capacity, &search.reason) {
        (Some(capacity), _) => carried(search, capacity),
        (None, Some(reason)) => format!("no capacity was found: {reason}"),
        (None, None) => "no capacity was found".to_owned(),
    };
    let mut sentence = format!("{name}{answer}.");
    if let Some(first) = sentence
        .get(..1)
        .map(str::to_uppercase)
        .filter(|_| name.is_empty())
    {
        sentence.replace_range(..1, &first);
    }
    sentence
}

/// `carries 38.4 req/s (38.4 … 40): the highest of 9 values at which the objectives were shown to hold`.
fn carried(search: &SearchResult, capacity: &Capacity) -> String {
    let unit = if search.axis == "rate" {
        "req/s"
    } else {
        "requests in flight"
    };
    let tried = search.probes.len();
    let highest = match tried {
        1 => "at the one value that was tried the objectives were shown to hold".to_owned(),
        _ => format!("the highest of {tried} values at which the objectives were shown to hold"),
    };
    let interval = match capacity.high {
        Some(high) => format!(" ({} … {high})", capacity.low),
        None => String::new(),
    };
    let (at_least, why) = match (capacity.at_least, capacity.value >= search.max) {
        (false, _) => ("", ""),
        (true, true) => ("at least ", "; higher ones were not asked for"),
        (true, false) => ("at least ", "; at the next one the client was the limit"),
    };
    format!(
        "carries {at_least}{} {unit}{interval}: {highest}{why}",
        capacity.value
    )
}

/// Why a probe did not pass, and why what it shows is its second look.
fn why(probe: &Probe) -> String {
    let again = probe
        .again
        .as_ref()
        .map(|first| format!("measured again, since the first time was void: {first}"));
    let parts: Vec<String> = probe.reason.clone().into_iter().chain(again).collect();
    parts.join("; ")
}

fn probes(results: &Results, search: &SearchResult) -> Table {
    let scale = if search.axis == "rate" {
        Scale::PerSecond
    } else {
        Scale::Count
    };
    let columns = vec![
        Column::number(search.axis.as_str(), scale),
        Column::text("verdict"),
        Column::number("requests", Scale::Count),
        Column::text("why"),
    ];
    let mut probes: Vec<_> = search.probes.iter().collect();
    probes.sort_by(|one, two| one.value.total_cmp(&two.value));
    let row = |probe: &&Probe| {
        let found = results
            .cells
            .iter()
            .enumerate()
            .find(|(_, cell)| cell.id == probe.cell);
        let (word, state) = match probe.verdict {
            ProbeVerdict::Passed => ("passed", "good"),
            ProbeVerdict::Missed => ("missed", "bad"),
            ProbeVerdict::Inconclusive => ("undecided", "doubt"),
            ProbeVerdict::Doubtful => ("doubtful", "doubt"),
            ProbeVerdict::ClientLimited => ("CLIENT_LIMITED", "doubt"),
            ProbeVerdict::Invalid => ("INVALID", "doubt"),
        };
        Row {
            cell: found.map(|(index, _)| index),
            validity: found.map_or("valid", |(_, cell)| validity_of(cell)),
            values: vec![
                Value::text(probe.value.to_string()),
                Value::marked(word, state),
                Value::count(found.map_or(0, |(_, cell)| cell.requests.intended)),
                Value::text(why(probe)),
            ],
        }
    };
    Table {
        rows: probes.iter().map(row).collect(),
        columns,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::results::Probe;

    fn found(capacity: Option<Capacity>) -> Results {
        let mut results = fixture::results();
        results.cells.truncate(2);
        let probe = |index: usize, verdict| Probe {
            cell: results.cells[index].id.clone(),
            value: if index == 0 { 38.4 } else { 40.0 },
            verdict,
            reason: (index == 1).then(|| "e2e.p99 <= 4s does not hold".to_owned()),
            again: (index == 1).then(|| "the generator stalled".to_owned()),
        };
        results.searches = vec![SearchResult {
            id: "rate=search(1..64)".to_owned(),
            axis: "rate".to_owned(),
            axes: [("target".to_owned(), "omni".into())].into(),
            min: 1.0,
            max: 64.0,
            precision: 0.05,
            probes: vec![
                probe(1, ProbeVerdict::Missed),
                probe(0, ProbeVerdict::Passed),
            ],
            capacity,
            reason: capacity
                .is_none()
                .then(|| "the run ended before the search did".to_owned()),
        }];
        results
    }

    fn sentence_of(capacity: Option<Capacity>) -> String {
        searches(&found(capacity)).remove(0).sentence
    }

    #[test]
    fn the_answer_is_one_sentence_with_its_interval() {
        let capacity = Capacity {
            value: 38.4,
            low: 38.4,
            high: Some(40.0),
            at_least: false,
        };
        assert_eq!(
            sentence_of(Some(capacity)),
            "Carries 38.4 req/s (38.4 … 40): the highest of 2 values at which the objectives were shown to hold."
        );
        let more = Capacity {
            high: None,
            at_least: true,
            ..capacity
        };
        assert!(
            sentence_of(Some(more)).contains("at least 38.4 req/s: "),
            "{}",
            sentence_of(Some(more))
        );
        assert!(sentence_of(Some(more)).ends_with("the client was the limit."));
        let all = Capacity {
            value: 64.0,
            low: 64.0,
            ..more
        };
        assert!(sentence_of(Some(all)).ends_with("higher ones were not asked for."));
        assert_eq!(
            sentence_of(None),
            "No capacity was found: the run ended before the search did."
        );
    }

    #[test]
    fn several_searches_are_told_apart_by_what_differs() {
        let mut results = found(None);
        let mut other = results.searches[0].clone();
        other.axes.insert("target".to_owned(), "other".into());
        results.searches.push(other);
        let sentences: Vec<String> = searches(&results)
            .into_iter()
            .map(|view| view.sentence)
            .collect();
        assert!(
            sentences[0].starts_with("target=omni: no capacity"),
            "{sentences:?}"
        );
        assert!(
            sentences[1].starts_with("target=other: no capacity"),
            "{sentences:?}"
        );
    }

    #[test]
    fn values_stand_in_their_order_each_with_what_it_has_shown() {
        let table = searches(&found(None)).remove(0).probes;
        let words: Vec<&str> = table
            .rows
            .iter()
            .map(|row| row.values[1].text.as_str())
            .collect();
        assert_eq!(words, ["passed", "missed"]);
        assert_eq!(table.rows[0].values[3].text, "");
        assert_eq!(
            table.rows[1].values[3].text,
            "e2e.p99 <= 4s does not hold; measured again, since the first time was void: the generator stalled"
        );
    }
}
