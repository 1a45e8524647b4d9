//! A document held against the schema: every error of the validator becomes findings that a person can act on.
//!
//! Knows the schema and nothing of a scenario's meaning; what the schema cannot say is in `rules`. The validator is built
//! once.

mod branch;
mod number;
mod wording;

use std::sync::LazyLock;

use jsonschema::error::ValidationErrorKind as Problem;
use jsonschema::{ValidationError, Validator};
use serde_json::{Value, json};

use super::document::interpolate::coerced;
use super::document::source::Source;
use super::schema::committed;
use super::suggest::{listed, nearest};
use crate::foundation::diagnostic::{Finding, Findings};
use crate::foundation::units::{HumanDuration, Size};

/// The schema with what checks a document against it.
pub struct Checker {
    schema: Value,
    validator: Option<Validator>,
}

static CHECKER: LazyLock<Checker> = LazyLock::new(Checker::new);

/// Everything in `document` that the schema does not allow.
pub fn findings(document: &Value) -> Findings {
    CHECKER.findings(document)
}

/// Everything in `load` that the schema does not allow.
pub fn load_findings(load: &Value) -> Findings {
    let document = json!({
        "version": 1, "name": "load", "load": load,
        "targets": { "any": { "protocol": "http", "base_url": "http://any" } },
    });
    findings(&document)
}

/// The document with texts from references made numbers and booleans where the schema wants these, or where a request
/// parameter takes anything; and what the schema does not allow in it.
pub fn coerced_findings(source: &Source) -> (Value, Findings) {
    let mut document = source.value.clone();
    let mut found = findings(&document);
    let mut changed = false;
    for (pointer, reference) in &source.references {
        let refused = found.iter().any(|finding| finding.pointer == *pointer);
        if !reference.unset.is_empty() || !(refused || takes_anything(pointer)) {
            continue;
        }
        let Some(leaf) = document.pointer_mut(pointer) else {
            continue;
        };
        let plain = leaf
            .as_str()
            .and_then(coerced)
            .filter(|value| !value.is_null());
        if let Some(value) = plain {
            *leaf = value;
            changed = true;
        }
    }
    if changed {
        found = findings(&document);
    }
    number::whole(&mut document);
    (document, found)
}

/// Whether a value there is a request parameter or an axis value, whose type is the user's own.
fn takes_anything(pointer: &str) -> bool {
    pointer.split('/').any(|part| {
        part == "params"
            || part == "override"
            || part.starts_with("params.")
            || part.starts_with("load.")
    })
}

impl Checker {
    fn new() -> Self {
        let mut schema = committed();
        // Which texts these are, their parsers say: the pattern is an editor's, and takes `1s1m` too.
        for name in ["HumanDuration", "Size"] {
            if let Some(Value::Object(definition)) =
                schema.pointer_mut(&format!("/definitions/{name}"))
            {
                definition.remove("pattern");
                definition.insert("format".to_owned(), json!(name));
            }
        }
        let validator = jsonschema::draft7::options()
            .with_format("HumanDuration", |text: &str| {
                text.parse::<HumanDuration>().is_ok()
            })
            .with_format("Size", |text: &str| text.parse::<Size>().is_ok())
            .should_validate_formats(true)
            .build(&schema)
            .ok();
        Self { schema, validator }
    }

    fn findings(&self, document: &Value) -> Findings {
        let Some(validator) = &self.validator else {
            return vec![Finding::error(
                "broken-schema",
                "",
                "the built-in schema cannot be used",
            )];
        };
        let mut findings = Findings::new();
        for error in validator.iter_errors(document) {
            self.tell(&error, &mut findings);
        }
        drop_slips(&mut findings);
        findings
    }

    /// The part of the schema that `error` comes from.
    fn part(&self, error: &ValidationError<'_>) -> &Value {
        let path = error.schema_path().as_str();
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        self.schema.pointer(parent).unwrap_or(&Value::Null)
    }

    fn tell(&self, error: &ValidationError<'_>, findings: &mut Findings) {
        let pointer = error.instance_path().as_str();
        match error.kind() {
            Problem::AdditionalProperties { unexpected } => {
                for key in unexpected {
                    findings.push(match second_form(pointer, key, error.instance()) {
                        Some(second) => second,
                        None => unknown_key(pointer, key, self.part(error)),
                    });
                }
            }
            Problem::Required { property } => {
                findings.push(missing_key(pointer, property, self.part(error)));
            }
            Problem::PropertyNames { error: inner } => {
                let name = inner.instance().as_str().unwrap_or_default();
                findings.push(illegal_name(&child(pointer, name), name).at_key());
            }
            Problem::Pattern { .. } if self.is_name(error) => {
                findings.push(illegal_name(
                    pointer,
                    error.instance().as_str().unwrap_or_default(),
                ));
            }
            Problem::AnyOf { context } | Problem::OneOfNotValid { context } => {
                self.descend(error, context, findings);
            }
            _ => findings.push(self.value(error)),
        }
    }

    fn is_name(&self, error: &ValidationError<'_>) -> bool {
        self.part(error).get("pattern") == self.schema.pointer("/properties/name/pattern")
    }

    /// A value that has the wrong type, form or size.
    fn value(&self, error: &ValidationError<'_>) -> Finding {
        let (pointer, part, value) = (
            error.instance_path().as_str(),
            self.part(error),
            error.instance(),
        );
        let found = wording::found(value);
        let finding = match error.kind() {
            Problem::Type { .. } => Finding::error(
                "wrong-type",
                pointer,
                format!("{found} is not {}", wording::expected(&self.schema, error)),
            ),
            Problem::Pattern { .. } | Problem::Format { .. } => Finding::error(
                "wrong-form",
                pointer,
                format!("{found} is not {}", wording::expected(&self.schema, error)),
            ),
            Problem::Enum { options } => {
                return wrong_value(
                    pointer,
                    value,
                    options.as_array().map_or(&[], Vec::as_slice),
                );
            }
            Problem::Constant { expected_value } => {
                return wrong_value(pointer, value, std::slice::from_ref(expected_value));
            }
            Problem::Minimum { limit } => {
                out_of_range(pointer, &found, &format!("at least {limit}"))
            }
            Problem::Maximum { limit } => {
                out_of_range(pointer, &found, &format!("at most {limit}"))
            }
            Problem::ExclusiveMinimum { limit } => {
                out_of_range(pointer, &found, &format!("above {limit}"))
            }
            Problem::ExclusiveMaximum { limit } => {
                out_of_range(pointer, &found, &format!("below {limit}"))
            }
            Problem::MinItems { limit }
            | Problem::MinProperties { limit }
            | Problem::MinLength { limit } => Finding::error(
                "wrong-length",
                pointer,
                format!("{found} has too few entries: at least {limit}"),
            ),
            Problem::MaxItems { limit }
            | Problem::MaxProperties { limit }
            | Problem::MaxLength { limit } => Finding::error(
                "wrong-length",
                pointer,
                format!("{found} has too many entries: at most {limit}"),
            ),
            _ => Finding::error("not-allowed", pointer, error.to_string()),
        };
        match wording::help(value, part).or_else(|| wording::help(value, self.definition(error))) {
            Some(help) => finding.help(help),
            None => finding.help(wording::fallback(value, pointer)),
        }
    }

    /// The definition that the part of the schema stands in.
    fn definition(&self, error: &ValidationError<'_>) -> &Value {
        let name = error
            .schema_path()
            .as_str()
            .split('/')
            .nth(2)
            .unwrap_or_default();
        self.schema
            .pointer(&format!("/definitions/{name}"))
            .unwrap_or(&Value::Null)
    }
}

/// The forms of `auth`, of which it has one.
const AUTH: [&str; 3] = ["bearer", "basic", "header"];

/// A form of `auth` beside another one.
fn second_form(pointer: &str, key: &str, auth: &Value) -> Option<Finding> {
    let first = AUTH
        .iter()
        .find(|form| **form != key && auth.get(**form).is_some())?;
    (pointer.ends_with("/auth") && AUTH.contains(&key)).then(|| {
        let message = format!("`auth` has one form, and `{key}` stands beside `{first}`");
        Finding::error("unknown-key", child(pointer, key), message)
            .at_key()
            .help("keep one of them")
    })
}

fn unknown_key(pointer: &str, key: &str, part: &Value) -> Finding {
    let known: Vec<&str> = part
        .get("properties")
        .and_then(Value::as_object)
        .map(|properties| properties.keys().map(String::as_str).collect())
        .unwrap_or_default();
    let known = if pointer.ends_with("/auth") {
        AUTH.to_vec()
    } else {
        known
    };
    let finding = Finding::error(
        "unknown-key",
        child(pointer, key),
        format!("unknown key `{key}`"),
    )
    .at_key();
    let near = wording::usual_name(key, &known).or_else(|| nearest(key, known.iter().copied()));
    match near {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None if pointer.is_empty() => finding.help(format!(
            "the keys here are {}; material for anchors goes under a key that begins with `x-`",
            listed(known)
        )),
        None => finding.help(format!("the keys here are {}", listed(known))),
    }
}

fn missing_key(pointer: &str, property: &Value, part: &Value) -> Finding {
    let key = property.as_str().unwrap_or_default();
    let what = if pointer.is_empty() {
        "the scenario".to_owned()
    } else {
        format!("`{}`", wording::last(pointer))
    };
    let finding = Finding::error("missing-key", pointer, format!("{what} has no `{key}`")).at_key();
    let described = part.pointer(&format!("/properties/{key}"));
    match described
        .and_then(|property| property.get("examples"))
        .and_then(|examples| examples.get(0))
    {
        Some(example) => finding.help(format!(
            "add it, such as `{key}: {}`",
            wording::flow(example)
        )),
        None => finding.help(format!("add `{key}`")),
    }
}

/// The key that an unknown one was meant to be, as a pointer.
pub fn meant(finding: &Finding) -> Option<String> {
    let (parent, _) = finding
        .pointer
        .rsplit_once('/')
        .filter(|_| finding.code == "unknown-key")?;
    let help = finding.help.as_deref()?;
    let near = help.strip_prefix("did you mean `")?.strip_suffix("`?")?;
    Some(child(parent, near))
}

/// A key that is missing because it was misspelt is told once.
fn drop_slips(findings: &mut Findings) {
    let meant: Vec<String> = findings.iter().filter_map(meant).collect();
    let is_slip = |finding: &Finding| {
        finding.code == "missing-key"
            && meant.iter().any(|meant| {
                meant.rsplit_once('/').is_some_and(|(parent, key)| {
                    parent == finding.pointer && finding.message.ends_with(&format!("no `{key}`"))
                })
            })
    };
    findings.retain(|finding| !is_slip(finding));
}

fn illegal_name(pointer: &str, name: &str) -> Finding {
    let legal: String = name
        .to_lowercase()
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() || "._-".contains(letter) {
                letter
            } else {
                '-'
            }
        })
        .skip_while(|letter| !letter.is_ascii_alphanumeric())
        .collect();
    let finding = Finding::error(
        "illegal-name",
        pointer,
        format!(
            "`{name}` is not a name: lower-case letters, digits, `.`, `_` and `-`, a letter or digit first"
        ),
    );
    if legal.is_empty() {
        finding
    } else {
        finding.help(format!("write `{legal}`"))
    }
}

fn out_of_range(pointer: &str, found: &str, bound: &str) -> Finding {
    Finding::error(
        "out-of-range",
        pointer,
        format!("{found} is out of range: {bound}"),
    )
}

fn wrong_value(pointer: &str, value: &Value, options: &[Value]) -> Finding {
    let names: Vec<String> = options.iter().map(wording::plain).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let finding = Finding::error(
        "wrong-value",
        pointer,
        format!(
            "{} is none of {}",
            wording::found(value),
            listed(names.iter().copied())
        ),
    );
    match value
        .as_str()
        .and_then(|word| nearest(word, names.iter().copied()))
    {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => match names.as_slice() {
            [only] => finding.help(format!("write `{only}`")),
            _ => finding.help("write one of these"),
        },
    }
}

/// The pointer of `key` below `pointer`.
pub fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests;
