//! Whole numbers that are written with a point: `3.0` counts three.

use serde_json::Value;

/// Keys below which every value is the user's own.
const OWN: [&str; 9] = [
    "json",
    "form",
    "multipart",
    "query",
    "headers",
    "rows",
    "labels",
    "params",
    "override",
];

/// Makes `3.0` a `3` wherever a number is the language's: what counts things takes both.
pub(super) fn whole(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(whole),
        Value::Object(map) => {
            let language = |key: &str| {
                !OWN.contains(&key) && !key.starts_with("params.") && !key.starts_with("x-")
            };
            for (_, value) in map.iter_mut().filter(|(key, _)| language(key)) {
                whole(value);
            }
        }
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap_or(f64::NAN);
            // 2^64 is the first that does not fit.
            if float.fract() == 0.0 && (0.0..18_446_744_073_709_551_616.0).contains(&float) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "whole and within bounds"
                )]
                let whole = float as u64;
                *value = Value::from(whole);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_number_of_the_language_loses_its_point_and_a_parameter_keeps_it() {
        let mut document = json!({
            "load": { "requests": 3.0, "speed": 1.5, "warmup": { "requests": 2.0, "params": { "temperature": 1.0 } } },
            "matrix": { "params.guidance": [7.0], "rate": [2.0] },
            "labels": { "version": 8.0 },
        });
        whole(&mut document);
        assert_eq!(
            document.to_string(),
            json!({
                "load": { "requests": 3, "speed": 1.5, "warmup": { "requests": 2, "params": { "temperature": 1.0 } } },
                "matrix": { "params.guidance": [7.0], "rate": [2] },
                "labels": { "version": 8.0 },
            })
            .to_string()
        );
    }
}
