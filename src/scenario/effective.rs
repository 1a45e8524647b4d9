//! `effective.yaml`: the scenario after defaults, with references in place of values. Running it gives the same cells.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::document::mask;
use super::document::report::Format;
use super::paths;
use crate::kinds::dataset::Folders;

/// The document as written, merged and set, with every default that shapes cells filled in and nothing secret left;
/// its paths are as seen from the project's root.
pub fn effective(written: &Value, folders: &Folders) -> Value {
    let mut document = written.clone();
    paths::from_root(&mut document, folders);
    if let Value::Object(map) = &mut document {
        map.retain(|key, _| !key.starts_with("x-"));
        let targets = names(map, "targets");
        let datasets = names(map, "datasets");
        fill_matrix(map, &targets, &datasets);
        fill_load(map);
        fill(
            part(map, "slo"),
            &[("clock", json!("scheduled")), ("no_data", json!("fail"))],
        );
        let formats = Format::ALL.map(Format::name);
        fill(
            part(map, "report"),
            &[("formats", json!(formats)), ("samples", json!(1))],
        );
    }
    hide(&mut document);
    document
}

/// SHA-256 of the effective scenario, in hex: over its JSON with sorted keys.
pub fn hash(effective: &Value) -> String {
    let digest = Sha256::digest(sorted(effective).to_string());
    digest.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a text cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The effective scenario as YAML that lies in `folder`, from where its paths lead to the same files.
///
/// Outside of the scenario's project they cannot: they stay as seen from its root, and the first line says so.
pub fn yaml(effective: &Value, folders: &Folders, folder: &Path) -> String {
    let mut document = effective.clone();
    let note = if paths::from_folder(&mut document, folders, folder) {
        ""
    } else {
        "# Paths are as seen from the scenario's project: the folder with .git, else the scenario's own.\n"
    };
    // A JSON value has no form that YAML lacks.
    format!(
        "{note}{}",
        serde_yaml::to_string(&document).unwrap_or_default()
    )
}

fn names(document: &Map<String, Value>, key: &str) -> Vec<String> {
    document
        .get(key)
        .and_then(Value::as_object)
        .map(|map| map.keys().cloned().collect())
        .unwrap_or_default()
}

fn part<'a>(document: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    document
        .entry(key)
        .or_insert_with(|| json!({}))
        .as_object_mut()
}

/// Adds what is not there.
fn fill(map: Option<&mut Map<String, Value>>, defaults: &[(&str, Value)]) {
    if let Some(map) = map {
        for (key, value) in defaults {
            map.entry(*key).or_insert_with(|| value.clone());
        }
    }
}

/// `target` and `dataset` are axes whether they are declared or not; the defaults of `rate`, `concurrency` and `arrival`
/// are not written out, since declaring an axis changes what an `include` entry fits.
fn fill_matrix(document: &mut Map<String, Value>, targets: &[String], datasets: &[String]) {
    let Some(matrix) = part(document, "matrix") else {
        return;
    };
    let declared = std::mem::take(matrix);
    for (axis, names) in [("target", targets), ("dataset", datasets)] {
        if !names.is_empty() && !declared.contains_key(axis) {
            matrix.insert(axis.to_owned(), json!(names));
        }
    }
    matrix.extend(declared);
    matrix
        .entry("max_cells")
        .or_insert(json!(super::resolve::MAX_CELLS));
}

fn fill_load(document: &mut Map<String, Value>) {
    let Some(load) = part(document, "load") else {
        return;
    };
    let several = load
        .get("repeats")
        .and_then(Value::as_u64)
        .is_some_and(|repeats| repeats > 1);
    let order = if several { "interleaved" } else { "declared" };
    let defaults = [
        ("repeats", json!(1)),
        ("order", json!(order)),
        ("seed", json!(0)),
        ("retries", json!(0)),
        ("timeout", json!({})),
    ];
    fill(Some(load), &defaults);
    let timeouts = [
        ("connect", json!("5s")),
        ("idle", json!("30s")),
        ("total", json!("600s")),
    ];
    fill(
        load.get_mut("timeout").and_then(Value::as_object_mut),
        &timeouts,
    );
    if let Some(warmup) = load.get_mut("warmup").and_then(Value::as_object_mut) {
        fill(Some(warmup), &[("concurrency", json!(1))]);
    }
}

/// Masks user-info and signing parameters of URLs in any text.
fn hide(value: &mut Value) {
    match value {
        Value::String(text) => {
            let masked = mask::urls(text);
            if masked != *text {
                *text = masked.into_owned();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Object(map) => map.values_mut().for_each(hide),
        _ => {}
    }
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            Value::Object(
                keys.into_iter()
                    .map(|key| (key.clone(), sorted(&map[key])))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        scalar => scalar.clone(),
    }
}
