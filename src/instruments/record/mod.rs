//! What was seen: raw facts about attempts, append-only and crash-safe.
//!
//! Nothing is computed here. A failed request is data: it is an [`Outcome`] in a row.

mod attempt;
pub mod journal;
mod observation;
mod outcome;
mod seen;
mod spoken;

pub use attempt::{Attempt, Clocks, Phase, Tokens, TokensSource, Traffic};
pub use observation::{Commit, Counts, Ended, OwnFigures, OwnSecond, SampleFile, Times};
pub use outcome::Outcome;
pub use seen::{Content, Sample, Seen};
pub use spoken::{HttpSpoken, Spoken};
