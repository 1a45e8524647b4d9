//! The simulator that a target embeds.

use serde::Deserialize as _;

use super::{Rule, Subject};
use crate::foundation::diagnostic::Findings;
use crate::instruments::simulator::Model;

/// A model that cannot be simulated.
pub const MODEL: Rule = Rule {
    code: "simulator-model",
    explain: "The simulator's latency model must be complete: a distribution has its parameters, a fault hits something.",
    check: model,
};

fn model(subject: &Subject<'_>, findings: &mut Findings) {
    for target in subject.targets() {
        let model = target.map.get("embedded").map(Model::deserialize);
        if let Some(Ok(model)) = model {
            findings.extend(model.check(&target.at("embedded")));
        }
    }
}
