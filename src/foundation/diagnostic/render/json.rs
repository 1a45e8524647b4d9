//! Findings as json.

use crate::foundation::diagnostic::Finding;

/// The findings as json.
pub fn json(findings: &[Finding]) -> String {
    findings.iter().map(|finding| finding.message.clone() + "\n").collect()
}
