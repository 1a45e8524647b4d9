//! `junit.xml`: a suite a cell, a case an objective; of a search one case, that it has an answer.
//!
//! A miss is a failure, one for want of data too. Any objective of an INVALID cell is an error, since nothing can be said
//! of it. Without data under `no_data: warn`, or in a cell that was executed in part, it is skipped, with the reason. An interrupted run has a case of its own that says so, since cells that were not run must not look like a pass.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::context::{Axes, Verdict, unit_of_objective, value_against_bound};
use super::number::{NO_DATA, Scale};
use super::{Format, Page, ReportError, escape};
use crate::results::{
    CellResult, ObjectiveResult, ObjectiveVerdict, Results, SearchResult, ValidityStatus,
};

/// The format.
pub const FORMAT: Format = Format {
    name: "junit",
    file: "junit.xml",
    render,
};

fn render(page: &Page<'_>) -> Result<Vec<u8>, ReportError> {
    let results = page.results;
    let axes = Axes::of(results);
    let mut report = Report::new(escape::line(&results.scenario.name));
    if results.incomplete {
        let mut suite = TestSuite::new("run");
        suite.add_test_case(case(
            "complete",
            "run",
            error("incomplete", &Verdict::of(results).sentence),
        ));
        report.add_test_suite(suite);
    }
    for search in &results.searches {
        report.add_test_suite(of_search(results, search));
    }
    for cell in results.cells.iter().filter(|cell| !results.is_probe(cell)) {
        report.add_test_suite(suite(results, &axes, cell));
    }
    let mut bytes = Vec::new();
    report
        .serialize(&mut bytes)
        .map_err(|error| ReportError::Write {
            file: FORMAT.file,
            reason: error.to_string(),
        })?;
    if bytes.last() != Some(&b'\n') {
        bytes.push(b'\n');
    }
    Ok(bytes)
}

fn suite(results: &Results, axes: &Axes, cell: &CellResult) -> TestSuite {
    let name = escape::line(&axes.label(cell));
    let class = escape::line(&format!("{}.{}", results.scenario.name, axes.label(cell)));
    let mut suite = TestSuite::new(name);
    // A void cell without objectives would otherwise be an empty suite, which readers take for a pass.
    if cell.validity.status == ValidityStatus::Invalid && cell.objectives.is_empty() {
        suite.add_test_case(case(
            "validity",
            &class,
            error("invalid", &cell.validity.reasons.join("; ")),
        ));
    }
    for objective in &cell.objectives {
        suite.add_test_case(case(
            &escape::line(&objective.text),
            &class,
            status(results, cell, objective),
        ));
    }
    suite
}

/// A search is one case: that it has an answer. What its probes miss is no failure.
fn of_search(results: &Results, search: &SearchResult) -> TestSuite {
    let class = escape::line(&format!("{}.{}", results.scenario.name, search.id));
    let mut suite = TestSuite::new(escape::line(&search.id));
    let why = search.reason.as_deref().unwrap_or("there is no answer");
    let status = match search.capacity {
        Some(_) => TestCaseStatus::success(),
        None if results.incomplete => error("incomplete", why),
        None => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type("no-capacity");
            status.set_message(escape::line(why));
            status
        }
    };
    suite.add_test_case(case("capacity", &class, status));
    suite
}

fn case(name: &str, class: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(class);
    case
}

fn status(results: &Results, cell: &CellResult, objective: &ObjectiveResult) -> TestCaseStatus {
    if cell.validity.status == ValidityStatus::Invalid {
        return error(
            "invalid",
            &format!("the cell is INVALID: {}", cell.validity.reasons.join("; ")),
        );
    }
    match objective.verdict {
        ObjectiveVerdict::Met => TestCaseStatus::success(),
        ObjectiveVerdict::Void | ObjectiveVerdict::NoData => {
            let mut status = TestCaseStatus::skipped();
            status.set_type("no-data");
            status.set_message(match objective.value {
                None => "no data: nothing to hold against the bound",
                Some(_) => "not judged: the cell was not executed to its end",
            });
            status
        }
        ObjectiveVerdict::Missed => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(if objective.value.is_some() {
                "missed"
            } else {
                "no-data"
            });
            status.set_message(escape::line(&missed(results, objective)));
            status
        }
    }
}

/// What was measured instead: `e2e.p99 <= 4s: 4.31 s (n 360, needs 368)`.
fn missed(results: &Results, objective: &ObjectiveResult) -> String {
    let value =
        value_against_bound(results, objective).unwrap_or_else(|| format!("{NO_DATA} (no data)"));
    let scale = Scale::of(
        unit_of_objective(results, &objective.text),
        [objective.bound.abs()],
    );
    let needs = objective
        .needs_n
        .map(|needed| format!(", needs {needed}"))
        .unwrap_or_default();
    format!(
        "{}: {value} against {} (n {}{needs})",
        objective.text,
        scale.with_unit(objective.bound),
        objective.n
    )
}

fn error(kind: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type(kind);
    status.set_message(escape::line(message));
    status
}
