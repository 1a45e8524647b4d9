//! Reads `Request(key=value, …)`: a Python constructor call whose keyword arguments are literals.
//!
//! Knows nothing of rows or files. Nothing is evaluated: what is no literal is an error.

use serde_json::{Map, Number, Value};

/// Lists and maps may be nested so deep.
const DEPTH: u32 = 32;

/// Reads one call. The error says what is wrong and, where a keyword was read already, of which.
pub fn call(text: &str) -> Result<Map<String, Value>, (Option<String>, String)> {
    let mut reader = Reader { text, at: 0 };
    let mut fields = Map::new();
    let plain = |reason: String| (None, reason);
    reader.skip_blank();
    reader
        .name()
        .ok_or_else(|| plain("is no `Request(key=value, …)`".to_owned()))?;
    if !reader.take('(') {
        return Err(plain("is no `Request(key=value, …)`".to_owned()));
    }
    loop {
        reader.skip_blank();
        if reader.take(')') {
            break;
        }
        let keyword = reader
            .name()
            .ok_or_else(|| plain(reader.unexpected("a keyword")))?;
        reader.skip_blank();
        reader.expect('=').map_err(plain)?;
        let value = reader
            .value(0)
            .map_err(|reason| (Some(keyword.to_owned()), reason))?;
        if fields.insert(keyword.to_owned(), value).is_some() {
            return Err((Some(keyword.to_owned()), "is given twice".to_owned()));
        }
        reader.skip_blank();
        if !reader.take(',') {
            reader.expect(')').map_err(plain)?;
            break;
        }
    }
    reader.skip_blank();
    if reader.rest().is_empty() {
        Ok(fields)
    } else {
        Err(plain(reader.unexpected("the end of the line")))
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_blank(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.rest().starts_with(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    fn expect(&mut self, c: char) -> Result<(), String> {
        if self.take(c) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("`{c}`")))
        }
    }

    fn unexpected(&self, wanted: &str) -> String {
        let column = self.text[..self.at].chars().count() + 1;
        match self.peek() {
            Some(c) => format!("has `{c}` at column {column} where {wanted} should stand"),
            None => format!("ends where {wanted} should stand"),
        }
    }

    fn name(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let len = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let name = &rest[..len];
        if name.is_empty() || name.starts_with(|c: char| c.is_numeric()) {
            return None;
        }
        self.at += len;
        Some(name)
    }

    fn value(&mut self, depth: u32) -> Result<Value, String> {
        if depth > DEPTH {
            return Err(format!("is nested deeper than {DEPTH}"));
        }
        self.skip_blank();
        match self.peek() {
            Some('\'' | '"') => self.strings().map(Value::String),
            Some('[') => self.items('[', ']', depth).map(Value::Array),
            Some('(') => self.items('(', ')', depth).map(Value::Array),
            Some('{') => self.map(depth).map(Value::Object),
            Some(c) if c.is_ascii_digit() || matches!(c, '-' | '+' | '.') => self.number(),
            _ => {
                let start = self.at;
                match self.name() {
                    Some("None") => Ok(Value::Null),
                    Some("True") => Ok(Value::Bool(true)),
                    Some("False") => Ok(Value::Bool(false)),
                    _ => {
                        self.at = start;
                        Err(self.unexpected("a number, text, None, True, False, list or dict"))
                    }
                }
            }
        }
    }

    fn number(&mut self) -> Result<Value, String> {
        let rest = self.rest();
        let mut previous = ' ';
        let len = rest
            .find(|c: char| {
                let sign =
                    matches!(c, '-' | '+') && (previous == ' ' || matches!(previous, 'e' | 'E'));
                previous = c;
                !(sign || c.is_ascii_alphanumeric() || c == '.' || c == '_')
            })
            .unwrap_or(rest.len());
        let written = &rest[..len];
        let digits = written.trim_start_matches('+').replace('_', "");
        let number = match digits.parse::<i64>() {
            Ok(integer) => Some(Number::from(integer)),
            Err(_) => match digits.parse::<f64>() {
                Ok(float) if digits.chars().any(|c| c.is_ascii_digit()) => Number::from_f64(float),
                _ => None,
            },
        };
        self.at += len;
        number
            .map(Value::Number)
            .ok_or_else(|| format!("`{written}` is no number"))
    }

    fn items(&mut self, open: char, close: char, depth: u32) -> Result<Vec<Value>, String> {
        self.expect(open)?;
        let mut items = Vec::new();
        loop {
            self.skip_blank();
            if self.take(close) {
                return Ok(items);
            }
            items.push(self.value(depth + 1)?);
            self.skip_blank();
            if !self.take(',') {
                self.expect(close)?;
                return Ok(items);
            }
        }
    }

    fn map(&mut self, depth: u32) -> Result<Map<String, Value>, String> {
        self.expect('{')?;
        let mut map = Map::new();
        loop {
            self.skip_blank();
            if self.take('}') {
                return Ok(map);
            }
            let key = match self.value(depth + 1)? {
                Value::String(key) => key,
                other => other.to_string(),
            };
            self.skip_blank();
            self.expect(':')?;
            map.insert(key, self.value(depth + 1)?);
            self.skip_blank();
            if !self.take(',') {
                self.expect('}')?;
                return Ok(map);
            }
        }
    }

    /// One text, or several beside each other, which Python joins.
    fn strings(&mut self) -> Result<String, String> {
        let mut joined = String::new();
        while let Some(quote @ ('\'' | '"')) = self.peek() {
            self.string(quote, &mut joined)?;
            self.skip_blank();
        }
        Ok(joined)
    }

    fn string(&mut self, quote: char, out: &mut String) -> Result<(), String> {
        self.expect(quote)?;
        loop {
            let Some(c) = self.peek() else {
                return Err("has a text without its closing quote".to_owned());
            };
            self.at += c.len_utf8();
            match c {
                _ if c == quote => return Ok(()),
                '\\' => self.escape(out)?,
                _ => out.push(c),
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Result<(), String> {
        let Some(c) = self.peek() else {
            return Err("ends within an escape".to_owned());
        };
        self.at += c.len_utf8();
        let (digits, radix, most) = match c {
            '\\' | '\'' | '"' => {
                out.push(c);
                return Ok(());
            }
            'x' => (0, 16, 2),
            'u' => (0, 16, 4),
            'U' => (0, 16, 8),
            '0'..='7' => (1, 8, 3),
            _ => {
                let plain = match c {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    'a' => '\x07',
                    'b' => '\x08',
                    'f' => '\x0c',
                    'v' => '\x0b',
                    // Python keeps an unknown escape as it is.
                    _ => {
                        out.push('\\');
                        c
                    }
                };
                out.push(plain);
                return Ok(());
            }
        };
        self.at -= digits;
        let rest = self.rest();
        let len = rest
            .chars()
            .take(most)
            .take_while(|c| c.is_digit(radix))
            .count();
        if len == 0 || (radix == 16 && len < most) {
            return Err(format!("has `\\{c}` without its {most} digits"));
        }
        let code = u32::from_str_radix(&rest[..len], radix).unwrap_or(0xFFFD);
        self.at += len;
        // A lone surrogate is no character; it is read as the replacement character.
        out.push(char::from_u32(code).unwrap_or('\u{FFFD}'));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_call_is_read_with_every_kind_of_literal() {
        let line = r#"Request(request_id=3, timestamp=0.0333, height=512, prompt='it\'s "a" \x41\u00e9\n', none=None,
            yes=True, list=[1, -2.5, ['x',],], tuple=(1,), map={'a': 1e3, 2: "b"}, joined='a' "b", big=1_000,)"#;
        assert_eq!(
            Value::Object(call(line).unwrap()),
            json!({"request_id": 3, "timestamp": 0.0333, "height": 512, "prompt": "it's \"a\" Aé\n", "none": null,
                   "yes": true, "list": [1, -2.5, ["x"]], "tuple": [1], "map": {"a": 1e3, "2": "b"}, "joined": "ab",
                   "big": 1000})
        );
        assert_eq!(call("Request()").unwrap().len(), 0);
    }

    #[test]
    fn what_is_no_literal_is_refused_with_its_keyword() {
        for (line, field) in [
            ("Request(prompt=open('x'))", Some("prompt")),
            ("Request(width=a + 1)", Some("width")),
            ("Request(width=nan)", Some("width")),
            ("Request(prompt='cut)", Some("prompt")),
            ("Request(width=1, width=2)", Some("width")),
            ("Request(512)", None),
            ("Request(width=1", None),
            ("Request(width=1) x", None),
            ("just words", None),
            ("", None),
        ] {
            assert_eq!(call(line).unwrap_err().0.as_deref(), field, "{line}");
        }
        let deep = format!("Request(a={}{})", "[".repeat(5000), "]".repeat(5000));
        assert!(call(&deep).unwrap_err().1.contains("nested"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in "(Request\\(a=)?.{0,40}") {
            let _ = call(&text);
        }

        #[test]
        fn a_quoted_text_reads_back(text in "\\PC{0,40}") {
            let quoted = text.replace('\\', "\\\\").replace('\'', "\\'");
            let fields = call(&format!("Request(prompt='{quoted}')")).unwrap();
            prop_assert_eq!(&fields["prompt"], &Value::String(text));
        }
    }
}
