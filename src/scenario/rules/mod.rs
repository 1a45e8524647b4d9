//! What the schema cannot say: a closed list of rules over the document as written.
//!
//! A rule reads what it understands and is silent about the rest: a value of the wrong type was told by the schema. What is
//! about cells (pairs that do not fit, axes that are not there, entries that do nothing) is the plan's to find.

mod address;
mod compare;
mod credentials;
mod dataset;
mod embedded;
mod files;
mod header;
mod http;
mod load;
mod params;
mod report;
mod slo;
mod subject;
mod template;
mod unsupported;

pub use load::durations;
use subject::Part;
pub use subject::Subject;
pub use unsupported::unsupported;

use crate::foundation::diagnostic::{Code, Findings};

/// One thing that can be wrong with a scenario.
pub struct Rule {
    /// The code of its findings.
    pub code: Code,
    /// What it is for, for people who wonder.
    #[cfg_attr(
        not(test),
        expect(
            dead_code,
            reason = "for people who read the list; a test holds that it is there"
        )
    )]
    pub explain: &'static str,
    /// Finds it.
    pub check: fn(&Subject<'_>, &mut Findings),
}

/// Every rule.
pub const ALL: &[Rule] = &[
    address::MISSING,
    address::TWICE,
    address::FORM,
    address::PATH,
    embedded::MODEL,
    credentials::LITERAL,
    dataset::ROWS,
    dataset::VBENCH_IMAGES,
    dataset::MIX,
    dataset::WEIGHTS,
    files::MISSING,
    files::OUTSIDE,
    http::BODIES,
    http::STEPS,
    http::CLIENT,
    header::HEADER,
    template::TEMPLATE,
    load::RANGE,
    params::RANGE,
    params::LIST,
    params::STREAM,
    load::WORKLOAD,
    load::IDLE,
    load::DURATION,
    slo::METRIC,
    slo::STATISTIC,
    slo::OBJECTIVE,
    slo::ESTIMATE,
    slo::BASE,
    report::PERCENTILE,
    compare::GATE,
    compare::GATE_TWICE,
    compare::PAIR,
    compare::SHARE,
];

/// What every rule finds.
pub fn check(subject: &Subject<'_>) -> Findings {
    let mut findings = Findings::new();
    for rule in ALL {
        (rule.check)(subject, &mut findings);
    }
    if let Some(environment) = subject.environment {
        credentials::unreadable(subject, environment, &mut findings);
    }
    findings
}

#[cfg(test)]
mod tests;
