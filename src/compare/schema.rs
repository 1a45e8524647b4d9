//! The JSON Schema of a comparison (draft-07), generated from the document types.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::document::Diff;

/// The JSON Schema of a comparison, as committed in `schemas/diff.v1.json`.
pub fn schema() -> Value {
    SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<Diff>()
        .to_value()
}
