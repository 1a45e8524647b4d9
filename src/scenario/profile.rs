//! A profile of the simulator: a file with what a target's `embedded` takes, read and checked as though it stood there.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::check;
use super::document::source;
use crate::foundation::diagnostic::{Finding, Findings, Severity};
use crate::instruments::simulator::Model;

/// Where the profile stands in the scenario that is made around it.
const EMBEDDED: &str = "/targets/profile/embedded";

/// Reads a profile. An empty file is the model that answers at once.
///
/// # Errors
/// Everything that is wrong with the file, with places.
pub fn read_profile(
    path: &Path,
    environment: &BTreeMap<String, String>,
) -> Result<Model, Findings> {
    let environment = |name: &str| environment.get(name).cloned();
    let options = source::ReadOptions {
        environment: &environment,
        require_environment: true,
        ..source::ReadOptions::default()
    };
    let mut source = source::read(path, &options);
    if source
        .findings
        .iter()
        .any(|finding| finding.code == "empty-file")
    {
        return Ok(Model::default());
    }
    let profile = source.value.clone();
    source.value = json!({
        "version": 1,
        "name": "profile",
        "targets": { "profile": { "protocol": "http", "embedded": profile } },
    });
    let references = std::mem::take(&mut source.references).into_iter();
    source.references = references
        .map(|(pointer, reference)| (format!("{EMBEDDED}{pointer}"), reference))
        .collect();
    let (document, wrong) = check::coerced_findings(&source);
    let found = source.settle(wrong.into_iter().filter_map(unwrapped).collect());
    if invalid(&found) {
        return Err(found);
    }
    let profile = document.pointer(EMBEDDED).cloned().unwrap_or_default();
    let model: Model = serde_json::from_value(profile).map_err(|error| {
        let what = format!("{} is no model of the simulator: {error}", path.display());
        source.settle(vec![Finding::error("simulator-model", "", what)])
    })?;
    let found = source.settle(model.check(""));
    if invalid(&found) {
        Err(found)
    } else {
        Ok(model)
    }
}

fn invalid(findings: &Findings) -> bool {
    findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
}

/// The finding at its place in the profile's own file; `None` where it is not about the profile.
fn unwrapped(mut finding: Finding) -> Option<Finding> {
    finding.pointer = finding.pointer.strip_prefix(EMBEDDED)?.to_owned();
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Model, Findings> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("profile.yaml");
        std::fs::write(&file, text).unwrap();
        read_profile(
            &file,
            &BTreeMap::from([("SEED".to_owned(), "9".to_owned())]),
        )
    }

    #[test]
    fn a_profile_has_the_keys_of_embedded() {
        // The whole example of running.md.
        let model = read(
            "seed: 7\n\
             servers: 4\n\
             service: { kind: lognormal, median: 80ms, sigma: 0.4 }\n\
             ttft: 20ms\n\
             itl: 5ms\n\
             image: { base: 300ms, per_unit: 0.05ms }\n\
             load: { cold: 2s, cached: 300ms }\n\
             faults:\n  - { at: 10s, for: 2s, kind: stall }\n  - { rate: 1%, kind: reset }\n",
        )
        .unwrap();
        assert_eq!(
            (model.seed, model.servers, model.faults.len()),
            (7, Some(4), 2)
        );
        assert_eq!(read("").unwrap(), Model::default());
        assert_eq!(read("seed: \"${env:SEED}\"").unwrap().seed, 9);
    }

    #[test]
    fn a_mistyped_key_is_shown_at_its_place_with_the_right_one() {
        let found = read("seed: 7\nsevrers: 2\n").unwrap_err();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].pointer, "/sevrers");
        assert_eq!(found[0].place.as_ref().unwrap().line_column(), (2, 1));
        assert!(
            format!("{} {:?}", found[0].message, found[0].help).contains("`servers`"),
            "{found:?}"
        );
    }

    #[test]
    fn a_wrong_unit_a_wrong_kind_and_a_missing_parameter_are_refused() {
        for (text, pointer) in [
            ("ttft: 20", "/ttft"),
            ("faults: [{ kind: flood }]", "/faults/0/kind"),
            (
                "service: { kind: lognormal, median: 80ms }",
                "/service/sigma",
            ),
            ("servers: 0", "/servers"),
            ("just a text", ""),
        ] {
            let found = read(text).unwrap_err();
            assert!(
                found.iter().any(|finding| finding.pointer == pointer),
                "{text}: {found:?}"
            );
        }
    }
}
