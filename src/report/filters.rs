//! Filters that templates have beside Jinja's own: numbers with units, and texts for places that need more than escaping.

use serde_json::Value;

use super::escape;
use super::number::{self, Scale};
use crate::foundation::template::{Filtered, Templates};

/// Adds them.
pub fn add(templates: &mut Templates) {
    templates.filter("number", |value, arguments| {
        let scale = scale(arguments)?;
        Ok(Filtered::Text(match value {
            Value::Null => number::NO_DATA.to_owned(),
            value => scale.show(value.as_f64().ok_or("`number` takes a number or null")?),
        }))
    });
    templates.filter("quantity", |value, arguments| {
        let scale = scale(arguments)?;
        Ok(Filtered::Text(match value {
            Value::Null => number::NO_DATA.to_owned(),
            value => scale.with_unit(value.as_f64().ok_or("`quantity` takes a number or null")?),
        }))
    });
    templates.filter("csv", |value, _| {
        Ok(Filtered::Text(escape::csv(text(value)?)))
    });
    templates.filter("line", |value, _| {
        Ok(Filtered::Text(escape::line(text(value)?)))
    });
    templates.filter("code", |value, _| {
        Ok(Filtered::Markup(escape::code(text(value)?)))
    });
    templates.filter("shorten", |value, arguments| {
        let most = arguments
            .first()
            .and_then(Value::as_u64)
            .ok_or("`shorten` takes a number of characters")?;
        Ok(Filtered::Text(escape::shorten(
            text(value)?,
            usize::try_from(most).unwrap_or(usize::MAX),
        )))
    });
}

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("{value} is no text"))
}

fn scale(arguments: &[Value]) -> Result<Scale, String> {
    match arguments.first() {
        None => Ok(Scale::Plain),
        Some(name) => Scale::named(text(name)?).ok_or_else(|| {
            format!("{name} is no unit: s, ms, /s, %, count, B, KiB, MiB, MB or \"\"")
        }),
    }
}
