//! The cost of a request in a declared unit.

use super::Params;
use crate::foundation::template::{Expression, TemplateError};

/// What computes a request's cost.
#[derive(Debug)]
pub enum Workload {
    /// The requested `max_tokens`.
    Tokens,
    /// 1 a request.
    Requests,
    /// width · height · num_inference_steps.
    PixelSteps,
    /// The ComfyUI wrapper's formula (seeds.md 2.4).
    Comfyui,
    /// An expression over the request's parameters.
    Expression(Box<Expression>),
}

impl Workload {
    /// A cost by an expression over the request's parameters, such as `width * height / 1e6`.
    ///
    /// # Errors
    /// Where the expression cannot be read.
    pub fn expression(source: &str) -> Result<Self, TemplateError> {
        Expression::compile(source).map(|expression| Self::Expression(Box::new(expression)))
    }

    /// The cost of a request; `None` where a parameter that it needs is absent or no number.
    pub fn cost(&self, params: &Params) -> Option<f64> {
        let number = |name: &str| params.get(name).and_then(serde_json::Value::as_f64);
        let pixel_steps = || {
            Some((
                number("width")? * number("height")?,
                number("num_inference_steps")?,
            ))
        };
        match self {
            Self::Tokens => number("max_tokens"),
            Self::Requests => Some(1.0),
            Self::PixelSteps => pixel_steps().map(|(pixels, steps)| pixels * steps),
            Self::Comfyui => pixel_steps().map(|(pixels, steps)| comfyui(pixels, steps)),
            Self::Expression(expression) => expression.number(params).ok(),
        }
    }
}

/// pixels · steps / 1000 plus an adjustment by resolution and one by steps; all bounds are inclusive.
fn comfyui(pixels: f64, steps: f64) -> f64 {
    let by_resolution = match pixels {
        p if p <= 512.0 * 512.0 => 0.0,
        p if p <= 768.0 * 768.0 => 10.0,
        p if p <= 1024.0 * 1024.0 => 20.0,
        _ => 30.0,
    };
    let by_steps = match steps {
        s if s <= 20.0 => 0.0,
        s if s <= 30.0 => 5.0,
        _ => 10.0,
    };
    pixels * steps / 1000.0 + by_resolution + by_steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(width: u32, height: u32, steps: u32) -> Params {
        match serde_json::json!({ "width": width, "height": height, "num_inference_steps": steps })
        {
            serde_json::Value::Object(params) => params,
            _ => unreachable!(),
        }
    }

    /// G6, seeds.md 2.4.
    #[test]
    fn the_comfyui_workload_is_the_seeds() {
        for (width, height, steps, cost) in [
            (512, 512, 20, 5242.88),
            (512, 512, 21, 5510.024),
            (512, 513, 20, 5263.12),
            (512, 512, 30, 7869.32),
            (512, 512, 31, 8136.464),
            (768, 768, 20, 11806.48),
            (768, 768, 30, 17709.72),
            (768, 769, 20, 11831.84),
            (1024, 1024, 20, 20991.52),
            (1024, 1024, 28, 29385.128),
            (1024, 1024, 50, 52458.8),
            (1024, 1025, 31, 32577.6),
            (1536, 1536, 35, 82615.36),
            (640, 480, 20, 6154.0),
            (256, 256, 4, 262.144),
        ] {
            let found = Workload::Comfyui
                .cost(&params(width, height, steps))
                .unwrap();
            assert!(
                (found - cost).abs() < 1e-6,
                "{width}x{height}, {steps}: {found}, not {cost}"
            );
        }
    }

    #[test]
    fn a_workload_without_its_parameters_is_unknown() {
        assert_eq!(Workload::Comfyui.cost(&Params::new()), None);
        assert_eq!(Workload::Tokens.cost(&Params::new()), None);
        assert_eq!(Workload::Requests.cost(&Params::new()), Some(1.0));
        let expression =
            Workload::expression("width * height * num_inference_steps / 1e6").unwrap();
        assert_eq!(expression.cost(&Params::new()), None);
        assert_eq!(expression.cost(&params(1000, 1000, 20)), Some(20.0));
        assert_eq!(Workload::PixelSteps.cost(&params(10, 10, 2)), Some(200.0));
    }
}
