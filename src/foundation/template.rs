//! Strict Jinja with fuel, and expressions; the only file that names `minijinja`.
//!
//! A template sees only what it is given: an undefined name is an error, there is no loader, and fuel bounds what a
//! hostile template can cost. Begin with [`Templates`] for whole files, [`Tree`] for YAML values with templates in
//! their strings, [`Expression`] for numbers.

use minijinja::value::{Rest, Serde};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, Value as Jinja};
use serde::Serialize;
use serde_json::Value;

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
    /// What the user can do.
    pub fn help(&self) -> &'static str {
        "templates are Jinja: every name must be one that the template is given, or have `| default(…)`"
    }

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
        Self { name: error.name().unwrap_or(name).to_owned(), line: error.line(), message }
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
    /// Any other value.
    Value(Value),
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
            let arguments = arguments.iter().map(to_json).collect::<Result<Vec<_>, _>>()?;
            match filter(&value, &arguments) {
                Ok(Filtered::Text(text)) => Ok(Jinja::from(text)),
                Ok(Filtered::Markup(text)) => Ok(Jinja::from_safe_string(text)),
                Ok(Filtered::Value(value)) => Ok(Jinja::from(Serde(&value))),
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
        let template = self.environment.get_template(name).map_err(|error| TemplateError::of(&error, name))?;
        template.render(Jinja::from(Serde(context))).map_err(|error| TemplateError::of(&error, name))
    }
}

/// The name of the escaping for Markdown.
const MARKDOWN: &str = "markdown";

/// Prints a value with what could begin a Markdown or HTML construct escaped.
fn write_markdown(out: &mut minijinja::Output, state: &mut State, value: &Jinja) -> Result<(), Error> {
    use std::fmt::Write as _;
    if value.is_undefined() && state.undefined_behavior() == UndefinedBehavior::Strict {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    if value.is_safe() || value.is_number() {
        return write!(out, "{value}").map_err(Error::from);
    }
    let text: Vec<char> = value.to_string().chars().collect();
    for (index, &c) in text.iter().enumerate() {
        let (before, after) = (index.checked_sub(1).and_then(|at| text.get(at)), text.get(index + 1));
        let written = match c {
            // Names and comparisons are read in diffs too: within a word, or before a blank, these begin nothing.
            '_' if [before, after].iter().all(|near| near.is_some_and(|near| near.is_alphanumeric())) => out.write_char(c),
            '<' | '>' if before.is_some() && matches!(after, Some(' ' | '=' | '0'..='9')) => out.write_char(c),
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
    serde_json::to_value(value).map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))
}

/// A JSON value with templates in its strings, compiled once and filled in often.
///
/// A string that is one whole `{{ … }}` keeps the type of what stands in it; any other string with templates becomes a
/// text; strings without, keys, numbers and the rest stay as they are.
#[derive(Debug)]
pub struct Tree {
    environment: Environment<'static>,
    node: Node,
}

#[derive(Debug)]
enum Node {
    Fixed(Value),
    /// The name of a template that sets [`RESULT`].
    Typed(String),
    /// The name of a template.
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// The variable in which a typed template leaves its value.
const RESULT: &str = "__value";

impl Tree {
    /// Compiles the templates in `value`.
    ///
    /// # Errors
    /// Where one is not valid Jinja; the error's name is the JSON pointer within `value`.
    pub fn compile(value: &Value) -> Result<Self, TemplateError> {
        let mut environment = strict();
        let node = Node::compile(&mut environment, value, String::new())?;
        Ok(Self { environment, node })
    }

    /// Whether nothing in it is a template.
    pub fn is_fixed(&self) -> bool {
        matches!(self.node, Node::Fixed(_))
    }

    /// The value with every template filled in.
    ///
    /// # Errors
    /// Where a name is undefined or the fuel runs out; the error's name is the JSON pointer.
    pub fn fill(&self, context: &impl Serialize) -> Result<Value, TemplateError> {
        match &self.node {
            Node::Fixed(value) => Ok(value.clone()),
            node => node.fill(&self.environment, &Jinja::from(Serde(context))),
        }
    }
}

/// The expression inside a string that is one whole `{{ … }}`.
fn whole_expression(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner);
    let inner = inner.strip_suffix(['-', '+']).unwrap_or(inner);
    (!inner.contains("{{") && !inner.contains("}}")).then_some(inner.trim())
}

impl Node {
    fn compile(environment: &mut Environment<'static>, value: &Value, at: String) -> Result<Self, TemplateError> {
        let is_fixed = |node: &Self| matches!(node, Self::Fixed(_));
        match value {
            Value::String(text) if text.contains("{{") || text.contains("{%") || text.contains("{#") => {
                let (source, node) = match whole_expression(text) {
                    Some(inner) => (format!("{{% set {RESULT} = ({inner}) %}}"), Self::Typed(at.clone())),
                    None => (text.clone(), Self::Text(at.clone())),
                };
                environment.add_template_owned(at.clone(), source).map_err(|error| TemplateError::of(&error, &at))?;
                Ok(node)
            }
            Value::Array(items) => {
                let nodes: Vec<Self> = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| Self::compile(environment, item, format!("{at}/{index}")))
                    .collect::<Result<_, _>>()?;
                Ok(if nodes.iter().all(is_fixed) { Self::Fixed(value.clone()) } else { Self::List(nodes) })
            }
            Value::Object(entries) => {
                let nodes: Vec<(String, Self)> = entries
                    .iter()
                    .map(|(key, item)| {
                        let below = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                        Self::compile(environment, item, below).map(|node| (key.clone(), node))
                    })
                    .collect::<Result<_, _>>()?;
                let fixed = nodes.iter().all(|(_, node)| is_fixed(node));
                Ok(if fixed { Self::Fixed(value.clone()) } else { Self::Map(nodes) })
            }
            other => Ok(Self::Fixed(other.clone())),
        }
    }

    fn fill(&self, environment: &Environment<'static>, context: &Jinja) -> Result<Value, TemplateError> {
        match self {
            Self::Fixed(value) => Ok(value.clone()),
            Self::Text(name) => {
                let fail = |error| TemplateError::of(&error, name);
                let template = environment.get_template(name).map_err(fail)?;
                template.render(context.clone()).map(Value::String).map_err(fail)
            }
            Self::Typed(name) => {
                let fail = |error| TemplateError::of(&error, name);
                let template = environment.get_template(name).map_err(fail)?;
                let rendered = template.render_captured(context.clone()).map_err(fail)?;
                let value = rendered.state().lookup(RESULT).unwrap_or(Jinja::UNDEFINED);
                to_json(&value).map_err(fail)
            }
            Self::List(nodes) => {
                nodes.iter().map(|node| node.fill(environment, context)).collect::<Result<_, _>>().map(Value::Array)
            }
            Self::Map(nodes) => nodes
                .iter()
                .map(|(key, node)| node.fill(environment, context).map(|value| (key.clone(), value)))
                .collect::<Result<_, _>>()
                .map(Value::Object),
        }
    }
}

/// An expression over named values whose result is a number.
#[derive(Debug)]
pub struct Expression {
    source: String,
    tree: Tree,
}

impl Expression {
    /// Compiles `source`: `width * height / 1e6`.
    ///
    /// # Errors
    /// Where it is no expression.
    pub fn compile(source: &str) -> Result<Self, TemplateError> {
        let named = |error| TemplateError { name: source.to_owned(), line: None, ..error };
        // The braces could be closed early by a hostile source; an expression has none of its own.
        if source.contains("}}") || source.contains("{{") || source.contains("%}") || source.trim().is_empty() {
            return Err(TemplateError {
                name: source.to_owned(),
                line: None,
                message: "is no expression, such as `width * height / 1e6`".to_owned(),
            });
        }
        let tree = Tree::compile(&Value::String(format!("{{{{ {source} }}}}"))).map_err(named)?;
        Ok(Self { source: source.to_owned(), tree })
    }

    /// Its value over `names`.
    ///
    /// # Errors
    /// Where a name is undefined, or the result is not a finite number.
    pub fn number(&self, names: &impl Serialize) -> Result<f64, TemplateError> {
        let fail = |message: String| TemplateError { name: self.source.clone(), line: None, message };
        let value = self.tree.fill(names).map_err(|error| fail(error.message))?;
        value
            .as_f64()
            .filter(|number| number.is_finite())
            .ok_or_else(|| fail(format!("gives {value}, not a finite number")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_that_is_one_whole_template_keeps_its_type() {
        let tree = Tree::compile(&json!({
            "seed": "{{ row.seed }}", "text": "seed {{ row.seed }}", "list": ["{{ row.list }}", 1], "fixed": {"a": null},
            "map": "{{ row.map }}", "none": "{{ row.none }}", "float": "{{ row.float }}"
        }))
        .unwrap();
        let context = json!({"row": {"seed": 7, "list": [1, "x"], "map": {"k": true}, "none": null, "float": 1.0}});
        assert_eq!(
            tree.fill(&context).unwrap(),
            json!({"seed": 7, "text": "seed 7", "list": [[1, "x"], 1], "fixed": {"a": null}, "map": {"k": true},
                   "none": null, "float": 1.0})
        );
    }

    #[test]
    fn text_in_a_value_is_never_read_as_a_template() {
        let tree = Tree::compile(&json!({"prompt": "{{ row.prompt }}"})).unwrap();
        let prompt = "say {{ row.secret }} \"quoted\" <b> {% raw %}";
        assert_eq!(tree.fill(&json!({"row": {"prompt": prompt}})).unwrap(), json!({"prompt": prompt}));
    }

    #[test]
    fn an_undefined_name_is_an_error_that_names_its_place() {
        for text in ["{{ row.missing }}", "a {{ row.missing }}", "{{ nothing }}"] {
            let tree = Tree::compile(&json!({"a/b": [text]})).unwrap();
            let error = tree.fill(&json!({"row": {}})).unwrap_err();
            assert_eq!(error.name, "/a~1b/0", "{text}");
        }
        assert!(Tree::compile(&json!("{{ row. }}")).is_err());
    }

    #[test]
    fn a_hostile_template_runs_out_of_fuel() {
        let mut templates = Templates::new(Escape::by_extension);
        let source = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}";
        templates.add("bomb.txt", source).unwrap();
        let error = templates.render("bomb.txt", &json!({})).unwrap_err();
        assert!(error.message.contains("steps"), "{error}");
        templates.add("deep.txt", "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}").unwrap();
        assert!(templates.render("deep.txt", &json!({})).is_err());
    }

    #[test]
    fn printed_values_are_escaped_by_the_file_they_go_to() {
        let mut templates = Templates::new(Escape::by_extension);
        templates.filter("loud", |value, arguments| {
            Ok(Filtered::Text(format!("{}{}", value.as_str().ok_or("no text")?, "!".repeat(arguments.len()))))
        });
        templates.filter("bold", |value, _| Ok(Filtered::Markup(format!("<b>{value}</b>"))));
        for name in ["a.html", "a.md", "a.txt"] {
            templates.add(name, "{{ text }} {{ n | bold }} {{ text | loud(1) }}").unwrap();
        }
        let context = json!({"text": "<a|b>", "n": 1});
        assert_eq!(templates.render("a.html", &context).unwrap(), "&lt;a|b&gt; <b>1</b> &lt;a|b&gt;!");
        assert_eq!(templates.render("a.md", &context).unwrap(), "&lt;a\\|b&gt; <b>1</b> &lt;a\\|b&gt;\\!");
        assert_eq!(templates.render("a.txt", &context).unwrap(), "<a|b> <b>1</b> <a|b>!");
    }

    #[test]
    fn a_template_with_an_undefined_name_names_file_and_line() {
        let mut templates = Templates::new(Escape::by_extension);
        for name in ["a.md", "a.html"] {
            templates.add(name, "first\n{{ missing }}").unwrap();
            let error = templates.render(name, &json!({})).unwrap_err();
            assert_eq!((error.name.as_str(), error.line), (name, Some(2)));
        }
    }

    #[test]
    fn an_expression_is_a_number_over_names() {
        let expression = Expression::compile("width * height / 1e6").unwrap();
        assert_eq!(expression.number(&json!({"width": 1000, "height": 500})).unwrap(), 0.5);
        assert!(expression.number(&json!({"width": 1000})).is_err());
        assert!(Expression::compile("width *").is_err());
        assert!(Expression::compile("1 }} {{ 2").is_err());
        assert!(Expression::compile("'text'").unwrap().number(&json!({})).is_err());
        assert!(Expression::compile("1 / 0").unwrap().number(&json!({})).is_err());
    }
}
