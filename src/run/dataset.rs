//! Datasets of a run: pinned by their hash as they were first read, opened again for each repeat with its own seed.

use std::collections::{BTreeMap, BTreeSet};

use super::RunError;
use super::event::{Event, Watcher};
use crate::foundation::seed::Seed;
use crate::kinds::dataset::Rows;
use crate::plan::{Cell, Opened, Plan};
use crate::results::DatasetReference;
use crate::scenario::Scenario;

/// The datasets that a plan uses.
pub struct Datasets<'a> {
    scenario: &'a Scenario,
    references: BTreeMap<String, DatasetReference>,
}

impl<'a> Datasets<'a> {
    /// Pins every dataset that a cell names to what was read of it.
    pub fn pin(
        scenario: &'a Scenario,
        plan: &Plan,
        (opened, watcher): (&Opened, &dyn Watcher),
    ) -> Self {
        let named: BTreeSet<&str> = plan
            .cells
            .iter()
            .filter_map(|cell| cell.dataset.as_deref())
            .collect();
        let mut references = BTreeMap::new();
        for (name, rows) in opened {
            if !named.contains(name.as_str()) {
                continue;
            }
            for bad in rows.bad_rows() {
                let text = format!("dataset `{name}`: skipped {bad}");
                watcher.event(&Event::Note { text: &text });
            }
            let reference = DatasetReference {
                name: name.clone(),
                sha256: rows.sha256(),
                rows: rows.len(),
                skipped: rows.skipped(),
            };
            references.insert(name.clone(), reference);
        }
        Self {
            scenario,
            references,
        }
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
        let dataset = self
            .scenario
            .datasets
            .get(name)
            .ok_or_else(|| RunError::Missing {
                what: "dataset",
                name: name.to_owned(),
            })?;
        let rows = dataset
            .source
            .open(&self.scenario.folders, seed)
            .map_err(|source| RunError::Dataset {
                name: name.to_owned(),
                source,
            })?;
        // What is generated hashes by what generates it; its seed is the cell's own.
        let read = self.references.get(name).filter(|_| !dataset.endless);
        if read.is_some_and(|reference| reference.sha256 != rows.sha256()) {
            return Err(RunError::DatasetChanged {
                name: name.to_owned(),
            });
        }
        Ok(Some(rows))
    }
}
