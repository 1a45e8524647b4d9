//! JSON values with templates in their strings, and expressions that are numbers.

use minijinja::value::Serde;
use minijinja::{Environment, Value as Jinja};
use serde::Serialize;
use serde_json::Value;

use super::{TemplateError, strict, to_json};

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
        let node = Node::compile(&mut environment, value, "")?;
        Ok(Self { environment, node })
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
    fn compile(
        environment: &mut Environment<'static>,
        value: &Value,
        at: &str,
    ) -> Result<Self, TemplateError> {
        let is_fixed = |node: &Self| matches!(node, Self::Fixed(_));
        match value {
            Value::String(text)
                if text.contains("{{") || text.contains("{%") || text.contains("{#") =>
            {
                let (source, node) = match whole_expression(text) {
                    Some(inner) => (
                        format!("{{% set {RESULT} = ({inner}) %}}"),
                        Self::Typed(at.to_owned()),
                    ),
                    None => (text.clone(), Self::Text(at.to_owned())),
                };
                environment
                    .add_template_owned(at.to_owned(), source)
                    .map_err(|error| TemplateError::of(&error, at))?;
                Ok(node)
            }
            Value::Array(items) => {
                let nodes: Vec<Self> = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| Self::compile(environment, item, &format!("{at}/{index}")))
                    .collect::<Result<_, _>>()?;
                Ok(if nodes.iter().all(is_fixed) {
                    Self::Fixed(value.clone())
                } else {
                    Self::List(nodes)
                })
            }
            Value::Object(entries) => {
                let nodes: Vec<(String, Self)> = entries
                    .iter()
                    .map(|(key, item)| {
                        let below = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                        Self::compile(environment, item, &below).map(|node| (key.clone(), node))
                    })
                    .collect::<Result<_, _>>()?;
                let fixed = nodes.iter().all(|(_, node)| is_fixed(node));
                Ok(if fixed {
                    Self::Fixed(value.clone())
                } else {
                    Self::Map(nodes)
                })
            }
            other => Ok(Self::Fixed(other.clone())),
        }
    }

    fn fill(
        &self,
        environment: &Environment<'static>,
        context: &Jinja,
    ) -> Result<Value, TemplateError> {
        match self {
            Self::Fixed(value) => Ok(value.clone()),
            Self::Text(name) => {
                let fail = |error| TemplateError::of(&error, name);
                let template = environment.get_template(name).map_err(fail)?;
                template
                    .render(context.clone())
                    .map(Value::String)
                    .map_err(fail)
            }
            Self::Typed(name) => {
                let fail = |error| TemplateError::of(&error, name);
                let template = environment.get_template(name).map_err(fail)?;
                let rendered = template.render_captured(context.clone()).map_err(fail)?;
                let value = rendered.state().lookup(RESULT).unwrap_or(Jinja::UNDEFINED);
                to_json(&value).map_err(fail)
            }
            Self::List(nodes) => nodes
                .iter()
                .map(|node| node.fill(environment, context))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            Self::Map(nodes) => nodes
                .iter()
                .map(|(key, node)| {
                    node.fill(environment, context)
                        .map(|value| (key.clone(), value))
                })
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
        let named = |error| TemplateError {
            name: source.to_owned(),
            line: None,
            ..error
        };
        // The braces could be closed early by a hostile source; an expression has none of its own.
        if source.contains("}}")
            || source.contains("{{")
            || source.contains("%}")
            || source.trim().is_empty()
        {
            return Err(TemplateError {
                name: source.to_owned(),
                line: None,
                message: "is no expression, such as `width * height / 1e6`".to_owned(),
            });
        }
        let tree = Tree::compile(&Value::String(format!("{{{{ {source} }}}}"))).map_err(named)?;
        Ok(Self {
            source: source.to_owned(),
            tree,
        })
    }

    /// Its value over `names`.
    ///
    /// # Errors
    /// Where a name is undefined, or the result is not a finite number.
    pub fn number(&self, names: &impl Serialize) -> Result<f64, TemplateError> {
        let fail = |message: String| TemplateError {
            name: self.source.clone(),
            line: None,
            message,
        };
        let value = self.tree.fill(names).map_err(|error| fail(error.message))?;
        value
            .as_f64()
            .filter(|number| number.is_finite())
            .ok_or_else(|| fail(format!("gives {value}, not a finite number")))
    }
}
