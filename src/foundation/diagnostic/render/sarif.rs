//! Findings as sarif.

use crate::foundation::diagnostic::Finding;

/// The findings as sarif.
pub fn sarif(findings: &[Finding]) -> String {
    findings.iter().map(|finding| finding.message.clone() + "\n").collect()
}
