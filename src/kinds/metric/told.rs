//! What requests and attempts say of themselves: outcomes, statuses, sources of counts, notes.

use std::collections::BTreeMap;

use polars::prelude::*;

use super::part::Class;

/// What requests and attempts say of themselves, counted.
#[derive(Default)]
pub(super) struct Told {
    /// Requests by outcome.
    pub(super) outcomes: BTreeMap<String, u64>,
    /// Requests by the status of their last answer.
    pub(super) http_status: BTreeMap<String, u64>,
    /// Where the output tokens of ok requests were counted.
    pub(super) tokens_sources: BTreeMap<String, u64>,
    /// How often each note stands in the cell's rows, warm-ups included.
    pub(super) notes: BTreeMap<String, u64>,
}

impl Told {
    /// What the counted `requests` say, and of their notes what all `rows` do.
    pub(super) fn of(
        rows: &DataFrame,
        requests: &DataFrame,
        class: &[Class],
    ) -> PolarsResult<Self> {
        let mut told = Self::default();
        tally(
            &mut told.outcomes,
            requests.column("outcome")?.str()?.iter(),
            str::to_owned,
        );
        let status = requests.column("http_status")?.u32()?;
        tally(&mut told.http_status, status.iter(), |status| {
            status.to_string()
        });
        let sources = requests.column("tokens_source")?.str()?;
        let tokens = requests.column("output_tokens")?.i64()?;
        let counted = sources.iter().zip(tokens.iter()).zip(class);
        let counted = counted.map(|((source, tokens), class)| {
            source.filter(|_| *class == Class::Ok && tokens.is_some())
        });
        tally(&mut told.tokens_sources, counted, str::to_owned);
        for row in rows.column("notes")?.str()?.iter().flatten() {
            for note in row.split(',') {
                *told.notes.entry(note.to_owned()).or_default() += 1;
            }
        }
        Ok(told)
    }

    /// Adds what further ones say.
    pub(super) fn add(&mut self, further: &Self) {
        for (counts, further) in [
            (&mut self.outcomes, &further.outcomes),
            (&mut self.http_status, &further.http_status),
            (&mut self.tokens_sources, &further.tokens_sources),
            (&mut self.notes, &further.notes),
        ] {
            for (name, times) in further {
                *counts.entry(name.clone()).or_default() += times;
            }
        }
    }
}

/// Counts values by their names. Neighbours are mostly equal: a name is made where the value changes.
fn tally<T: PartialEq + Copy>(
    counts: &mut BTreeMap<String, u64>,
    values: impl Iterator<Item = Option<T>>,
    name: impl Fn(T) -> String,
) {
    let mut same: Option<(T, u64)> = None;
    let mut add = |run: Option<(T, u64)>| {
        if let Some((value, times)) = run {
            *counts.entry(name(value)).or_default() += times;
        }
    };
    for value in values.flatten() {
        match &mut same {
            Some((last, times)) if *last == value => *times += 1,
            _ => add(same.replace((value, 1))),
        }
    }
    add(same);
}
