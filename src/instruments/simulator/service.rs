//! How long things take: distributions by their quantile function, and the draws that feed them.
//!
//! Draws are stratified: each hundred requests in a row take each hundredth of the distribution once, each thousand
//! each thousandth, in an order that the seed shuffles, at a random place within it. So a run of a thousand requests
//! has the distribution's own quantiles, where independent draws would scatter a p99 by 5 %, and neighbours are as good
//! as independent for a queue.

use std::time::Duration;

use statrs::distribution::{ContinuousCDF as _, Normal};

use super::model::{Service, ServiceKind};
use crate::foundation::seed::Seed;
use crate::foundation::units::HumanDuration;

/// Requests that take each hundredth of the distribution once.
const ROUND: u64 = 100;

/// Rounds that take each tenth of a hundredth once.
const ROUNDS: u64 = 10;

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
        let (round, position) = (ordinal / ROUND, ordinal % ROUND);
        let key = self.0.index(round / ROUNDS).as_u64();
        let hundredth = shuffled(position, ROUND, mix(key ^ round));
        let tenth = shuffled(round % ROUNDS, ROUNDS, mix(key.rotate_left(32) ^ hundredth));
        let within = mix(key ^ ordinal.wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 11;
        #[expect(clippy::cast_precision_loss, reason = "all are below 2^53")]
        let share = ((hundredth * ROUNDS + tenth) as f64
            + (within as f64 + 0.5) / (1_u64 << 53) as f64)
            / (ROUND * ROUNDS) as f64;
        share
    }
}

/// Where a permutation of 0…size−1, chosen by `key`, puts `position`: a Feistel network over the next even number of
/// bits, walked until it lands inside. `size` is 256 at most.
fn shuffled(position: u64, size: u64, key: u64) -> u64 {
    let half = if size <= 16 { 2 } else { 4 };
    let mask = (1 << half) - 1;
    let mut place = position;
    loop {
        let (mut left, mut right) = (place >> half, place & mask);
        for turn in 0..6_u64 {
            (left, right) = (right, left ^ (mix(key ^ (turn << 32) ^ right) & mask));
        }
        place = left << half | right;
        if place < size {
            return place;
        }
    }
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

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small ranks"
)]
mod tests {
    use super::*;
    use crate::foundation::units::Ratio;

    fn service(kind: ServiceKind) -> Service {
        Service {
            kind,
            median: None,
            mean: None,
            value: None,
            sigma: None,
            slow: None,
            slow_share: None,
            shape: None,
        }
    }

    fn ms(value: u64) -> HumanDuration {
        HumanDuration(Duration::from_millis(value))
    }

    /// Draws in seconds, sorted.
    fn drawn(distribution: Distribution, seed: u64, count: u64) -> Vec<f64> {
        let uniform = Uniform::new(Seed::root(seed), "service");
        let mut drawn: Vec<_> = (0..count)
            .map(|ordinal| distribution.quantile(uniform.draw(ordinal)).as_secs_f64())
            .collect();
        drawn.sort_by(f64::total_cmp);
        drawn
    }

    fn assert_near(seen: f64, truth: f64, tolerance: f64, what: &str) {
        assert!(
            (seen / truth - 1.0).abs() < tolerance,
            "{what}: {seen} instead of {truth}"
        );
    }

    #[test]
    fn a_thousand_draws_have_the_quantiles_of_their_distribution() {
        // Closed forms: lognormal median·exp(σz), exponential −mean·ln(1−q), Pareto least·(1−q)^(−1/shape).
        let z = [
            (0.5_f64, 0.0_f64),
            (0.9, 1.281_551_565_545),
            (0.99, 2.326_347_874_041),
        ];
        for seed in 0..5 {
            let lognormal = drawn(
                Distribution::Lognormal {
                    median: 0.08,
                    sigma: 0.4,
                },
                seed,
                1000,
            );
            let exponential = drawn(Distribution::Exponential { mean: 0.1 }, seed, 1000);
            let pareto = drawn(
                Distribution::Pareto {
                    least: 0.05,
                    shape: 2.5,
                },
                seed,
                1000,
            );
            for (share, z) in z {
                let rank = (share * 999.0) as usize;
                assert_near(lognormal[rank], 0.08 * (0.4 * z).exp(), 0.02, "lognormal");
                assert_near(
                    exponential[rank],
                    -0.1 * (1.0 - share).ln(),
                    0.03,
                    "exponential",
                );
                assert_near(
                    pareto[rank],
                    0.05 * (1.0 - share).powf(-0.4),
                    0.05,
                    "pareto",
                );
            }
        }
    }

    #[test]
    fn the_mean_of_many_draws_is_the_distributions() {
        let mean = |distribution| {
            let drawn = drawn(distribution, 3, 20_000);
            drawn.iter().sum::<f64>() / 20_000.0
        };
        assert_near(
            mean(Distribution::Exponential { mean: 0.1 }),
            0.1,
            0.01,
            "exponential",
        );
        let lognormal = Distribution::Lognormal {
            median: 0.08,
            sigma: 0.4,
        };
        assert_near(
            mean(lognormal),
            0.08 * (0.4_f64 * 0.4 / 2.0).exp(),
            0.01,
            "lognormal",
        );
        let bimodal = Distribution::Bimodal {
            fast: 0.05,
            slow: 0.4,
            slow_share: 0.1,
        };
        assert_near(mean(bimodal), 0.9 * 0.05 + 0.1 * 0.4, 0.001, "bimodal");
        assert_near(
            mean(Distribution::Constant { value: 0.05 }),
            0.05,
            1e-9,
            "constant",
        );
    }

    #[test]
    fn neighbouring_draws_know_nothing_of_each_other() {
        let uniform = Uniform::new(Seed::root(11), "service");
        let draws: Vec<_> = (0..8192)
            .map(|ordinal| uniform.draw(ordinal) - 0.5)
            .collect();
        for lag in [1, 2, 31, 32] {
            let products: f64 = draws.iter().zip(&draws[lag..]).map(|(a, b)| a * b).sum();
            // The variance of a uniform draw is 1/12; three standard errors of 8,192 pairs are 0.033.
            let correlation = products / 8192.0 * 12.0;
            assert!(correlation.abs() < 0.035, "lag {lag}: {correlation}");
        }
    }

    #[test]
    fn each_hundred_draws_take_each_hundredth_and_each_thousand_each_thousandth() {
        let uniform = Uniform::new(Seed::root(5), "service");
        for (count, first) in [(100.0, 0), (100.0, 700), (1000.0, 0), (1000.0, 4000)] {
            let mut draws: Vec<_> = (first..)
                .map(|ordinal| uniform.draw(ordinal))
                .take(count as usize)
                .collect();
            draws.sort_by(f64::total_cmp);
            for (rank, draw) in draws.into_iter().enumerate() {
                assert_eq!((draw * count) as usize, rank, "{count} from {first}");
            }
        }
        let order = |first: u64| {
            (first..first + 100)
                .map(|ordinal| (uniform.draw(ordinal) * 100.0) as u64)
                .collect()
        };
        let (one, other): (Vec<_>, Vec<_>) = (order(0), order(100));
        assert_ne!(one, other, "the order is drawn anew");
    }

    #[test]
    fn the_same_seed_draws_the_same_and_another_seed_does_not() {
        let draws = |seed| -> Vec<f64> {
            let uniform = Uniform::new(Seed::root(seed), "service");
            (0..100).map(|ordinal| uniform.draw(ordinal)).collect()
        };
        assert_eq!(draws(7), draws(7));
        assert_ne!(draws(7), draws(8));
        assert!(draws(7).iter().all(|draw| *draw > 0.0 && *draw < 1.0));
    }

    #[test]
    fn a_distribution_names_what_it_lacks_and_what_it_does_not_read() {
        let lacking = Distribution::new(&service(ServiceKind::Lognormal)).unwrap_err();
        assert_eq!(lacking, ("median", "`lognormal` needs `median`".to_owned()));
        let idle = Service {
            mean: Some(ms(5)),
            value: Some(ms(5)),
            ..service(ServiceKind::Constant)
        };
        assert_eq!(
            Distribution::new(&idle).unwrap_err(),
            ("mean", "`constant` has no `mean`".to_owned())
        );
        let flat = Service {
            median: Some(ms(5)),
            sigma: Some(0.0),
            ..service(ServiceKind::Lognormal)
        };
        assert_eq!(Distribution::new(&flat).unwrap_err().0, "sigma");
        let much = Service {
            median: Some(ms(5)),
            slow: Some(ms(9)),
            slow_share: Some(Ratio(1.5)),
            ..service(ServiceKind::Bimodal)
        };
        assert_eq!(Distribution::new(&much).unwrap_err().0, "slow_share");
        let twice = Service {
            median: Some(ms(5)),
            value: Some(ms(5)),
            ..service(ServiceKind::Constant)
        };
        assert_eq!(Distribution::new(&twice).unwrap_err().0, "median");
    }

    #[test]
    fn no_tail_is_longer_than_a_day() {
        let pareto = Distribution::Pareto {
            least: 1.0,
            shape: 0.01,
        };
        assert_eq!(pareto.quantile(0.999_999), Duration::from_hours(24));
    }
}
