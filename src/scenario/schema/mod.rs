//! The JSON Schema of a scenario (draft-07), generated from the document types.
//!
//! What the generator cannot say is added here: every map is closed, `null` is no value (leaving a key out is), enums
//! are plain lists with their meanings in the description, every property has an example.

mod shape;

use serde_json::{Value, json};

use super::document::Document;

/// The JSON Schema of a scenario, as committed in `schemas/scenario.v1.json`.
pub fn schema() -> Value {
    let generator = schemars::generate::SchemaSettings::draft07().into_generator();
    let mut schema = generator.into_root_schema_for::<Document>().to_value();
    shape::inline_composed(&mut schema);
    shape::tidy(&mut schema);
    if let Value::Object(root) = &mut schema {
        root.insert(
            "$id".to_owned(),
            json!("https://plimsoll.dev/schemas/scenario.v1.json"),
        );
        root.insert("title".to_owned(), json!("Plimsoll scenario, version 1"));
        root.insert(
            "patternProperties".to_owned(),
            json!({ "^x-": { "description": "Material for anchors; nothing reads it.", "examples": [{ "params": { "seed": 1 } }] } }),
        );
    }
    shape::drop_unused(&mut schema);
    shape::fill_examples(&mut schema);
    schema
}

/// The same schema, as committed. Reading it takes a fraction of the time that making it takes, and a test holds the two
/// together.
pub fn committed() -> Value {
    serde_json::from_str(include_str!("../../../schemas/scenario.v1.json")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
