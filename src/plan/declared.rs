//! The matrix as a scenario declares it, made ready for the algorithm: every value in its one form and with its place.

use std::collections::{BTreeSet, HashSet};

use indexmap::IndexMap;
use serde_json::Value;

use super::axis::{AXES, Axis};
use super::matrix::{Combination, Point, product_size};
use crate::foundation::diagnostic::{Code, Finding, Findings};
use crate::scenario::Scenario;

/// Most cells of a plan, whatever `max_cells` says.
pub(super) const HARD_CAP: u64 = 10_000;

/// An axis of the product.
#[derive(Debug)]
pub(super) struct DeclaredAxis {
    /// Its key in the matrix.
    pub(super) name: String,
    /// Its values, each as the keys that it sets.
    pub(super) points: Vec<Point>,
    /// The place of each value.
    pointers: Vec<String>,
}

/// An entry of `exclude` or `include`.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its place.
    pub(super) pointer: String,
    /// Its values.
    pub(super) point: Point,
}

/// The whole matrix.
#[derive(Debug)]
pub(super) struct Declared {
    /// Axes in the order of declaration, after `target` and `dataset` where these are left to their defaults.
    pub(super) axes: Vec<DeclaredAxis>,
    pub(super) exclude: Vec<Entry>,
    pub(super) include: Vec<Entry>,
    /// Targets and datasets for cells that leave them open.
    pub(super) targets: Vec<Value>,
    pub(super) datasets: Vec<Value>,
    /// Axes of which values, or all of it, were left out for being wrong.
    pub(super) cut: BTreeSet<String>,
}

impl Declared {
    /// Reads the matrix of a scenario; what is wrong is added to `findings` and left out.
    pub(super) fn read(scenario: &Scenario, findings: &mut Findings) -> Self {
        let matrix = &scenario.matrix;
        let mut axes: Vec<DeclaredAxis> = matrix
            .axes
            .iter()
            .filter_map(|(name, values)| declared_axis(name, values, scenario, findings))
            .collect();
        overlapping(&axes, findings);
        let entries = |entries: &[(String, Point)], sets: bool, findings: &mut Findings| {
            entries
                .iter()
                .filter_map(|(pointer, point)| entry(pointer, (point, sets), scenario, findings))
                .collect()
        };
        let exclude: Vec<Entry> = entries(&matrix.exclude, false, findings);
        let include: Vec<Entry> = entries(&matrix.include, true, findings);

        let names = |axis: &str, all: Vec<Value>| {
            let own = axes.iter().find(|declared| declared.name == axis);
            own.map_or(all, |own| {
                own.points
                    .iter()
                    .filter_map(|point| point.get(axis).cloned())
                    .collect()
            })
        };
        let targets = names(
            "target",
            scenario.targets.keys().cloned().map(Value::from).collect(),
        );
        let datasets = names(
            "dataset",
            scenario.datasets.keys().cloned().map(Value::from).collect(),
        );
        let lost = |(name, values): &(&String, &Vec<Value>)| {
            let kept = axes.iter().find(|axis| axis.name == **name);
            kept.is_none_or(|kept| kept.points.len() < values.len())
        };
        let cut = matrix
            .axes
            .iter()
            .filter(lost)
            .map(|(name, _)| name.clone())
            .collect();
        // As with GitHub, a matrix of `include` alone has no original cells to merge into.
        let only_include = axes.is_empty() && exclude.is_empty() && !include.is_empty();
        if !only_include {
            for (name, values) in [("dataset", &datasets), ("target", &targets)] {
                if !values.is_empty() && !axes.iter().any(|axis| axis.name == name) {
                    axes.insert(0, defaulted_axis(name, values));
                }
            }
        }
        Self {
            axes,
            exclude,
            include,
            targets,
            datasets,
            cut,
        }
    }

    /// Whether nothing that was left out could be what an entry means.
    pub(super) fn is_sure(&self, entry: &Entry) -> bool {
        let cut = |key: &String| {
            self.cut.contains(key) || key.starts_with("params.") && self.cut.contains("params")
        };
        !entry.point.keys().any(cut)
    }

    /// How many cells the product has, before anything is excluded.
    pub(super) fn size(&self) -> u64 {
        product_size(self.axes.iter().map(|axis| axis.points.len()))
    }

    /// Where the value of `key` in a combination was written.
    pub(super) fn pointer(&self, combination: &Combination, key: &str) -> String {
        let Some((place, _, value)) = combination.values.get_full(key) else {
            return match key {
                "target" => "/targets".to_owned(),
                "dataset" => "/datasets".to_owned(),
                _ => format!("/load/{}", escape(key)),
            };
        };
        if place < combination.originals {
            let found = self.axes.iter().find_map(|axis| {
                let place = axis
                    .points
                    .iter()
                    .position(|point| point.get(key) == Some(value))?;
                axis.pointers.get(place)
            });
            return found.cloned().unwrap_or_else(|| "/matrix".to_owned());
        }
        let written = |entry: &&Entry| entry.point.get(key) == Some(value);
        let made_by = combination
            .made_by
            .and_then(|place| self.include.get(place))
            .filter(written);
        match made_by.or_else(|| self.include.iter().rev().find(written)) {
            Some(entry) => format!("{}/{}", entry.pointer, escape(key)),
            None => "/matrix".to_owned(),
        }
    }
}

/// A key as a step of a JSON pointer.
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Adds a finding unless one of that kind stands at that place already.
pub(super) fn report(findings: &mut Findings, finding: Finding) {
    let same = |other: &Finding| {
        other.code == finding.code
            && other.pointer == finding.pointer
            && other.message == finding.message
    };
    if !findings.iter().any(same) {
        findings.push(finding);
    }
}

fn defaulted_axis(name: &str, values: &[Value]) -> DeclaredAxis {
    let pointers = values
        .iter()
        .map(|value| format!("/{name}s/{}", escape(value.as_str().unwrap_or_default())))
        .collect();
    let points = values
        .iter()
        .map(|value| Point::from([(name.to_owned(), value.clone())]))
        .collect();
    DeclaredAxis {
        name: name.to_owned(),
        points,
        pointers,
    }
}

fn declared_axis(
    name: &str,
    values: &[Value],
    scenario: &Scenario,
    findings: &mut Findings,
) -> Option<DeclaredAxis> {
    let under_load = scenario.matrix.under_load.iter().any(|axis| axis == name);
    let section = if under_load { "load" } else { "matrix" };
    let pointer = format!("/{section}/{}", escape(name));
    let axis = parse(name, &pointer, findings)?;
    if let Some(finding) = in_two_places(axis, scenario, &pointer).filter(|_| !under_load) {
        findings.push(finding);
    }
    if values.is_empty() {
        let message = format!("axis `{name}` has no values, so that there is no cell");
        findings.push(
            Finding::error("empty-axis", pointer, message)
                .help("give it a value, or remove the axis"),
        );
        return None;
    }
    let mut declared = DeclaredAxis {
        name: name.to_owned(),
        points: Vec::new(),
        pointers: Vec::new(),
    };
    let mut seen = HashSet::new();
    for (place, value) in values.iter().enumerate() {
        let pointer = if under_load {
            pointer.clone()
        } else {
            format!("{pointer}/{place}")
        };
        let Some(point) = point(axis, (name, value), &pointer, scenario, findings) else {
            continue;
        };
        let same = super::key::canonical_json(&Value::Object(point.clone().into_iter().collect()));
        if seen.insert(same) {
            declared.points.push(point);
            declared.pointers.push(pointer);
        } else {
            let message =
                format!("axis `{name}` has this value twice, which makes the same cells twice");
            findings.push(
                Finding::error("duplicate-cells", pointer, message)
                    .help("remove it; `load.repeats` runs a cell several times"),
            );
        }
    }
    Some(declared)
}

/// An entry of `exclude` or `include`; `None` where any of it is wrong. Only what sets a value can set it a second time.
fn entry(
    pointer: &str,
    (written, sets): (&Point, bool),
    scenario: &Scenario,
    findings: &mut Findings,
) -> Option<Entry> {
    let mut values = Point::new();
    let before = findings.len();
    for (name, value) in written {
        let pointer = format!("{pointer}/{}", escape(name));
        let Some(axis) = parse(name, &pointer, findings) else {
            continue;
        };
        if let Some(finding) = in_two_places(axis, scenario, &pointer).filter(|_| sets) {
            findings.push(finding);
        }
        if let Some(point) = point(axis, (name, value), &pointer, scenario, findings) {
            values.extend(point);
        }
    }
    (findings.len() == before).then(|| Entry {
        pointer: pointer.to_owned(),
        point: values,
    })
}

fn parse<'a>(name: &'a str, pointer: &str, findings: &mut Findings) -> Option<Axis<'a>> {
    match Axis::parse(name) {
        Ok(axis) => Some(axis),
        Err(message) => {
            findings.push(
                Finding::error("unknown-axis", pointer, message)
                    .at_key()
                    .help(AXES),
            );
            None
        }
    }
}

/// The keys that a value of an axis sets, in canonical form.
fn point(
    axis: Axis<'_>,
    (name, value): (&str, &Value),
    pointer: &str,
    scenario: &Scenario,
    findings: &mut Findings,
) -> Option<Point> {
    let value = match axis.canonical(value) {
        Ok(value) => value,
        Err(message) => {
            findings
                .push(Finding::error("invalid-axis-value", pointer, message).help(axis.example()));
            return None;
        }
    };
    let known = |code: Code, what: &str, names: Vec<&String>| {
        let written = value.as_str().unwrap_or_default();
        if names.iter().any(|name| *name == written) {
            return None;
        }
        let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
        let message = format!("there is no {what} `{written}`");
        let declared = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        };
        Some(Finding::error(code, pointer, message).help(format!("declared are: {declared}")))
    };
    let unknown = match axis {
        Axis::Target => known(
            "unknown-target",
            "target",
            scenario.targets.keys().collect(),
        ),
        Axis::Dataset => known(
            "unknown-dataset",
            "dataset",
            scenario.datasets.keys().collect(),
        ),
        _ => None,
    };
    if let Some(finding) = unknown {
        findings.push(finding);
        return None;
    }
    match (axis, value) {
        (Axis::Params, Value::Object(parts)) => Some(
            parts
                .into_iter()
                .map(|(key, value)| (format!("params.{key}"), value))
                .collect(),
        ),
        (_, value) => Some(Point::from([(name.to_owned(), value)])),
    }
}

/// `rate`, `concurrency` and `arrival` stand in the matrix or under `load`, and other keys of `load` are written over.
fn in_two_places(axis: Axis<'_>, scenario: &Scenario, pointer: &str) -> Option<Finding> {
    let (key, there) = match axis {
        Axis::Rate => ("rate", scenario.load.rate.is_some()),
        Axis::Concurrency => ("concurrency", scenario.load.concurrency.is_some()),
        Axis::Arrival => ("arrival", scenario.load.arrival.is_some()),
        _ => return None,
    };
    // A search has no value of its own.
    let there = there || scenario.load_document.get(key).is_some();
    there.then(|| {
        let message = format!("`{key}` stands here and under `load`");
        Finding::error("axis-in-two-places", pointer, message)
            .at_key()
            .help(format!(
                "keep it in one place: remove `load.{key}`, or this"
            ))
    })
}

/// A parameter that two axes set would make one of them a lie.
fn overlapping(axes: &[DeclaredAxis], findings: &mut Findings) {
    let mut owners: IndexMap<&str, &str> = IndexMap::new();
    for axis in axes {
        let keys: BTreeSet<&str> = axis
            .points
            .iter()
            .flat_map(Point::keys)
            .map(String::as_str)
            .collect();
        for key in keys {
            if let Some(owner) = owners.insert(key, &axis.name) {
                let message = format!(
                    "`{key}` is set by the axis `{owner}` and by `{}`",
                    axis.name
                );
                let pointer = format!("/matrix/{}", escape(&axis.name));
                findings.push(
                    Finding::error("axis-in-two-places", pointer, message)
                        .at_key()
                        .help("let one axis set it"),
                );
            }
        }
    }
}
