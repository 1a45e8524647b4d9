//! Data to stdout, words to stderr. A closed stream ends no run: what cannot be written is dropped.

use std::io::Write as _;

/// Writes data to stdout.
pub fn data(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}

/// Writes words to stderr.
pub fn words(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr
        .write_all(text.as_bytes())
        .and_then(|()| stderr.flush());
}

/// Says what failed and what to do, in that order.
pub fn error(message: &str, help: Option<&str>) {
    let mut text = format!("error: {message}\n");
    if let Some(help) = help {
        text.push_str("  help: ");
        text.push_str(help);
        text.push('\n');
    }
    words(&text);
}
