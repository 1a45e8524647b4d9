//! `report`: renders a report folder again from its results and records, without load.

use std::path::Path;

use super::arguments::ReportArguments;
use super::output;
use super::surroundings::Surroundings;
use crate::foundation::files::{self, FilesError};
use crate::report::{self, Rendering, UserTemplate};
use crate::results::{self, AgainError, Ending, Results, folder};

/// Renders the folder's formats, or those that are asked for.
pub fn run(arguments: &ReportArguments, surroundings: &Surroundings) -> Ending {
    let results = match results::read(&arguments.dir) {
        Ok(results) => results,
        Err(error) => return usage(&error.to_string(), &error.help()),
    };
    let results = match checked(results, arguments, surroundings) {
        Ok(results) => results,
        Err(error) => return usage(&error.to_string(), &error.help()),
    };
    let template = match arguments.template.as_deref().map(template).transpose() {
        Ok(template) => template,
        Err(error) => return usage(&error.to_string(), &error.help()),
    };
    let rendered = match report::render(&results, &rendering(arguments, &results, template)) {
        Ok(rendered) => rendered,
        Err(error) => return usage(&error.to_string(), &error.help()),
    };
    if arguments.check_template {
        output::words("the template renders\n");
        return Ending::Well;
    }
    for file in &rendered {
        let path = arguments.dir.join(&file.path);
        if let Err(error) = write(&path, &file.bytes) {
            output::error(&error.to_string(), Some(&error.help()));
            return Ending::Incomplete;
        }
        if !surroundings.global.quiet {
            output::words(&format!("wrote {}\n", path.display()));
        }
    }
    Ending::Well
}

/// The results, their figures computed again from the rows where these are there: they need not be in git.
fn checked(
    results: Results,
    arguments: &ReportArguments,
    surroundings: &Surroundings,
) -> Result<Results, AgainError> {
    let rows = arguments.dir.join(folder::REQUESTS);
    if rows.exists() {
        return results::again(results, &rows);
    }
    if !surroundings.global.quiet {
        let text = format!(
            "{} is not there: {} is taken at its word\n",
            rows.display(),
            folder::RESULTS
        );
        output::words(&text);
    }
    Ok(results)
}

fn rendering(
    arguments: &ReportArguments,
    results: &Results,
    template: Option<UserTemplate>,
) -> Rendering {
    let formats = if arguments.format.is_empty() {
        results.report.formats.clone()
    } else {
        arguments.format.clone()
    };
    let whole = arguments.format.is_empty();
    let exports = if whole {
        results.report.exports.clone()
    } else {
        Vec::new()
    };
    Rendering {
        formats,
        template,
        exports,
        plots: whole,
    }
}

/// Reads a user's template.
pub fn template(path: &Path) -> Result<UserTemplate, FilesError> {
    let source = std::fs::read_to_string(path).map_err(|source| FilesError::Read {
        path: path.to_owned(),
        source,
    })?;
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Ok(UserTemplate { name, source })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), FilesError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|source| FilesError::Write {
            path: folder.to_owned(),
            source,
        })?;
    }
    files::write_atomically(path, bytes)
}

fn usage(message: &str, help: &str) -> Ending {
    output::error(message, Some(help));
    Ending::Usage
}
