//! The simulator that a target embeds.

use serde::Deserialize as _;

use super::{Part, Rule, Subject};
use crate::foundation::diagnostic::{Finding, Findings};
use crate::instruments::simulator::Model;

/// A model that cannot be simulated.
pub const MODEL: Rule = Rule {
    code: "simulator-model",
    explain: "The simulator's latency model must be complete: a distribution has its parameters, a fault hits something.",
    check: model,
};

fn model(subject: &Subject<'_>, findings: &mut Findings) {
    for target in subject.targets() {
        let Some(Ok(model)) = target.map.get("embedded").map(Model::deserialize) else {
            continue;
        };
        findings.extend(model.check(&target.at("embedded")));
        findings.extend(idle(&target, &model));
    }
}

/// A warning where `service` is not what its author thinks: a model serves every protocol, but its target has one.
fn idle(target: &Part<'_>, model: &Model) -> Option<Finding> {
    let (what, instead) = match target.text("protocol") {
        Some("openai-chat" | "ollama") if model.streams_without_service() => {
            ("streamed tokens", "`ttft` and `itl` say when they come")
        }
        Some("vllm-omni") if model.pictures_without_service() => {
            ("pictures", "`image` says how long they take")
        }
        _ => return None,
    };
    let at = target.at("embedded") + "/service";
    let message = format!("`service` has no effect on {what}: {instead}");
    let help = "leave one of them out; with `ttft` alone, tokens spread evenly over `service`";
    Some(Finding::warning(MODEL.code, at, message).help(help))
}
