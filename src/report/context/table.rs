//! Tables as templates see them: columns with a title and a unit, rows with values already written out.

use serde::Serialize;

use crate::kinds::metric::catalogue::{least_n, percentile_share};
use crate::report::number::{self, NO_DATA, Scale};
use crate::results::{CellResult, Spread, Summary, ValidityStatus};

/// A table.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Table {
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, each with one value a column.
    pub rows: Vec<Row>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Column {
    /// What stands above it.
    pub title: String,
    /// The unit of all its values; empty where there is none.
    pub unit: &'static str,
    /// Whether it holds numbers, which stand to the right.
    pub numeric: bool,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Row {
    /// The number of the cell that it is about, from 0.
    pub cell: Option<usize>,
    /// `valid`, `invalid` or `client_limited`: whether its numbers may be believed.
    pub validity: &'static str,
    /// Its values.
    pub values: Vec<Value>,
}

/// A value, written out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Value {
    /// The value; `–` without data.
    pub text: String,
    /// Half the 95 % interval of its mean over the repeats, `±18`.
    pub interval: Option<String>,
    /// What to know of it, such as `needs 368`: a percentile of too few values.
    pub note: Option<String>,
    /// `good`, `bad`, `doubt` (too few values), `none` (no data), or nothing.
    pub state: &'static str,
}

impl Column {
    /// A column of text.
    pub fn text(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            unit: "",
            numeric: false,
        }
    }

    /// A column of numbers.
    pub fn number(title: impl Into<String>, scale: Scale) -> Self {
        Self {
            title: title.into(),
            unit: scale.symbol(),
            numeric: true,
        }
    }
}

impl Value {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// A text of a state.
    pub fn marked(text: impl Into<String>, state: &'static str) -> Self {
        Self {
            text: text.into(),
            state,
            ..Self::default()
        }
    }

    /// A count.
    pub fn count(count: u64) -> Self {
        Self::text(count.to_string())
    }

    /// A number in a column's scale, `–` without data.
    pub fn number(value: Option<f64>, scale: Scale) -> Self {
        value.map_or_else(
            || Self::marked(NO_DATA, "none"),
            |value| Self::text(scale.show(value)),
        )
    }

    /// The same with how its mean spread over the repeats.
    #[must_use]
    pub fn with_spread(mut self, spread: Option<&Spread>, scale: Scale) -> Self {
        let interval = spread
            .filter(|spread| spread.n >= 2)
            .and_then(|spread| spread.ci95);
        if self.state != "none"
            && let Some([low, high]) = interval
        {
            self.interval = Some(format!(
                "±{}",
                number::significant((high - low) / 2.0 * scale.factor(), 2)
            ));
        }
        self
    }

    /// A statistic of a distribution; a percentile of too few values says how many it needs.
    pub fn statistic(summary: Option<&Summary>, name: &str, scale: Scale) -> Self {
        let mut value = Self::number(summary.and_then(|summary| summary.get(name)), scale);
        let needed = percentile_share(name).map(least_n);
        if value.state != "none"
            && let (Some(summary), Some(needed)) = (summary, needed)
            && summary.n < needed
        {
            value.note = Some(format!("needs {needed}"));
            value.state = "doubt";
        }
        value
    }
}

/// The name of a cell's validity in a [`Row`].
pub const fn validity_of(cell: &CellResult) -> &'static str {
    match cell.validity.status {
        ValidityStatus::Valid => "valid",
        ValidityStatus::Invalid => "invalid",
        ValidityStatus::ClientLimited => "client_limited",
    }
}

/// The status as it is written in capitals.
pub const fn status_of(cell: &CellResult) -> &'static str {
    match cell.validity.status {
        ValidityStatus::Valid => "VALID",
        ValidityStatus::Invalid => "INVALID",
        ValidityStatus::ClientLimited => "CLIENT_LIMITED",
    }
}
