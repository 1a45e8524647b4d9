//! Datasets of a run: opened, pinned by their hash, opened again for each repeat with its own seed.

use std::collections::BTreeMap;

use super::RunError;
use super::event::{Event, Watcher};
use crate::foundation::seed::Seed;
use crate::kinds::dataset::Rows;
use crate::plan::{Cell, Plan};
use crate::results::DatasetReference;
use crate::scenario::Scenario;

/// The datasets that a plan uses, each read once and checked.
pub struct Datasets<'a> {
    scenario: &'a Scenario,
    references: BTreeMap<String, DatasetReference>,
}

impl<'a> Datasets<'a> {
    /// Reads every dataset that a cell names. A bad row ends the run here, before a byte is sent.
    pub fn open(
        scenario: &'a Scenario,
        plan: &Plan,
        watcher: &dyn Watcher,
    ) -> Result<Self, RunError> {
        let mut datasets = Self {
            scenario,
            references: BTreeMap::new(),
        };
        for name in plan.cells.iter().filter_map(|cell| cell.dataset.as_deref()) {
            if datasets.references.contains_key(name) {
                continue;
            }
            let Some(rows) = datasets.read(name, Seed::root(scenario.load.seed))? else {
                continue;
            };
            let reference = DatasetReference {
                name: name.to_owned(),
                sha256: rows.sha256(),
                rows: rows.len(),
                skipped: rows.skipped(),
            };
            for bad in rows.bad_rows() {
                let text = format!("dataset `{name}`: skipped {bad}");
                watcher.event(&Event::Note { text: &text });
            }
            datasets.references.insert(name.to_owned(), reference);
        }
        Ok(datasets)
    }

    /// What the results say of them, by name.
    pub fn references(&self) -> Vec<DatasetReference> {
        self.references.values().cloned().collect()
    }

    /// The rows of one repeat of a cell; `None` where the cell has no dataset.
    pub fn rows(&self, cell: &Cell, seed: Seed) -> Result<Option<Box<dyn Rows>>, RunError> {
        let Some(name) = cell.dataset.as_deref() else {
            return Ok(None);
        };
        let rows = self.read(name, seed)?;
        let changed = rows.as_ref().is_some_and(|rows| {
            // What is generated hashes by what generates it; its seed is the cell's own.
            let endless = self
                .scenario
                .datasets
                .get(name)
                .is_some_and(|dataset| dataset.endless);
            let read = self
                .references
                .get(name)
                .map(|reference| reference.sha256.as_str());
            !endless && read.is_some_and(|sha256| sha256 != rows.sha256())
        });
        if changed {
            return Err(RunError::DatasetChanged {
                name: name.to_owned(),
            });
        }
        Ok(rows)
    }

    fn read(&self, name: &str, seed: Seed) -> Result<Option<Box<dyn Rows>>, RunError> {
        let Some(dataset) = self.scenario.datasets.get(name) else {
            return Ok(None);
        };
        dataset
            .source
            .open(&self.scenario.folders, seed)
            .map(Some)
            .map_err(|source| RunError::Dataset {
                name: name.to_owned(),
                source,
            })
    }
}
