//! Text that a server, a dataset or a scenario wrote, made harmless for where it is put. Everything here is hostile.
//!
//! [`plain`] is for every output: no control, no direction change, no command of a workflow. The others add what their
//! format needs. Templates escape structure themselves (`foundation::template`); [`markdown`] adds what a forge makes of
//! text after it was rendered: mentions, references, links.

use std::fmt::Write as _;

use serde_json::Value;

/// A blank of no width: it parts characters that would mean something together.
const PART: char = '\u{200b}';

/// Whether a character can change how others are shown, or is invisible: controls, direction marks, tags.
const fn is_active(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Text on any number of lines: tabs and line feeds stay, other controls and direction marks become visible
/// (`⟨U+202E⟩`), and no line begins a workflow command.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at_start = true;
    let mut last = '\n';
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\n' | '\t' => out.push(c),
            c if is_active(c) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "⟨U+{:04X}⟩", u32::from(c));
            }
            // `::error::` at a line's start and `##[error]` anywhere are commands to a runner that prints this.
            ':' if at_start => out.extend([':', PART]),
            '#' if last == '#' => out.extend([PART, '#']),
            c => out.push(c),
        }
        at_start = c == '\n' || at_start && c.is_whitespace();
        last = c;
    }
    out
}

/// The same on one line.
pub fn line(text: &str) -> String {
    plain(text).replace(['\n', '\t'], " ")
}

/// One line for Markdown, before its structure is escaped: a mention, a reference to an issue or a bare link stays text.
pub fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    for c in line(text).chars() {
        match c {
            '@' | '#' => out.extend([c, PART]),
            ':' if is_scheme(&word) => out.extend([c, PART]),
            '.' if word.eq_ignore_ascii_case("www") => out.extend([PART, c]),
            '-' if word.eq_ignore_ascii_case("gh") => out.extend([c, PART]),
            c => out.push(c),
        }
        if c.is_ascii_alphanumeric() {
            word.push(c);
        } else {
            word.clear();
        }
    }
    out
}

/// A code span of Markdown whose text can be copied: there, schemes and mentions are text by themselves, so that what
/// [`markdown`] parted is put together again.
pub fn code(text: &str) -> String {
    let text = [':', '@'].into_iter().fold(line(text), |text, c| {
        text.replace(&format!("{c}{PART}"), &c.to_string())
    });
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // A blank at each end, of which a reader sees none, keeps the text's own backticks from the fence.
    let pad = if longest > 0 { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Schemes that forges and viewers link by themselves, or that would run something in a link.
fn is_scheme(word: &str) -> bool {
    [
        "http",
        "https",
        "ftp",
        "mailto",
        "xmpp",
        "javascript",
        "data",
        "vbscript",
        "file",
    ]
    .iter()
    .any(|scheme| {
        word.len() >= scheme.len() && word[word.len() - scheme.len()..].eq_ignore_ascii_case(scheme)
    })
}

/// Text within or between elements of HTML, SVG and XML.
pub fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A field of CSV that no spreadsheet takes for a formula: what begins like one gets an apostrophe before it.
pub fn csv(text: &str) -> String {
    let text = line(text);
    let begins = text.trim_start_matches(|c: char| c.is_whitespace() || c == PART);
    if begins.starts_with(['=', '+', '-', '@', '|', '%', '＝', '＋', '－', '＠']) {
        format!("'{text}")
    } else {
        text
    }
}

/// At most `most` characters, the last one an ellipsis where something was cut.
pub fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars()
        .take(most.saturating_sub(1))
        .chain(['…'])
        .collect()
}

/// Every text and every key of a document through `escape`.
pub fn document(value: Value, escape: fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(escape(&text)),
        Value::Array(items) => Value::Array(
            items
                .into_iter()
                .map(|item| document(item, escape))
                .collect(),
        ),
        Value::Object(entries) => Value::Object(
            entries
                .into_iter()
                .map(|(key, item)| (escape(&key), document(item, escape)))
                .collect(),
        ),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn controls_and_direction_marks_become_visible() {
        assert_eq!(
            plain("a\u{1b}[31mb\u{202e}c\u{7}"),
            "a⟨U+001B⟩[31mb⟨U+202E⟩c⟨U+0007⟩"
        );
        assert_eq!(plain("a\r\nb\tc"), "a\nb\tc");
        assert_eq!(line("a\nb"), "a b");
    }

    #[test]
    fn code_can_be_copied_and_cannot_be_left() {
        let option = "--set targets.llm.base_url=http://127.0.0.1:8000";
        assert_eq!(code(&markdown(option)), format!("`{option}`"));
        assert_eq!(code("a`b``c"), "``` a`b``c ```");
        assert_eq!(code("a\nb"), "`a b`");
    }

    #[test]
    fn a_workflow_command_is_text() {
        for text in [
            "::error::x",
            "  ::set-output name=a::b",
            "ok\n::warning::y",
            "##[error]x",
        ] {
            let shown = plain(text);
            assert!(
                !shown
                    .lines()
                    .any(|line| line.trim_start().starts_with("::")),
                "{shown}"
            );
            assert!(!shown.contains("##["), "{shown}");
        }
        assert_eq!(plain("std::io"), "std::io");
    }

    #[test]
    fn a_forge_makes_no_link_of_a_text() {
        for text in [
            "@octocat",
            "see #12",
            "https://e.example/x",
            "www.e.example",
            "GH-12",
            "mailto:a@b.example",
            "javascript:alert(1)",
        ] {
            let shown = markdown(text);
            assert_ne!(shown, text);
            assert_eq!(shown.replace(PART, ""), text);
        }
        assert_eq!(markdown("rate=2, p99: 3 ms"), "rate=2, p99: 3 ms");
    }

    #[test]
    fn no_spreadsheet_takes_a_field_for_a_formula() {
        for text in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            " =1",
            "\r\n=cmd|' /C calc'!A0",
        ] {
            assert!(csv(text).starts_with('\''), "{text}");
        }
        assert_eq!(csv("a=b"), "a=b");
    }

    proptest! {
        #[test]
        fn nothing_active_is_left_in_any_text(text in any::<String>()) {
            prop_assert!(!plain(&text).chars().any(|c| is_active(c) && c != '\n' && c != '\t'));
            prop_assert!(!line(&text).chars().any(is_active));
        }
    }
}
