//! Where rows come from.

use serde_json::Value;

use super::{Rule, Subject};
use crate::foundation::diagnostic::{Finding, Findings};
use crate::kinds::dataset::KINDS;
use crate::scenario::suggest::{listed, nearest};

/// Rows from nowhere, or from two places.
pub const ROWS: Rule = Rule {
    code: "path-or-rows",
    explain: "A dataset that is read needs `path` or `rows`, and not both.",
    check: rows,
};

fn rows(subject: &Subject<'_>, findings: &mut Findings) {
    for dataset in subject.datasets() {
        let kind = dataset.text("kind").unwrap_or_default();
        let (path, rows) = (
            dataset.map.contains_key("path"),
            dataset.map.contains_key("rows"),
        );
        if path && rows {
            let message = "`rows` stands beside `path`";
            findings.push(
                Finding::error(ROWS.code, dataset.at("rows"), message)
                    .at_key()
                    .help("keep one of them"),
            );
        }
        if !path
            && !rows
            && KINDS
                .iter()
                .any(|known| known.name == kind && known.needs_rows)
        {
            let message = format!(
                "dataset `{}` of kind `{kind}` has neither `path` nor `rows`",
                dataset.name
            );
            findings.push(
                Finding::error(ROWS.code, dataset.pointer, message)
                    .at_key()
                    .help("add `path: FILE`, relative to this file, or the `rows` themselves"),
            );
        }
    }
}

/// VBench's pictures, which are never downloaded.
pub const VBENCH_IMAGES: Rule = Rule {
    code: "vbench-needs-path",
    explain: "VBench's image suite has pictures, which are not downloaded: a dataset for an image-conditioned task needs the \
              `path` of its folder.",
    check: vbench_images,
};

fn vbench_images(subject: &Subject<'_>, findings: &mut Findings) {
    for dataset in subject
        .datasets()
        .filter(|dataset| dataset.text("kind") == Some("vbench"))
    {
        let task = dataset.text("task").unwrap_or_default();
        if matches!(task, "i2i" | "ti2i" | "i2v" | "ti2v")
            && !dataset.map.contains_key("path")
            && !dataset.map.contains_key("rows")
        {
            let message = format!(
                "task `{task}` needs pictures, and dataset `{}` has no `path`",
                dataset.name
            );
            findings.push(
                Finding::error(VBENCH_IMAGES.code, dataset.pointer, message)
                    .at_key()
                    .help(
                        "name the folder that has i2v-bench-info.json and its pictures as `path`",
                    ),
            );
        }
    }
}

/// A part of a mix that is not there.
pub const MIX: Rule = Rule {
    code: "unknown-part",
    explain: "A mix names other datasets of the same file, each with a weight.",
    check: mix,
};

fn mix(subject: &Subject<'_>, findings: &mut Findings) {
    let names: Vec<&str> = subject
        .datasets()
        .filter(|dataset| dataset.text("kind") != Some("mix"))
        .map(|dataset| dataset.name)
        .collect();
    for dataset in subject
        .datasets()
        .filter(|dataset| dataset.text("kind") == Some("mix"))
    {
        let parts = dataset
            .map
            .get("of")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        for (part, _) in parts.filter(|(part, _)| !names.contains(&part.as_str())) {
            let pointer = crate::scenario::check::child(&dataset.at("of"), part);
            let finding = Finding::error(
                MIX.code,
                pointer,
                format!("there is no dataset `{part}` to mix"),
            )
            .at_key();
            findings.push(match nearest(part, names.iter().copied()) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None if names.is_empty() => finding.help("declare it under `datasets`"),
                None => finding.help(format!("declared are {}", listed(names.iter().copied()))),
            });
        }
    }
}

/// Weights that draw nothing.
pub const WEIGHTS: Rule = Rule {
    code: "no-weight",
    explain: "Of several weights at least one must be above 0, and none below.",
    check: weights,
};

fn weights(subject: &Subject<'_>, findings: &mut Findings) {
    for dataset in subject.datasets() {
        let listed = dataset
            .map
            .get("weights")
            .and_then(Value::as_array)
            .map(|weights| {
                (
                    "weights",
                    weights.iter().filter_map(Value::as_f64).collect::<Vec<_>>(),
                )
            });
        let of = match dataset.map.get("of") {
            Some(Value::Object(parts)) => {
                Some(("of", parts.values().filter_map(Value::as_f64).collect()))
            }
            Some(Value::Array(profiles)) if !profiles.is_empty() => {
                let weight =
                    |profile: &Value| profile.get("weight").map_or(Some(1.0), Value::as_f64);
                Some(("of", profiles.iter().filter_map(weight).collect()))
            }
            _ => None,
        };
        for (key, weights) in listed.into_iter().chain(of) {
            if weights.iter().any(|weight| *weight < 0.0)
                || !weights.iter().any(|weight| *weight > 0.0)
            {
                let message = "the weights draw nothing: none may be below 0, and not all may be 0";
                findings.push(
                    Finding::error(WEIGHTS.code, dataset.at(key), message)
                        .help("give at least one weight above 0"),
                );
            }
        }
    }
}
