//! Findings for people, as rustc shows them.

use crate::foundation::diagnostic::Finding;

/// How the text is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether to use ANSI colours.
    pub colour: bool,
    /// Columns of the terminal; source lines are cut to fit.
    pub width: usize,
}

/// The findings with their source lines, each followed by an empty line; nothing for none.
pub fn human(findings: &[Finding], look: Look) -> String {
    let _ = look;
    findings.iter().map(|finding| format!("error[{}]: {}\n\n", finding.code, finding.message)).collect()
}
