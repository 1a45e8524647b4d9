//! From a file to a scenario: the one way in.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::document::source::{self, Source};
use super::domain::Scenario;
use super::resolve::{self, Given};
use super::{check, effective, rules};
use crate::foundation::diagnostic::{Finding, Findings, Severity};
use crate::kinds::dataset::Folders;

/// What a scenario is read with.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// `path=value` of each `--set`, in order, applied before interpolation.
    pub set: Vec<String>,
    /// The environment that `${env:…}` is filled from.
    pub environment: BTreeMap<String, String>,
    /// Whether a reference to an unset variable is an error: `run`, and `--check-env`.
    pub check_env: bool,
    /// Whether the small limits for files of strangers hold.
    pub untrusted: bool,
}

/// A scenario that can be planned.
pub struct Loaded {
    /// The scenario.
    pub scenario: Scenario,
    /// What is worth knowing about the file, with places.
    pub warnings: Findings,
    /// Parts of it that cannot be executed yet, with places: `run` refuses them, `plan` does not.
    pub unsupported: Findings,
    /// The file as read; its own findings are in `warnings`.
    source: Source,
}

impl Loaded {
    /// Gives each finding that names a JSON pointer its place in the file that the value was written in, hides secrets in
    /// its texts, and sorts by place.
    #[must_use]
    pub fn attach(&self, findings: Findings) -> Findings {
        self.source.settle(findings)
    }

    /// Variables that are not set and that the cells may hang on: values of the matrix, of load, of datasets.
    pub fn unset(&self, below: &[&str]) -> Vec<String> {
        let variables = self.source.unset_variables().into_iter();
        names(variables.filter(|(pointer, _)| below.iter().any(|part| pointer.starts_with(part))))
    }
}

/// Names without repetition, in the order of the file.
fn names(unset: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (_, name) in unset {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// A file that is no legal scenario.
pub struct Rejected {
    /// Everything that is wrong with it, with places, in the order of the file.
    pub findings: Findings,
    /// The scenario without what is wrong, where that leaves its cells as they are meant: the plan's findings about it are
    /// worth telling in the same pass. Never to be run.
    pub partial: Option<Box<Loaded>>,
    /// Variables whose values alone stand between the file and a scenario: nothing else is wrong with it.
    pub unset: Vec<String>,
}

/// Reads, interpolates, extends, checks and resolves a scenario. Touches no network.
///
/// # Errors
/// Where anything is wrong with the file: all of it in one pass.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Loaded, Rejected> {
    let environment = |name: &str| options.environment.get(name).cloned();
    let reading = source::ReadOptions {
        set: &options.set,
        environment: &environment,
        require_environment: options.check_env,
        untrusted: options.untrusted,
    };
    from_source(source::read(path, &reading))
}

/// The scenario of a file that was read.
fn from_source(mut source: Source) -> Result<Loaded, Rejected> {
    if !source.whole {
        let findings = source.settle(Findings::new());
        return Err(Rejected { findings, partial: None, unset: Vec::new() });
    }
    let (value, of_schema) = check::coerced_findings(&source);
    let of_schema: Findings = of_schema
        .into_iter()
        .filter(|finding| !is_credential(&source, &finding.pointer))
        .collect();
    let cells_are_meant = of_schema.iter().all(leaves_cells);
    let subject = rules::Subject::new(&value, &source);
    let unsupported = rules::unsupported(&subject);
    let found: Findings = of_schema.into_iter().chain(rules::check(&subject)).collect();
    let resolved = resolved(&value, &found, &source);
    let (errors, warnings): (Findings, Findings) =
        source.settle(found).into_iter().partition(|finding| finding.severity == Severity::Error);
    source.findings.clear();
    match resolved {
        Ok(scenario) if errors.is_empty() => {
            let unsupported = source.settle(unsupported);
            Ok(Loaded { scenario, warnings, unsupported, source })
        }
        Err(mut finding) if errors.is_empty() => {
            source.places.attach(&mut finding);
            let unset = names(source.unset_variables().into_iter());
            Err(Rejected { findings: vec![finding], partial: None, unset })
        }
        resolved => {
            let (warned, unsupported) = (Findings::new(), Findings::new());
            let partial = resolved.ok().filter(|_| cells_are_meant);
            let partial = partial.map(|scenario| {
                Box::new(Loaded { scenario, warnings: warned, unsupported, source })
            });
            let findings = errors.into_iter().chain(warnings).collect();
            Err(Rejected { findings, partial, unset: Vec::new() })
        }
    }
}

/// The scenario, without what is wrong and what is not known.
fn resolved(value: &Value, found: &[Finding], source: &Source) -> Result<Scenario, Finding> {
    let wrong = found.iter().filter(|finding| finding.severity == Severity::Error);
    let pruned = without(value, &wrong.collect::<Vec<_>>(), source);
    let folders = Folders { scenario: source.folder.clone(), root: source.root.clone() };
    let effective = effective::effective(&source.written, &folders);
    let mut scenario = resolve::scenario(Given {
        value: &pruned,
        folders,
        hash: effective::hash(&effective),
        effective,
    })?;
    // These are written out as they are: with the reference, never with what it stands for.
    let written = |key: &str| source.written.get(key);
    scenario.description = written("description").and_then(Value::as_str).map(str::to_owned);
    for (label, text) in written("labels").and_then(Value::as_object).into_iter().flatten() {
        if let (Some(shown), Some(text)) = (scenario.labels.get_mut(label), text.as_str()) {
            text.clone_into(shown);
        }
    }
    Ok(scenario)
}

/// Whether leaving out what a finding of the schema is about leaves the cells as they were meant.
fn leaves_cells(finding: &Finding) -> bool {
    let beside = ["/slo", "/report", "/compare", "/labels", "/description"];
    let unknown_key = finding.code == "unknown-key" && !finding.pointer.starts_with("/matrix");
    unknown_key || beside.iter().any(|part| finding.pointer.starts_with(part))
}

fn is_credential(source: &Source, pointer: &str) -> bool {
    source
        .credentials
        .iter()
        .any(|credential| pointer.starts_with(credential.as_str()))
}

/// An address for a target whose own is not known: a plan needs none.
const NOWHERE: &str = "http://unset.invalid";

/// The document without what is wrong in it and without leaves whose references are unset, so that the rest can be read.
fn without(value: &Value, wrong: &[&Finding], source: &Source) -> Value {
    let unset = source
        .references
        .iter()
        .filter(|(_, reference)| !reference.unset.is_empty());
    let mut pointers: Vec<&str> = unset
        .map(|(pointer, _)| pointer.as_str())
        .filter(|pointer| !is_free_text(pointer))
        .chain(
            wrong
                .iter()
                .map(|finding| finding.pointer.as_str())
                .filter(|pointer| !is_whole(pointer)),
        )
        .chain(source.refused.iter().map(String::as_str))
        .collect();
    pointers.sort_unstable();
    pointers.dedup();
    let mut rest = value.clone();
    // The last first: what is taken out of a list moves only what comes after it.
    pointers.sort_by_key(|pointer| std::cmp::Reverse(place_in_lists(pointer)));
    for pointer in pointers {
        take_out(&mut rest, whole_credential(pointer));
    }
    rest
}

/// Credentials are taken out whole: a part of them is none.
fn whole_credential(pointer: &str) -> &str {
    pointer
        .find("/auth/")
        .map_or(pointer, |at| &pointer[..at + "/auth".len()])
}

/// A target or a dataset is not taken out for what it lacks: cells are made of its name.
fn is_whole(pointer: &str) -> bool {
    let declared = pointer
        .strip_prefix("/targets/")
        .or_else(|| pointer.strip_prefix("/datasets/"));
    pointer.is_empty() || declared.is_some_and(|name| !name.contains('/'))
}

/// A text that may say anything stands as it was written.
fn is_free_text(pointer: &str) -> bool {
    let last = pointer.rsplit('/').next().unwrap_or_default();
    pointer.contains("/params/")
        || pointer.contains("/headers/")
        || matches!(last, "model" | "description" | "prompt")
}

/// Orders pointers of one list by their number.
fn place_in_lists(pointer: &str) -> Vec<(String, usize)> {
    pointer
        .split('/')
        .map(|part| (part.to_owned(), part.parse().unwrap_or(0)))
        .map(|(part, number)| {
            if part.bytes().all(|byte| byte.is_ascii_digit()) {
                (String::new(), number)
            } else {
                (part, 0)
            }
        })
        .collect()
}

fn take_out(document: &mut Value, pointer: &str) {
    let Some((parent, key)) = pointer.rsplit_once('/') else {
        return;
    };
    let key = key.replace("~1", "/").replace("~0", "~");
    let is_address = key == "base_url" || parent.ends_with("/base_urls");
    match document.pointer_mut(parent) {
        Some(Value::Object(map)) if is_address && map.contains_key(&key) => {
            map.insert(key, Value::String(NOWHERE.to_owned()));
        }
        Some(Value::Object(map)) if parent.is_empty() && key == "name" => {
            map.insert(key, Value::String("unset".to_owned()));
        }
        Some(Value::Object(map)) => {
            map.shift_remove(&key);
        }
        Some(Value::Array(items)) => {
            if let Ok(index) = key.parse::<usize>()
                && index < items.len()
            {
                if is_address {
                    items[index] = Value::String(NOWHERE.to_owned());
                } else {
                    items.remove(index);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
