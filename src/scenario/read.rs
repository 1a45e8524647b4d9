//! From a file to a scenario: the one way in.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::document::source::{self, Source};
use super::domain::Scenario;
use super::pruned::{Pruned, within};
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
    /// What of the file is not in the scenario.
    pruned: Pruned,
}

impl Loaded {
    /// Gives each finding that names a JSON pointer its place in the file that the value was written in, hides secrets in
    /// its texts, and sorts by place. Leaves out what may come of values that are wrong or not known.
    #[must_use]
    pub fn attach(&self, findings: Findings) -> Findings {
        let told = findings
            .into_iter()
            .filter(|finding| !self.pruned.clouds(finding));
        let placed = told.map(|mut finding| {
            finding.pointer = self.pruned.restored(&finding.pointer);
            finding
        });
        self.source.settle(placed.collect())
    }

    /// Whether nothing is wrong with the part of the file at a pointer, and all of it is known and can be executed.
    pub fn is_whole(&self, pointer: &str) -> bool {
        let later = |finding: &Finding| within(&finding.pointer, pointer);
        self.pruned.is_whole(pointer) && !self.unsupported.iter().any(later)
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
#[derive(Default)]
pub struct Rejected {
    /// Everything that is wrong with it, with places, in the order of the file.
    pub findings: Findings,
    /// The scenario without what is wrong: the plan's findings about it are worth telling in the same pass. Never to be run.
    pub partial: Option<Box<Loaded>>,
    /// Parts of it that cannot be executed yet, with places.
    pub unsupported: Findings,
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
    let environment = options.check_env.then_some(&options.environment);
    from_source(source::read(path, &reading), environment)
}

/// The scenario of a file that was read; `environment` is what secrets are read from, where that is to be checked.
fn from_source(
    mut source: Source,
    environment: Option<&BTreeMap<String, String>>,
) -> Result<Loaded, Rejected> {
    if !source.whole {
        return Err(Rejected {
            findings: source.settle(Findings::new()),
            ..Rejected::default()
        });
    }
    let (value, of_schema) = check::coerced_findings(&source);
    let of_schema: Findings = of_schema
        .into_iter()
        .filter(|finding| !is_credential(&source, &finding.pointer))
        .collect();
    let subject = rules::Subject::new(&value, &source, environment);
    let unsupported = rules::unsupported(&subject);
    let found: Findings = of_schema
        .into_iter()
        .chain(rules::check(&subject))
        .collect();
    let (resolved, refused) = resolved(&value, &found, &source);
    let (errors, warnings): (Findings, Findings) = source
        .settle(found)
        .into_iter()
        .partition(|finding| finding.severity == Severity::Error);
    source.findings.clear();
    let unsupported = source.settle(unsupported);
    let refused = refused.filter(|_| errors.is_empty());
    match resolved {
        Some((scenario, pruned)) if errors.is_empty() && refused.is_none() => Ok(Loaded {
            scenario,
            warnings,
            unsupported,
            source,
            pruned,
        }),
        resolved => {
            let mut findings: Findings = errors.into_iter().chain(warnings).collect();
            let mut unset = Vec::new();
            if let Some(mut finding) = refused {
                unset = names(source.unset_variables().into_iter());
                source.places.attach(&mut finding);
                findings.extend(unset.is_empty().then_some(finding));
            }
            let partial = resolved.map(|(scenario, pruned)| {
                let (warnings, unsupported) = (Findings::new(), unsupported.clone());
                Box::new(Loaded {
                    scenario,
                    warnings,
                    unsupported,
                    source,
                    pruned,
                })
            });
            Err(Rejected {
                findings,
                partial,
                unsupported,
                unset,
            })
        }
    }
}

/// The scenario, without what is wrong and what is not known; and the first value that could not be read after all.
fn resolved(
    value: &Value,
    found: &[Finding],
    source: &Source,
) -> (Option<(Scenario, Pruned)>, Option<Finding>) {
    /// A value that cannot be read after all is taken out too, so many times.
    const TRIES: usize = 8;
    let folders = Folders {
        scenario: source.folder.clone(),
        root: source.root.clone(),
    };
    let effective = effective::effective(&source.written, &folders);
    let hash = effective::hash(&effective);
    let mut refused: Vec<Finding> = Vec::new();
    for _ in 0..TRIES {
        let wrong = found
            .iter()
            .filter(|finding| finding.severity == Severity::Error);
        let wrong: Vec<&Finding> = wrong.chain(&refused).collect();
        let pruned = Pruned::new(value, &wrong, source);
        let resolved = resolve::scenario(Given {
            value: &pruned.value,
            folders: folders.clone(),
            hash: hash.clone(),
            effective: effective.clone(),
        });
        match resolved {
            Ok(mut scenario) => {
                write_as_written(&mut scenario, source);
                return (Some((scenario, pruned)), refused.into_iter().next());
            }
            Err(mut finding) => {
                finding.pointer = pruned.restored(&finding.pointer);
                refused.push(finding);
            }
        }
    }
    (None, refused.into_iter().next())
}

/// Description and labels are written out as they are: with the reference, never with what it stands for.
fn write_as_written(scenario: &mut Scenario, source: &Source) {
    let written = |key: &str| source.written.get(key);
    scenario.description = written("description")
        .and_then(Value::as_str)
        .map(str::to_owned);
    for (label, text) in written("labels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        if let (Some(shown), Some(text)) = (scenario.labels.get_mut(label), text.as_str()) {
            text.clone_into(shown);
        }
    }
}

fn is_credential(source: &Source, pointer: &str) -> bool {
    source
        .credentials
        .iter()
        .any(|credential| pointer.starts_with(credential.as_str()))
}

#[cfg(test)]
mod tests;
