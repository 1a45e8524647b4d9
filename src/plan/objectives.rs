//! Which objectives are for which cell, and whether the axes that other sections name exist.

use std::collections::{BTreeSet, HashMap};

use indexmap::IndexMap;
use serde_json::Value;

use super::axis::{self, Axis};
use super::cell::Cell;
use super::declared::{escape, report};
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

    /// Errors for axes that no cell has, warnings for objectives that no cell is held against.
    pub(super) fn check(&self, cells: &[Cell], findings: &mut Findings, warnings: &mut Findings) {
        let axes: BTreeSet<&str> = cells
            .iter()
            .flat_map(|cell| cell.axes.keys())
            .map(String::as_str)
            .collect();
        for (target, objectives) in &self.0 {
            if !cells.iter().any(|cell| cell.target == *target) {
                continue;
            }
            for objective in objectives {
                let unknown = objective
                    .only
                    .keys()
                    .filter(|axis| !axes.contains(axis.as_str()));
                let mut known = true;
                for axis in unknown {
                    known = false;
                    let pointer = format!("{}/where/{}", objective.pointer, escape(axis));
                    report(findings, unknown_axis(pointer, axis, &axes));
                }
                let used = cells.iter().any(|cell| fits(&objective.only, &cell.axes));
                if known && !used {
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
        findings.sort_by(|one, two| one.pointer.cmp(&two.pointer));
    }
}

/// Errors for `report.baseline` and `compare.by` where they name axes or values that no cell has.
pub(super) fn check_named_axes(scenario: &Scenario, cells: &[Cell], findings: &mut Findings) {
    let axes: BTreeSet<&str> = cells
        .iter()
        .flat_map(|cell| cell.axes.keys())
        .map(String::as_str)
        .collect();
    let mut check = |section: &str, axis: &str, value: &Value, pointer: String| {
        if !axes.contains(axis) {
            report(findings, unknown_axis(pointer, axis, &axes));
            return;
        }
        let value = canonical_value(axis, value);
        if !cells.iter().any(|cell| cell.axes.get(axis) == Some(&value)) {
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
