//! Which objectives are for which cell, and whether the axes that other sections name exist.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::axis::{self, Axis};
use super::cell::Cell;
use super::declared::{Declared, escape, report};
use crate::foundation::diagnostic::{Finding, Findings};
use crate::kinds::verdict::objective::Objective;
use crate::scenario::Scenario;

/// Each target's objectives, with the values of their `where` in the form that cells have.
pub(super) struct Objectives(HashMap<String, Vec<Objective>>);

impl Objectives {
    pub(super) fn read(scenario: &Scenario) -> Self {
        let of_target = |objectives: &[Objective]| {
            objectives
                .iter()
                .map(|objective| Objective {
                    only: canonical(&objective.only),
                    ..objective.clone()
                })
                .collect()
        };
        Self(
            scenario
                .targets
                .iter()
                .map(|(name, target)| (name.clone(), of_target(&target.slo.objectives)))
                .collect(),
        )
    }

    /// The objectives of a target whose `where` fits a cell's axes.
    pub(super) fn of(&self, target: &str, axes: &IndexMap<String, Value>) -> Vec<Objective> {
        let all = self.0.get(target).map(Vec::as_slice).unwrap_or_default();
        all.iter()
            .filter(|objective| fits(&objective.only, axes))
            .cloned()
            .collect()
    }

    /// Errors for axes that no cell has.
    pub(super) fn check_axes(&self, known: &Known<'_>, findings: &mut Findings) {
        let axes = known.names();
        for (_, objective) in self.held(known) {
            for axis in objective
                .only
                .keys()
                .filter(|axis| !axes.contains(axis.as_str()))
            {
                let pointer = format!("{}/where/{}", objective.pointer, escape(axis));
                report(findings, unknown_axis(pointer, axis, &axes));
            }
        }
    }

    /// The objectives of the targets that cells have, in the order of their places.
    fn held<'o>(&'o self, known: &Known<'_>) -> Vec<(&'o str, &'o Objective)> {
        let of_target = |(target, objectives): (&'o String, &'o Vec<Objective>)| {
            objectives
                .iter()
                .map(move |objective| (target.as_str(), objective))
        };
        let all = self
            .0
            .iter()
            .filter(|(target, _)| known.may_be("target", &json!(target)));
        let mut held: Vec<_> = all.flat_map(of_target).collect();
        held.sort_by(|one, other| (&one.1.pointer, one.0).cmp(&(&other.1.pointer, other.0)));
        held
    }

    /// Warnings for objectives that no cell is held against.
    pub(super) fn check_use(&self, cells: &[Cell], warnings: &mut Findings) {
        let known = Known::of(cells);
        let axes = known.names();
        for (_, objective) in self.held(&known) {
            let is_known = objective
                .only
                .keys()
                .all(|axis| axes.contains(axis.as_str()));
            if is_known && !cells.iter().any(|cell| fits(&objective.only, &cell.axes)) {
                let message = format!(
                    "no cell is held against `{}`: its `where` fits none",
                    objective.text
                );
                let pointer = format!("{}/where", objective.pointer);
                report(
                    warnings,
                    Finding::warning("objective-without-cells", pointer, message),
                );
            }
        }
    }
}

/// The axes of some cells, each with the values that it takes.
pub(super) struct Known<'a> {
    values: BTreeMap<&'a str, HashSet<&'a Value>>,
    /// Axes of which more values may be known than these.
    open: BTreeSet<&'a str>,
}

impl<'a> Known<'a> {
    /// What cells have.
    pub(super) fn of(cells: &'a [Cell]) -> Self {
        let mut values: BTreeMap<&str, HashSet<&Value>> = BTreeMap::new();
        for (axis, value) in cells.iter().flat_map(|cell| &cell.axes) {
            values.entry(axis).or_default().insert(value);
        }
        Self {
            values,
            open: BTreeSet::new(),
        }
    }

    /// What is declared, where there are no cells: an axis of which something was left out may have had more values, and
    /// rate and concurrency are axes of every cell.
    pub(super) fn declared(scenario: &'a Scenario, declared: &'a Declared) -> Self {
        let mut values: BTreeMap<&str, HashSet<&Value>> = BTreeMap::new();
        let axes = declared.axes.iter().flat_map(|axis| &axis.points);
        let entries = declared.include.iter().map(|entry| &entry.point);
        for (axis, value) in axes.chain(entries).flatten() {
            values.entry(axis).or_default().insert(value);
        }
        let mut open: BTreeSet<&str> = declared.cut.iter().map(String::as_str).collect();
        open.extend(
            ["rate", "concurrency"]
                .into_iter()
                .filter(|axis| !values.contains_key(axis)),
        );
        if scenario.matrix.include.len() > declared.include.len() {
            open.extend(values.keys());
        }
        Self { values, open }
    }

    /// Whether a cell may have that value of an axis.
    fn may_be(&self, axis: &str, value: &Value) -> bool {
        self.open.contains(axis)
            || self
                .values
                .get(axis)
                .is_some_and(|values| values.contains(value))
    }

    fn names(&self) -> BTreeSet<&'a str> {
        self.values.keys().chain(&self.open).copied().collect()
    }
}

/// Errors for `report.baseline`, `compare.by` and objectives' `where` that name axes, or values, that no cell has.
pub(super) fn check_named(scenario: &Scenario, known: &Known<'_>, findings: &mut Findings) {
    Objectives::read(scenario).check_axes(known, findings);
    let axes = known.names();
    let mut check = |section: &str, axis: &str, value: &Value, pointer: String| {
        if !axes.contains(axis) {
            report(findings, unknown_axis(pointer, axis, &axes));
            return;
        }
        let value = canonical_value(axis, value);
        if !known.may_be(axis, &value) {
            let message =
                format!("no cell has {value} on the axis `{axis}` that `{section}` names");
            report(
                findings,
                Finding::error("no-such-cell", pointer, message).help(format!(
                    "add the value to `matrix.{axis}`, or name one that is there"
                )),
            );
        }
    };
    for (axis, value) in &scenario.report.baseline {
        check(
            "report.baseline",
            axis,
            value,
            format!("/report/baseline/{}", escape(axis)),
        );
    }
    if let Some((axis, base, head)) = scenario
        .compare
        .as_ref()
        .and_then(|compare| compare.by.as_ref())
    {
        for (place, value) in [base, head].into_iter().enumerate() {
            check(
                "compare.by",
                axis,
                value,
                format!("/compare/by/{}/{place}", escape(axis)),
            );
        }
    }
}

fn unknown_axis(pointer: String, unknown: &str, axes: &BTreeSet<&str>) -> Finding {
    let names: Vec<&str> = axes.iter().copied().collect();
    Finding::error(
        "unknown-axis",
        pointer,
        format!("no cell has an axis `{unknown}`"),
    )
    .at_key()
    .help(format!(
        "the axes of this scenario are {}",
        names.join(", ")
    ))
}

fn fits(only: &IndexMap<String, Vec<Value>>, axes: &IndexMap<String, Value>) -> bool {
    only.iter()
        .all(|(axis, values)| axes.get(axis).is_some_and(|own| values.contains(own)))
}

fn canonical(only: &IndexMap<String, Vec<Value>>) -> IndexMap<String, Vec<Value>> {
    only.iter()
        .map(|(axis, values)| {
            let values = values
                .iter()
                .map(|value| canonical_value(axis, value))
                .collect();
            (axis.clone(), values)
        })
        .collect()
}

/// What is no legal value of its axis fits no cell, and is left as it stands.
pub(super) fn canonical_value(name: &str, value: &Value) -> Value {
    Axis::parse(name)
        .and_then(|axis| axis.canonical(value))
        .unwrap_or_else(|_| axis::canonical_numbers(value))
}
