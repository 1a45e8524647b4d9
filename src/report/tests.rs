use std::io::Write as _;

use super::*;
use crate::results::{MetricValue, Results};

fn all(results: &Results) -> Vec<Rendered> {
    let formats = FORMATS.iter().map(|format| format.name.to_owned()).collect();
    render(results, &Rendering { formats, template: None, plots: true }).unwrap()
}

fn file(results: &Results, path: &str) -> String {
    let rendered = all(results).into_iter().find(|file| file.path == path).unwrap_or_else(|| panic!("no {path}"));
    String::from_utf8(rendered.bytes).unwrap()
}

/// Writes the fixtures' reports into a folder to look at: `PLIMSOLL_LOOK=/tmp/look cargo test --lib report::tests::look`.
#[test]
#[ignore = "writes files to look at"]
fn look() {
    let folder = std::path::PathBuf::from(std::env::var("PLIMSOLL_LOOK").unwrap());
    let mut single = fixture::results();
    single.cells.truncate(1);
    let mut incomplete = fixture::results();
    incomplete.incomplete = true;
    let mut empty = fixture::results();
    for value in empty.cells.iter_mut().flat_map(|cell| cell.metrics.values_mut()) {
        *value = None;
    }
    let hostile = fixture::hostile("<script>alert(1)</script> | @octocat `x` \u{202e}abc [l](javascript:alert(1))");
    for (name, results) in [
        ("normal", fixture::results()), ("single", single), ("incomplete", incomplete), ("empty", empty), ("hostile", hostile),
        ("large", fixture::large()), ("none", fixture::around(Vec::new())),
    ] {
        for rendered in all(&results) {
            let path = folder.join(name).join(&rendered.path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::File::create(path).unwrap().write_all(&rendered.bytes).unwrap();
        }
    }
}
