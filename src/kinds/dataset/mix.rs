//! `mix`: rows of other datasets by weight, drawn from the seed. Its rows are not drawn yet.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Common, DatasetError, Folders, Owned, Rows, Source};
use crate::foundation::seed::Seed;

/// Options of `mix`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Options {
    /// Other datasets by name, each with its weight.
    #[schemars(length(min = 1), extend("minProperties" = 1), example = &serde_json::json!({ "short": 7, "long": 3 }))]
    pub of: IndexMap<String, f64>,
}

impl Owned for Options {
    const ENDLESS: bool = true;

    fn source(self, _: &Common) -> Box<dyn Source> {
        Box::new(Mix)
    }
}

struct Mix;

impl Source for Mix {
    fn open(&self, _: &Folders, _: Seed) -> Result<Box<dyn Rows>, DatasetError> {
        Err(DatasetError::NotSupported {
            what: "a dataset of kind `mix`".to_owned(),
            help: "name the parts as datasets of their own in the matrix".to_owned(),
        })
    }
}
