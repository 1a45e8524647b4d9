//! `random`: synthetic prompts from a seed.

use std::path::PathBuf;

use rand_distr::{Distribution as _, Normal, Uniform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::kept::{cumulated, hex, weighted};
use super::{
    Amount, AmountRange, Common, DatasetError, Folders, Owned, Params, Prompt, Row, Rows, Source,
    estimate_tokens,
};
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

impl Owned for Options {
    const ENDLESS: bool = true;

    fn source(self, common: &Common) -> Box<dyn Source> {
        Box::new(Random {
            options: self,
            common: common.clone(),
        })
    }
}

struct Random {
    options: Options,
    common: Common,
}

/// Length of a prompt in tokens unless given.
const PROMPT_TOKENS: Amount = Amount::Number(32);
/// Characters of an estimated token (seeds.md, G9).
const TOKEN: u64 = 4;
/// A prompt may be so long.
const MOST_TOKENS: u64 = 4_000_000;

/// What prompts are made of. Common words, so that a real tokenizer needs about one token for each.
const WORDS: [&str; 64] = [
    "river", "stone", "garden", "window", "letter", "mountain", "silver", "paper", "music",
    "winter", "bridge", "market", "engine", "forest", "candle", "harbor", "island", "kitchen",
    "ladder", "mirror", "number", "orange", "pocket", "quiet", "road", "shadow", "table", "under",
    "valley", "water", "yellow", "bread", "cloud", "dream", "early", "field", "glass", "horse",
    "iron", "juice", "knife", "light", "metal", "night", "ocean", "plant", "queen", "rain", "salt",
    "train", "urban", "voice", "wheel", "young", "autumn", "basket", "copper", "dinner", "evening",
    "feather", "green", "hollow", "ink", "jacket",
];

impl Source for Random {
    fn open(&self, _folders: &Folders, seed: Seed) -> Result<Box<dyn Rows>, DatasetError> {
        let options = &self.options;
        self.check()?;
        let prefix = match (&options.prefix, options.prefix_tokens) {
            (Some(prefix), _) => format!("{} ", prefix.trim_end()),
            (None, Some(tokens)) if tokens > 0 => {
                let mut prefix = words(tokens.min(MOST_TOKENS), seed.derive("prefix"));
                prefix.push(' ');
                prefix
            }
            _ => String::new(),
        };
        let weights: Vec<f64> = options.of.iter().map(|profile| profile.weight).collect();
        let weights = if weights.is_empty() {
            weights
        } else {
            cumulated(&weights, weights.len())?
        };
        Ok(Box::new(Generated {
            options: options.clone(),
            limit: self.common.limit,
            weights,
            prefix,
            seed,
        }))
    }
}

impl Random {
    /// What cannot be generated, and amounts that hold nothing.
    fn check(&self) -> Result<(), DatasetError> {
        let options = &self.options;
        let later = |what: String, help: &str| {
            let help = help.to_owned();
            Err(DatasetError::NotSupported { what, help })
        };
        if options.tokenizer.is_some() {
            return later(
                "a dataset's tokenizer".to_owned(),
                "leave `tokenizer` out: a token is then estimated as four characters",
            );
        }
        if let Some(task) = self.common.task.filter(|task| task.takes_image()) {
            let task = task.name();
            return later(
                format!("a dataset of generated pictures (task `{task}`)"),
                "use `kind: trace` with `image_paths`",
            );
        }
        let of = options.of.iter();
        let of = of.flat_map(|profile| [profile.prompt_tokens, profile.output_tokens]);
        let amounts = [options.prompt_tokens, options.output_tokens];
        amounts
            .into_iter()
            .chain(of)
            .flatten()
            .try_for_each(Amount::check)
    }
}

/// Rows that are made when they are asked for.
struct Generated {
    options: Options,
    limit: Option<u64>,
    weights: Vec<f64>,
    prefix: String,
    seed: Seed,
}

impl Rows for Generated {
    fn len(&self) -> Option<u64> {
        self.limit
    }

    fn row(&self, position: u64) -> Result<Row, DatasetError> {
        let seed = self.seed.derive("rows").index(position);
        let profile = if self.weights.is_empty() {
            None
        } else {
            self.options
                .of
                .get(weighted(&self.weights, seed.derive("profile")))
        };
        let prompt_tokens = profile
            .and_then(|profile| profile.prompt_tokens)
            .or(self.options.prompt_tokens);
        let output_tokens = profile
            .and_then(|profile| profile.output_tokens)
            .or(self.options.output_tokens);
        let tokens = prompt_tokens
            .unwrap_or(PROMPT_TOKENS)
            .draw(seed.derive("prompt_tokens"))
            .min(MOST_TOKENS);
        let prompt = format!("{}{}", self.prefix, words(tokens, seed.derive("words")));
        let mut params = profile
            .map(|profile| profile.params.clone())
            .unwrap_or_default();
        if let Some(amount) = output_tokens {
            params
                .entry("max_tokens")
                .or_insert_with(|| amount.draw(seed.derive("output_tokens")).into());
        }
        Ok(Row {
            number: position,
            input_tokens: Some(estimate_tokens(&prompt)),
            prompt: Prompt::Text(prompt),
            params,
            ..Row::default()
        })
    }

    fn sha256(&self) -> String {
        // Not over the seed, which is each cell's own: the dataset is the same one.
        let made_of = serde_json::to_vec(&(&self.options, self.limit)).unwrap_or_default();
        hex(&Sha256::digest(made_of))
    }
}

/// Words that are exactly so many estimated tokens long.
fn words(tokens: u64, seed: Seed) -> String {
    let length = usize::try_from(tokens * TOKEN).unwrap_or(usize::MAX);
    let mut text = String::with_capacity(length + 16);
    let Ok(uniform) = Uniform::new(0, WORDS.len()) else {
        return text;
    };
    let mut generator = seed.generator();
    while text.len() < length {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(WORDS[uniform.sample(&mut generator)]);
    }
    text.truncate(length);
    // A blank at the end would be trimmed by some servers and not by others.
    if text.ends_with(' ') {
        text.pop();
        text.push('s');
    }
    text
}

impl Amount {
    fn check(self) -> Result<(), DatasetError> {
        let legal = match self {
            Self::Number(_) => true,
            Self::Range(range) => range.min <= range.max,
            Self::Distribution(of) => {
                of.mean.is_finite()
                    && of.stddev.is_finite()
                    && of.stddev >= 0.0
                    && of.max.is_none_or(|max| of.min.unwrap_or(1) <= max)
            }
        };
        if legal {
            return Ok(());
        }
        Err(DatasetError::Other {
            message: "a number of tokens has bounds that hold nothing".to_owned(),
            help: "write `{min, max}` with min ≤ max, or `{mean, stddev, min, max}`".to_owned(),
        })
    }

    /// A number of tokens drawn from the seed.
    fn draw(self, seed: Seed) -> u64 {
        let mut generator = seed.generator();
        match self {
            Self::Number(number) => number,
            Self::Range(AmountRange { min, max }) => Uniform::new_inclusive(min, max)
                .map_or(min, |uniform| uniform.sample(&mut generator)),
            Self::Distribution(of) => {
                let drawn = Normal::new(of.mean, of.stddev)
                    .map_or(of.mean, |normal| normal.sample(&mut generator));
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a float saturates"
                )]
                let drawn = drawn.round().max(0.0) as u64;
                drawn.clamp(of.min.unwrap_or(1), of.max.unwrap_or(u64::MAX))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::dataset::options::AmountDistribution;
    use serde_json::json;

    fn open(options: serde_json::Value, seed: u64) -> Result<Box<dyn Rows>, DatasetError> {
        let options: Options = serde_json::from_value(options).unwrap();
        let folders = Folders {
            scenario: ".".into(),
            root: ".".into(),
        };
        options
            .source(&Common::default())
            .open(&folders, Seed::root(seed))
    }

    fn prompt(row: &Row) -> &str {
        match &row.prompt {
            Prompt::Text(text) => text,
            _ => "",
        }
    }

    #[test]
    fn prompts_are_as_long_as_asked_and_differ() {
        let rows = open(json!({"prompt_tokens": 100}), 1).unwrap();
        let (first, second) = (rows.row(0).unwrap(), rows.row(1).unwrap());
        assert_eq!((prompt(&first).len(), first.input_tokens), (400, Some(100)));
        assert_ne!(first.prompt, second.prompt);
        assert_eq!(rows.row(0).unwrap(), first);
        assert_ne!(
            open(json!({"prompt_tokens": 100}), 2)
                .unwrap()
                .row(0)
                .unwrap()
                .prompt,
            first.prompt
        );
        for (length, position) in (1..40).zip(0..) {
            let rows = open(json!({ "prompt_tokens": length }), 3).unwrap();
            assert_eq!(rows.row(position).unwrap().input_tokens, Some(length));
            assert_eq!(
                prompt(&rows.row(position).unwrap()).trim(),
                prompt(&rows.row(position).unwrap())
            );
        }
    }

    #[test]
    fn lengths_are_drawn_within_their_bounds() {
        let rows = open(json!({"prompt_tokens": {"min": 3, "max": 5}, "output_tokens": {"mean": 50, "stddev": 30, "min": 40, "max": 60}}), 1).unwrap();
        let mut lengths = std::collections::BTreeSet::new();
        for position in 0..200 {
            let row = rows.row(position).unwrap();
            lengths.insert(row.input_tokens.unwrap());
            assert!((40..=60).contains(&row.params["max_tokens"].as_u64().unwrap()));
        }
        assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [3, 4, 5]);
        let wrong = Amount::Distribution(AmountDistribution {
            mean: 1.0,
            stddev: -1.0,
            min: None,
            max: None,
        });
        assert!(wrong.check().is_err());
        assert!(open(json!({"prompt_tokens": {"min": 5, "max": 3}}), 1).is_err());
    }

    #[test]
    fn a_distribution_has_its_mean() {
        let amount = Amount::Distribution(AmountDistribution {
            mean: 1000.0,
            stddev: 100.0,
            min: None,
            max: None,
        });
        let drawn: u64 = (0..4000)
            .map(|index| amount.draw(Seed::root(5).index(index)))
            .sum();
        // Four standard errors: 4 · 100 / √4000 = 6.3.
        assert!((drawn / 4000).abs_diff(1000) <= 6, "{}", drawn / 4000);
    }

    #[test]
    fn all_prompts_of_a_cell_begin_with_the_prefix() {
        let rows = open(json!({"prefix_tokens": 10, "prompt_tokens": 2}), 1).unwrap();
        let start = |position| prompt(&rows.row(position).unwrap())[..41].to_owned();
        assert_eq!(start(0), start(1));
        let rows = open(json!({"prefix": "Be terse.", "prompt_tokens": 2}), 1).unwrap();
        assert!(prompt(&rows.row(0).unwrap()).starts_with("Be terse. "));
    }

    #[test]
    fn profiles_are_drawn_by_weight() {
        let of = json!([{"weight": 3, "params": {"width": 512}}, {"params": {"width": 1024}, "output_tokens": 9}]);
        let rows = open(json!({ "of": of }), 1).unwrap();
        let wide = (0..4000)
            .filter(|position| rows.row(*position).unwrap().params["width"] == 512)
            .count();
        // Three standard deviations of a binomial with n 4000 and p 3/4 are 82.
        assert!(wide.abs_diff(3000) < 82, "{wide}");
        assert!(open(json!({"of": [{"weight": 0}]}), 1).is_err());
    }

    #[test]
    fn what_generates_the_rows_is_hashed() {
        let hash = |options, seed| open(options, seed).unwrap().sha256();
        assert_eq!(
            hash(json!({"prompt_tokens": 5}), 1),
            hash(json!({"prompt_tokens": 5}), 1)
        );
        assert_ne!(
            hash(json!({"prompt_tokens": 5}), 1),
            hash(json!({"prompt_tokens": 6}), 1)
        );
        assert_eq!(
            hash(json!({"prompt_tokens": 5}), 1),
            hash(json!({"prompt_tokens": 5}), 2)
        );
    }
}
