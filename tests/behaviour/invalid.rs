//! Every fixture of an invalid scenario is refused for its own reason, at its own line.

use std::path::Path;

use serde_json::Value;

use super::support::run;

const FOLDER: &str = "tests/fixtures/scenarios/invalid";

#[test]
fn every_invalid_scenario_is_refused_for_its_own_reason_at_its_own_line() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = std::fs::read_dir(root.join(FOLDER))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() > 40, "{}", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let expected = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# expect: "))
            .unwrap_or_default();
        let ended = run(
            root,
            &["validate", &format!("{FOLDER}/{name}"), "--format", "json"],
        );
        let document: Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
        let told: Vec<String> = document["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|error| {
                format!(
                    "{} @ {}",
                    error["code"].as_str().unwrap_or_default(),
                    error["line"]
                )
            })
            .collect();
        let helps = document["errors"]
            .as_array()
            .is_some_and(|errors| errors.iter().all(|error| error["help"].is_string()));
        if ended.code != Some(2) || told != [expected] || !helps {
            wrong.push(format!(
                "{name}: expected {expected}, exit {:?}, found {told:?}",
                ended.code
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
