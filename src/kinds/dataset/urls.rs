//! `urls`: URLs or paths for the `http` protocol, drawn with replacement. Its rows are not read yet.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Common, DatasetError, Folders, Owned, Paths, Rows, Source};
use crate::foundation::seed::Seed;

/// Options of `urls`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Options {
    /// A text file of `URL [weight]` lines, relative to the scenario. A whole URL needs no `base_url`, and its host is
    /// allowed by being listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"endpoints.txt")]
    pub path: Option<Paths>,
    /// The lines themselves, in place of `path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), example = &["/process?text=a 3", "/process?text=b"])]
    pub rows: Option<Vec<Value>>,
}

impl Owned for Options {
    const ENDLESS: bool = true;
    const NEEDS_ROWS: bool = true;

    fn source(self, _: &Common) -> Box<dyn Source> {
        Box::new(Urls)
    }
}

struct Urls;

impl Source for Urls {
    fn open(&self, _: &Folders, _: Seed) -> Result<Box<dyn Rows>, DatasetError> {
        Err(DatasetError::NotSupported {
            what: "a dataset of kind `urls`".to_owned(),
            help: "use `kind: prompts` with the `http` protocol, and the row in its `path`"
                .to_owned(),
        })
    }
}
