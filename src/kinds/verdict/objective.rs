//! Objectives: `<metric>[.<statistic>] <op> <value>`.

use indexmap::IndexMap;
use serde_json::Value;

use crate::kinds::metric::CellMetrics;
use crate::kinds::metric::catalogue::{least_n, percentile_share};

/// How a value is held against the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

/// What a cell must reach.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    /// As written.
    pub text: String,
    /// The metric's name.
    pub metric: String,
    /// The statistic, for a distribution or over repeats (`request_throughput.max`).
    pub statistic: Option<String>,
    /// The comparison.
    pub op: Op,
    /// The bound, in the metric's unit of the results (seconds, shares, per second).
    pub bound: f64,
    /// Axis values of the cells that it is for; a list is any of.
    pub only: IndexMap<String, Vec<Value>>,
    /// Where it was declared.
    pub pointer: String,
}

/// What an objective without data does.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum NoData {
    /// It is missed.
    #[default]
    Fail,
    /// It is shown.
    Warn,
    /// It is met.
    Pass,
}

/// What became of an objective.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct ObjectiveResult {
    /// As written.
    pub text: String,
    /// The value that was held against the bound; null without data.
    pub value: Option<f64>,
    /// The bound, in the metric's unit.
    pub bound: f64,
    /// Requests (or repeats) behind the value.
    pub n: u64,
    /// How many it would take for the percentile's interval to be finite, where n is below.
    pub needs_n: Option<u64>,
    /// `met`, `missed`, `no_data`.
    pub verdict: ObjectiveVerdict,
}

/// What became of an objective.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ObjectiveVerdict {
    /// Reached.
    Met,
    /// Not reached.
    Missed,
    /// Nothing to hold against the bound, and `no_data: warn`.
    NoData,
    /// The cell is INVALID: its numbers say nothing of the target, whichever way they point.
    Void,
}

impl Op {
    /// Whether `value` stands in this relation to `bound`.
    pub fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Less => value < bound,
            Self::AtMost => value <= bound,
            Self::More => value > bound,
            Self::AtLeast => value >= bound,
        }
    }
}

impl Objective {
    /// Holds a cell's numbers against the bound, at any n. Whether it is for that cell is the caller's concern.
    ///
    /// A percentile of fewer values than its interval needs carries `needs_n`. Without data `no_data` decides.
    pub fn evaluate(&self, cell: &CellMetrics, no_data: NoData) -> ObjectiveResult {
        let statistic = self.statistic.as_deref();
        let value = cell
            .value(&self.metric, statistic)
            .filter(|value| value.is_finite());
        let n = cell.n(&self.metric, statistic);
        let needed = statistic.and_then(percentile_share).map(least_n);
        let verdict = match (value, no_data) {
            (Some(value), _) if self.op.holds(value, self.bound) => ObjectiveVerdict::Met,
            (Some(_), _) | (None, NoData::Fail) => ObjectiveVerdict::Missed,
            (None, NoData::Warn) => ObjectiveVerdict::NoData,
            (None, NoData::Pass) => ObjectiveVerdict::Met,
        };
        ObjectiveResult {
            text: self.text.clone(),
            value,
            bound: self.bound,
            n,
            needs_n: needed.filter(|needed| n < *needed),
            verdict,
        }
    }
}

#[cfg(test)]
mod evaluation {
    use super::*;
    use crate::kinds::metric::{MetricValue, Spread, Summary};

    fn cell() -> CellMetrics {
        let mut cell = CellMetrics::default();
        let statistics = [
            ("p99".to_owned(), Some(2.0)),
            ("mean".to_owned(), Some(1.0)),
        ]
        .into();
        let e2e = MetricValue::Distribution(Summary { n: 100, statistics });
        cell.metrics.insert("e2e".into(), Some(e2e));
        cell.metrics
            .insert("error_rate".into(), Some(MetricValue::Number(0.0)));
        cell.metrics.insert("slo_attainment".into(), None);
        cell.metrics
            .insert("goodput".into(), Some(MetricValue::Number(5.0)));
        cell.spread.insert(
            "goodput".into(),
            Spread {
                n: 3,
                max: Some(6.0),
                ..Spread::default()
            },
        );
        cell.requests.intended = 100;
        cell
    }

    fn objective(metric: &str, statistic: Option<&str>, op: Op, bound: f64) -> Objective {
        Objective {
            text: String::new(),
            metric: metric.into(),
            statistic: statistic.map(Into::into),
            op,
            bound,
            only: IndexMap::new(),
            pointer: String::new(),
        }
    }

    #[test]
    fn a_percentile_is_compared_at_any_n_and_says_how_many_it_needs() {
        let result = objective("e2e", Some("p99"), Op::AtMost, 2.0).evaluate(&cell(), NoData::Fail);
        assert_eq!(
            result.verdict,
            ObjectiveVerdict::Met,
            "a bound is met at equality"
        );
        assert_eq!(
            (result.value, result.n, result.needs_n),
            (Some(2.0), 100, Some(368))
        );
        let missed = objective("e2e", Some("p99"), Op::Less, 2.0).evaluate(&cell(), NoData::Fail);
        assert_eq!(missed.verdict, ObjectiveVerdict::Missed);
        let mean = objective("e2e", Some("mean"), Op::Less, 2.0).evaluate(&cell(), NoData::Fail);
        assert_eq!(mean.needs_n, None);
    }

    #[test]
    fn without_data_the_policy_decides_and_no_value_is_made_up() {
        let attainment = objective("slo_attainment", None, Op::AtLeast, 0.95);
        let verdicts = [NoData::Fail, NoData::Warn, NoData::Pass].map(|policy| {
            let result = attainment.evaluate(&cell(), policy);
            assert_eq!(result.value, None);
            result.verdict
        });
        let expected = [
            ObjectiveVerdict::Missed,
            ObjectiveVerdict::NoData,
            ObjectiveVerdict::Met,
        ];
        assert_eq!(verdicts, expected);
    }

    #[test]
    fn a_statistic_of_a_scalar_is_over_the_repeats() {
        let best =
            objective("goodput", Some("max"), Op::AtLeast, 6.0).evaluate(&cell(), NoData::Fail);
        assert_eq!((best.value, best.n, best.needs_n), (Some(6.0), 3, None));
        assert_eq!(best.verdict, ObjectiveVerdict::Met);
        let pooled = objective("goodput", None, Op::AtLeast, 6.0).evaluate(&cell(), NoData::Fail);
        assert_eq!(pooled.verdict, ObjectiveVerdict::Missed);
    }
}
