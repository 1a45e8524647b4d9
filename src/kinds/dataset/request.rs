//! A request: a row with every layer of parameters applied.

use rand_distr::{Distribution as _, Uniform};
use serde_json::{Number, Value};

use super::fields::is_range;
use super::workload::Workload;
use super::{Params, Row};
use crate::foundation::seed::Seed;

/// The layers that request parameters come from, the first losing against the later ones (scenario.md, `matrix`).
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// The target's `params`.
    pub target: Params,
    /// The dataset's `params`: fill what a row lacks.
    pub dataset: Params,
    /// The dataset's `override`: replace what a row has.
    pub dataset_override: Params,
    /// The cell's `params`.
    pub matrix: Params,
    /// `warmup.params`; empty for measured requests.
    pub warmup: Params,
}

/// What is asked of a target: a row and its parameters after all layers, ranges drawn, `null`s removed.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The row.
    pub row: Row,
    /// The parameters.
    pub params: Params,
    /// Cost in the declared unit.
    pub workload: Option<f64>,
}

impl Layers {
    /// The request that `row` becomes. Ranges (`{min, max}`) are drawn from `seed`, the request's own; a parameter that a
    /// layer sets to `null` is absent unless a later layer sets it again.
    pub fn request(&self, row: Row, seed: Seed, workload: Option<&Workload>) -> Request {
        let mut params = Params::new();
        let layers = [
            &self.target,
            &self.dataset,
            &row.params,
            &self.dataset_override,
            &self.matrix,
            &self.warmup,
        ];
        for layer in layers {
            for (name, value) in layer {
                params.insert(name.clone(), value.clone());
            }
        }
        params.retain(|_, value| !value.is_null());
        for (name, value) in &mut params {
            if is_range(value) {
                // By name, so that one more range changes no other's draws.
                if let Some(drawn) = draw(value, seed.derive(name)) {
                    *value = drawn;
                }
            }
        }
        let workload = workload.and_then(|workload| workload.cost(&params));
        Request {
            row,
            params,
            workload,
        }
    }
}

/// A value between `min` and `max`, both included: a whole number where both are.
fn draw(range: &Value, seed: Seed) -> Option<Value> {
    let mut generator = seed.generator();
    let (min, max) = (&range["min"], &range["max"]);
    if let (Some(min), Some(max)) = (min.as_i64(), max.as_i64()) {
        return Some(Value::from(
            Uniform::new_inclusive(min, max)
                .ok()?
                .sample(&mut generator),
        ));
    }
    let drawn = Uniform::new_inclusive(min.as_f64()?, max.as_f64()?)
        .ok()?
        .sample(&mut generator);
    Number::from_f64(drawn).map(Value::Number)
}

/// The position of a repeat's `index`-th request in a dataset of `len` rows (`None`: endless); `None` where the rows
/// have ended and are not read again.
pub const fn position(index: u64, len: Option<u64>, cycle: bool) -> Option<u64> {
    match len {
        None => Some(index),
        Some(len) if index < len => Some(index),
        Some(0) => None,
        Some(len) if cycle => Some(index % len),
        Some(_) => None,
    }
}

/// Tokens of a text where no tokenizer is given: one for every four characters, rounded up (seeds.md, G9).
pub fn estimate_tokens(text: &str) -> u64 {
    (text.chars().count() as u64).div_ceil(4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn params(value: Value) -> Params {
        value.as_object().unwrap().clone()
    }

    /// G16, seeds.md 4.4: where the seed's command line gave a width alone, the height was unset too; here a file says so.
    #[test]
    fn a_later_layer_wins_and_null_removes() {
        let row = Row {
            params: params(json!({"width": 512, "height": 512, "num_inference_steps": 20})),
            ..Row::default()
        };
        let layers = Layers {
            matrix: params(json!({"width": 1024, "height": null})),
            ..Layers::default()
        };
        let request = layers.request(row.clone(), Seed::root(0), None);
        assert_eq!(
            Value::Object(request.params),
            json!({"width": 1024, "num_inference_steps": 20})
        );

        let layers = Layers {
            target: params(json!({"a": 0, "b": 0, "c": 0, "d": 0, "e": 0, "f": 0})),
            dataset: params(json!({"b": 1, "c": 1, "d": 1, "e": 1, "f": null, "width": 1})),
            dataset_override: params(json!({"c": 2, "d": 2, "e": 2, "height": 2})),
            matrix: params(json!({"d": 3, "e": 3})),
            warmup: params(json!({"e": 4})),
        };
        let request = layers.request(row, Seed::root(0), None);
        assert_eq!(
            request.params,
            params(
                json!({"a": 0, "b": 1, "c": 2, "d": 3, "e": 4, "width": 512, "height": 2, "num_inference_steps": 20})
            )
        );
    }

    #[test]
    fn a_range_is_drawn_for_each_request_from_its_seed() {
        let layers = Layers {
            dataset: params(
                json!({"max_tokens": {"min": 8, "max": 10}, "temperature": {"min": 0.5, "max": 1}}),
            ),
            ..Layers::default()
        };
        let draw = |index| {
            layers
                .request(Row::default(), Seed::root(1).index(index), None)
                .params
        };
        let mut seen = std::collections::BTreeSet::new();
        for index in 0..100 {
            assert_eq!(draw(index), draw(index));
            seen.insert(draw(index)["max_tokens"].as_i64().unwrap());
            assert!((0.5..=1.0).contains(&draw(index)["temperature"].as_f64().unwrap()));
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [8, 9, 10]);
    }

    /// G15, seeds.md 4.4: 72 lines.
    #[test]
    fn rows_are_read_again_from_the_first_when_they_cycle() {
        let positions = |n| {
            (0..n)
                .map(|index| position(index, Some(72), true).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(positions(10), (0..10).collect::<Vec<_>>());
        assert_eq!(positions(72), (0..72).collect::<Vec<_>>());
        assert_eq!(positions(144), (0..72).chain(0..72).collect::<Vec<_>>());
        assert_eq!(
            positions(200),
            (0..72).chain(0..72).chain(0..56).collect::<Vec<_>>()
        );
        assert_eq!(position(72, Some(72), false), None);
        assert_eq!(position(5, Some(0), true), None);
        assert_eq!(position(1 << 40, None, false), Some(1 << 40));
    }

    /// G9, seeds.md 7.
    #[test]
    fn a_token_is_estimated_as_four_characters() {
        assert_eq!(estimate_tokens("abcdefgh"), 2);
        assert_eq!(estimate_tokens("abcdefghi"), 3);
        assert_eq!(estimate_tokens(""), 0);
    }
}
