//! Two measurements side by side. The unit of statistics is the repeat, never the request.
//!
//! [`paired`] compares two values of one axis within one run, [`stored`] two runs; both give a [`Diff`], which holds
//! all that any output shows, and [`Diff::outcome`] says how it ends. Knows no exit code and renders nothing.

mod document;

pub use document::*;

use crate::results::{ComparedAxis, Results};

/// Compares two values of one axis of a run, block by block.
pub fn paired(results: &Results, by: &ComparedAxis) -> Diff {
    empty(results, Design::Paired { by: by.clone() })
}

/// Compares two runs, whose labels say where they came from.
pub fn stored(base: (&str, &Results), head: (&str, &Results)) -> Diff {
    let _ = base;
    empty(head.1, Design::Stored)
}

fn empty(head: &Results, design: Design) -> Diff {
    Diff {
        schema: SCHEMA.to_owned(),
        tool: head.tool.clone(),
        scenario: head.scenario.name.clone(),
        design,
        base: Side::default(),
        head: Side::default(),
        summary: Summary::default(),
        refusals: Vec::new(),
        gates: Vec::new(),
        advisory: Vec::new(),
        loosened: Vec::new(),
        only_in_base: Vec::new(),
        only_in_head: Vec::new(),
    }
}

impl Diff {
    /// How the comparison ends for whoever asks it to gate.
    pub fn outcome(&self, gate: Gate, strict: bool) -> Outcome {
        let unpaired = matches!(self.design, Design::Stored) && gate == Gate::Paired;
        let refused = !self.refusals.is_empty() || self.summary.refused > 0 || self.summary.invalid > 0;
        match gate {
            Gate::Off => Outcome::Pass,
            _ if unpaired || refused => Outcome::Void,
            _ if self.summary.regressed > 0 => Outcome::Regressed,
            _ if strict && self.summary.inconclusive > 0 => Outcome::Inconclusive,
            _ => Outcome::Pass,
        }
    }
}
