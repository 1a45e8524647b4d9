//! What it takes to run this again, and on what it was run.

use serde_json::Value as Json;

use super::view::Fact;
use super::{TEXT_SHOWN, counted};
use crate::report::escape;
use crate::report::number::Scale;
use crate::results::{Calibrated, Results};

/// A fact, where there is one.
pub fn fact(name: &str, value: Option<String>) -> Option<Fact> {
    value.map(|value| Fact {
        name: name.to_owned(),
        value,
    })
}

/// What it takes to run this again.
pub fn reproduction(results: &Results) -> Vec<Fact> {
    let mut facts = vec![
        Fact {
            name: "tool".to_owned(),
            value: format!("{} {}", results.tool.name, results.tool.version),
        },
        Fact {
            name: "scenario".to_owned(),
            value: format!(
                "{}, sha256 {}",
                results.scenario.name, results.scenario.hash
            ),
        },
    ];
    facts.extend(results.datasets.iter().map(|dataset| {
        let rows = dataset
            .rows
            .map(|rows| {
                format!(
                    ", {}",
                    counted(usize::try_from(rows).unwrap_or(usize::MAX), "row")
                )
            })
            .unwrap_or_default();
        let skipped = if dataset.skipped > 0 {
            format!(", {} skipped as bad", dataset.skipped)
        } else {
            String::new()
        };
        Fact {
            name: format!("dataset {}", dataset.name),
            value: format!("sha256 {}{rows}{skipped}", dataset.sha256),
        }
    }));
    if !results.environment.options.is_empty() {
        facts.push(Fact {
            name: "options".to_owned(),
            value: results.environment.options.join(" "),
        });
    }
    facts
}

/// On what it was run.
pub fn environment(results: &Results) -> Vec<Fact> {
    let environment = &results.environment;
    let mut facts: Vec<Fact> = [
        fact("host", environment.host.clone()),
        fact("processor", environment.cpu_model.clone()),
        fact("cores", environment.cores.map(|cores| cores.to_string())),
        fact("kernel", environment.kernel.clone()),
        fact("commit", environment.git_commit.clone()),
        fact("started", environment.started.clone()),
        fact("finished", environment.finished.clone()),
    ]
    .into_iter()
    .flatten()
    .collect();
    facts.extend(fact(
        "calibrated",
        environment.calibration.as_ref().map(calibrated),
    ));
    facts.extend(
        environment
            .addresses
            .iter()
            .map(|(target, addresses)| Fact {
                name: format!("addresses of {target}"),
                value: addresses.join(", "),
            }),
    );
    facts.extend(environment.connections.iter().map(|(target, spoken)| {
        let spoken: Vec<_> = spoken.iter().map(ToString::to_string).collect();
        Fact {
            name: format!("connections to {target}"),
            value: spoken.join(", "),
        }
    }));
    facts.extend(environment.metadata.iter().map(|(target, metadata)| Fact {
        name: format!("metadata of {target}"),
        value: escape::shorten(&sorted(metadata).to_string(), TEXT_SHOWN),
    }));
    facts
}

/// What the machine was shown to be able to do, in one line.
fn calibrated(known: &Calibrated) -> String {
    // Rates as they were offered: rounded up, one would flatter.
    let mut parts = vec![match known.highest_rate {
        Some(rate) => format!("offers up to {rate}/s truthfully"),
        None => "offers no rate truthfully that was tried".to_owned(),
    }];
    if let (Some(rate), Some(p50), Some(p99)) =
        (known.lateness_rate, known.lateness_p50, known.lateness_p99)
    {
        let ms = |seconds: f64| Scale::Milliseconds.with_unit(seconds);
        parts.push(format!(
            "sends {} late (p50), {} (p99) at {rate}/s",
            ms(p50),
            ms(p99)
        ));
    }
    if !known.noise.is_empty() {
        let noise: Vec<String> = known
            .noise
            .iter()
            .map(|(metric, cv)| format!("{metric} {}", Scale::Percent.with_unit(*cv)))
            .collect();
        parts.push(format!("A/A noise (cv) of {}", noise.join(", ")));
    }
    format!("{}: {}", known.measured, parts.join("; "))
}

fn sorted(value: &Json) -> Json {
    let mut value = value.clone();
    value.sort_all_objects();
    value
}
