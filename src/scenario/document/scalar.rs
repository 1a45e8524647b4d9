//! What a plain scalar means by the core schema of YAML 1.2, without its traps.

use serde_json::Number;

/// The meaning of a plain scalar.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meaning {
    Null,
    Bool(bool),
    Number(Number),
    Text,
    Refused(Refusal),
}

/// A plain scalar that is refused because it does not mean what it seems to, or cannot be kept without loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// `010`: 8 in YAML 1.1, 10 in YAML 1.2.
    LeadingZero,
    /// `.nan`.
    NotANumber,
    /// `.inf`, for which JSON has no number.
    Infinite,
    /// More than 64 bits, or beyond the range of a double.
    TooLarge,
}

impl Refusal {
    /// The finding's code.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::LeadingZero => "leading-zero",
            Self::NotANumber => "not-a-number",
            Self::Infinite => "infinite-number",
            Self::TooLarge => "number-too-large",
        }
    }

    /// The finding's reason.
    pub(super) fn message(self, written: &str) -> String {
        match self {
            Self::LeadingZero => {
                format!("`{written}` begins with a zero: octal to some readers, decimal to others")
            }
            Self::NotANumber => format!("`{written}` is no number that can be used here"),
            Self::Infinite => format!("`{written}` is not used in scenarios"),
            Self::TooLarge => format!("`{written}` does not fit a 64-bit number"),
        }
    }

    /// What to write instead.
    pub(super) fn help(self, written: &str) -> String {
        match self {
            Self::LeadingZero => {
                let sign = if written.starts_with('-') { "-" } else { "" };
                let digits = written
                    .trim_start_matches(['+', '-'])
                    .trim_start_matches('0');
                let digits = if digits.starts_with(|first: char| first.is_ascii_digit()) {
                    digits.to_owned()
                } else {
                    format!("0{digits}")
                };
                format!("write `{sign}{digits}` for the number, or `\"{written}\"` for text")
            }
            Self::NotANumber => "write a number, or leave the key out".to_owned(),
            Self::Infinite => "write `inf` for an unlimited rate or concurrency".to_owned(),
            Self::TooLarge => format!("write a smaller number, or `\"{written}\"` for text"),
        }
    }
}

/// The meaning of a plain (unquoted, untagged) scalar.
pub(super) fn plain(text: &str) -> Meaning {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Meaning::Null,
        "true" | "True" | "TRUE" => return Meaning::Bool(true),
        "false" | "False" | "FALSE" => return Meaning::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Meaning::Refused(Refusal::NotANumber),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Meaning::Refused(Refusal::Infinite);
    }
    if let Some((digits, radix)) = based(text) {
        return u64::from_str_radix(digits, radix)
            .map_or(Meaning::Refused(Refusal::TooLarge), |number| {
                Meaning::Number(number.into())
            });
    }
    match shape(unsigned) {
        Shape::Text => Meaning::Text,
        Shape::Integer | Shape::Float if leads_with_zero(unsigned) => {
            Meaning::Refused(Refusal::LeadingZero)
        }
        Shape::Integer => integer(text),
        Shape::Float => float(text),
    }
}

/// Digits and radix of `0o17` and `0xff`.
fn based(text: &str) -> Option<(&str, u32)> {
    let (digits, radix) = match (text.strip_prefix("0o"), text.strip_prefix("0x")) {
        (Some(digits), _) => (digits, 8),
        (_, Some(digits)) => (digits, 16),
        _ => return None,
    };
    let fits = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    fits.then_some((digits, radix))
}

fn leads_with_zero(unsigned: &str) -> bool {
    let mut bytes = unsigned.bytes();
    bytes.next() == Some(b'0') && bytes.next().is_some_and(|second| second.is_ascii_digit())
}

enum Shape {
    Integer,
    Float,
    Text,
}

/// Matches `[0-9]+` and `(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
fn shape(unsigned: &str) -> Shape {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(unsigned);
    let rest = &unsigned[whole..];
    if rest.is_empty() {
        return if whole > 0 {
            Shape::Integer
        } else {
            Shape::Text
        };
    }
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(after) => (digits(after), &after[digits(after)..]),
        None => (0, rest),
    };
    if whole + fraction == 0 {
        return Shape::Text;
    }
    let Some(exponent) = rest.strip_prefix(['e', 'E']) else {
        return if rest.is_empty() {
            Shape::Float
        } else {
            Shape::Text
        };
    };
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    if !exponent.is_empty() && digits(exponent) == exponent.len() {
        Shape::Float
    } else {
        Shape::Text
    }
}

fn integer(text: &str) -> Meaning {
    let text = text.strip_prefix('+').unwrap_or(text);
    let signed = text.parse::<i64>().map(Number::from);
    match signed.or_else(|_| text.parse::<u64>().map(Number::from)) {
        Ok(number) => Meaning::Number(number),
        Err(_) => Meaning::Refused(Refusal::TooLarge),
    }
}

fn float(text: &str) -> Meaning {
    match text.parse::<f64>().ok().and_then(Number::from_f64) {
        Some(number) => Meaning::Number(number),
        None => Meaning::Refused(Refusal::TooLarge),
    }
}

#[cfg(test)]
mod tests {
    use super::{Meaning, Refusal, plain};

    fn number(text: &str) -> Option<String> {
        match plain(text) {
            Meaning::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    #[test]
    fn words_of_yaml_1_1_are_text() {
        for text in [
            "yes",
            "no",
            "on",
            "off",
            "y",
            "n",
            "Yes",
            "NO",
            "inf",
            "nan",
            "1_000",
            "0b11",
            "12:30",
            "2026-01-01",
            "1e",
            "-",
            ".",
            "0x",
            "0o8",
        ] {
            assert_eq!(plain(text), Meaning::Text, "{text}");
        }
    }

    #[test]
    fn numbers_are_those_of_the_core_schema() {
        let cases = [
            ("0", "0"),
            ("-0", "0"),
            ("+5", "5"),
            ("0o17", "15"),
            ("0xFF", "255"),
            ("1.", "1.0"),
            (".5", "0.5"),
            ("1e3", "1000.0"),
            ("-2.5E-1", "-0.25"),
            ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("9007199254740993", "9007199254740993"),
        ];
        for (text, expected) in cases {
            assert_eq!(number(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_readers_disagree_about_or_cannot_keep_is_refused() {
        let cases = [
            ("010", Refusal::LeadingZero),
            ("-007", Refusal::LeadingZero),
            ("00.5", Refusal::LeadingZero),
            (".nan", Refusal::NotANumber),
            ("-.inf", Refusal::Infinite),
            ("18446744073709551616", Refusal::TooLarge),
            ("-9223372036854775809", Refusal::TooLarge),
            ("0x10000000000000000", Refusal::TooLarge),
            ("1e999", Refusal::TooLarge),
        ];
        for (text, expected) in cases {
            assert_eq!(plain(text), Meaning::Refused(expected), "{text}");
        }
        assert_eq!(
            Refusal::LeadingZero.help("-010"),
            "write `-10` for the number, or `\"-010\"` for text"
        );
        assert_eq!(
            Refusal::LeadingZero.help("00.5"),
            "write `0.5` for the number, or `\"00.5\"` for text"
        );
        assert_eq!(
            Refusal::LeadingZero.help("00"),
            "write `0` for the number, or `\"00\"` for text"
        );
    }
}
