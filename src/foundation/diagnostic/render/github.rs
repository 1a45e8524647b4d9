//! Findings as github.

use crate::foundation::diagnostic::Finding;

/// The findings as github.
pub fn github(findings: &[Finding]) -> String {
    findings.iter().map(|finding| finding.message.clone() + "\n").collect()
}
