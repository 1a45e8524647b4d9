//! Datasets: each kind's options become what opens it.

use indexmap::IndexMap;

use crate::kinds::dataset as declared;
use crate::scenario::domain::Dataset;

/// The datasets of a legal document.
pub(super) fn datasets(written: IndexMap<String, declared::Dataset>) -> IndexMap<String, Dataset> {
    written
        .into_iter()
        .map(|(name, dataset)| (name, resolve(dataset)))
        .collect()
}

fn resolve(written: declared::Dataset) -> Dataset {
    let kind = written.kind();
    let (common, source) = written.opener();
    let drawn = common.weights.is_some();
    Dataset {
        kind: kind.name.to_owned(),
        task: common.task,
        source,
        params: common.params,
        overrides: common.overrides,
        cycle: common.cycle.unwrap_or(kind.cycles),
        shuffle: common.shuffle,
        endless: drawn || kind.endless && common.limit.is_none(),
    }
}
