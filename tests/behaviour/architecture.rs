//! Holds the house against the tables in ARCHITECTURE.md.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Rooms that are grouped in a folder: `foundation::units` is a room, `scenario` is one by itself.
const GROUPS: [&str; 3] = ["foundation", "instruments", "kinds"];

/// Files that may pass 400 lines without tests, up to 500, each with its reason.
const LONG_FILES: [(&str, &str); 1] = [(
    "src/scenario/domain.rs",
    "one published family of values, of whose lines most are their documentation",
)];

struct Source {
    path: String,
    room: String,
    text: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    collect(&root().join("src"), &mut files);
    files
        .into_iter()
        .filter_map(|file| {
            let path = file
                .strip_prefix(root())
                .ok()?
                .to_string_lossy()
                .replace('\\', "/");
            let parts: Vec<&str> = path
                .trim_start_matches("src/")
                .trim_end_matches(".rs")
                .split('/')
                .collect();
            let room = match parts.as_slice() {
                ["lib" | "main"] | [] => return None,
                [group, "mod"] if GROUPS.contains(group) => return None,
                [group, room, ..] if GROUPS.contains(group) => format!("{group}::{room}"),
                [room, ..] => (*room).to_owned(),
            };
            Some(Source {
                path,
                room,
                text: std::fs::read_to_string(file).ok()?,
            })
        })
        // Tests may reach wherever they must.
        .filter(|source| !source.path.ends_with("tests.rs") && !source.path.contains("/tests/"))
        .collect()
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// The code of a file without comments and without what follows `#[cfg(test)]`.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Every path that begins with `crate::`, braces opened.
fn crate_paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        open(&code[at + "crate::".len()..], &mut Vec::new(), &mut found);
    }
    found
}

/// Reads a path or a braced list of them at the start of `text`; returns how many bytes it took.
fn open(text: &str, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let mut at = text.len() - text.trim_start().len();
    if text[at..].starts_with('{') {
        at += 1;
        loop {
            let depth = prefix.len();
            at += open(&text[at..], prefix, found);
            prefix.truncate(depth);
            at += text[at..].len() - text[at..].trim_start().len();
            match text[at..].chars().next() {
                Some(',') => at += 1,
                Some('}') => return at + 1,
                _ => return at,
            }
        }
    }
    let name_len = text[at..]
        .find(|c: char| !c.is_alphanumeric() && c != '_' && c != '*')
        .unwrap_or(text.len() - at);
    if name_len == 0 {
        return at;
    }
    prefix.push(text[at..at + name_len].to_owned());
    at += name_len;
    if text[at..].starts_with("::") {
        at += 2 + open(&text[at + 2..], prefix, found);
    } else {
        found.push(prefix.clone());
    }
    at
}

/// Cells of the first table of ARCHITECTURE.md whose head begins with `head`.
fn table(head: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    text.lines()
        .skip_while(|line| !line.starts_with(&format!("| {head} |")))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            line.trim_matches('|')
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect()
        })
        .collect()
}

/// Room → names that it may use, each a room's last name or `room::Item`.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    table("room")
        .into_iter()
        .map(|row| {
            (
                row[0].trim_matches('`').to_owned(),
                row[2].split_whitespace().map(str::to_owned).collect(),
            )
        })
        .collect()
}

#[test]
fn every_room_stands_in_the_table() {
    let allowed = allowed();
    assert!(allowed.len() > 20, "the table was not read: {allowed:?}");
    let missing: BTreeSet<_> = sources()
        .into_iter()
        .map(|s| s.room)
        .filter(|room| !allowed.contains_key(room))
        .collect();
    assert!(
        missing.is_empty(),
        "rooms without a row in ARCHITECTURE.md: {missing:?}"
    );
}

#[test]
fn no_room_imports_one_that_its_row_does_not_name() {
    let allowed = allowed();
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(may) = allowed.get(&source.room) else {
            continue;
        };
        if may.contains("all") {
            continue;
        }
        for path in crate_paths(&code(&source.text)) {
            let (room, name, item) = match path.as_slice() {
                [group, room, rest @ ..] if GROUPS.contains(&group.as_str()) => (
                    format!("{group}::{room}"),
                    room.clone(),
                    rest.first().cloned(),
                ),
                [room, rest @ ..] => (room.clone(), room.clone(), rest.first().cloned()),
                [] => continue,
            };
            let single = item.map(|item| format!("{name}::{item}"));
            if room != source.room
                && !may.contains(&name)
                && !single.is_some_and(|single| may.contains(&single))
            {
                wrong.push(format!("{}: crate::{}", source.path, path.join("::")));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "imports that ARCHITECTURE.md does not allow:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn a_crate_is_named_only_in_the_rooms_that_own_it() {
    let mut wrong = Vec::new();
    let owners = table("crate");
    assert!(owners.len() > 5, "the table was not read");
    for source in sources() {
        let code = code(&source.text);
        for row in &owners {
            let rooms: Vec<&str> = row[1]
                .split(", ")
                .map(|room| room.trim_matches('`'))
                .collect();
            for name in row[0].split(", ").map(|name| name.trim_matches('`')) {
                if !rooms.contains(&source.room.as_str()) && names_crate(&code, name) {
                    wrong.push(format!("{}: {name}", source.path));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "crates outside the rooms that own them:\n{}",
        wrong.join("\n")
    );
}

fn names_crate(code: &str, name: &str) -> bool {
    code.match_indices(&format!("{name}::")).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        // `self::rand::` and `foo_rand::` are other names.
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

#[test]
fn no_file_outgrows_its_budget() {
    let long: Vec<_> = sources()
        .into_iter()
        .map(|source| {
            let lines = source
                .text
                .split("#[cfg(test)]")
                .next()
                .unwrap_or_default()
                .lines()
                .count();
            (source.path, lines)
        })
        .filter(|(path, lines)| {
            let listed = LONG_FILES.iter().any(|(name, _)| name == path);
            *lines > if listed { 500 } else { 400 }
        })
        .collect();
    assert!(
        long.is_empty(),
        "files over 400 lines without tests; look for the seam: {long:?}"
    );
}

#[test]
fn every_public_item_says_what_it_is_for() {
    const ITEMS: [&str; 8] = [
        "pub fn ",
        "pub struct ",
        "pub enum ",
        "pub trait ",
        "pub const ",
        "pub type ",
        "pub async fn ",
        "pub static ",
    ];
    let mut silent = Vec::new();
    for source in sources() {
        let text = source.text.split("#[cfg(test)]").next().unwrap_or_default();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (number, line) in lines.iter().enumerate() {
            if !ITEMS.iter().any(|item| line.starts_with(item)) {
                continue;
            }
            let documented = lines[..number]
                .iter()
                .rev()
                .take_while(|above| {
                    !above.is_empty() && !above.ends_with('}') && !above.ends_with(';')
                })
                .any(|above| above.starts_with("///") || above.starts_with("#[doc"));
            if !documented {
                silent.push(format!("{}:{}: {line}", source.path, number + 1));
            }
        }
        if !text.trim_start().starts_with("//!") {
            silent.push(format!("{}: no module header", source.path));
        }
    }
    assert!(
        silent.is_empty(),
        "public items without documentation:\n{}",
        silent.join("\n")
    );
}
