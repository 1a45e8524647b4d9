//! A dataset, as written: what every kind has, composed with what one kind owns.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kinds::dataset::{Common, mix, prompts, random, trace, urls, vbench};

/// Where requests come from.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Dataset {
    /// One request a row, as it was recorded: `Request(…)` lines, JSON Lines, CSV or Parquet.
    Trace(Of<trace::Options>),
    /// VBench's prompt suite.
    Vbench(Of<vbench::Options>),
    /// Synthetic prompts from the seed.
    Random(Of<random::Options>),
    /// Prompts or chat messages, one a row.
    Prompts(Of<prompts::Options>),
    /// URLs or paths for the `http` protocol, drawn with replacement.
    Urls(Of<urls::Options>),
    /// Rows of other datasets, drawn by weight.
    Mix(Of<mix::Options>),
}

/// What every kind has, beside a kind's own.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Of<T> {
    /// What every kind has.
    #[serde(flatten)]
    pub common: Common,
    /// The kind's own.
    #[serde(flatten)]
    pub options: T,
}

/// The kinds, in the order of the documentation.
pub const KINDS: [&str; 6] = ["trace", "vbench", "random", "prompts", "urls", "mix"];

impl Dataset {
    /// The kind's name.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Trace(_) => KINDS[0],
            Self::Vbench(_) => KINDS[1],
            Self::Random(_) => KINDS[2],
            Self::Prompts(_) => KINDS[3],
            Self::Urls(_) => KINDS[4],
            Self::Mix(_) => KINDS[5],
        }
    }

    /// What every kind has.
    pub const fn common(&self) -> &Common {
        match self {
            Self::Trace(of) => &of.common,
            Self::Vbench(of) => &of.common,
            Self::Random(of) => &of.common,
            Self::Prompts(of) => &of.common,
            Self::Urls(of) => &of.common,
            Self::Mix(of) => &of.common,
        }
    }
}
