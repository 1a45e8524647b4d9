//! A cell's own side of the results: whether it counts, what was kept of it, what a reader must know.

use std::path::Path;

use base64::Engine as _;

use super::records::Bases;
use super::self_check;
use super::told::Told;
use crate::instruments::record::journal::Contents;
use crate::instruments::record::{Commit, Ended, SampleFile};
use crate::kinds::metric::CellMetrics;
use crate::kinds::metric::estimate::{Base, NoBase};
use crate::kinds::verdict::validity;
use crate::plan::Cell;
use crate::results::{CellRun, SampleReference, Warning, folder};
use crate::scenario::Scenario;

/// A picture larger than this is shown by its file alone.
const THUMBNAIL_BYTES: usize = 48 * 1024;

/// A cell's own side of the results.
///
/// `numbers` are what its rows give.
pub fn cell_run(
    cell: &Cell,
    numbers: &CellMetrics,
    contents: &Contents,
    known: (&Bases, &Told, &Scenario, &Path),
) -> CellRun {
    let (bases, told, scenario, part) = known;
    let commits = commits(cell, contents);
    let base = bases.of(scenario, cell);
    CellRun {
        validity: validity::judge(&self_check::evidence(
            cell,
            &commits,
            own_reasons(&commits, numbers.requests.intended, told),
        )),
        self_check: self_check::figures(&commits),
        base: base.and_then(Result::ok),
        positions: commits.iter().map(|commit| commit.position).collect(),
        samples: commits
            .iter()
            .flat_map(|commit| &commit.samples)
            .take(scenario.report.samples as usize)
            .map(|sample| reference(sample, part))
            .collect(),
        warnings: warnings(cell, &commits)
            .into_iter()
            .chain(told.warnings())
            .chain(limits_undefined(cell, numbers, base))
            .collect(),
    }
}

/// The commits of a cell's repeats, in their order.
pub fn commits<'a>(cell: &Cell, contents: &'a Contents) -> Vec<&'a Commit> {
    let commits = contents.repeats.iter().map(|committed| &committed.commit);
    let mut commits: Vec<&Commit> = commits.filter(|commit| commit.cell_id == cell.id).collect();
    commits.sort_by_key(|commit| commit.repeat);
    commits
}

/// What is known of limits that were asked for and are not there: what is undefined is in no attainment, and would be
/// missed by nobody.
fn limits_undefined(
    cell: &Cell,
    numbers: &CellMetrics,
    base: Option<Result<Base, NoBase>>,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if let Some(Err(why)) = base {
        warnings.push(Warning {
            code: "slo_base".to_owned(),
            text: format!(
                "the limit on e2e could not be estimated: {why}; only rows with an slo_ms of their own have one"
            ),
        });
    }
    let (defined, all) = (numbers.slo.defined, numbers.requests.intended);
    if defined < all && (defined > 0 || cell.slo.limits.any()) {
        warnings.push(Warning {
            code: "slo_undefined".to_owned(),
            text: format!(
                "the SLO is defined for {defined} of {all} requests: attainment and goodput say nothing of the others"
            ),
        });
    }
    warnings
}

/// What voids a cell by itself, whatever its numbers say; each says who it was.
fn own_reasons(commits: &[&Commit], counted: u64, told: &Told) -> Vec<String> {
    let mut reasons = Vec::new();
    let ended = |how: Ended| commits.iter().any(|commit| commit.ended == how);
    if commits.is_empty() {
        reasons.push(validity::NOT_EXECUTED.to_owned());
    } else if ended(Ended::WarmupFailed) {
        let why = told
            .failures()
            .first()
            .map(|failure| format!(" ({failure})"))
            .unwrap_or_default();
        reasons.push(format!(
            "the target answered no warm-up, so that nothing was measured{why}"
        ));
    } else if ended(Ended::Interrupted) {
        reasons.push("a signal ended it before its time".to_owned());
    } else if counted == 0 {
        reasons.push(
            "no request counts: none was due, or the window leaves all of them out".to_owned(),
        );
    }
    // Whoever ends a process often continues it too, stopped or not (timeout, systemd): that repeat is void anyway.
    let suspended = |commit: &&Commit| commit.suspensions > 0 && commit.ended != Ended::Interrupted;
    if commits.iter().any(suspended) {
        reasons.push(validity::SUSPENDED.to_owned());
    }
    reasons
}

fn warnings(cell: &Cell, commits: &[&Commit]) -> Vec<Warning> {
    let mut warnings: Vec<Warning> = Vec::new();
    let mut warn = |code: &str, text: &str| {
        if warnings.iter().all(|known| known.text != text) {
            warnings.push(Warning {
                code: code.to_owned(),
                text: text.to_owned(),
            });
        }
    };
    let (executed, repeats) = (commits.len(), cell.load.repeats as usize);
    if (1..repeats).contains(&executed) {
        warn(
            "incomplete",
            &format!(
                "{executed} of {repeats} repeats were executed: no objective is held against it"
            ),
        );
    }
    for commit in commits {
        match commit.ended {
            Ended::DatasetEnded => warn(
                "dataset_ended",
                "the dataset ended before as many requests were sent as were asked for",
            ),
            Ended::WarmupFailed => warn(
                "warmup_failed",
                "every warm-up failed, so nothing was measured",
            ),
            Ended::Complete | Ended::RecordsOverflowed | Ended::Interrupted => {}
        }
        for note in &commit.notes {
            warn("note", note);
        }
    }
    warnings
}

fn reference(sample: &SampleFile, part: &Path) -> SampleReference {
    SampleReference {
        file: sample.file.clone(),
        text: sample.text.clone(),
        thumbnail: thumbnail(&part.join(folder::SAMPLES).join(&sample.file)),
    }
}

/// A small picture as a data URL.
fn thumbnail(path: &Path) -> Option<String> {
    let kind = match path.extension()?.to_str()? {
        "png" => "png",
        "jpg" | "jpeg" => "jpeg",
        "webp" => "webp",
        _ => return None,
    };
    let bytes = std::fs::read(path)
        .ok()
        .filter(|bytes| bytes.len() <= THUMBNAIL_BYTES)?;
    Some(format!(
        "data:image/{kind};base64,{}",
        base64::engine::general_purpose::STANDARD.encode(bytes)
    ))
}
