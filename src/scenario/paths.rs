//! The paths of a document: in what keys they stand, and from where they are meant.
//!
//! In the effective scenario they are as seen from the project's root, so that its hash and its cells' keys are the same
//! from wherever in the project it is read.

use std::cell::Cell;
use std::path::Path;

use serde_json::Value;

use crate::foundation::files;
use crate::kinds::dataset::Folders;

/// Keys of a target, and of what is within it, whose text is a path.
const OF_TARGETS: [&str; 5] = ["file", "tokenizer", "ca", "workflow", "upload"];
/// Keys whose values are sent as they are: a path in them is a secret's or an upload's alone.
const SENT: [&str; 8] = [
    "json",
    "form",
    "multipart",
    "query",
    "headers",
    "params",
    "text",
    "embedded",
];

/// A path's new form; `None` where it stays as it is.
type Change<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Turns paths that start at the scenario's folder into paths that start at the project's root.
pub fn from_root(document: &mut Value, folders: &Folders) {
    change(document, &|path| {
        let real = files::tidy(&folders.scenario.join(path));
        Some(real.strip_prefix(&folders.root).ok()?.display().to_string())
    });
}

/// Turns paths that start at the project's root into paths that start at `folder`; false, with all as it was, where
/// there are some and `folder` belongs to no project or to another one.
pub fn from_folder(document: &mut Value, folders: &Folders, folder: &Path) -> bool {
    let upward = upward(folders, folder);
    let left = Cell::new(false);
    change(document, &|path| {
        left.set(upward.is_none());
        upward.as_ref().map(|upward| format!("{upward}{path}"))
    });
    !left.get()
}

/// The way from `folder`, which need not be there yet, to the project's root.
fn upward(folders: &Folders, folder: &Path) -> Option<String> {
    let parent = folder.parent()?.canonicalize().ok()?;
    files::project_root(&parent)
        .ok()
        .filter(|root| *root == folders.root)?;
    let inside = parent.strip_prefix(&folders.root).ok()?;
    Some("../".repeat(inside.components().count() + 1))
}

fn change(document: &mut Value, change: &Change<'_>) {
    for dataset in entries(document, "datasets") {
        for key in ["path", "tokenizer"] {
            match dataset.get_mut(key) {
                Some(Value::Array(paths)) => paths.iter_mut().for_each(|path| set(path, change)),
                Some(path) => set(path, change),
                None => {}
            }
        }
    }
    for target in entries(document, "targets") {
        of_target(target, change);
    }
    if let Some(template) = document.pointer_mut("/report/template") {
        set(template, change);
    }
}

fn entries<'a>(document: &'a mut Value, section: &str) -> impl Iterator<Item = &'a mut Value> {
    let section = document.get_mut(section).and_then(Value::as_object_mut);
    section.into_iter().flat_map(serde_json::Map::values_mut)
}

fn of_target(value: &mut Value, change: &Change<'_>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                match inner {
                    Value::String(_) if OF_TARGETS.contains(&key.as_str()) => set(inner, change),
                    _ if SENT.contains(&key.as_str()) => of_sent(inner, change),
                    _ => of_target(inner, change),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| of_target(item, change)),
        _ => {}
    }
}

/// What is sent holds paths only as `{ secret: { file: PATH } }` and `{ upload: PATH }`.
fn of_sent(value: &mut Value, change: &Change<'_>) {
    match value {
        Value::Object(map) if map.len() == 1 && map.contains_key("upload") => {
            set(&mut map["upload"], change);
        }
        Value::Object(map) if map.len() == 1 && map.contains_key("secret") => {
            if let Some(path) = map["secret"].get_mut("file") {
                set(path, change);
            }
        }
        Value::Object(map) => map.values_mut().for_each(|inner| of_sent(inner, change)),
        Value::Array(items) => items.iter_mut().for_each(|item| of_sent(item, change)),
        _ => {}
    }
}

/// Changes a path; what is a download, a template, or begins with a reference is none.
fn set(value: &mut Value, change: &Change<'_>) {
    let Value::String(path) = value else { return };
    if path.is_empty() || path.contains("://") || path.contains("{{") || path.starts_with("${") {
        return;
    }
    if let Some(changed) = change(path) {
        *path = changed;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_told_from_what_is_sent() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join(".git")).unwrap();
        std::fs::create_dir_all(root.join("bench/reports")).unwrap();
        let folders = Folders {
            scenario: root.join("bench"),
            root: root.clone(),
        };
        let document = |up: &str, bench: &str| {
            json!({
                "datasets": {
                    "a": { "path": format!("{up}{bench}rows/*.jsonl") },
                    "b": { "path": [format!("{up}shared.txt"), "hf://owner/set/file", "${env:DATA}/x"] },
                },
                "targets": {
                    "t": {
                        "auth": { "bearer": { "file": format!("{up}{bench}token") } },
                        "path": "/generate",
                        "params": { "file": "f", "upload": "u" },
                        "steps": [{
                            "file": format!("{up}{bench}body.bin"),
                            "json": { "file": "data", "key": { "secret": { "file": format!("{up}{bench}key") } } },
                            "multipart": { "image": { "upload": format!("{up}{bench}cat.png") } },
                        }],
                    },
                },
                "report": { "template": format!("{up}{bench}mine.md.jinja") },
            })
        };
        // As written, in `bench/`; one path leads upward.
        let mut paths = document("", "");
        paths["datasets"]["b"]["path"][0] = json!("../shared.txt");
        from_root(&mut paths, &folders);
        assert_eq!(paths, document("", "bench/"));
        assert!(from_folder(
            &mut paths,
            &folders,
            &root.join("bench/reports/chat")
        ));
        assert_eq!(paths, document("../../../", "bench/"));
        let elsewhere = tempfile::tempdir().unwrap();
        assert!(!from_folder(
            &mut paths,
            &folders,
            &elsewhere.path().join("out")
        ));
        let mut none = json!({ "targets": {} });
        assert!(from_folder(
            &mut none,
            &folders,
            &elsewhere.path().join("out")
        ));
    }
}
