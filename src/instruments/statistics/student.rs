//! Student's t, and the normal distribution as its limit.

use statrs::distribution::{Continuous, ContinuousCDF, Normal, StudentsT};

/// The distribution of t with so many degrees of freedom; infinitely many make it normal.
#[derive(Debug, Clone, Copy)]
enum T {
    Student(StudentsT),
    Normal(Normal),
}

impl T {
    /// `None` for degrees of freedom that are none.
    fn new(df: f64) -> Option<Self> {
        if df.is_infinite() && df > 0.0 {
            return Normal::new(0.0, 1.0).ok().map(Self::Normal);
        }
        StudentsT::new(0.0, 1.0, df).ok().map(Self::Student)
    }

    fn upper_tail(&self, t: f64) -> f64 {
        match self {
            Self::Student(student) => student.sf(t),
            Self::Normal(normal) => normal.sf(t),
        }
    }

    fn quantile(&self, p: f64) -> f64 {
        match self {
            Self::Student(student) => student.inverse_cdf(p),
            Self::Normal(normal) => normal.inverse_cdf(p),
        }
    }

    fn density(&self, t: f64) -> f64 {
        match self {
            Self::Student(student) => student.pdf(t),
            Self::Normal(normal) => normal.pdf(t),
        }
    }
}

/// P(T > t) with `df` degrees of freedom, which may be infinite; `None` where these are not positive or t is no number.
pub fn t_upper_tail(t: f64, df: f64) -> Option<f64> {
    if t.is_nan() {
        return None;
    }
    if t.is_infinite() {
        return Some(if t > 0.0 { 0.0 } else { 1.0 });
    }
    T::new(df).map(|distribution| distribution.upper_tail(t))
}

/// The value of t below which a share `p` lies; `None` unless 0 < p < 1 and `df` is positive.
pub fn t_quantile(p: f64, df: f64) -> Option<f64> {
    if !(p > 0.0 && p < 1.0) {
        return None;
    }
    // From the upper half, whose tail keeps its digits.
    if p < 0.5 {
        return t_quantile(1.0 - p, df).map(|t| -t);
    }
    let distribution = T::new(df)?;
    let mut t = distribution.quantile(p);
    // The series behind the first guess ends early; Newton's steps give the last digits.
    for _ in 0..3 {
        let step = (distribution.upper_tail(t) - (1.0 - p)) / distribution.density(t);
        if step.is_finite() {
            t += step;
        }
    }
    Some(t)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Upper 2.5 % and 5 % points of any printed table of t.
    #[test]
    fn quantiles_are_those_of_the_printed_table() {
        for (p, df, expected) in [
            (0.975, 1.0, 12.706_204_736),
            (0.975, 2.0, 4.302_652_730),
            (0.975, 4.0, 2.776_445_105),
            (0.975, 9.0, 2.262_157_163),
            (0.95, 9.0, 1.833_112_933),
            (0.975, 30.0, 2.042_272_456),
            (0.975, f64::INFINITY, 1.959_963_985),
        ] {
            let t = t_quantile(p, df).unwrap();
            assert!((t - expected).abs() < 1e-8, "t({p}, {df}) = {t}");
            assert!((t_upper_tail(t, df).unwrap() - (1.0 - p)).abs() < 1e-12);
            assert_eq!(
                t_quantile(1.0 - p, df),
                Some(-t_quantile(1.0 - (1.0 - p), df).unwrap())
            );
        }
        assert_eq!(t_quantile(0.5, 3.0).map(f64::abs), Some(0.0));
        assert_eq!((t_quantile(1.0, 3.0), t_quantile(0.9, 0.0)), (None, None));
    }
}
