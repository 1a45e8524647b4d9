//! Files that are committed and made: held against what makes them.

use std::path::Path;

/// Holds a schema of this repository against what the types give now; with `UPDATE` in the environment it is rewritten.
#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE=1 rewrites what is committed"
)]
pub fn schema_is_current(file: &str, schema: &impl serde::Serialize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("schemas")
        .join(file);
    let current = format!("{}\n", serde_json::to_string_pretty(schema).unwrap());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == current,
        "schemas/{file} is old: UPDATE=1 cargo test rewrites it"
    );
}
