//! `report.html`: one file that needs no network and no script, light and dark.

use base64::Engine as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::context::Context;
use super::plot::svg;
use super::{Format, Page, ReportError, escape, template};

/// The format.
pub const FORMAT: Format = Format {
    name: "html",
    file: "report.html",
    render,
};

/// The built-in template.
const SOURCE: &str = include_str!("../../reports/templates/report.html.jinja");
/// Its style, less colours and plots.
const STYLE: &str = include_str!("../../reports/templates/report.css");

fn render(page: &Page<'_>) -> Result<Vec<u8>, ReportError> {
    template::render("report.html.jinja", SOURCE, &context(page)?).map(String::into_bytes)
}

/// The context with `style` and `style_hash`, which the page's Content-Security-Policy allows and nothing else.
pub fn context(page: &Page<'_>) -> Result<Value, ReportError> {
    let mut context = Context::of(page.results, &page.plots)
        .document(escape::plain)
        .map_err(|error| ReportError::Write {
            file: FORMAT.file,
            reason: error.to_string(),
        })?;
    let style = style();
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(style.as_bytes()));
    if let Value::Object(entries) = &mut context {
        entries.insert(
            "style_hash".to_owned(),
            Value::String(format!("sha256-{hash}")),
        );
        entries.insert("style".to_owned(), Value::String(style));
    }
    Ok(context)
}

/// The whole style: colours as variables, swapped by the reader's system and by the checkbox.
fn style() -> String {
    let variables = |dark: bool| {
        let scheme = if dark { "dark" } else { "light" };
        let colours: Vec<String> = svg::colour_names()
            .map(|name| format!("--{name}:{}", svg::colour(name, dark)))
            .collect();
        format!("{{color-scheme:{scheme};{}}}", colours.join(";"))
    };
    let (light, dark) = (variables(false), variables(true));
    format!(
        ".page{light}#theme:checked~.page{dark}@media(prefers-color-scheme:dark){{.page{dark}#theme:checked~.page{light}}}{}{}",
        svg::style(|name| format!("var(--{name})")),
        STYLE.replace('\n', ""),
    )
}
