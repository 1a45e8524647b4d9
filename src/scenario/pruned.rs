//! The document without what is wrong in it and without what is not known, so that the rest can be read, and planned, in
//! the same pass.
//!
//! Knows which of the plan's findings could come of what is left out: a pass must not tell of mistakes that are none.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::document::source::Source;
use crate::foundation::diagnostic::{Finding, Severity};
use crate::kinds::protocol;

/// An address for a target whose own is not known: a plan needs none.
const NOWHERE: &str = "http://unset.invalid";

/// Findings that may come of values that were left out, each with the parts of the document that it hangs on.
const HANGS_ON: [(&str, &[&str]); 11] = [
    ("task-not-served", &["/targets", "/datasets"]),
    ("no-dataset", &["/targets", "/datasets"]),
    (
        "no-end",
        &["/datasets", "/matrix", "/load/requests", "/load/duration"],
    ),
    (
        "no-timestamps",
        &["/datasets", "/matrix/arrival", "/load/arrival"],
    ),
    ("same-rows", &["/datasets", "/matrix"]),
    (
        "unbounded-load",
        &[
            "/matrix",
            "/load/requests",
            "/load/rate",
            "/load/concurrency",
            "/load/arrival",
        ],
    ),
    (
        "rate-beside-paced-arrival",
        &["/matrix", "/load/rate", "/load/arrival"],
    ),
    ("no-cells", &["/matrix", "/load/rate", "/load/concurrency"]),
    ("too-many-cells", &["/matrix/max_cells"]),
    ("no-target", &["/targets"]),
    (
        "without-effect",
        &["/matrix", "/load/rate", "/load/arrival"],
    ),
];

/// Findings about values that no cell has, which hang on the axes that they name.
const OF_AXES: [&str; 5] = [
    "exclude-removes-nothing",
    "include-changes-nothing",
    "objective-without-cells",
    "no-such-cell",
    "unknown-axis",
];

/// What of a target or a dataset cells hang on, beside its name.
const OF_A_PART: [&str; 5] = ["protocol", "kind", "task", "limit", "weights"];

/// A document that was pruned.
#[derive(Debug, Default)]
pub struct Pruned {
    /// What is left of it.
    pub value: Value,
    /// Pointers, in the document as it was, of what was taken out or stands for something else.
    left_out: Vec<String>,
    /// Pointers of all that is wrong.
    wrong: Vec<String>,
}

impl Pruned {
    /// Takes out what `wrong` is about, and every leaf whose reference is not set or that was refused on reading.
    pub fn new(value: &Value, wrong: &[&Finding], source: &Source) -> Self {
        let unset = source
            .references
            .iter()
            .filter(|(_, reference)| !reference.unset.is_empty());
        let mut pointers: Vec<String> = unset
            .map(|(pointer, _)| pointer.clone())
            .filter(|pointer| !is_free_text(pointer))
            .chain(wrong.iter().map(|finding| finding.pointer.clone()))
            .chain(source.refused.iter().cloned())
            .map(|pointer| whole_credential(&pointer).to_owned())
            .filter(|pointer| !pointer.is_empty())
            .collect();
        pointers.sort_unstable();
        pointers.dedup();
        // The last first: what is taken out of a list moves only what comes after it.
        pointers.sort_by_key(|pointer| std::cmp::Reverse(place_in_lists(pointer)));
        let mut rest = value.clone();
        let gone: Vec<&str> = pointers
            .iter()
            .map(String::as_str)
            .filter(|pointer| !is_declared(pointer))
            .collect();
        for siblings in gone.chunk_by(|one, other| parent(one) == parent(other)) {
            take_out(&mut rest, siblings);
        }
        mend(&mut rest, wrong);
        let mut left_out = pointers;
        // What a misspelt key was meant to say is not known either.
        left_out.extend(
            wrong
                .iter()
                .filter_map(|finding| super::check::meant(finding)),
        );
        // What is right but for a key that it has not, or for its name, is not left out.
        left_out.retain(|pointer| {
            !is_declared(pointer) || wrong.iter().any(|finding| stands_in(finding, pointer))
        });
        Self {
            value: rest,
            left_out,
            wrong: wrong
                .iter()
                .map(|finding| finding.pointer.clone())
                .collect(),
        }
    }

    /// The same place in the document as it was: items of lists that were taken out count again.
    pub fn restored(&self, pointer: &str) -> String {
        let mut restored = String::with_capacity(pointer.len());
        for step in pointer.split('/').skip(1) {
            let Ok(mut index) = step.parse::<usize>() else {
                restored = format!("{restored}/{step}");
                continue;
            };
            let mut gone: Vec<usize> = self
                .left_out
                .iter()
                .filter_map(|left_out| {
                    left_out
                        .strip_prefix(&restored)?
                        .strip_prefix('/')?
                        .parse()
                        .ok()
                })
                .collect();
            gone.sort_unstable();
            for before in gone {
                index += usize::from(before <= index);
            }
            restored = format!("{restored}/{index}");
        }
        restored
    }

    /// Whether a finding of the plan could come of what was left out.
    pub fn clouds(&self, finding: &Finding) -> bool {
        if finding.code == "invalid-axis-value" || finding.code == "empty-axis" {
            // A part of the value itself is gone, or all values are.
            let axis = super::document::steps(&finding.pointer).nth(1);
            return axis.is_some_and(|axis| self.is_cut(&axis));
        }
        if OF_AXES.contains(&finding.code) {
            return self
                .axes(&finding.pointer)
                .iter()
                .any(|axis| self.is_cut(axis));
        }
        let known = HANGS_ON.iter().find(|(code, _)| *code == finding.code);
        let hangs_on = known.map_or(&[][..], |(_, parts)| parts);
        self.left_out.iter().any(|left_out| {
            hangs_on.iter().any(|part| match *part {
                "/targets" | "/datasets" => within(left_out, part) && is_of_cells(left_out),
                part => within(left_out, part) || within(part, left_out),
            })
        })
    }

    /// The axes that the part of the document at a pointer names: a map of them, or one as a step of its own.
    fn axes(&self, pointer: &str) -> Vec<String> {
        let mut steps = super::document::steps(pointer).skip_while(|step| {
            !matches!(
                step.as_str(),
                "baseline" | "by" | "where" | "exclude" | "include"
            )
        });
        match (steps.next().as_deref(), steps.next()) {
            (Some("baseline" | "by" | "where"), Some(axis)) => vec![axis],
            // In the matrix it is about its own key.
            (None, _) => Vec::new(),
            _ => {
                let map = self.value.pointer(pointer).and_then(Value::as_object);
                map.into_iter()
                    .flatten()
                    .map(|(axis, _)| axis.clone())
                    .collect()
            }
        }
    }

    /// Whether values of an axis were left out.
    fn is_cut(&self, axis: &str) -> bool {
        let own = super::check::child("/matrix", axis);
        let of_load = format!("/load/{}", axis.strip_prefix("load.").unwrap_or(axis));
        self.left_out.iter().any(|left_out| {
            within(left_out, &own)
                || within(&own, left_out)
                || within(left_out, &of_load)
                || axis.starts_with("params.") && within(left_out, "/matrix/params")
                || within(left_out, "/matrix/include")
        })
    }

    /// Whether a part of the document is there as it was written, with nothing wrong in it.
    pub fn is_whole(&self, pointer: &str) -> bool {
        !self
            .left_out
            .iter()
            .chain(&self.wrong)
            .any(|other| within(other, pointer))
    }
}

/// Whether `pointer` is that of a part or of something below it.
pub fn within(pointer: &str, part: &str) -> bool {
    let below = pointer.strip_prefix(part);
    below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
}

/// Whether cells hang on what stands at a pointer within a target or a dataset.
fn is_of_cells(pointer: &str) -> bool {
    pointer
        .split('/')
        .nth(3)
        .is_none_or(|key| OF_A_PART.contains(&key))
}

/// Whether another declaration stands in for the one that a finding is about.
fn stands_in(finding: &Finding, pointer: &str) -> bool {
    let missing = finding.code == "missing-key" || finding.code == "wrong-type";
    finding.severity == Severity::Error && missing && finding.pointer == pointer
}

/// Puts what every document needs where it is missing, and a stand-in for each target and dataset that cannot be read:
/// cells are made of their names.
fn mend(document: &mut Value, wrong: &[&Finding]) {
    let Value::Object(map) = document else {
        *document = json!({ "version": 1, "name": "unset", "targets": {} });
        return;
    };
    map.insert("version".to_owned(), json!(1));
    map.entry("name").or_insert_with(|| json!("unset"));
    map.entry("targets").or_insert_with(|| json!({}));
    let unreadable = |pointer: String| wrong.iter().any(|finding| stands_in(finding, &pointer));
    if let Some(Value::Object(targets)) = map.get_mut("targets") {
        for (name, target) in targets {
            let known = target
                .get("protocol")
                .and_then(Value::as_str)
                .is_some_and(|protocol| protocol::Kind::named(protocol).is_some());
            let Value::Object(keys) = target else {
                *target = json!({ "protocol": "openai-chat" });
                continue;
            };
            if !known || unreadable(super::check::child("/targets", name)) {
                keys.insert("protocol".to_owned(), json!("openai-chat"));
            }
        }
    }
    if let Some(Value::Object(datasets)) = map.get_mut("datasets") {
        for (name, dataset) in datasets {
            if dataset.get("kind").is_none() || unreadable(super::check::child("/datasets", name)) {
                let task = dataset.get("task").cloned();
                *dataset = json!({ "kind": "prompts" });
                if let (Some(task), Value::Object(keys)) = (task, dataset) {
                    keys.insert("task".to_owned(), task);
                }
            }
        }
    }
}

/// Credentials are taken out whole: a part of them is none.
fn whole_credential(pointer: &str) -> &str {
    pointer
        .find("/auth/")
        .map_or(pointer, |at| &pointer[..at + "/auth".len()])
}

/// A target or a dataset is not taken out for what it lacks: cells are made of its name.
fn is_declared(pointer: &str) -> bool {
    let declared = pointer
        .strip_prefix("/targets/")
        .or_else(|| pointer.strip_prefix("/datasets/"));
    declared.is_some_and(|name| !name.contains('/'))
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

fn parent(pointer: &str) -> Option<&str> {
    pointer.rsplit_once('/').map(|(parent, _)| parent)
}

/// Takes values with one parent out: of a map all at once, for a file may have thousands of wrong keys.
fn take_out(document: &mut Value, siblings: &[&str]) {
    let Some(parent) = siblings.first().and_then(|pointer| parent(pointer)) else {
        return;
    };
    let keys = siblings.iter().filter_map(|pointer| {
        let (_, key) = pointer.rsplit_once('/')?;
        Some(key.replace("~1", "/").replace("~0", "~"))
    });
    match document.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            let mut gone: HashSet<String> = keys.collect();
            if gone.remove("base_url")
                && let Some(address) = map.get_mut("base_url")
            {
                *address = Value::String(NOWHERE.to_owned());
            }
            map.retain(|key, _| !gone.contains(key));
        }
        Some(Value::Array(items)) => {
            let indices = keys.filter_map(|key| key.parse::<usize>().ok());
            for index in indices {
                if index >= items.len() {
                    continue;
                }
                if parent.ends_with("/base_urls") {
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
mod tests {
    use super::*;

    fn pruned(left_out: &[&str]) -> Pruned {
        Pruned {
            value: Value::Null,
            left_out: left_out.iter().map(|&pointer| pointer.to_owned()).collect(),
            wrong: Vec::new(),
        }
    }

    #[test]
    fn places_in_a_list_that_lost_items_are_those_that_the_author_sees() {
        let pruned = pruned(&["/slo/objectives/0", "/slo/objectives/2", "/load/requests"]);
        for (without, with) in [("0", "1"), ("1", "3"), ("2", "4")] {
            assert_eq!(
                pruned.restored(&format!("/slo/objectives/{without}/where/rate")),
                format!("/slo/objectives/{with}/where/rate")
            );
        }
        assert_eq!(pruned.restored("/matrix/rate/1"), "/matrix/rate/1");
    }

    #[test]
    fn what_could_come_of_what_was_left_out_is_not_told_and_all_else_is() {
        let finding = |code, pointer: &str| Finding::error(code, pointer, "");
        let mut no_rate = pruned(&["/matrix/rate/1", "/targets/a/base_url"]);
        no_rate.value = json!({ "matrix": { "exclude": [{ "rate": 3 }, { "concurrency": 3 }] } });
        assert!(no_rate.clouds(&finding("exclude-removes-nothing", "/matrix/exclude/0")));
        assert!(!no_rate.clouds(&finding("exclude-removes-nothing", "/matrix/exclude/1")));
        assert!(no_rate.clouds(&finding("empty-axis", "/matrix/rate")));
        assert!(!no_rate.clouds(&finding("empty-axis", "/matrix/concurrency")));
        assert!(no_rate.clouds(&finding("no-such-cell", "/compare/by/rate/1")));
        assert!(!no_rate.clouds(&finding("no-such-cell", "/compare/by/target/1")));
        assert!(!no_rate.clouds(&finding("unknown-axis", "/report/baseline/foo")));
        assert!(!no_rate.clouds(&finding("unknown-axis", "/matrix/foo")));
        assert!(!no_rate.clouds(&finding("task-not-served", "/datasets/d")));
        assert!(!no_rate.clouds(&finding("unknown-target", "/matrix/target/0")));
        let no_task = pruned(&["/datasets/d/task"]);
        assert!(no_task.clouds(&finding("task-not-served", "/datasets/d")));
        assert!(!no_task.clouds(&finding("exclude-removes-nothing", "/matrix/exclude/0")));
        assert!(!no_task.is_whole("/datasets/d") && no_task.is_whole("/datasets/dd"));
    }
}
