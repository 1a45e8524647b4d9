//! `run`: executes scenarios one after the other; the exit code is the first of the contract's order over all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::arguments::RunArguments;
use super::interrupt::Interrupt;
use super::scenario::{self, Planned};
use super::surroundings::Surroundings;
use super::watch::Watch;
use super::{calibration, findings, output, report};
use crate::instruments::telemetry::calibration::Calibration;
use crate::report::UserTemplate;
use crate::results::{Ending, Results};
use crate::run::{self, Existing, Finished, RunError, Session, Signals as _};

/// Executes every scenario.
pub fn run(arguments: &RunArguments, surroundings: &Surroundings) -> Ending {
    if arguments.files.len() > 1 && arguments.out.is_some() {
        output::error(
            "--out names one folder, and several scenarios were given",
            Some("run them one by one, or without --out"),
        );
        return Ending::Usage;
    }
    let calibration = match calibration::find(arguments.calibration.as_deref(), surroundings) {
        Ok(calibration) => calibration,
        Err(ending) => return ending,
    };
    let planned = match plan_all(arguments, calibration.as_ref(), surroundings) {
        Ok(planned) => planned,
        Err(ending) => return ending,
    };
    if let Err(ending) = one_folder_each(&planned, arguments) {
        return ending;
    }
    if let Some(metric) = arguments
        .print
        .as_deref()
        .filter(|metric| !is_metric(metric))
    {
        output::error(
            &format!("`--print {metric}` names no metric"),
            Some("write it as an objective does: `goodput`, `e2e.p99`, `server.<name>.mean`"),
        );
        return Ending::Usage;
    }
    if arguments.dry_run {
        return dry_run(&planned);
    }
    let interrupt = match Interrupt::listen() {
        Ok(interrupt) => interrupt,
        Err(error) => {
            output::error(&format!("cannot listen for signals: {error}"), None);
            return Ending::Incomplete;
        }
    };
    let mut endings = Vec::new();
    for (file, one) in planned {
        findings::people(&one.loaded.warnings, surroundings);
        let known = (calibration.as_ref(), &interrupt);
        endings.push(execute(file, one, arguments, (surroundings, known)));
        if interrupt.stop().is_stopped() {
            break;
        }
    }
    Ending::of(endings)
}

/// Every file with its cells, held against what is known of this machine.
fn plan_all<'a>(
    arguments: &'a RunArguments,
    calibration: Option<&Calibration>,
    surroundings: &Surroundings,
) -> Result<Vec<(&'a PathBuf, Planned)>, Ending> {
    let options = scenario::options(&arguments.set, true, surroundings);
    let mut planned = Vec::new();
    let mut rejected = false;
    for file in &arguments.files {
        match plan(file, &options, arguments) {
            Ok(mut one) => {
                if let Some(calibration) = calibration {
                    one.hold_against(calibration);
                }
                planned.push((file, one));
            }
            Err(Some(findings)) => {
                findings::people(&findings, surroundings);
                output::error(
                    &format!("{} in {}", findings::count(&findings), file.display()),
                    None,
                );
                rejected = true;
            }
            Err(None) => rejected = true,
        }
    }
    if rejected {
        Err(Ending::Usage)
    } else {
        Ok(planned)
    }
}

/// That no two files write one folder: the second report would replace the first.
fn one_folder_each(
    planned: &[(&PathBuf, Planned)],
    arguments: &RunArguments,
) -> Result<(), Ending> {
    let mut taken: BTreeMap<PathBuf, &Path> = BTreeMap::new();
    for (file, one) in planned {
        let out = out(one, arguments);
        // Two names may be one folder by a link.
        let place = out.canonicalize().unwrap_or_else(|_| out.clone());
        if let Some(first) = taken.insert(place, file.as_path()) {
            output::error(
                &format!(
                    "{} and {} would both write {}",
                    first.display(),
                    file.display(),
                    out.display()
                ),
                Some("give each its own `name`, or run them one by one with --out"),
            );
            return Err(Ending::Usage);
        }
    }
    Ok(())
}

/// The report folder of a scenario.
fn out(planned: &Planned, arguments: &RunArguments) -> PathBuf {
    arguments
        .out
        .clone()
        .unwrap_or_else(|| Path::new("reports").join(&planned.loaded.scenario.name))
}

fn is_metric(text: &str) -> bool {
    crate::kinds::verdict::parse::metric(text).is_ok()
}

/// A file read, expanded and selected; `Err(None)` where what is wrong was said already.
fn plan(
    file: &Path,
    options: &crate::scenario::ReadOptions,
    arguments: &RunArguments,
) -> Result<Planned, Option<crate::foundation::diagnostic::Findings>> {
    let mut planned = scenario::plan(file, options).map_err(|refused| Some(refused.for_run()))?;
    planned
        .select(arguments.cells.as_deref())
        .map_err(|_| None)?;
    let unsupported = planned.unsupported();
    if !unsupported.is_empty() {
        return Err(Some(unsupported));
    }
    planned.template = template(&planned).map_err(|(message, help)| {
        output::error(&format!("{}: {message}", file.display()), Some(&help));
        None
    })?;
    Ok(planned)
}

fn dry_run(planned: &[(&PathBuf, Planned)]) -> Ending {
    for (file, one) in planned {
        let cells = one.plan.cells.len();
        output::words(&format!(
            "{}: {cells} cells would be run; nothing was sent\n",
            file.display()
        ));
    }
    Ending::Well
}

fn execute(
    file: &Path,
    planned: Planned,
    arguments: &RunArguments,
    with: (&Surroundings, (Option<&Calibration>, &Interrupt)),
) -> Ending {
    let (surroundings, (calibration, interrupt)) = with;
    let scenario = &planned.loaded.scenario;
    let out = out(&planned, arguments);
    let watch = Watch::new(surroundings, &planned.plan);
    let session = Session {
        scenario,
        environment: &surroundings.environment,
        watcher: &watch,
        signals: interrupt,
        template: planned.template,
        out: &out,
        existing: if arguments.restart {
            Existing::Restart
        } else {
            Existing::Refuse
        },
        fail_fast: arguments.fail_fast,
        strict: arguments.strict,
        options: recorded(arguments),
        selection: planned.selection,
        calibration,
    };
    let finished = run::execute(&session, &planned.plan, planned.rehearsal.into_datasets());
    watch.finish();
    match finished {
        Ok(finished) => ended(&finished, arguments, surroundings),
        Err(error) => failed(&error, file, interrupt),
    }
}

/// The scenario's template, tried with the plan's cells; what is wrong with it, and what the user can do.
fn template(planned: &Planned) -> Result<Option<UserTemplate>, (String, String)> {
    let Planned {
        loaded,
        plan,
        selection,
        ..
    } = planned;
    let Some(path) = &loaded.scenario.report.template else {
        return Ok(None);
    };
    let path = loaded.scenario.folders.scenario.join(path);
    let template = report::template(&path).map_err(|error| (error.to_string(), error.help()))?;
    run::check_template(&loaded.scenario, plan, selection.as_ref(), &template)
        .map_err(|error| (error.to_string(), error.help()))?;
    Ok(Some(template))
}

/// Options that changed what is run, as they were given.
fn recorded(arguments: &RunArguments) -> Vec<String> {
    let mut options: Vec<String> = arguments
        .set
        .iter()
        .map(|set| format!("--set {set}"))
        .collect();
    options.extend(arguments.cells.iter().map(|glob| format!("--cells {glob}")));
    options
}

fn ended(finished: &Finished, arguments: &RunArguments, surroundings: &Surroundings) -> Ending {
    if !surroundings.global.quiet {
        let width = surroundings.width();
        output::words(&super::terminal::summary(
            &finished.results,
            width,
            surroundings.colour(),
        ));
        if let Some(diff) = &finished.diff {
            output::words(&format!("\n{}", crate::report::diff::human(diff)));
        }
        output::words(&format!(
            "\nreport: {}\n",
            shown(&finished.folder).display()
        ));
    }
    // The summary has said why, where there was one.
    for reason in finished
        .results
        .verdict
        .reasons
        .iter()
        .take(20)
        .filter(|_| surroundings.global.quiet)
    {
        output::words(&format!("failed: {reason}\n"));
    }
    if let Some(metric) = &arguments.print {
        print(metric, &finished.results);
    }
    finished.ending
}

/// The path as people read it: relative to where they stand, where it is below.
fn shown(folder: &Path) -> PathBuf {
    std::env::current_dir()
        .ok()
        .and_then(|here| folder.strip_prefix(here).ok().map(Path::to_path_buf))
        .unwrap_or_else(|| folder.to_path_buf())
}

/// Prints a metric's value alone, a line a cell; of `capacity` a line a search.
fn print(metric: &str, results: &Results) {
    if metric == "capacity" {
        for search in &results.searches {
            let value = search.capacity.map(|capacity| capacity.value.to_string());
            output::data(&format!("{}\n", value.as_deref().unwrap_or("null")));
        }
        return;
    }
    for cell in &results.cells {
        let value = cell.value(metric, None).or_else(|| {
            let (name, statistic) = metric.rsplit_once('.')?;
            cell.value(name, Some(statistic))
        });
        output::data(&value.map_or_else(|| "null\n".to_owned(), |value| format!("{value}\n")));
    }
}

fn failed(error: &RunError, file: &Path, interrupt: &Interrupt) -> Ending {
    output::error(&format!("{}: {error}", file.display()), Some(&error.help()));
    Ending::of(
        [Some(error.ending()), interrupt.ending()]
            .into_iter()
            .flatten(),
    )
}
