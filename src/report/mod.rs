//! Results rendered: a pure function of the results and a template.
//!
//! [`render`] is the way in. A format owns one file and one line of [`FORMATS`]. Nothing here reads a clock, a file, an
//! environment or a random number: the same results give the same bytes on every machine. What a server or a scenario
//! wrote is hostile and is escaped where it is put in, by [`filters`].

mod context;
mod csv;
pub mod diff;
pub mod escape;
mod export;
mod filters;
#[cfg(test)]
pub mod fixture;
mod html;
mod json;
mod junit;
mod markdown;
pub mod number;
mod plot;
mod sample;
mod template;

use crate::results::Results;

pub use context::{Axes, Banner, Value, Verdict, banners, searches, tables};
use plot::Plot;
pub use sample::rehearse;
pub use template::check;

/// What is to be rendered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rendering {
    /// Formats by name, in any order; names that are not in [`FORMATS`] are an error.
    pub formats: Vec<String>,
    /// A user's own template, which replaces `report.md` or `report.html`, or writes a file of its own.
    pub template: Option<UserTemplate>,
    /// Files for other tools, by the tool's name.
    pub exports: Vec<String>,
    /// Whether `plots/*.svg` are wanted too.
    pub plots: bool,
}

/// A template that the user brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserTemplate {
    /// Its file name, `summary.md.jinja`: errors name it, and its extension (less `.jinja`, `.j2`) says what is written.
    pub name: String,
    /// Its text.
    pub source: String,
}

/// A file of the report folder, rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Its path within the folder, with `/`: `report.md`, `plots/latency.svg`.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Why a report could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A format that does not exist.
    #[error("`{name}` is no report format")]
    UnknownFormat {
        /// As asked.
        name: String,
    },
    /// A template that could not be read or rendered.
    #[error("template {name}{}: {reason}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Template {
        /// The template's name.
        name: String,
        /// The line, from 1, where known.
        line: Option<usize>,
        /// The reason.
        reason: String,
    },
    /// A document that could not be written out: a bug.
    #[error("cannot write {file}: {reason}")]
    Write {
        /// The file of the report folder.
        file: &'static str,
        /// The reason.
        reason: String,
    },
}

impl ReportError {
    /// What the user can do.
    pub fn help(&self) -> String {
        match self {
            Self::UnknownFormat { .. } => {
                let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
                format!("the formats are {}", names.join(", "))
            }
            Self::Template { .. } => {
                "docs/template-context.md lists what a template may name; `report DIR --check-template` tries one".to_owned()
            }
            Self::Write { .. } => "this is a bug: please report it with the scenario".to_owned(),
        }
    }
}

/// What a format is given.
#[derive(Debug)]
pub struct Page<'a> {
    /// The results.
    pub results: &'a Results,
    /// The plots.
    pub plots: Vec<Plot>,
    /// Whether the plots are written beside the report, so that it may refer to them.
    pub plot_files: bool,
}

/// One format of the report.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// Its name in `report.formats` and `--format`.
    pub name: &'static str,
    /// The file that it writes.
    pub file: &'static str,
    /// Renders it.
    pub render: fn(&Page<'_>) -> Result<Vec<u8>, ReportError>,
}

/// Every format, in the order in which they are written.
pub const FORMATS: &[Format] = &[
    markdown::FORMAT,
    html::FORMAT,
    json::FORMAT,
    csv::FORMAT,
    junit::FORMAT,
];

/// The report of `results`, file by file in the order of [`FORMATS`], then the plots. A user's template stands in place
/// of the built-in file that it replaces, or before the plots.
///
/// # Errors
/// A format that does not exist, or a user's template that is wrong.
pub fn render(results: &Results, request: &Rendering) -> Result<Vec<Rendered>, ReportError> {
    if let Some(name) = request
        .formats
        .iter()
        .find(|name| FORMATS.iter().all(|format| format.name != **name))
    {
        return Err(ReportError::UnknownFormat { name: name.clone() });
    }
    let page = Page {
        results,
        plots: plot::plots(results),
        plot_files: request.plots,
    };
    let own = request
        .template
        .as_ref()
        .map(|own| template::user(&page, own))
        .transpose()?;
    let mut rendered = Vec::new();
    for format in FORMATS
        .iter()
        .filter(|format| request.formats.iter().any(|name| name == format.name))
    {
        if own.as_ref().is_none_or(|own| own.path != format.file) {
            rendered.push(Rendered {
                path: format.file.to_owned(),
                bytes: (format.render)(&page)?,
            });
        }
    }
    rendered.extend(own);
    if request.plots {
        rendered.extend(page.plots.iter().map(|plot| Rendered {
            path: plot.file.clone(),
            bytes: plot.svg.file().into_bytes(),
        }));
    }
    rendered.extend(export::render(results, &request.exports)?);
    Ok(rendered)
}

#[cfg(test)]
mod tests;
