//! Strict Jinja with fuel, and expressions; the only file that names `minijinja`.
//!
//! A template sees only what it is given: an undefined name is an error, there is no loader, and fuel bounds what a
//! hostile template can cost. Begin with [`Templates`] for whole files, [`Tree`] for YAML values with templates in
//! their strings, [`Expression`] for numbers.

mod tree;

use std::collections::BTreeSet;

use minijinja::value::{Rest, Serde};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, Value as Jinja,
};
use serde::Serialize;
use serde_json::Value;

pub use tree::{Expression, Tree};

/// Instructions that one rendering may take.
const FUEL: u64 = 5_000_000;
/// Calls, includes and nested values that one rendering may be deep in.
const RECURSION: usize = 100;

/// Why a template cannot be read or rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}{}: {message}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct TemplateError {
    /// The template's name, or the expression itself.
    pub name: String,
    /// Line from 1, where known.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl TemplateError {
    fn of(error: &Error, name: &str) -> Self {
        let mut message = match error.detail() {
            Some(detail) => detail.to_owned(),
            None => error.kind().to_string(),
        };
        let mut cause = std::error::Error::source(error);
        while let Some(deeper) = cause {
            message = format!("{message}: {deeper}");
            cause = deeper.source();
        }
        if error.kind() == ErrorKind::OutOfFuel {
            message = format!("takes more than {FUEL} steps");
        }
        Self {
            name: error.name().unwrap_or(name).to_owned(),
            line: error.line(),
            message,
        }
    }
}

/// How printed values are made harmless, chosen by a template's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// Printed as they are.
    None,
    /// For HTML and XML.
    Html,
    /// For Markdown, its tables included: what begins a construct is escaped, a line break becomes a blank.
    Markdown,
}

impl Escape {
    /// The escaping of a file by its extension: `.html`, `.xml` and `.svg`; `.md`; none for others.
    pub fn by_extension(name: &str) -> Self {
        match name.strip_suffix(".j2").unwrap_or(name).rsplit('.').next() {
            Some("html" | "htm" | "xml" | "svg") => Self::Html,
            Some("md") => Self::Markdown,
            _ => Self::None,
        }
    }
}

/// What a filter gives back.
#[derive(Debug, Clone, PartialEq)]
pub enum Filtered {
    /// A text that is escaped like any other where it is printed.
    Text(String),
    /// Markup that was escaped already.
    Markup(String),
}

/// Named templates with filters of the caller's, compiled once and rendered often.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
}

impl Templates {
    /// No templates yet. `escape` says for each template's name how its printed values are made harmless;
    /// [`Escape::by_extension`] is the usual choice.
    pub fn new(escape: fn(&str) -> Escape) -> Self {
        let mut environment = strict();
        environment.set_auto_escape_callback(move |name| match escape(name) {
            Escape::None => AutoEscape::None,
            Escape::Html => AutoEscape::Html,
            Escape::Markdown => AutoEscape::Custom(MARKDOWN.into()),
        });
        environment.set_formatter(|out, state, value| {
            if matches!(state.auto_escape(), AutoEscape::Custom(_)) {
                return write_markdown(out, state, value);
            }
            minijinja::escape_formatter(out, state, value)
        });
        Self { environment }
    }

    /// Adds a template; others may include or extend it by this name.
    ///
    /// # Errors
    /// Where it is not valid Jinja.
    pub fn add(&mut self, name: &str, source: &str) -> Result<(), TemplateError> {
        self.environment
            .add_template_owned(name.to_owned(), source.to_owned())
            .map_err(|error| TemplateError::of(&error, name))
    }

    /// Adds a filter: `{{ value | name(argument, …) }}`. An `Err` becomes the rendering's error.
    pub fn filter(
        &mut self,
        name: &'static str,
        filter: impl Fn(&Value, &[Value]) -> Result<Filtered, String> + Send + Sync + 'static,
    ) {
        let call = move |value: Jinja, arguments: Rest<Jinja>| -> Result<Jinja, Error> {
            let value = to_json(&value)?;
            let arguments = arguments
                .iter()
                .map(to_json)
                .collect::<Result<Vec<_>, _>>()?;
            match filter(&value, &arguments) {
                Ok(Filtered::Text(text)) => Ok(Jinja::from(text)),
                Ok(Filtered::Markup(text)) => Ok(Jinja::from_safe_string(text)),
                Err(message) => Err(Error::new(ErrorKind::InvalidOperation, message)),
            }
        };
        self.environment.add_filter(name, call);
    }

    /// Renders a template by name.
    ///
    /// # Errors
    /// Where there is none of that name, a value is undefined, a filter refuses, or the fuel runs out.
    pub fn render(&self, name: &str, context: &impl Serialize) -> Result<String, TemplateError> {
        let template = self
            .environment
            .get_template(name)
            .map_err(|error| TemplateError::of(&error, name))?;
        template
            .render(Jinja::from(Serde(context)))
            .map_err(|error| TemplateError::of(&error, name))
    }
}

/// The name of the escaping for Markdown.
const MARKDOWN: &str = "markdown";

/// Prints a value with what could begin a Markdown or HTML construct escaped.
fn write_markdown(
    out: &mut minijinja::Output,
    state: &mut State,
    value: &Jinja,
) -> Result<(), Error> {
    use std::fmt::Write as _;
    if value.is_undefined() && state.undefined_behavior() == UndefinedBehavior::Strict {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    if value.is_safe() || value.is_number() {
        return write!(out, "{value}").map_err(Error::from);
    }
    let text: Vec<char> = value.to_string().chars().collect();
    for (index, &c) in text.iter().enumerate() {
        let (before, after) = (
            index.checked_sub(1).and_then(|at| text.get(at)),
            text.get(index + 1),
        );
        let written = match c {
            // Names and comparisons are read in diffs too: within a word, or before a blank, these begin nothing.
            '_' if [before, after]
                .iter()
                .all(|near| near.is_some_and(|near| near.is_alphanumeric())) =>
            {
                out.write_char(c)
            }
            '<' | '>' if before.is_some() && matches!(after, Some(' ' | '=' | '0'..='9')) => {
                out.write_char(c)
            }
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' => write!(out, "\\{c}"),
            '<' => out.write_str("&lt;"),
            '>' => out.write_str("&gt;"),
            '&' => out.write_str("&amp;"),
            '\n' | '\r' => out.write_char(' '),
            _ => out.write_char(c),
        };
        written.map_err(Error::from)?;
    }
    Ok(())
}

/// The names that a text with templates looks up, each with what is taken of it: `row.prompt`, `request.index`. Functions
/// that every template has are not among them.
///
/// # Errors
/// Where it is not valid Jinja.
pub fn names(text: &str) -> Result<BTreeSet<String>, TemplateError> {
    let environment = strict();
    let template = environment
        .template_from_str(text)
        .map_err(|error| TemplateError::of(&error, text))?;
    let mut names: BTreeSet<String> = template.undeclared_variables(true).into_iter().collect();
    names.retain(|name| environment.globals().all(|(global, _)| global != name));
    Ok(names)
}

/// An environment in which what is undefined fails, and nothing runs for ever.
fn strict() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment
}

fn to_json(value: &Jinja) -> Result<Value, Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    serde_json::to_value(value)
        .map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))
}

#[cfg(test)]
mod tests;
