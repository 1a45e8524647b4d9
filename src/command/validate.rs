//! `validate`: schema and semantic checks of scenarios; touches no network.

use super::arguments::{FindingFormat, ValidateArguments};
use super::surroundings::Surroundings;
use super::{findings, output, scenario};
use crate::foundation::diagnostic::{Findings, Severity};
use crate::results::Ending;

/// Checks every file and shows all that is wrong with any.
pub fn run(arguments: &ValidateArguments, surroundings: &Surroundings) -> Ending {
    let options = scenario::options(&arguments.set, arguments.check_env, surroundings);
    let mut all = Findings::new();
    for file in &arguments.files {
        match scenario::plan(file, &options) {
            Ok(planned) => {
                let cells = planned.plan.cells.len();
                let warnings = planned.loaded.warnings;
                if arguments.format == FindingFormat::Human && !surroundings.global.quiet {
                    output::words(&format!(
                        "{}: valid, {cells} cell{}\n",
                        file.display(),
                        if cells == 1 { "" } else { "s" }
                    ));
                }
                all.extend(warnings);
            }
            Err(refused) if !refused.unset.is_empty() => {
                if arguments.format == FindingFormat::Human && !surroundings.global.quiet {
                    output::words(&format!(
                        "{}: valid as far as can be told while {} is not set\n",
                        file.display(),
                        refused.unset.join(", ")
                    ));
                }
            }
            Err(refused) => all.extend(refused.findings),
        }
    }
    findings::show(&all, arguments.format, surroundings);
    let invalid = all
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    if invalid && arguments.format == FindingFormat::Human {
        output::error(
            &format!(
                "{} in {}",
                findings::count(&all),
                files(arguments.files.len())
            ),
            None,
        );
    }
    if invalid { Ending::Usage } else { Ending::Well }
}

fn files(n: usize) -> String {
    if n == 1 {
        "the scenario".to_owned()
    } else {
        format!("{n} scenarios")
    }
}
