//! Attempts as columns: what each column is called, and where a row's value comes from.

use std::borrow::Cow;

use polars::prelude::{DataType, PolarsResult, Schema};

use super::column::{Column, Lists, Made, Real, Small, Text, Truth, Whole};
use crate::foundation::units::Offset;
use crate::instruments::record::{Attempt, TokensSource};

/// Rows of a full row group: what is held as columns at once.
const GROUP_ROWS: usize = 16 * 1024;
/// Bytes of lists and texts that fill one too, so that long streams and servers that say much keep memory flat.
const GROUP_BYTES: usize = 8 << 20;
/// Rows that are worth a row group where no more follow.
const FEWEST_ROWS: usize = 4 * 1024;

/// An attempt, and what the table holds of it beside what was seen.
#[derive(Debug, Clone, Copy)]
pub struct TableRow<'a> {
    /// What was seen.
    pub attempt: &'a Attempt,
    /// The cell's id.
    pub cell: &'a str,
    /// The repeat, from 1.
    pub repeat: u32,
    /// The target's name.
    pub target: &'a str,
    /// The limit on e2e in milliseconds, where one is known.
    pub slo_ms: Option<f64>,
    /// Whether the request was good; `None` where its SLO is undefined.
    pub slo_met: Option<bool>,
    /// Whether `load.window.skip` leaves it out of the statistics.
    pub skipped: bool,
}

/// Declares the columns once: name, what it is made of, and where a row's value comes from.
macro_rules! columns {
    ($($name:ident: $column:ident = $value:expr;)*) => {
        /// The columns by name, in their order; `gaps_ns`, which alone can be large, stands after them.
        pub const COLUMNS: [&str; [$(stringify!($name)),*].len()] = [$(stringify!($name)),*];

        /// Rows by column, on their way to the table.
        #[derive(Default)]
        pub struct Batch {
            $($name: $column,)*
            gaps_ns: Lists,
            rows: usize,
        }

        impl Batch {
            /// Adds a row.
            pub fn push(&mut self, row: &TableRow<'_>) {
                $({
                    let value: for<'a> fn(&'a TableRow<'_>) -> <$column as Column>::Value<'a> = $value;
                    self.$name.push(value(row));
                })*
                self.rows += 1;
                self.gaps_ns.push(row.attempt.gaps_ns.iter().map(|gap| integer(*gap)));
            }

            /// Adds the rows of `further` behind its own.
            pub(super) fn join(&mut self, further: Self) {
                $(self.$name.join(further.$name);)*
                self.gaps_ns.join(further.gaps_ns);
                self.rows += further.rows;
            }

            /// The columns' values, in their order.
            pub(super) fn finish(self) -> PolarsResult<Vec<Made>> {
                Ok(vec![$(self.$name.finish()?,)* self.gaps_ns.finish()?])
            }

            /// Bytes of lists and texts, which a row may have any number of.
            fn bytes(&self) -> usize {
                self.gaps_ns.bytes() $(+ self.$name.bytes())*
            }

            /// Names and types of the columns.
            pub(super) fn schema() -> Schema {
                let list = DataType::List(Box::new(DataType::Int64));
                Schema::from_iter([
                    $((stringify!($name).into(), $column::data_type()),)*
                    ("gaps_ns".into(), list),
                ])
            }
        }
    };
}

impl Batch {
    /// How many rows it has.
    pub(super) const fn rows(&self) -> usize {
        self.rows
    }

    /// Whether it has as many rows as a row group should.
    pub(super) fn is_full(&self) -> bool {
        self.rows >= GROUP_ROWS || self.bytes() >= GROUP_BYTES
    }

    /// Whether its rows are better written than held until there are more.
    pub(super) fn is_worth_a_group(&self) -> bool {
        self.rows >= FEWEST_ROWS
    }
}

columns! {
    cell: Text = |row| Some(row.cell.into());
    repeat: Small = |row| Some(row.repeat);
    phase: Text = |row| Some(row.attempt.phase.name().into());
    index: Whole = |row| Some(integer(row.attempt.index));
    attempt: Small = |row| Some(row.attempt.attempt);
    target: Text = |row| Some(row.target.into());
    dataset_row: Whole = |row| row.attempt.dataset_row.map(integer);
    scheduled_ns: Whole = |row| Some(stamp(row.attempt.clocks.scheduled));
    sent_ns: Whole = |row| row.attempt.clocks.sent.map(stamp);
    connected_ns: Whole = |row| row.attempt.clocks.connected.map(stamp);
    first_byte_ns: Whole = |row| row.attempt.clocks.first_byte.map(stamp);
    first_content_ns: Whole = |row| row.attempt.clocks.first_content.map(stamp);
    first_answer_ns: Whole = |row| row.attempt.clocks.first_answer.map(stamp);
    last_content_ns: Whole = |row| row.attempt.clocks.last_content.map(stamp);
    end_ns: Whole = |row| row.attempt.clocks.end.map(stamp);
    outcome: Text = |row| Some(row.attempt.outcome.name());
    http_status: Small = |row| row.attempt.http_status.map(u32::from);
    error: Text = |row| row.attempt.error.as_deref().map(Cow::from);
    bytes_sent: Whole = |row| Some(integer(row.attempt.traffic.bytes_sent));
    bytes_received: Whole = |row| Some(integer(row.attempt.traffic.bytes_received));
    image_bytes: Whole = |row| row.attempt.traffic.image_bytes.map(integer);
    reused: Truth = |row| Some(row.attempt.traffic.reused);
    input_tokens: Whole = |row| row.attempt.tokens.input.map(integer);
    output_tokens: Whole = |row| row.attempt.tokens.output.map(integer);
    reasoning_tokens: Whole = |row| row.attempt.tokens.reasoning.map(integer);
    tokens_source: Text = |row| row.attempt.tokens.source.map(|source| TokensSource::name(source).into());
    chunks: Whole = |row| Some(integer(row.attempt.chunks));
    choices: Small = |row| Some(row.attempt.choices.max(1));
    workload: Real = |row| row.attempt.workload.filter(|workload| workload.is_finite());
    slo_ms: Real = |row| row.slo_ms;
    slo_met: Truth = |row| row.slo_met;
    skipped: Truth = |row| Some(row.skipped);
    params: Text = |row| Some(row.attempt.params.as_str().into());
    server: Text = |row| server(row.attempt).map(Cow::from);
    notes: Text = |row| notes(row.attempt).map(Cow::from);
}

/// A stamp as the integer that the table holds.
fn stamp(at: Offset) -> i64 {
    integer(at.as_nanos())
}

/// Signed, since that is what readers subtract without surprises; two centuries of nanoseconds fit.
fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The server's own measures as a JSON object; null where there are none.
fn server(attempt: &Attempt) -> Option<String> {
    if attempt.server.is_empty() {
        return None;
    }
    serde_json::to_string(&attempt.server).ok()
}

fn notes(attempt: &Attempt) -> Option<String> {
    (!attempt.notes.is_empty()).then(|| attempt.notes.join(","))
}
