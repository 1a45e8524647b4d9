use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::scenario::document::source::{ReadOptions, Source, read};

/// A project with these files; the first is read.
fn project(files: &[(&str, &str)]) -> (tempfile::TempDir, Source) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(".git")).unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        write(&path, text);
    }
    let source = read(&folder.path().join(files[0].0), &ReadOptions::default());
    (folder, source)
}

fn write(path: &Path, text: &str) {
    use std::io::Write as _;
    fs::File::create(path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

fn codes(source: &Source) -> Vec<&str> {
    source.findings.iter().map(|finding| finding.code).collect()
}

fn place(source: &Source, pointer: &str) -> String {
    let place = source.places.value(pointer).unwrap();
    let (line, column) = place.line_column();
    format!(
        "{}:{line}:{column}",
        Path::new(&place.file.path).file_name().unwrap().display()
    )
}

#[test]
fn maps_merge_deeply_lists_replace_and_the_file_that_extends_wins() {
    let (_folder, source) = project(&[
        (
            "s/a.yaml",
            "extends: [../one.yaml, two.yaml]\nload: {seed: 1}\nlist: [a]\n",
        ),
        (
            "one.yaml",
            "load: {seed: 7, requests: 7, rate: 1}\nlist: [x, y]\nkeep: 1\n",
        ),
        ("s/two.yaml", "load:\n  requests: 8\nkeep: {deep: 2}\n"),
    ]);
    assert_eq!(codes(&source), Vec::<&str>::new());
    let expected =
        json!({"load": {"seed": 1, "requests": 8, "rate": 1}, "list": ["a"], "keep": {"deep": 2}});
    assert_eq!(source.value, expected);
    assert_eq!(place(&source, "/load/seed"), "a.yaml:2:14");
    assert_eq!(place(&source, "/load/requests"), "two.yaml:2:13");
    assert_eq!(place(&source, "/load/rate"), "one.yaml:1:36");
    let names: Vec<_> = source
        .places
        .files()
        .iter()
        .map(|file| &file.path)
        .collect();
    assert!(names.iter().all(|name| !name.contains("..")), "{names:?}");
}

fn chain(length: usize) -> Vec<(String, String)> {
    let link = |index: usize| {
        (
            format!("{index}.yaml"),
            format!("extends: [{}.yaml]\nk{index}: 1\n", index + 1),
        )
    };
    let mut files: Vec<_> = (0..length).map(link).collect();
    files.push((format!("{length}.yaml"), "last: 1\n".to_owned()));
    files
}

#[test]
fn five_files_deep_is_fine_and_the_sixth_is_an_error() {
    for (length, expected) in [(5, vec![]), (6, vec!["extends-too-deep"])] {
        let files = chain(length);
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        let (_folder, source) = project(&files);
        assert_eq!(codes(&source), expected, "{length}");
        assert_eq!(source.value.get("last").is_some(), length == 5);
    }
}

#[test]
fn cycles_escapes_and_missing_files_are_errors_at_their_place() {
    let (_folder, source) = project(&[
        (
            "a.yaml",
            "extends:\n  - b.yaml\n  - ../../../etc/passwd\n  - gone.yaml\n  - /etc/passwd\n  - 5\n  - a.yaml\n",
        ),
        ("b.yaml", "extends: [c.yaml]\n"),
        ("c.yaml", "x: 1\nextends: [b.yaml]\n"),
    ]);
    let shown: Vec<_> = source
        .findings
        .iter()
        .map(|finding| {
            let place = finding.place.as_ref().unwrap();
            let name = Path::new(&place.file.path)
                .file_name()
                .unwrap()
                .display()
                .to_string();
            format!("{} {name}:{}", finding.code, place.line_column().0)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "outside-project a.yaml:3",
            "unreadable-file a.yaml:4",
            "outside-project a.yaml:5",
            "wrong-type a.yaml:6",
            "extends-cycle a.yaml:7",
            "extends-cycle c.yaml:2",
        ]
    );
    assert_eq!(source.value, json!({"x": 1}));
}

#[test]
fn a_symlink_out_of_the_project_is_an_escape() {
    let outside = tempfile::tempdir().unwrap();
    write(&outside.path().join("x.yaml"), "x: 1\n");
    let (folder, _) = project(&[("a.yaml", "extends: [link.yaml]\n")]);
    std::os::unix::fs::symlink(
        outside.path().join("x.yaml"),
        folder.path().join("link.yaml"),
    )
    .unwrap();
    let source = read(&folder.path().join("a.yaml"), &ReadOptions::default());
    assert_eq!(codes(&source), ["outside-project"]);
}

#[test]
fn a_diamond_is_no_cycle_and_a_mesh_ends() {
    let (_folder, source) = project(&[
        ("a.yaml", "extends: [b.yaml, c.yaml]\n"),
        ("b.yaml", "extends: [d.yaml]\n"),
        ("c.yaml", "extends: [d.yaml]\n"),
        ("d.yaml", "x: 1\n"),
    ]);
    assert_eq!((codes(&source), &source.value), (vec![], &json!({"x": 1})));
    let wide = |next: usize| {
        format!(
            "extends: [{}]\n",
            vec![format!("{next}.yaml"); 9].join(", ")
        )
    };
    let files: Vec<_> = (0..5)
        .map(|level| (format!("{level}.yaml"), wide(level + 1)))
        .collect();
    let mut files: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    files.push(("5.yaml", "x: 1\n"));
    let (_folder, source) = project(&files);
    assert_eq!(codes(&source), ["too-many-files"]);
}

#[test]
fn broken_files_below_make_the_document_partial() {
    let (_folder, source) = project(&[
        ("a.yaml", "extends: [b.yaml]\nx: 1\n"),
        ("b.yaml", "y: [1\n"),
    ]);
    assert_eq!((codes(&source), source.whole), (vec!["yaml-syntax"], false));
    assert_eq!(source.value["x"], json!(1));
    let (_folder, source) = project(&[("a.yaml", "extends: [b.yaml]\n"), ("b.yaml", "[]")]);
    assert_eq!(
        (codes(&source), &source.value),
        (vec!["not-a-map"], &Value::Object(serde_json::Map::new()))
    );
}
