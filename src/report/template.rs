//! Templates: the built-in ones, and a user's own with the same context.

use serde_json::Value;

use super::{Page, Rendered, ReportError, UserTemplate, context, escape, filters, html, markdown};
use crate::foundation::template::{Escape, TemplateError, Templates};

/// Endings of a template's name that are not part of what it writes.
const ENDINGS: [&str; 3] = [".jinja", ".j2", ".jinja2"];

/// Renders a template with the filters of reports; its name, less `.jinja`, says how printed values are escaped.
pub fn render(name: &str, source: &str, context: &Value) -> Result<String, ReportError> {
    let mut templates = Templates::new(|name| Escape::by_extension(written(name)));
    filters::add(&mut templates);
    templates
        .add(name, source)
        .and_then(|()| templates.render(name, context))
        .map_err(ReportError::from)
}

/// Whether a user's template can be read at all; that it renders is known when there are results.
///
/// # Errors
/// Where it is no Jinja, or its name does not end in what it writes.
pub fn check(template: &UserTemplate) -> Result<(), ReportError> {
    let extension = extension(&template.name);
    if extension.is_empty() || !extension.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(ReportError::Template {
            name: template.name.clone(),
            line: None,
            reason:
                "its name does not end in what it writes, such as `.md.jinja`, `.html` or `.txt`"
                    .to_owned(),
        });
    }
    let mut templates = Templates::new(|name| Escape::by_extension(written(name)));
    filters::add(&mut templates);
    templates
        .add(&template.name, &template.source)
        .map_err(ReportError::from)
}

/// What a template of that name writes.
fn written(name: &str) -> &str {
    ENDINGS
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name)
}

fn extension(name: &str) -> &str {
    written(name)
        .rsplit_once('.')
        .map_or("txt", |(_, extension)| extension)
}

/// The user's report: `report.<ext>` for its extension, so that it stands in place of the built-in one where there is one.
pub fn user(page: &Page<'_>, template: &UserTemplate) -> Result<Rendered, ReportError> {
    check(template)?;
    let extension = extension(&template.name);
    let context = match extension {
        "md" => markdown::context(page)?,
        "html" | "htm" => html::context(page)?,
        _ => context::Context::of(page.results, &page.plots)
            .document(escape::plain)
            .map_err(|error| ReportError::Write {
                file: "the template's context",
                reason: error.to_string(),
            })?,
    };
    let text = render(&template.name, &template.source, &context)?;
    Ok(Rendered {
        path: format!("report.{extension}"),
        bytes: text.into_bytes(),
    })
}

impl From<TemplateError> for ReportError {
    fn from(error: TemplateError) -> Self {
        Self::Template {
            name: error.name,
            line: error.line,
            reason: error.message,
        }
    }
}
