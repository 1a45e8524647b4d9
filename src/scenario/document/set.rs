//! `--set path=value`: one value laid over the document, before references are filled in.
//!
//! A setting is a file of its own, called `--set`, so that what is wrong with it has a place like anything else.

use super::extends::Loader;
use super::limits::Limits;
use super::node::{Entry, Kind, Node, Problem, Span, push_step};
use super::yaml::{self, Input};

/// The name under which settings are shown.
pub(super) const FILE: &str = "--set";

/// A target has one of these; setting one removes the others.
const ADDRESSES: [&str; 3] = ["base_url", "base_urls", "embedded"];

/// Most steps of a path.
const LONGEST: usize = 64;

/// Applies a setting to the document.
pub(super) fn apply(setting: &str, root: Node, loader: &mut Loader) -> Node {
    let file = loader.files.len();
    loader.files.push((FILE.to_owned(), setting.to_owned()));
    let whole = Span {
        file,
        start: 0,
        end: setting.len(),
    };
    match assignment(setting, file, loader) {
        Err(message) => {
            let problem = Problem::error("bad-setting", whole, "", message)
                .help("write `--set path=value`, such as `--set load.requests=5`");
            loader.problems.push(problem);
            root
        }
        Ok(assignment) => {
            let mut at = Cursor {
                assignment: &assignment,
                whole,
                problem: None,
            };
            let changed = at.set(&root, &assignment.path, &mut String::new());
            match at.problem {
                Some(problem) => {
                    loader.problems.push(problem);
                    root
                }
                None => changed,
            }
        }
    }
}

/// A step of a path: a key or an index, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    name: String,
    span: Span,
    /// Whether it was quoted: then it is a whole key, dots and all.
    quoted: bool,
}

struct Assignment {
    path: Vec<Step>,
    value: Node,
}

fn assignment(setting: &str, file: usize, loader: &mut Loader) -> Result<Assignment, String> {
    let (path, equals) = path(setting, file)?;
    if path.len() > LONGEST {
        return Err(format!("a path of more than {LONGEST} steps"));
    }
    if path[0].name == "extends" {
        return Err("`extends` cannot be set".to_owned());
    }
    let value = value(setting, equals + 1, file, loader);
    Ok(Assignment { path, value })
}

/// Splits `a.b."c.d".0=` into its steps; also says where the `=` stands.
fn path(setting: &str, file: usize) -> Result<(Vec<Step>, usize), String> {
    let mut steps = Vec::new();
    let mut from = 0;
    loop {
        let rest = &setting[from..];
        let (name, quoted, end) = if let Some(inner) = rest.strip_prefix('"') {
            let length = inner
                .find('"')
                .ok_or("the quote in the path is never closed")?;
            (&inner[..length], true, from + length + 2)
        } else {
            let length = rest.find(['.', '=']).ok_or("no `=` in the setting")?;
            (&rest[..length], false, from + length)
        };
        if name.is_empty() {
            return Err("a step of the path is empty".to_owned());
        }
        let span = Span {
            file,
            start: from,
            end,
        };
        steps.push(Step {
            name: name.to_owned(),
            span,
            quoted,
        });
        match setting[end..].chars().next() {
            Some('=') => return Ok((steps, end)),
            Some('.') => from = end + 1,
            Some(_) => return Err("after a quoted step comes `.` or `=`".to_owned()),
            None => return Err("no `=` in the setting".to_owned()),
        }
    }
}

/// The value as a YAML scalar or flow collection; text that YAML would read as a block is text.
fn value(setting: &str, offset: usize, file: usize, loader: &mut Loader) -> Node {
    let text = &setting[offset..];
    let span = Span {
        file,
        start: offset,
        end: setting.len(),
    };
    let as_text = || Node::new(Kind::Text(text.into()), span);
    let flow = text.trim_start().starts_with(['{', '[', '"', '\'']);
    let limits: &Limits = loader.limits;
    let mut problems = Vec::new();
    let parsed = yaml::parse(Input { file, text, offset }, limits, &mut problems);
    let node = parsed.root.unwrap_or_else(as_text);
    let block = !flow && (!parsed.whole || matches!(node.kind, Kind::List(_) | Kind::Map(_)));
    // `#1` is a comment to YAML, and a value to whoever writes it here.
    let comment = matches!(node.kind, Kind::Null) && text.trim_start().starts_with('#');
    if block || comment {
        return as_text();
    }
    loader.problems.append(&mut problems);
    Node { span, ..node }
}

struct Cursor<'a> {
    assignment: &'a Assignment,
    whole: Span,
    problem: Option<Problem>,
}

impl Cursor<'_> {
    /// `node` with the value laid in at the rest of the path.
    fn set(&mut self, node: &Node, path: &[Step], pointer: &mut String) -> Node {
        if path.is_empty() {
            return self.assignment.value.clone();
        }
        match &node.kind {
            Kind::List(items) => self.set_item(node, items, path, pointer),
            Kind::Map(entries) => self.set_entry(node, entries, path, pointer),
            // Where nothing stands yet, the path makes maps.
            Kind::Null | Kind::Refused => {
                self.set_entry(&Node::map(Vec::new(), self.whole), &[], path, pointer)
            }
            _ => {
                let name = pointer.trim_start_matches('/').replace('/', ".");
                self.refuse(
                    path[0].span,
                    pointer,
                    format!("`{name}` is a single value, not a map"),
                );
                node.clone()
            }
        }
    }

    fn refuse(&mut self, span: Span, pointer: &str, message: String) {
        self.problem = Some(
            Problem::error("bad-setting", span, pointer, message)
                .help("correct the path of the setting"),
        );
    }

    fn set_item(
        &mut self,
        node: &Node,
        items: &[Node],
        path: &[Step],
        pointer: &mut String,
    ) -> Node {
        let index = path[0]
            .name
            .parse()
            .ok()
            .filter(|index: &usize| *index <= items.len());
        let Some(index) = index else {
            let message = format!(
                "`{}` is no index of a list of {}",
                path[0].name,
                items.len()
            );
            self.refuse(path[0].span, pointer, message);
            return node.clone();
        };
        push_step(pointer, &path[0].name);
        let mut items = items.to_vec();
        let old = items
            .get(index)
            .cloned()
            .unwrap_or_else(|| Node::new(Kind::Null, path[0].span));
        let new = self.set(&old, &path[1..], pointer);
        if index == items.len() {
            items.push(new);
        } else {
            items[index] = new;
        }
        Node {
            used: node.used,
            ..Node::list(items, node.span)
        }
    }

    fn set_entry(
        &mut self,
        node: &Node,
        entries: &[Entry],
        path: &[Step],
        pointer: &mut String,
    ) -> Node {
        let (key, taken) = key(entries, path, pointer);
        let key_span = Span {
            end: path[taken - 1].span.end,
            ..path[0].span
        };
        let mut entries = entries.to_vec();
        if is_target(pointer) && ADDRESSES.contains(&key.as_str()) {
            entries.retain(|entry| *entry.key == *key || !ADDRESSES.contains(&&*entry.key));
        }
        push_step(pointer, &key);
        let old = entries.iter().position(|entry| *entry.key == *key);
        let below = old.map_or_else(
            || Node::new(Kind::Null, key_span),
            |index| entries[index].node.clone(),
        );
        let value = self.set(&below, &path[taken..], pointer);
        match old {
            // What lies deeper was set, so this key stands where it stood.
            Some(index) if path.len() > taken => entries[index].node = value,
            Some(index) => {
                entries[index] = Entry {
                    key: key.into(),
                    key_span,
                    used: None,
                    node: value,
                };
            }
            None => entries.push(Entry {
                key: key.into(),
                key_span,
                used: None,
                node: value,
            }),
        }
        Node {
            used: node.used,
            ..Node::map(entries, node.span)
        }
    }
}

/// The key that the path means in a map, and how many steps it takes: names may hold dots, and what exists decides.
///
/// Of what does not exist yet, one step is one key; but an axis (`matrix.params.steps`) is one key with its dot.
fn key(entries: &[Entry], path: &[Step], pointer: &str) -> (String, usize) {
    if path[0].quoted {
        return (path[0].name.clone(), 1);
    }
    let joined = |count: usize| {
        path[..count]
            .iter()
            .map(|step| step.name.as_str())
            .collect::<Vec<_>>()
            .join(".")
    };
    let plain = path.iter().take_while(|step| !step.quoted).count();
    for count in (1..=plain).rev() {
        let name = joined(count);
        if entries.iter().any(|entry| *entry.key == *name) {
            return (name, count);
        }
    }
    if pointer == "/matrix" && plain > 1 && matches!(path[0].name.as_str(), "params" | "load") {
        return (joined(plain), plain);
    }
    (path[0].name.clone(), 1)
}

/// Whether a pointer names a target: `/targets/omni`.
fn is_target(pointer: &str) -> bool {
    pointer
        .strip_prefix("/targets/")
        .is_some_and(|name| !name.is_empty() && !name.contains('/'))
}

#[cfg(test)]
mod tests;
