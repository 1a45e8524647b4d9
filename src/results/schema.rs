//! The JSON Schema of `results.json` (draft-07), generated from the document types.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::document::Results;

/// The JSON Schema of results, as committed in `schemas/results.v1.json`.
pub fn schema() -> Value {
    SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<Results>()
        .to_value()
}
