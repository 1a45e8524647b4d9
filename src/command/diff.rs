//! `diff`: two results, or two values of one axis within a run; exits by the verdict where it is asked to gate.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::arguments::{DiffArguments, DiffFormat, Gate};
use super::output;
use crate::compare::{self, Diff, Outcome};
use crate::report::diff as rendering;
use crate::results::{self, ComparedAxis, Ending, Results};

/// Compares and shows.
pub fn run(arguments: &DiffArguments) -> Ending {
    let diff = match compare(arguments) {
        Ok(diff) => diff,
        Err(problem) => {
            output::error(&problem.message, Some(&problem.help));
            return Ending::Usage;
        }
    };
    let text = match arguments.format {
        DiffFormat::Human => rendering::human(&diff),
        DiffFormat::Md => rendering::markdown(&diff),
        DiffFormat::Json => match json(&diff) {
            Ok(json) => json,
            Err(error) => {
                output::error(
                    &format!("cannot write the comparison as JSON: {error}"),
                    None,
                );
                return Ending::Bug;
            }
        },
    };
    output::data(&text);
    let gate = match arguments.gate {
        None => diff.default_gate(),
        Some(Gate::Paired) => compare::Gate::Paired,
        Some(Gate::Unpaired) => compare::Gate::Unpaired,
    };
    ending(diff.outcome(gate, arguments.strict))
}

/// A comparison as JSON, keys as they stand in the schema.
pub fn json(diff: &Diff) -> Result<String, serde_json::Error> {
    Ok(format!("{}\n", serde_json::to_string_pretty(diff)?))
}

/// How a process ends by a comparison's outcome.
pub const fn ending(outcome: Outcome) -> Ending {
    match outcome {
        Outcome::Pass => Ending::Well,
        Outcome::Inconclusive => Ending::Inconclusive,
        Outcome::Regressed => Ending::Missed,
        Outcome::Void => Ending::Void,
    }
}

/// What was asked for and cannot be done.
struct Problem {
    message: String,
    help: String,
}

fn compare(arguments: &DiffArguments) -> Result<Diff, Problem> {
    let base = read(&arguments.base)?;
    match (&arguments.head, &arguments.by) {
        (None, by) => Ok(compare::paired(&base, &axis(by.as_deref(), &base)?)),
        (Some(head), None) => {
            let head_results = read(head)?;
            Ok(compare::stored(
                (&arguments.base, &base),
                (head, &head_results),
            ))
        }
        (Some(_), Some(_)) => Err(Problem {
            message: "`--by` compares within one run, and two were given".to_owned(),
            help: "give one folder with --by, or two without".to_owned(),
        }),
    }
}

/// `target=base,head`, or what the scenario itself says under `compare.by`.
fn axis(by: Option<&str>, results: &Results) -> Result<ComparedAxis, Problem> {
    let Some(by) = by else {
        return results.compare.as_ref().and_then(|compare| compare.by.clone()).ok_or_else(|| Problem {
            message: "nothing to compare with: one run was given, and its scenario has no `compare.by`".to_owned(),
            help: "give a second run, or `--by target=base,head`".to_owned(),
        });
    };
    let problem = |message: String| Problem {
        message,
        help: "write it like `--by target=base,head`, base first".to_owned(),
    };
    let (axis, values) = by
        .split_once('=')
        .ok_or_else(|| problem(format!("`{by}` names no axis")))?;
    let (base, head) = values
        .split_once(',')
        .ok_or_else(|| problem(format!("`{by}` names one value only")))?;
    let value = |text: &str| {
        // As it stands in the results: a number as a number.
        let known = results.cells.iter().filter_map(|cell| cell.axes.get(axis));
        known
            .into_iter()
            .find(|value| text_of(value) == text)
            .cloned()
            .ok_or_else(|| problem(format!("no cell has {axis}={text}")))
    };
    if base == head {
        return Err(problem(format!("`{by}` compares a value with itself")));
    }
    Ok(ComparedAxis {
        axis: axis.to_owned(),
        base: value(base)?,
        head: value(head)?,
    })
}

/// An axis value as people write it.
fn text_of(value: &serde_json::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Reads a folder, a file, or `git:REV:PATH`.
fn read(place: &str) -> Result<Results, Problem> {
    let read = match place.strip_prefix("git:") {
        Some(object) => {
            let bytes = git(object)?;
            results::from_json(&bytes, Path::new(place))
        }
        None => results::read(&PathBuf::from(place)),
    };
    read.map_err(|error| Problem {
        message: error.to_string(),
        help: error.help(),
    })
}

/// `git show REV:PATH`, the results file of the folder where PATH is one.
fn git(object: &str) -> Result<Vec<u8>, Problem> {
    let object = if Path::new(object)
        .extension()
        .is_some_and(|extension| extension == "json")
    {
        object.to_owned()
    } else {
        format!("{}/results.json", object.trim_end_matches('/'))
    };
    let problem = |reason: String| Problem {
        message: format!("cannot read git:{object}: {reason}"),
        help: "the form is git:REV:PATH, PATH from the repository's root".to_owned(),
    };
    if object.starts_with('-') {
        return Err(problem("a revision does not begin with `-`".to_owned()));
    }
    // `--end-of-options`: for git too it is no option.
    let shown = Command::new("git")
        .args(["show", "--end-of-options", &object])
        .output()
        .map_err(|error| problem(error.to_string()))?;
    if shown.status.success() {
        Ok(shown.stdout)
    } else {
        Err(problem(
            String::from_utf8_lossy(&shown.stderr).trim().to_owned(),
        ))
    }
}
