//! Two measurements side by side. The unit of statistics is the repeat, never the request.
//!
//! [`paired`] compares two values of one axis within one run, [`stored`] two runs; both give a [`Diff`], which holds
//! all that any output shows, and [`Diff::outcome`] says how it ends. Knows no exit code and renders nothing.

mod align;
mod document;
mod evidence;
mod fingerprint;
mod rule;
mod schema;
mod sides;
mod subject;

#[cfg(test)]
mod tests;

pub use document::*;
pub use schema::schema;

use crate::results::{Better, CellResult, CompareSettings, ComparedAxis, Results};
use align::Pair;
use evidence::{Evidence, shown};
use rule::{Candidate, decide};
use subject::{Scale, Subject, worsening};

/// Share of false discoveries where the scenario compares nothing.
const FALSE_DISCOVERY_RATE: f64 = 0.05;

/// The comparison that a run's scenario asks for; `None` where it asks for none, or the run was interrupted.
pub fn of_run(results: &Results) -> Option<Diff> {
    let by = results.compare.as_ref()?.by.as_ref()?;
    (!results.incomplete).then(|| paired(results, by))
}

/// Compares two values of one axis of a run, block by block.
pub fn paired(results: &Results, by: &ComparedAxis) -> Diff {
    let pairs = align::within(results, by);
    let label = |value: &serde_json::Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), ToOwned::to_owned)
    };
    let mut diff = compare(results, &pairs, Design::Paired { by: by.clone() });
    diff.base = side(results, label(&by.base));
    diff.head = side(results, label(&by.head));
    if results.incomplete {
        diff.refusals.push(incomplete("the run"));
    }
    diff
}

/// Compares two runs, whose labels say where they came from. The gates are head's.
pub fn stored(base: (&str, &Results), head: (&str, &Results)) -> Diff {
    let pairs = align::between(base.1, head.1);
    let mut diff = compare(head.1, &pairs, Design::Stored);
    diff.base = side(base.1, base.0.to_owned());
    diff.head = side(head.1, head.0.to_owned());
    diff.refusals
        .extend(fingerprint::difference(base.1, head.1));
    for (name, results) in [("base", base.1), ("head", head.1)] {
        if results.incomplete {
            diff.refusals.push(incomplete(name));
        }
    }
    diff.loosened = loosened(base.1.compare.as_ref(), head.1.compare.as_ref());
    diff
}

fn compare(head: &Results, pairs: &[Pair<'_>], design: Design) -> Diff {
    let settings = head.compare.as_ref();
    let q = settings.map_or(FALSE_DISCOVERY_RATE, |settings| {
        settings.false_discovery_rate
    });
    let (gates, mut refusals) = gates(head);
    let advisory = Subject::advisory(head, &gates);
    let is_paired = matches!(design, Design::Paired { .. });
    let (gate_rows, not_applicable) = decided(pairs, &gates, is_paired, q);
    // What one side lacks is said once, of its cell: here it can fail nothing.
    let (mut advisory_rows, _) = decided(pairs, &advisory, is_paired, q);
    advisory_rows.retain(|row| row.base.is_some() && row.head.is_some());
    refusals.extend(without_counterpart(pairs));
    if !pairs.is_empty() {
        refusals.extend(without_rows(&gates, &gate_rows));
    }
    let only = |pick: fn(&Pair<'_>) -> bool| -> Vec<String> {
        pairs
            .iter()
            .filter(|pair| pick(pair))
            .map(|pair| pair.cell.clone())
            .collect()
    };
    Diff {
        schema: SCHEMA.to_owned(),
        tool: head.tool.clone(),
        scenario: head.scenario.name.clone(),
        design,
        base: Side::default(),
        head: Side::default(),
        summary: Summary {
            declared: settings.map_or(0, |settings| settings.gates.len() as u64),
            not_applicable,
            false_discovery_rate: q,
            ..summary(&gate_rows, &advisory_rows)
        },
        refusals,
        gates: gate_rows,
        advisory: advisory_rows,
        loosened: Vec::new(),
        only_in_base: only(|pair| pair.head.is_none()),
        only_in_head: only(|pair| pair.base.is_none()),
    }
}

/// What the scenario gates on, and a refusal for each gate that can be neither better nor worse.
fn gates(head: &Results) -> (Vec<Subject>, Vec<Refusal>) {
    let (mut gates, mut refusals) = (Vec::new(), Vec::new());
    let settings = head.compare.as_ref();
    for gate in settings
        .map(|settings| settings.gates.as_slice())
        .unwrap_or_default()
    {
        match Subject::of(gate, head).filter(|subject| subject.better != Better::Neither) {
            Some(subject) => gates.push(subject),
            None => refusals.push(Refusal {
                code: RefusalCode::NotComparable,
                text: format!("`{}` is no metric that can be better or worse", gate.metric),
            }),
        }
    }
    (gates, refusals)
}

/// The rows of one family of tests, worst first, and how many subjects do not apply.
fn decided(pairs: &[Pair<'_>], subjects: &[Subject], is_paired: bool, q: f64) -> (Vec<Row>, u64) {
    let (mut candidates, not_applicable) = candidates(pairs, subjects, is_paired);
    decide(&mut candidates, q);
    let mut rows: Vec<Row> = candidates
        .into_iter()
        .map(|candidate| candidate.row)
        .collect();
    sort(&mut rows);
    (rows, not_applicable)
}

/// A refusal where no cell stands on both sides.
fn without_counterpart(pairs: &[Pair<'_>]) -> Option<Refusal> {
    let any = pairs
        .iter()
        .any(|pair| pair.base.is_some() && pair.head.is_some());
    (!any).then(|| Refusal {
        code: RefusalCode::NoPairs,
        text: "no cell of base has a counterpart in head".to_owned(),
    })
}

/// A refusal for each gate that applies nowhere: what was never compared has not passed.
fn without_rows<'a>(gates: &'a [Subject], rows: &'a [Row]) -> impl Iterator<Item = Refusal> + 'a {
    gates
        .iter()
        .filter(|gate| !rows.iter().any(|row| row.metric == gate.name))
        .map(|gate| Refusal {
            code: RefusalCode::NoData,
            text: format!(
                "the gate `{}` applies to no cell: no side has such a value",
                gate.name
            ),
        })
}

/// All subjects in all cells, and how many of them do not apply.
fn candidates<'a>(
    pairs: &[Pair<'_>],
    subjects: &'a [Subject],
    is_paired: bool,
) -> (Vec<Candidate<'a>>, u64) {
    let mut candidates = Vec::new();
    let mut not_applicable = 0;
    for pair in pairs {
        for subject in subjects {
            match Evidence::of(pair, subject, is_paired) {
                Some(evidence) => {
                    let row = row(pair, subject, &evidence);
                    candidates.push(Candidate {
                        subject,
                        evidence,
                        row,
                    });
                }
                None => not_applicable += 1,
            }
        }
    }
    (candidates, not_applicable)
}

fn row(pair: &Pair<'_>, subject: &Subject, evidence: &Evidence) -> Row {
    let validity = |cell: Option<&CellResult>| cell.map(|cell| cell.validity.status);
    Row {
        cell: pair.cell.clone(),
        axes: pair.axes.clone(),
        metric: subject.name.clone(),
        unit: subject.unit,
        better: subject.better,
        tolerance: subject.tolerance,
        limit: shown(subject, subject.limit(), None).value,
        in_points: subject.scale() == Scale::Points,
        base: evidence.base,
        head: evidence.head,
        base_validity: validity(pair.base),
        head_validity: validity(pair.head),
        change: evidence.change,
        blocks: evidence.blocks,
        blocks_without_value: evidence.blocks_without_value,
        pairs_worse: evidence.pairs_worse,
        p: None,
        significant: false,
        smallest_visible: None,
        more_blocks: None,
        verdict: Verdict::Inconclusive,
        refusal: None,
    }
}

/// Worst first: by verdict, then by the size of the worsening (of the improvement, where it is one), then by name.
fn sort(rows: &mut [Row]) {
    let size = |row: &Row| {
        let size = worsening(row).unwrap_or(0.0);
        if row.verdict == Verdict::Improved {
            -size
        } else {
            size
        }
    };
    rows.sort_by(|one, two| {
        one.verdict
            .cmp(&two.verdict)
            .then(size(two).total_cmp(&size(one)))
            .then_with(|| one.cell.cmp(&two.cell))
            .then_with(|| one.metric.cmp(&two.metric))
    });
}

fn summary(gates: &[Row], advisory: &[Row]) -> Summary {
    let count = |verdict: Verdict| gates.iter().filter(|row| row.verdict == verdict).count() as u64;
    Summary {
        gates: gates.len() as u64,
        regressed: count(Verdict::Regressed),
        improved: count(Verdict::Improved),
        ok: count(Verdict::Ok),
        inconclusive: count(Verdict::Inconclusive),
        invalid: count(Verdict::Invalid),
        refused: gates.iter().filter(|row| row.refusal.is_some()).count() as u64,
        blocks: gates
            .iter()
            .chain(advisory)
            .map(|row| u64::from(row.blocks))
            .max()
            .unwrap_or(0),
        ..Summary::default()
    }
}

fn side(results: &Results, label: String) -> Side {
    let environment = &results.environment;
    Side {
        label,
        git_commit: environment.git_commit.clone(),
        cpu_model: environment.cpu_model.clone(),
        cores: environment.cores,
        started: environment.started.clone(),
    }
}

fn incomplete(what: &str) -> Refusal {
    let text = format!("{what} was interrupted before all of it was measured: run it again");
    Refusal {
        code: RefusalCode::Incomplete,
        text,
    }
}

/// Gates of base that head made easier to pass, or dropped.
fn loosened(base: Option<&CompareSettings>, head: Option<&CompareSettings>) -> Vec<Loosened> {
    let Some(base) = base else { return Vec::new() };
    let in_head = |metric: &str| {
        let gates = head.map(|head| head.gates.as_slice()).unwrap_or_default();
        gates
            .iter()
            .find(|gate| gate.metric == metric)
            .map(|gate| gate.tolerance)
    };
    let gates = base
        .gates
        .iter()
        .map(|gate| (gate.metric.clone(), gate.tolerance, in_head(&gate.metric)));
    // A lower rate of false discoveries lets more real ones pass.
    let rate = head.map(|head| head.false_discovery_rate);
    let stricter = rate
        .filter(|rate| *rate < base.false_discovery_rate)
        .map(|rate| Loosened {
            metric: "false_discovery_rate".to_owned(),
            base: base.false_discovery_rate,
            head: Some(rate),
        });
    gates
        .filter(|(_, tolerance, head)| head.is_none_or(|head| head > *tolerance))
        .map(|(metric, base, head)| Loosened { metric, base, head })
        .chain(stricter)
        .collect()
}

impl Diff {
    /// Which comparisons gate where nobody says: blocks within one run, since what drifts hits both sides, of a scenario
    /// that declares gates. One that applies nowhere has not passed.
    pub fn default_gate(&self) -> Gate {
        match self.design {
            Design::Paired { .. } if self.summary.declared > 0 => Gate::Paired,
            _ => Gate::Off,
        }
    }

    /// Why the comparison as a whole cannot pass such a gate; rows have their own refusals.
    pub fn refused(&self, gate: Gate) -> Vec<Refusal> {
        if gate == Gate::Off {
            return Vec::new();
        }
        let mut refusals = self.refusals.clone();
        if matches!(self.design, Design::Stored) && gate != Gate::Unpaired {
            refusals.push(Refusal {
                code: RefusalCode::Unpaired,
                text: "no interval sees the drift between two runs: compare within one run (`compare.by`), or pass \
                       `--gate unpaired`"
                    .to_owned(),
            });
        }
        if self.gates.is_empty() && self.refusals.is_empty() {
            refusals.push(Refusal {
                code: RefusalCode::NoGates,
                text: "the scenario declares no `compare.gates`, so that nothing can pass"
                    .to_owned(),
            });
        }
        refusals
    }

    /// How the comparison ends for whoever asks it to gate.
    pub fn outcome(&self, gate: Gate, strict: bool) -> Outcome {
        let summary = &self.summary;
        match gate {
            Gate::Off => Outcome::Pass,
            _ if !self.refused(gate).is_empty() || summary.refused + summary.invalid > 0 => {
                Outcome::Void
            }
            _ if summary.regressed > 0 => Outcome::Regressed,
            _ if strict && summary.inconclusive > 0 => Outcome::Inconclusive,
            _ => Outcome::Pass,
        }
    }
}
