//! Objectives read from their text: `error_rate <= 1%`, `e2e.p99 <= 20s`, `request_throughput.max >= 5`.

use super::objective::Op;
use crate::foundation::units::{HumanDuration, Rate, Ratio, Size};
use crate::kinds::metric::catalogue::{self, STATISTICS, Shape, Unit, percentile_share};

/// An objective as far as its text says it.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The metric's name.
    pub metric: String,
    /// The statistic.
    pub statistic: Option<String>,
    /// The comparison.
    pub op: Op,
    /// The bound, in the metric's unit of the results.
    pub bound: f64,
}

/// Why a text is no objective.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ObjectiveError {
    /// There is no comparison in it.
    #[error("`{text}` is not an objective")]
    Form {
        /// The text.
        text: String,
    },
    /// The metric is none.
    #[error("there is no metric `{name}`")]
    UnknownMetric {
        /// What stood there.
        name: String,
    },
    /// The statistic is none.
    #[error("`{metric}` has no statistic `{statistic}`")]
    UnknownStatistic {
        /// The metric.
        metric: String,
        /// What stood there.
        statistic: String,
        /// Those that it has.
        known: &'static [&'static str],
    },
    /// A distribution without a statistic.
    #[error("`{metric}` is a distribution: an objective on it needs a statistic")]
    NeedsStatistic {
        /// The metric.
        metric: String,
    },
    /// A percentile with its point, which separates names.
    #[error("`{metric}` has no statistic `{statistic}`")]
    Fraction {
        /// The metric.
        metric: String,
        /// What stood there.
        statistic: String,
    },
    /// A percentile with decimals that nobody means: `p101` would be the 10.1th.
    #[error(
        "`{metric}.{statistic}` would be the {}th percentile",
        in_percent(statistic)
    )]
    Decimals {
        /// The metric.
        metric: String,
        /// What stood there.
        statistic: String,
    },
    /// The value does not fit the metric's unit.
    #[error("`{value}` is not a value of `{metric}`: {expected}")]
    Value {
        /// What stood there.
        value: String,
        /// The metric.
        metric: String,
        /// What would be right.
        expected: &'static str,
    },
}

/// The percent that a percentile's name with decimals stands for: `p101` for 10.1.
fn in_percent(percentile: &str) -> String {
    let digits = percentile.trim_start_matches('p');
    let (whole, decimals) = digits.split_at_checked(2).unwrap_or((digits, ""));
    format!("{}.{decimals}", whole.strip_prefix('0').unwrap_or(whole))
}

impl ObjectiveError {
    /// What the user can do.
    pub fn help(&self) -> String {
        match self {
            Self::Form { .. } => {
                "write `<metric>[.<statistic>] <op> <value>` with one of `<`, `<=`, `>`, `>=`, such as `e2e.p99 <= 20s`".to_owned()
            }
            Self::UnknownMetric { .. } => {
                let names: Vec<&str> = catalogue::all().map(|metric| metric.name).collect();
                format!("the metrics are {}, and `server.<name>`, `step.<name>`", names.join(", "))
            }
            Self::UnknownStatistic { known, .. } => format!("it has {}", known.join(", ")),
            Self::Fraction { metric, statistic } => {
                format!("write the percentile without its point: `{metric}.{}`", statistic.replace('.', ""))
            }
            Self::Decimals { .. } => {
                "write a whole percentile, such as `p10`, or one from 90 up, whose decimals follow its two digits: `p975`, `p999`".to_owned()
            }
            Self::NeedsStatistic { metric } => format!("write `{metric}.p99`, `{metric}.mean` or the like"),
            Self::Value { expected, .. } => format!("write {expected}"),
        }
    }
}

/// Metrics that are a share of the whole: a bound above 1 forgot its `%`.
const SHARES: [&str; 3] = ["error_rate", "success_rate", "slo_attainment"];

/// Metrics of metrics.md whose figures come later, each with its unit and whether it is a distribution.
const LATER_METRICS: [(&str, Unit, Shape); 10] = [
    ("speedup", Unit::None, Shape::Scalar),
    ("capacity", Unit::None, Shape::Scalar),
    ("submit", Unit::Seconds, Shape::Distribution),
    ("wait", Unit::Seconds, Shape::Distribution),
    ("download", Unit::Seconds, Shape::Distribution),
    ("quantisation", Unit::Seconds, Shape::Distribution),
    ("load", Unit::Seconds, Shape::Distribution),
    ("unload", Unit::Seconds, Shape::Distribution),
    ("probe.e2e", Unit::Seconds, Shape::Distribution),
    ("probe.throughput", Unit::PerSecond, Shape::Distribution),
];

/// The names of metrics whose figures come later: an objective on one can be read, and cannot be judged yet.
pub const LATER: [&str; 10] = {
    let mut names = [""; 10];
    let mut at = 0;
    while at < names.len() {
        names[at] = LATER_METRICS[at].0;
        at += 1;
    }
    names
};

/// The unit and the shape of a metric.
fn known(name: &str) -> Option<(Unit, Shape)> {
    let later = || LATER_METRICS.iter().find(|(later, ..)| *later == name);
    catalogue::find(name)
        .map(|found| (found.unit, found.shape))
        .or_else(|| later().map(|(_, unit, shape)| (*unit, *shape)))
}

/// How one number of a cell spreads over its repeats.
const OF_REPEATS: &[&str] = &["mean", "stddev", "min", "max", "median"];

/// A metric with the statistic that was named, as in `ttft.p95`.
///
/// # Errors
/// Where there is no such metric, or it has no such statistic, or a distribution has none.
pub fn metric(text: &str) -> Result<(String, Option<String>, Unit), ObjectiveError> {
    if let Some((unit, shape)) = known(text) {
        return match shape {
            Shape::Scalar => Ok((text.to_owned(), None, unit)),
            Shape::Distribution => Err(ObjectiveError::NeedsStatistic {
                metric: text.to_owned(),
            }),
        };
    }
    let unknown = || ObjectiveError::UnknownMetric {
        name: text.to_owned(),
    };
    if let Some((name, statistic)) = fraction(text) {
        return Err(ObjectiveError::Fraction {
            metric: name.to_owned(),
            statistic: statistic.to_owned(),
        });
    }
    let (name, statistic) = text.rsplit_once('.').ok_or_else(unknown)?;
    let is_percentile = percentile_share(statistic).is_some();
    if is_percentile && decimals_under_90(statistic) {
        return Err(ObjectiveError::Decimals {
            metric: name.to_owned(),
            statistic: statistic.to_owned(),
        });
    }
    let of_distribution = STATISTICS.contains(&statistic) || is_percentile;
    if let Some((unit, shape)) = known(name) {
        let (known, fits) = match shape {
            Shape::Distribution => (&STATISTICS[..], of_distribution),
            Shape::Scalar => (OF_REPEATS, OF_REPEATS.contains(&statistic)),
        };
        return if fits {
            Ok((name.to_owned(), Some(statistic.to_owned()), unit))
        } else {
            Err(ObjectiveError::UnknownStatistic {
                metric: name.to_owned(),
                statistic: statistic.to_owned(),
                known,
            })
        };
    }
    let unit = match text.split_once('.') {
        Some(("step", rest)) if !rest.is_empty() => Unit::Seconds,
        Some(("server", rest)) if !rest.is_empty() => Unit::None,
        _ => {
            return Err(ObjectiveError::UnknownMetric {
                name: name.to_owned(),
            });
        }
    };
    if !of_distribution || !name.contains('.') {
        return Err(ObjectiveError::NeedsStatistic {
            metric: text.to_owned(),
        });
    }
    Ok((name.to_owned(), Some(statistic.to_owned()), unit))
}

/// Whether a percentile's name has decimals, and is not of the upper tail (`p975`, `p999`): who writes `p101` or `p099`
/// hardly means the 10.1th or the 9.9th.
fn decimals_under_90(percentile: &str) -> bool {
    percentile.len() > 3 && !percentile.starts_with("p9")
}

/// A metric and a percentile that is written with its point, `e2e.p99.9`.
fn fraction(text: &str) -> Option<(&str, &str)> {
    let (whole, decimals) = text.rsplit_once('.')?;
    let (name, percentile) = whole.rsplit_once('.')?;
    let digits = percentile.strip_prefix('p')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(digits) && is_number(decimals)).then(|| (name, &text[name.len() + 1..]))
}

/// Reads an objective.
///
/// # Errors
/// Where the text is none, or names a metric, a statistic or a value that there is not.
pub fn objective(text: &str) -> Result<Parsed, ObjectiveError> {
    let form = || ObjectiveError::Form {
        text: text.to_owned(),
    };
    let at = text.find(['<', '>']).ok_or_else(form)?;
    let (name, rest) = text.split_at(at);
    let (op, value) = [
        ("<=", Op::AtMost),
        (">=", Op::AtLeast),
        ("<", Op::Less),
        (">", Op::More),
    ]
    .into_iter()
    .find_map(|(sign, op)| rest.strip_prefix(sign).map(|value| (op, value.trim())))
    .ok_or_else(form)?;
    if name.trim().is_empty() || value.is_empty() || value.contains(['<', '>', '=']) {
        return Err(form());
    }
    let (metric, statistic, unit) = metric(name.trim())?;
    let wrong = |expected| ObjectiveError::Value {
        value: value.to_owned(),
        metric: metric.clone(),
        expected,
    };
    let bound = bound(value, unit).map_err(wrong)?;
    if SHARES.contains(&metric.as_str()) && bound > 1.0 {
        return Err(wrong("a share of the whole, such as `95%` or `0.95`"));
    }
    Ok(Parsed {
        metric,
        statistic,
        op,
        bound,
    })
}

/// A bound in the unit of the results, or what would be right.
fn bound(value: &str, unit: Unit) -> Result<f64, &'static str> {
    let number = || {
        value
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
    };
    match unit {
        Unit::Seconds => value
            .parse::<HumanDuration>()
            .map(|duration| duration.0.as_secs_f64())
            .map_err(|_| "a duration with its unit, such as `500ms` or `20s`"),
        Unit::Ratio => value
            .parse::<Ratio>()
            .map(|ratio| ratio.0)
            .map_err(|_| "a share, such as `95%` or `0.95`"),
        Unit::PerSecond => match value.parse() {
            Ok(Rate::PerSecond(rate)) => Ok(rate),
            _ => number()
                .filter(|number| *number == 0.0)
                .ok_or("a number per second, such as `5`, `5/s` or `300/min`"),
        },
        Unit::Bytes => {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a bound of over 2^53 bytes needs no last byte"
            )]
            let bytes = value.parse::<Size>().map(|size| size.0 as f64);
            bytes.map_err(|_| "a size with its unit, such as `8KiB`")
        }
        // A server's own measure has the server's unit: what it says in seconds may be written as a duration.
        Unit::None => number()
            .or_else(|| {
                value
                    .parse::<HumanDuration>()
                    .ok()
                    .map(|duration| duration.0.as_secs_f64())
            })
            .ok_or("a number"),
        Unit::Count | Unit::Megabytes | Unit::Currency => number().ok_or("a number"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> (String, Option<String>, Op, f64) {
        let parsed = objective(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        (parsed.metric, parsed.statistic, parsed.op, parsed.bound)
    }

    #[test]
    fn the_objectives_of_the_specification_are_read_in_the_results_units() {
        assert_eq!(
            read("error_rate <= 1%"),
            ("error_rate".into(), None, Op::AtMost, 0.01)
        );
        assert_eq!(
            read("slo_attainment >= 95%"),
            ("slo_attainment".into(), None, Op::AtLeast, 0.95)
        );
        assert_eq!(
            read("e2e.p99 <= 20s"),
            ("e2e".into(), Some("p99".into()), Op::AtMost, 20.0)
        );
        assert_eq!(
            read("ttft.p97 < 500ms"),
            ("ttft".into(), Some("p97".into()), Op::Less, 0.5)
        );
        assert_eq!(
            read("request_throughput.max >= 5"),
            (
                "request_throughput".into(),
                Some("max".into()),
                Op::AtLeast,
                5.0
            )
        );
        assert_eq!(
            read("goodput > 30/min"),
            ("goodput".into(), None, Op::More, 0.5)
        );
        assert_eq!(
            read("server.x.mean < 3"),
            ("server.x".into(), Some("mean".into()), Op::Less, 3.0)
        );
        assert_eq!(
            read("server.stage_durations.vae.p95<3"),
            (
                "server.stage_durations.vae".into(),
                Some("p95".into()),
                Op::Less,
                3.0
            )
        );
        assert_eq!(
            read("speedup >= 1.2"),
            ("speedup".into(), None, Op::AtLeast, 1.2)
        );
        assert_eq!(
            read("probe.e2e.p50 <= 2s"),
            ("probe.e2e".into(), Some("p50".into()), Op::AtMost, 2.0)
        );
        assert_eq!(
            read("concurrency.max <= 8"),
            ("concurrency.max".into(), None, Op::AtMost, 8.0)
        );
        assert_eq!(
            read("step.route.p99 <= 1s"),
            ("step.route".into(), Some("p99".into()), Op::AtMost, 1.0)
        );
    }

    #[test]
    fn a_percentile_with_decimals_is_of_the_upper_tail() {
        for text in ["e2e.p101 <= 1s", "e2e.p099 <= 1s", "e2e.p505 <= 1s"] {
            let error = objective(text).unwrap_err();
            assert!(matches!(error, ObjectiveError::Decimals { .. }), "{text}");
        }
        let error = objective("e2e.p099 <= 1s").unwrap_err().to_string();
        assert!(error.contains("the 9.9th percentile"), "{error}");
        for text in [
            "e2e.p975 <= 1s",
            "e2e.p9995 <= 1s",
            "e2e.p10 <= 1s",
            "e2e.p5 <= 1s",
        ] {
            assert!(objective(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_objective_is_refused_by_its_reason() {
        for text in [
            "",
            "e2e",
            "e2e.p99",
            "e2e.p99 == 1s",
            "<= 1s",
            "e2e.p99 <=",
            "e2e.p99 <= <= 1s",
        ] {
            assert!(
                matches!(objective(text), Err(ObjectiveError::Form { .. })),
                "{text}"
            );
        }
        assert!(matches!(
            objective("latency <= 1s"),
            Err(ObjectiveError::UnknownMetric { .. })
        ));
        assert!(matches!(
            objective("e2e <= 1s"),
            Err(ObjectiveError::NeedsStatistic { .. })
        ));
        assert!(matches!(
            objective("server.x < 1"),
            Err(ObjectiveError::NeedsStatistic { .. })
        ));
        let fraction = objective("e2e.p99.9 <= 1s").unwrap_err();
        assert!(matches!(fraction, ObjectiveError::Fraction { .. }));
        assert!(
            fraction.help().contains("`e2e.p999`"),
            "{}",
            fraction.help()
        );
        assert!(matches!(
            objective("e2e.median <= 1s"),
            Err(ObjectiveError::UnknownStatistic { .. })
        ));
        assert!(matches!(
            objective("error_rate.p99 <= 1%"),
            Err(ObjectiveError::UnknownStatistic { .. })
        ));
        for text in [
            "e2e.p99 <= 20",
            "error_rate <= 1s",
            "goodput >= inf",
            "goodput >= nan",
            "e2e.p99 <= 1%",
        ] {
            assert!(
                matches!(objective(text), Err(ObjectiveError::Value { .. })),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = objective(&text);
        }

        #[test]
        fn blanks_around_the_operator_change_nothing(before in " {0,3}", after in " {0,3}", percent in 0_u32..1000) {
            let spaced = objective(&format!("error_rate{before}<={after}{percent}%"));
            prop_assert_eq!(spaced, objective(&format!("error_rate <= {percent}%")));
        }
    }
}
