//! How long things take: distributions by their quantile function, and the draws that feed them.
//!
//! Draws are stratified: each 1,024 requests in a row take each 1/1,024 of the distribution once, in an order that the
//! seed shuffles, at a random place within it. So a run of a thousand requests has the distribution's own quantiles,
//! where independent draws would scatter a p99 by 5 %, and neighbours are as good as independent for a queue.

use std::time::Duration;

use statrs::distribution::{ContinuousCDF as _, Normal};

use super::model::{Service, ServiceKind};
use crate::foundation::seed::Seed;
use crate::foundation::units::HumanDuration;

/// Requests that share one shuffled round of strata.
const ROUND: u64 = 1024;

/// No draw is longer: a heavy tail must not overflow a clock.
const LONGEST_S: f64 = 86_400.0;

/// Uniform draws by number, so that request 7 draws the same however many threads there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Uniform(Seed);

impl Uniform {
    /// Draws for one purpose.
    pub fn new(seed: Seed, purpose: &str) -> Self {
        Self(seed.derive(purpose))
    }

    /// The draw of the request of that number, within (0, 1).
    pub fn draw(self, ordinal: u64) -> f64 {
        let key = self.0.index(ordinal / ROUND).as_u64();
        let stratum = shuffled(ordinal % ROUND, key);
        let within = mix(key ^ ordinal.wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 11;
        #[expect(clippy::cast_precision_loss, reason = "both are below 2^53")]
        let share = (stratum as f64 + (within as f64 + 0.5) / (1_u64 << 53) as f64) / ROUND as f64;
        share
    }
}

/// A permutation of 0…1023 chosen by `key`: a Feistel network over two halves of five bits.
fn shuffled(position: u64, key: u64) -> u64 {
    let (mut left, mut right) = (position >> 5, position & 31);
    for round in 0..6_u64 {
        (left, right) = (right, left ^ (mix(key ^ (round << 32) ^ right) & 31));
    }
    left << 5 | right
}

/// `SplitMix64`'s finaliser: spreads every bit of its input over its output.
pub(super) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A distribution of service times, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Distribution {
    /// Always `value`.
    Constant { value: f64 },
    /// P(X > x) = exp(−x/mean).
    Exponential { mean: f64 },
    /// ln X is normal with mean ln `median`.
    Lognormal { median: f64, sigma: f64 },
    /// `slow` for a share of `slow_share`, else `fast`.
    Bimodal {
        fast: f64,
        slow: f64,
        slow_share: f64,
    },
    /// P(X > x) = (least/x)^shape.
    Pareto { least: f64, shape: f64 },
}

/// What is wrong with a distribution: the field, and what it should be.
pub(super) type Problem = (&'static str, String);

impl Distribution {
    /// The distribution that a model describes, or the first thing that is wrong with it.
    pub fn new(service: &Service) -> Result<Self, Problem> {
        unused(service)?;
        let kind = service.kind;
        let seconds = |field: &'static str, value: Option<HumanDuration>| {
            value
                .map(|value| value.0.as_secs_f64())
                .ok_or_else(|| (field, format!("`{}` needs `{field}`", name(kind))))
        };
        let positive = |field: &'static str, value: Option<f64>| match value {
            Some(value) if value.is_finite() && value > 0.0 => Ok(value),
            Some(_) => Err((field, format!("`{field}` must be above 0"))),
            None => Err((field, format!("`{}` needs `{field}`", name(kind)))),
        };
        Ok(match kind {
            ServiceKind::Constant => Self::Constant {
                value: seconds("value", service.value.or(service.median))?,
            },
            ServiceKind::Exponential => Self::Exponential {
                mean: seconds("mean", service.mean)?,
            },
            ServiceKind::Lognormal => Self::Lognormal {
                median: seconds("median", service.median)?,
                sigma: positive("sigma", service.sigma)?,
            },
            ServiceKind::Bimodal => {
                let slow_share = service
                    .slow_share
                    .ok_or(("slow_share", "`bimodal` needs `slow_share`".to_owned()))?
                    .0;
                if slow_share > 1.0 {
                    return Err((
                        "slow_share",
                        "a share of requests is 100% at most".to_owned(),
                    ));
                }
                Self::Bimodal {
                    fast: seconds("median", service.median)?,
                    slow: seconds("slow", service.slow)?,
                    slow_share,
                }
            }
            ServiceKind::Pareto => Self::Pareto {
                least: seconds("median", service.median)?,
                shape: positive("shape", service.shape)?,
            },
        })
    }

    /// The value that a share of `share` of all draws does not exceed.
    pub fn quantile(self, share: f64) -> Duration {
        let seconds = match self {
            Self::Constant { value } => value,
            Self::Exponential { mean } => -mean * (-share).ln_1p(),
            Self::Lognormal { median, sigma } => {
                median * (sigma * Normal::standard().inverse_cdf(share)).exp()
            }
            Self::Bimodal {
                fast,
                slow,
                slow_share,
            } => {
                if share > 1.0 - slow_share {
                    slow
                } else {
                    fast
                }
            }
            Self::Pareto { least, shape } => least * (1.0 - share).powf(-1.0 / shape),
        };
        Duration::from_secs_f64(if seconds.is_finite() {
            seconds.clamp(0.0, LONGEST_S)
        } else {
            LONGEST_S
        })
    }
}

/// Refuses a field that the kind does not read: it would be believed to have an effect.
fn unused(service: &Service) -> Result<(), Problem> {
    use ServiceKind::{Bimodal, Constant, Exponential, Lognormal, Pareto};
    let fields: [(&'static str, bool, &[ServiceKind]); 7] = [
        (
            "median",
            service.median.is_some(),
            &[Constant, Lognormal, Bimodal, Pareto],
        ),
        ("mean", service.mean.is_some(), &[Exponential]),
        ("value", service.value.is_some(), &[Constant]),
        ("sigma", service.sigma.is_some(), &[Lognormal]),
        ("slow", service.slow.is_some(), &[Bimodal]),
        ("slow_share", service.slow_share.is_some(), &[Bimodal]),
        ("shape", service.shape.is_some(), &[Pareto]),
    ];
    match fields
        .into_iter()
        .find(|(_, given, kinds)| *given && !kinds.contains(&service.kind))
    {
        Some((field, ..)) => Err((field, format!("`{}` has no `{field}`", name(service.kind)))),
        None if service.value.is_some() && service.median.is_some() => Err((
            "median",
            "`constant` takes `value` or `median`, not both".to_owned(),
        )),
        None => Ok(()),
    }
}

/// The kind as written.
fn name(kind: ServiceKind) -> &'static str {
    match kind {
        ServiceKind::Constant => "constant",
        ServiceKind::Exponential => "exponential",
        ServiceKind::Lognormal => "lognormal",
        ServiceKind::Bimodal => "bimodal",
        ServiceKind::Pareto => "pareto",
    }
}
