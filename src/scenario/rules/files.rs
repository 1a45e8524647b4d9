//! Files that a scenario names.

use std::path::Path;

use serde_json::{Map, Value};

use super::credentials::each_secret;
use super::http::each_request;
use super::{Rule, Subject};
use crate::foundation::diagnostic::{Finding, Findings};
use crate::foundation::files;
use crate::foundation::secret::SecretRef;
use crate::scenario::check::child;

/// A file that is not there.
pub const MISSING: Rule = Rule {
    code: "missing-file",
    explain: "Paths are relative to the scenario file, and what they name must be there before anything is sent.",
    check: missing,
};

fn missing(subject: &Subject<'_>, findings: &mut Findings) {
    for (pointer, path) in named(subject) {
        let joined = subject.source.folder.join(&path);
        if !leaves_root(&joined, &subject.source.root) && !joined.exists() {
            findings.push(
                Finding::error(MISSING.code, pointer, format!("there is no file `{path}`")).help(
                    format!(
                        "paths are relative to this file's folder; looked for {}",
                        within(&joined, &subject.source.root)
                    ),
                ),
            );
        }
    }
}

/// The path as seen from the project root: findings name no machine's folders.
fn within(path: &Path, root: &Path) -> String {
    files::tidy(path).strip_prefix(root).map_or_else(
        |_| path.display().to_string(),
        |inside| format!("{} in the project", inside.display()),
    )
}

/// A file outside the project.
pub const OUTSIDE: Rule = Rule {
    code: "outside-root",
    explain: "A scenario reads nothing outside its project root: the nearest folder upward with `.git`, else its own.",
    check: outside,
};

fn outside(subject: &Subject<'_>, findings: &mut Findings) {
    let mut paths = named(subject);
    each_secret(subject, &mut |pointer, reference| {
        if let SecretRef::File(path) = reference {
            paths.push((pointer.to_owned(), path.display().to_string()));
        }
    });
    for (pointer, path) in paths {
        if leaves_project(subject, Path::new(&path)) {
            findings.push(
                Finding::error(
                    OUTSIDE.code,
                    pointer,
                    format!("`{path}` leaves the project"),
                )
                .help("move the file into the project, and name it relative to this file"),
            );
        }
    }
}

/// Paths that name one file each, with their pointers; globs and downloads are the dataset's to resolve.
fn named(subject: &Subject<'_>) -> Vec<(String, String)> {
    let mut paths: Vec<(String, String)> = Vec::new();
    for dataset in subject.datasets() {
        let of_rows = dataset
            .texts("path")
            .into_iter()
            .filter(|(_, path)| !path.contains("://"));
        let single = of_rows.chain(dataset.texts("tokenizer"));
        paths.extend(single.map(|(pointer, path)| (pointer, path.to_owned())));
    }
    for target in subject.targets() {
        let nested = [("http", "/tls/ca"), ("comfyui", "/workflow")]
            .into_iter()
            .filter_map(|(key, below)| {
                let path = target.map.get(key)?.pointer(below)?.as_str()?;
                Some((format!("{}{below}", target.at(key)), path))
            });
        let own = target.texts("tokenizer").into_iter().chain(nested);
        paths.extend(own.map(|(pointer, path)| (pointer, path.to_owned())));
    }
    each_request(subject, &mut |pointer, request| {
        sent(pointer, request, &mut paths);
    });
    if let Some(template) = subject.get("/report/template").and_then(Value::as_str) {
        paths.push(("/report/template".to_owned(), template.to_owned()));
    }
    paths.retain(|(_, path)| !path.contains(['*', '?', '[', '{']) && !path.is_empty());
    paths
}

/// The files that a request sends: its `file`, and the parts of a form that are uploads.
fn sent(pointer: &str, request: &Map<String, Value>, paths: &mut Vec<(String, String)>) {
    let mut take = |pointer: String, path: Option<&Value>| {
        if let Some(path) = path.and_then(Value::as_str) {
            paths.push((pointer, path.to_owned()));
        }
    };
    take(child(pointer, "file"), request.get("file"));
    let parts = request
        .get("multipart")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    for (part, value) in parts {
        let at = child(&child(pointer, "multipart"), part);
        take(child(&at, "upload"), value.get("upload"));
    }
}

/// Whether a path of the scenario leaves its project.
pub(super) fn leaves_project(subject: &Subject<'_>, path: &Path) -> bool {
    leaves_root(&subject.source.folder.join(path), &subject.source.root)
}

/// Whether a path lies outside the root, symbolic links followed as far as they exist.
fn leaves_root(path: &Path, root: &Path) -> bool {
    let real = path.canonicalize().unwrap_or_else(|_| files::tidy(path));
    !real.starts_with(root)
}
