//! Whether two runs were measured under the same conditions (compare.md, "Stored").

use std::collections::BTreeMap;

use super::document::{Refusal, RefusalCode};
use crate::results::Results;

/// What differs between the machines, tools and data of two runs; `None` where nothing does.
pub(super) fn difference(base: &Results, head: &Results) -> Option<Refusal> {
    let (one, two) = (fingerprint(base), fingerprint(head));
    let names: Vec<&String> = one
        .keys()
        .chain(two.keys().filter(|name| !one.contains_key(*name)))
        .collect();
    let shown = |value: Option<&String>| value.map_or("unknown", String::as_str).to_owned();
    let different: Vec<String> = names
        .into_iter()
        .filter(|name| one.get(*name) != two.get(*name))
        .map(|name| {
            format!(
                "{name} {} and {}",
                shown(one.get(name)),
                shown(two.get(name))
            )
        })
        .collect();
    (!different.is_empty()).then(|| Refusal {
        code: RefusalCode::OtherFingerprint,
        text: format!(
            "the runs differ in more than the target: {}",
            different.join("; ")
        ),
    })
}

/// CPU model, cores, kernel major, tool minor and dataset hashes; cells are held against each other by their keys.
fn fingerprint(results: &Results) -> BTreeMap<String, String> {
    let environment = &results.environment;
    let mut parts: BTreeMap<String, String> = results
        .datasets
        .iter()
        .map(|dataset| (format!("dataset {}", dataset.name), short(&dataset.sha256)))
        .collect();
    let mut put = |name: &str, value: Option<String>| {
        parts.extend(value.map(|value| (name.to_owned(), value)));
    };
    put("CPU", environment.cpu_model.clone());
    put("cores", environment.cores.map(|cores| cores.to_string()));
    put(
        "kernel",
        environment
            .kernel
            .as_deref()
            .map(|kernel| leading(kernel, 1)),
    );
    put("tool", Some(leading(&results.tool.version, 2)));
    parts
}

/// The first digits of a hash are enough to tell two apart.
fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}

/// A name and the leading numbers of its version: `Linux 6` of `Linux 6.8.0-45-generic`, `0.1` of `0.1.3`.
fn leading(version: &str, numbers: usize) -> String {
    version
        .split('.')
        .take(numbers)
        .collect::<Vec<_>>()
        .join(".")
}
