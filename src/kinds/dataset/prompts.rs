//! `prompts`: prompts or chat messages, one a row.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Common, DatasetError, Folders, Origin, Rows, Source};
use crate::foundation::seed::Seed;

/// Options of `prompts`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Options {
    /// Where the rows stand.
    #[serde(flatten)]
    pub origin: Origin,
}

impl Options {
    /// What opens the dataset.
    pub fn source(self, common: &Common) -> Box<dyn Source> {
        Box::new(Prompts { options: self, common: common.clone() })
    }
}

struct Prompts {
    options: Options,
    common: Common,
}

impl Source for Prompts {
    fn open(&self, _folders: &Folders, _seed: Seed) -> Result<Box<dyn Rows>, DatasetError> {
        let _ = (&self.options, &self.common);
        Err(DatasetError::Empty { what: "prompts".to_owned() })
    }
}
