//! `trace`: one request a row, as it was recorded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Common, DatasetError, Folders, Origin, Rows, Source};
use crate::foundation::seed::Seed;

/// Options of `trace`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Options {
    /// Where the rows stand.
    #[serde(flatten)]
    pub origin: Origin,
}

impl Options {
    /// What opens the dataset.
    pub fn source(self, common: &Common) -> Box<dyn Source> {
        Box::new(Trace { options: self, common: common.clone() })
    }
}

struct Trace {
    options: Options,
    common: Common,
}

impl Source for Trace {
    fn open(&self, _folders: &Folders, _seed: Seed) -> Result<Box<dyn Rows>, DatasetError> {
        let _ = (&self.options, &self.common);
        Err(DatasetError::Empty { what: "trace".to_owned() })
    }
}
