//! Large numbers as people read them.

/// A number with its thousands apart: `1,234,567.5`.
pub fn grouped(number: f64) -> String {
    let written = number.to_string();
    let (whole, rest) = match written.split_once('.') {
        Some((whole, decimals)) => (whole, format!(".{decimals}")),
        None => (written.as_str(), String::new()),
    };
    let mut text = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + &rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [
            (0.5, "0.5"),
            (250.0, "250"),
            (8200.0, "8,200"),
            (1_234_567.5, "1,234,567.5"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
