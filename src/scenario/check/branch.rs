//! Which branch of a union was meant: its errors are told, not those of all.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Problem;
use serde_json::Value;

use super::{Checker, wording};
use crate::foundation::diagnostic::{Finding, Findings};
use crate::scenario::suggest::nearest;

/// Keys that tell the branches of a union apart.
const TAGS: [&str; 2] = ["protocol", "kind"];

impl Checker {
    /// Tells the errors of the branch that was most likely meant.
    pub(super) fn descend(
        &self,
        error: &ValidationError<'_>,
        branches: &[Vec<ValidationError<'static>>],
        findings: &mut Findings,
    ) {
        let base = error.instance_path().as_str();
        let tagged: Vec<_> = branches
            .iter()
            .filter(|branch| !branch.iter().any(|error| refuses_tag(error, base)))
            .collect();
        if tagged.is_empty() {
            let (wrong, meant) = wrong_tag(branches, base);
            findings.push(wrong);
            let meant: Vec<_> = match meant {
                Some(meant) => branches
                    .iter()
                    .filter(|branch| takes_tag(branch, base, &meant))
                    .collect(),
                None => branches.iter().collect(),
            };
            self.common(&meant, base, findings);
            return;
        }
        if let Some(missing) = missing_tag(&tagged, base) {
            findings.push(super::missing_key(base, missing, self.branch_of(error)));
            self.common(&tagged, base, findings);
            return;
        }
        let fitting: Vec<_> = tagged
            .into_iter()
            .filter(|branch| !branch.iter().any(|error| refuses_type(error, base)))
            .collect();
        let best = fitting.into_iter().min_by_key(|branch| {
            let deepest = branch
                .iter()
                .map(|error| error.instance_path().as_str().matches('/').count())
                .max();
            // The branch whose form is right, and that refuses only what stands deeper in it, was meant.
            let here = branch
                .iter()
                .filter(|error| error.instance_path().as_str() == base);
            (
                here.map(cost).sum::<usize>(),
                branch.iter().map(cost).sum::<usize>(),
                std::cmp::Reverse(deepest),
            )
        });
        match best {
            Some(branch) => branch.iter().for_each(|error| self.tell(error, findings)),
            None => findings.push(self.no_branch(error)),
        }
    }

    /// Tells what every one of some branches refuses beside the tag: it is wrong whichever was meant.
    fn common(
        &self,
        branches: &[&Vec<ValidationError<'static>>],
        base: &str,
        findings: &mut Findings,
    ) {
        let beside = |error: &&ValidationError<'static>| {
            !refuses_tag(error, base)
                && !matches!(error.kind(), Problem::Required { property } if is_tag_name(property))
        };
        let mut told = branches.iter().map(|branch| {
            let mut told = Findings::new();
            branch
                .iter()
                .filter(beside)
                .for_each(|error| self.tell(error, &mut told));
            told
        });
        let mut common = told.next().unwrap_or_default();
        for other in told {
            common.retain(|finding| {
                let same =
                    |told: &Finding| told.code == finding.code && told.pointer == finding.pointer;
                other.iter().any(same)
            });
        }
        findings.append(&mut common);
    }

    /// The first branch of the union, for what is said about all of them.
    fn branch_of(&self, error: &ValidationError<'_>) -> &Value {
        self.schema
            .pointer(&format!("{}/0", error.schema_path().as_str()))
            .unwrap_or(&Value::Null)
    }

    /// A value whose type no branch takes.
    fn no_branch(&self, error: &ValidationError<'_>) -> Finding {
        let value = error.instance();
        let expected = wording::expected(&self.schema, error);
        let pointer = error.instance_path().as_str();
        let finding = Finding::error(
            "wrong-type",
            pointer,
            format!("{} is not {expected}", wording::found(value)),
        );
        match wording::help(value, self.part(error)) {
            Some(help) => finding.help(help),
            None => finding.help(wording::fallback(value, pointer)),
        }
    }
}

/// Unknown and missing keys weigh most: a map with the right keys and a wrong value is the branch that was meant.
fn cost(error: &ValidationError<'_>) -> usize {
    match error.kind() {
        Problem::AdditionalProperties { unexpected } => 2 * unexpected.len(),
        Problem::Required { .. } => 3,
        _ => 1,
    }
}

fn refuses_tag(error: &ValidationError<'_>, base: &str) -> bool {
    matches!(
        error.kind(),
        Problem::Constant { .. } | Problem::Enum { .. } | Problem::Type { .. }
    ) && is_tag(error, base)
}

fn is_tag(error: &ValidationError<'_>, base: &str) -> bool {
    let below = error
        .instance_path()
        .as_str()
        .strip_prefix(base)
        .and_then(|rest| rest.strip_prefix('/'));
    below.is_some_and(|key| TAGS.contains(&key))
}

fn refuses_type(error: &ValidationError<'_>, base: &str) -> bool {
    error.instance_path().as_str() == base && matches!(error.kind(), Problem::Type { .. })
}

fn is_tag_name(property: &Value) -> bool {
    property.as_str().is_some_and(|key| TAGS.contains(&key))
}

/// Whether a branch would take that tag.
fn takes_tag(branch: &[ValidationError<'_>], base: &str, tag: &str) -> bool {
    branch
        .iter()
        .filter(|error| refuses_tag(error, base))
        .any(|error| match error.kind() {
            Problem::Constant { expected_value } => expected_value.as_str() == Some(tag),
            Problem::Enum { options } => options
                .as_array()
                .into_iter()
                .flatten()
                .any(|option| option == tag),
            _ => false,
        })
}

/// Every branch refuses the tag: all that they would take are told at once; and the one that was most likely meant.
fn wrong_tag(branches: &[Vec<ValidationError<'static>>], base: &str) -> (Finding, Option<String>) {
    let mut options = Vec::new();
    let mut at: (String, Value) = (base.to_owned(), Value::Null);
    for error in branches
        .iter()
        .flatten()
        .filter(|error| refuses_tag(error, base))
    {
        at = (
            error.instance_path().as_str().to_owned(),
            error.instance().clone().into_owned(),
        );
        match error.kind() {
            Problem::Constant { expected_value } => options.push(expected_value.as_ref().clone()),
            Problem::Enum { options: some } => {
                options.extend(some.as_array().into_iter().flatten().cloned());
            }
            _ => {}
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    options.retain(|option| seen.insert(option.to_string()));
    let names: Vec<&str> = options.iter().filter_map(Value::as_str).collect();
    let meant =
        at.1.as_str()
            .and_then(|tag| nearest(tag, names))
            .map(str::to_owned);
    (super::wrong_value(&at.0, &at.1, &options), meant)
}

/// The tag, where every branch that is left lacks it.
fn missing_tag<'a>(
    branches: &[&'a Vec<ValidationError<'static>>],
    base: &str,
) -> Option<&'a Value> {
    let lacks = |branch: &&'a Vec<ValidationError<'static>>| {
        branch.iter().find_map(|error| match error.kind() {
            Problem::Required { property } if error.instance_path().as_str() == base => {
                is_tag_name(property).then_some(property)
            }
            _ => None,
        })
    };
    if branches.len() < 2 {
        return None;
    }
    let mut missing = branches.iter().map(lacks);
    let first = missing.next()??;
    missing.all(|tag| tag == Some(first)).then_some(first)
}
