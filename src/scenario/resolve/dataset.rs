//! Datasets: each kind's options become what opens it.

use indexmap::IndexMap;

use crate::scenario::document::dataset as document;
use crate::scenario::domain::Dataset;

/// The datasets of a legal document.
pub(super) fn datasets(written: IndexMap<String, document::Dataset>) -> IndexMap<String, Dataset> {
    written
        .into_iter()
        .map(|(name, dataset)| {
            let dataset = resolve(dataset);
            (name, dataset)
        })
        .collect()
}

fn resolve(written: document::Dataset) -> Dataset {
    let kind = written.kind();
    let common = written.common().clone();
    let source = match written {
        document::Dataset::Trace(of) => of.options.source(&common),
        document::Dataset::Vbench(of) => of.options.source(&common),
        document::Dataset::Random(of) => of.options.source(&common),
        document::Dataset::Prompts(of) => of.options.source(&common),
        document::Dataset::Urls(of) => of.options.source(),
        document::Dataset::Mix(of) => of.options.source(),
    };
    let drawn = common.weights.is_some();
    Dataset {
        kind: kind.to_owned(),
        task: common.task,
        source,
        params: common.params,
        overrides: common.overrides,
        cycle: common.cycle.unwrap_or(kind != "trace"),
        shuffle: common.shuffle,
        endless: drawn || endless(kind) && common.limit.is_none(),
    }
}

/// Whether a dataset of that kind never ends by itself.
pub fn endless(kind: &str) -> bool {
    matches!(kind, "random" | "urls" | "mix")
}
