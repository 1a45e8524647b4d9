//! `init`: a first scenario, the schema for the editor, .gitignore lines, and the workflow where asked.

use std::path::Path;

use super::arguments::InitArguments;
use super::output;
use super::surroundings::Surroundings;
use crate::foundation::files::{self, FilesError};
use crate::results::Ending;

const SCENARIO: &str = include_str!("first.yaml");
const WORKFLOW: &str = include_str!("workflow.yaml");

/// Records and half-made reports do not belong into git; reports do.
const IGNORED: [&str; 4] = [
    "/reports/*.part/",
    "/reports/*/requests.parquet",
    "/reports/*/samples/",
    "/reports/*/logs/",
];

/// Writes what is not there yet; what is there stays as it is.
pub fn run(arguments: &InitArguments, surroundings: &Surroundings) -> Ending {
    match write(arguments) {
        Ok(said) => {
            if !surroundings.global.quiet {
                output::words(&format!(
                    "{}\nnext: plimsoll run scenarios/first.yaml\n",
                    said.join("\n")
                ));
            }
            Ending::Well
        }
        Err(error) => {
            output::error(&error.to_string(), Some(&error.help()));
            Ending::Usage
        }
    }
}

fn write(arguments: &InitArguments) -> Result<Vec<String>, FilesError> {
    let dir = &arguments.dir;
    let mut said = vec![
        write_new(dir, "scenarios/first.yaml", SCENARIO)?,
        write_new(
            dir,
            "schemas/scenario.v1.json",
            &format!("{:#}\n", crate::scenario::schema()),
        )?,
    ];
    if arguments.github {
        said.push(write_new(dir, ".github/workflows/plimsoll.yml", WORKFLOW)?);
    }
    said.push(ignore(dir)?);
    Ok(said)
}

fn write_new(dir: &Path, path: &str, text: &str) -> Result<String, FilesError> {
    let target = dir.join(path);
    if target.exists() {
        return Ok(format!("kept    {path}"));
    }
    let folder = target.parent().unwrap_or(dir);
    std::fs::create_dir_all(folder).map_err(|source| FilesError::Write {
        path: folder.to_owned(),
        source,
    })?;
    files::write_atomically(&target, text.as_bytes())?;
    Ok(format!("wrote   {path}"))
}

fn ignore(dir: &Path) -> Result<String, FilesError> {
    let path = dir.join(".gitignore");
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    let missing: Vec<&str> = IGNORED
        .into_iter()
        .filter(|line| !before.lines().any(|known| known == *line))
        .collect();
    if missing.is_empty() {
        return Ok("kept    .gitignore".to_owned());
    }
    let newline = if before.is_empty() || before.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    files::write_atomically(
        &path,
        format!("{before}{newline}{}\n", missing.join("\n")).as_bytes(),
    )?;
    Ok("wrote   .gitignore".to_owned())
}
