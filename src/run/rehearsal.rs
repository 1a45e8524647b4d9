//! A user's template tried before anything is sent, with the cells of the plan.

use std::collections::BTreeMap;

use serde_json::json;

use super::search;
use crate::plan::Plan;
use crate::report::{self, ReportError, UserTemplate};
use crate::results::{
    self, Assembly, Calibrated, DatasetReference, Environment, HttpSpoken, Selection, Spoken,
};
use crate::scenario::Scenario;

/// Renders the template as the run will, with figures that are made up.
pub fn check_template(
    scenario: &Scenario,
    plan: &Plan,
    selection: Option<&Selection>,
    template: &UserTemplate,
) -> Result<(), ReportError> {
    let dataset = |name: &String| DatasetReference {
        name: name.clone(),
        sha256: "0".repeat(64),
        rows: Some(1),
        skipped: 0,
    };
    let results = results::assemble(Assembly {
        scenario,
        plan,
        metrics: Vec::new(),
        runs: Vec::new(),
        searches: plan
            .cells
            .iter()
            .filter_map(search::without_answer)
            .collect(),
        environment: environment(scenario),
        datasets: scenario.datasets.keys().map(dataset).collect(),
        incomplete: false,
        selection: selection.cloned(),
    });
    report::rehearse(results, template)
}

/// Of a machine that knows everything.
fn environment(scenario: &Scenario) -> Environment {
    let some = |text: &str| Some(text.to_owned());
    let targets = || scenario.targets.values();
    Environment {
        host: some("host"),
        cpu_model: some("a CPU"),
        cores: Some(1),
        kernel: some("a kernel"),
        git_commit: some("0000000"),
        started: some("1970-01-01T00:00:00Z"),
        finished: some("1970-01-01T00:00:00Z"),
        addresses: targets()
            .map(|target| (target.name.clone(), vec!["127.0.0.1:80".to_owned()]))
            .collect(),
        connections: targets()
            .map(|target| {
                let spoken = vec![Spoken::plain(HttpSpoken::Http11)];
                (target.name.clone(), spoken)
            })
            .collect(),
        metadata: targets()
            .filter(|target| target.metadata.is_some())
            .map(|target| (target.name.clone(), json!({})))
            .collect::<BTreeMap<_, _>>(),
        options: Vec::new(),
        calibration: Some(Calibrated::default()),
    }
}
