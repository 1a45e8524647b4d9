//! A sample of any size in bounded memory, its quantiles exact: the values are looked at twice.
//!
//! The first look counts them in buckets, each a 4,096th of a power of two wide. The counts tell in which buckets the
//! wanted quantiles lie, and the second look keeps the values of these buckets alone. A small sample is kept whole and
//! needs no second look. Several samples are described as one without being joined.

use std::borrow::Cow;

use super::buckets::{Buckets, bucket};
use super::describe;

/// Values that are kept whole; more are counted.
const KEPT: usize = 8192;
/// Values near a quantile that wait to be sorted and counted.
const WAITING: usize = 8192;

/// Finite values, in no order.
#[derive(Debug, Clone)]
pub struct Sample {
    n: u64,
    sum: f64,
    values: Values,
}

#[derive(Debug, Clone)]
enum Values {
    Kept(Vec<f64>),
    Counted(Box<Counted>),
}

/// What is known of values that are not kept.
#[derive(Debug, Clone)]
struct Counted {
    buckets: Buckets<u64>,
    least: f64,
    most: f64,
    /// The buckets whose values the second look keeps.
    wanted: Buckets<bool>,
    near: Near,
    /// Sum of the differences from `sum / n`, which rounding has left, and of their squares.
    off: f64,
    squares: f64,
}

/// What is told of one or several samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// How many values.
    pub n: u64,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, with n − 1; `None` for fewer than two values.
    pub stddev: Option<f64>,
    /// The least value.
    pub min: f64,
    /// The greatest value.
    pub max: f64,
    /// The quantiles that were asked for, in the order of the shares.
    pub quantiles: Vec<f64>,
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            n: 0,
            sum: 0.0,
            values: Values::Kept(Vec::new()),
        }
    }
}

impl Sample {
    /// Takes values, at the first look at them.
    pub fn look(&mut self, values: &[f64]) {
        if values.is_empty() {
            return;
        }
        self.n += values.len() as u64;
        self.sum += values.iter().sum::<f64>();
        if let Values::Kept(kept) = &mut self.values {
            if kept.len() + values.len() <= KEPT {
                kept.extend_from_slice(values);
                return;
            }
            let kept = std::mem::take(kept);
            let mut counted = Counted::default();
            counted.count(&kept);
            self.values = Values::Counted(Box::new(counted));
        }
        if let Values::Counted(counted) = &mut self.values {
            counted.count(values);
        }
    }

    /// Takes the same values again, after [`want`] was told of every description that is to come.
    pub fn look_again(&mut self, values: &[f64]) {
        let mean = self.rough_mean();
        if let Values::Counted(counted) = &mut self.values {
            counted.look_again(values, mean);
        }
    }

    fn rough_mean(&self) -> f64 {
        self.sum / describe::count_of(self.n)
    }

    /// Number, mean and sum of squares from it; `None` where the values are kept.
    fn moments(&self) -> (u64, f64, f64) {
        match &self.values {
            Values::Kept(values) => (
                self.n,
                describe::mean(values).unwrap_or_default(),
                describe::squares(values).unwrap_or_default(),
            ),
            Values::Counted(counted) => {
                let off = counted.off / describe::count_of(self.n);
                let squares = counted.squares - counted.off * off;
                (self.n, self.rough_mean() + off, squares.max(0.0))
            }
        }
    }

    fn count_into(&self, buckets: &mut Buckets<u64>) {
        match &self.values {
            Values::Kept(values) => values
                .iter()
                .for_each(|value| *buckets.at(bucket(*value)) += 1),
            Values::Counted(counted) => buckets.add(&counted.buckets),
        }
    }

    fn range(&self) -> Option<(f64, f64)> {
        match &self.values {
            Values::Kept(values) => range(values),
            Values::Counted(counted) => Some((counted.least, counted.most)),
        }
    }

    /// The values that quantiles may lie at, in ascending order, each with how often it occurs.
    fn near(&mut self) -> Cow<'_, [(f64, u64)]> {
        match &mut self.values {
            Values::Kept(values) => {
                let mut near = Near::default();
                near.waiting.clone_from(values);
                near.settle();
                near.counted.into()
            }
            Values::Counted(counted) => {
                counted.near.settle();
                Cow::from(&counted.near.counted)
            }
        }
    }
}

/// Prepares the second look at `samples` for the quantiles of all of them together.
pub fn want<'a>(samples: impl IntoIterator<Item = &'a mut Sample>, shares: &[f64]) {
    let samples: Vec<&mut Sample> = samples.into_iter().collect();
    let counted = |sample: &Sample| matches!(sample.values, Values::Counted(_));
    if !samples.iter().any(|sample| counted(sample)) {
        return;
    }
    let ranks = Ranks::of(samples.iter().map(|sample| &**sample));
    let wanted: Vec<usize> = shares
        .iter()
        .filter_map(|share| describe::places(ranks.n, *share))
        .flat_map(|(below, above, _)| [ranks.bucket(below).0, ranks.bucket(above).0])
        .collect();
    for sample in samples {
        if let Values::Counted(counted) = &mut sample.values {
            for bucket in &wanted {
                *counted.wanted.at(*bucket) = true;
            }
        }
    }
}

/// What is told of all values of `samples` together; `None` where there are none.
///
/// Quantiles are by linear interpolation between order statistics at k = (n−1)q, as `quantile` has them.
pub fn description<'a>(
    samples: impl IntoIterator<Item = &'a mut Sample>,
    shares: &[f64],
) -> Option<Description> {
    let mut samples: Vec<&mut Sample> = samples.into_iter().filter(|sample| sample.n > 0).collect();
    let mut kept: Vec<&[f64]> = Vec::new();
    for sample in &samples {
        if let Values::Kept(values) = &sample.values {
            kept.push(values);
        }
    }
    if kept.len() == samples.len() {
        return of_values(&kept, shares);
    }
    let ranks = Ranks::of(samples.iter().map(|sample| &**sample));
    let parts: Vec<(u64, f64, f64)> = samples.iter().map(|sample| sample.moments()).collect();
    let (mean, squares) = joined(&parts);
    let ranges: Vec<(f64, f64)> = samples.iter().filter_map(|sample| sample.range()).collect();
    let near: Vec<_> = samples.iter_mut().map(|sample| sample.near()).collect();
    let value = |rank: u64| value_at(&near, &ranks, rank);
    let quantiles = shares
        .iter()
        .filter_map(|share| {
            let (below, above, part) = describe::places(ranks.n, *share)?;
            Some(describe::interpolated(value(below), value(above), part))
        })
        .collect();
    Some(Description {
        n: ranks.n,
        mean,
        stddev: (ranks.n > 1).then(|| (squares / (describe::count_of(ranks.n) - 1.0)).sqrt()),
        min: ranges.iter().map(|range| range.0).min_by(f64::total_cmp)?,
        max: ranges.iter().map(|range| range.1).max_by(f64::total_cmp)?,
        quantiles,
    })
}

fn of_values(kept: &[&[f64]], shares: &[f64]) -> Option<Description> {
    let mut values = kept.concat();
    values.sort_unstable_by(f64::total_cmp);
    Some(Description {
        n: values.len() as u64,
        mean: describe::mean(&values)?,
        stddev: describe::stddev(&values),
        min: *values.first()?,
        max: *values.last()?,
        quantiles: shares
            .iter()
            .filter_map(|share| describe::quantile(&values, *share))
            .collect(),
    })
}

/// Mean and sum of squares of samples of which number, mean and sum of squares are known (Chan, Golub & LeVeque 1983).
fn joined(parts: &[(u64, f64, f64)]) -> (f64, f64) {
    let base = parts.first().map_or(0.0, |part| part.1);
    let n: f64 = parts.iter().map(|part| describe::count_of(part.0)).sum();
    let off: f64 = parts
        .iter()
        .map(|(n, mean, _)| describe::count_of(*n) * (mean - base))
        .sum();
    let mean = base + off / n;
    let squares = parts
        .iter()
        .map(|(n, own, squares)| squares + describe::count_of(*n) * (own - mean).powi(2))
        .sum();
    (mean, squares)
}

/// The value of that rank, from 0.
fn value_at(near: &[Cow<'_, [(f64, u64)]>], ranks: &Ranks, rank: u64) -> f64 {
    let (bucket, mut left) = ranks.bucket(rank);
    let mut ahead: Vec<&[(f64, u64)]> = near.iter().map(|near| within(near, bucket)).collect();
    loop {
        // Each sample's values are in order: the least that is ahead stands first in one of them.
        let ahead = ahead.iter_mut().filter(|ahead| !ahead.is_empty());
        let Some(next) = ahead.min_by(|one, two| one[0].0.total_cmp(&two[0].0)) else {
            return f64::NAN;
        };
        let (value, times) = next[0];
        if left < times {
            return value;
        }
        left -= times;
        *next = &next[1..];
    }
}

/// How many values of several samples lie below each bucket.
struct Ranks {
    n: u64,
    /// Buckets that have values, each with how many lie in it and in those before it.
    upto: Vec<(usize, u64)>,
}

impl Ranks {
    fn of<'a>(samples: impl Iterator<Item = &'a Sample>) -> Self {
        let mut all = Buckets::default();
        for sample in samples {
            sample.count_into(&mut all);
        }
        let mut n = 0;
        let upto = all
            .taken()
            .map(|(bucket, count)| {
                n += count;
                (bucket, n)
            })
            .collect();
        Self { n, upto }
    }

    /// The bucket of the value of that rank, and its rank within the bucket.
    fn bucket(&self, rank: u64) -> (usize, u64) {
        let at = self.upto.partition_point(|(_, upto)| *upto <= rank);
        let below = at.checked_sub(1).map_or(0, |before| self.upto[before].1);
        (self.upto[at].0, rank - below)
    }
}

impl Default for Counted {
    fn default() -> Self {
        Self {
            buckets: Buckets::default(),
            least: f64::INFINITY,
            most: f64::NEG_INFINITY,
            wanted: Buckets::default(),
            near: Near::default(),
            off: 0.0,
            squares: 0.0,
        }
    }
}

impl Counted {
    fn count(&mut self, values: &[f64]) {
        let (mut least, mut most) = (self.least, self.most);
        for value in values {
            *self.buckets.at(bucket(*value)) += 1;
            (least, most) = (least.min(*value), most.max(*value));
        }
        (self.least, self.most) = (least, most);
    }

    fn look_again(&mut self, values: &[f64], mean: f64) {
        let (mut off, mut squares) = (0.0, 0.0);
        for value in values {
            let difference = value - mean;
            off += difference;
            squares += difference * difference;
            if self.wanted.get(bucket(*value)) {
                self.near.push(*value);
            }
        }
        self.off += off;
        self.squares += squares;
    }
}

fn range(values: &[f64]) -> Option<(f64, f64)> {
    let first = *values.first()?;
    Some(values.iter().fold((first, first), |(least, most), value| {
        (least.min(*value), most.max(*value))
    }))
}

/// Values near the wanted quantiles: equal ones are counted, so that a constant costs nothing.
#[derive(Debug, Clone, Default)]
struct Near {
    /// In no order.
    waiting: Vec<f64>,
    /// In ascending order.
    counted: Vec<(f64, u64)>,
}

impl Near {
    fn push(&mut self, value: f64) {
        self.waiting.push(value);
        // The more there are, the more must wait: else each would be moved once for every few that come.
        if self.waiting.len() >= WAITING.max(self.counted.len() / 2) {
            self.settle();
        }
    }

    fn settle(&mut self) {
        self.counted
            .extend(self.waiting.drain(..).map(|value| (value, 1)));
        // A stable sort finds what is in order already.
        self.counted.sort_by(|one, two| one.0.total_cmp(&two.0));
        self.counted.dedup_by(|next, kept| {
            let same = next.0.total_cmp(&kept.0).is_eq();
            if same {
                kept.1 += next.1;
            }
            same
        });
    }
}

/// The values of one bucket, out of values in ascending order.
fn within(near: &[(f64, u64)], wanted: usize) -> &[(f64, u64)] {
    let from = near.partition_point(|(value, _)| bucket(*value) < wanted);
    let rest = &near[from..];
    &rest[..rest.partition_point(|(value, _)| bucket(*value) == wanted)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARES: [f64; 7] = [0.0, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0];

    /// Looks twice at the values of each sample, in pieces as a table gives them, and describes all together.
    fn described(samples: &[Vec<f64>]) -> Option<Description> {
        let mut looked: Vec<Sample> = samples.iter().map(|_| Sample::default()).collect();
        for (sample, values) in looked.iter_mut().zip(samples) {
            values.chunks(3000).for_each(|values| sample.look(values));
        }
        want(&mut looked, &SHARES);
        want([&mut looked[0]], &SHARES);
        for (sample, values) in looked.iter_mut().zip(samples) {
            values
                .chunks(3000)
                .for_each(|values| sample.look_again(values));
        }
        let of_first = description([&mut looked[0]], &SHARES);
        let found = description(&mut looked, &SHARES);
        // Each is described alone and with others, in any order.
        assert_eq!(description([&mut looked[0]], &SHARES), of_first);
        found
    }

    fn sorted(samples: &[Vec<f64>]) -> Vec<f64> {
        let mut values = samples.concat();
        values.sort_by(f64::total_cmp);
        values
    }

    fn numbers(n: usize, of: impl Fn(u64) -> f64) -> Vec<f64> {
        (0..n as u64)
            .map(|index| of(index.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32))
            .collect()
    }

    fn is_exact(samples: &[Vec<f64>]) {
        let values = sorted(samples);
        let found = described(samples).unwrap();
        let expected: Vec<f64> = SHARES
            .iter()
            .map(|share| describe::quantile(&values, *share).unwrap())
            .collect();
        assert_eq!(found.quantiles, expected);
        assert_eq!(found.n, values.len() as u64);
        assert_eq!(
            (found.min, found.max),
            (values[0], values[values.len() - 1])
        );
        // The mean of sorted values has a rounding of its own.
        let near = |one: f64, two: f64| (one - two).abs() <= 1e-11 * two.abs();
        assert!(
            near(found.mean, describe::mean(&values).unwrap()),
            "{found:?}"
        );
        let stddev = describe::stddev(&values).unwrap();
        assert!(
            (found.stddev.unwrap() - stddev).abs() <= 1e-9 * stddev.max(1e-9),
            "{found:?} is not {stddev}"
        );
    }

    #[test]
    fn quantiles_of_counted_values_are_those_of_sorted_ones_to_the_last_bit() {
        let wide = |draw: u64| (draw as f64 / 1e8).exp2() / 1e9;
        let narrow = |draw: u64| 0.1 + draw as f64 / 1e13;
        let whole = |draw: u64| (draw % 50) as f64;
        let signed = |draw: u64| (draw as f64 - 2e9) / 1e6;
        is_exact(&[numbers(50_000, wide)]);
        is_exact(&[numbers(300_000, narrow)]);
        is_exact(&[numbers(50_000, whole), numbers(20_000, whole)]);
        is_exact(&[
            numbers(50_000, signed),
            numbers(100, narrow),
            numbers(9000, wide),
        ]);
        is_exact(&[vec![128.0; 200_000], vec![128.0; 3]]);
    }

    #[test]
    fn a_small_sample_is_described_as_its_sorted_values_are() {
        let samples = [numbers(700, |draw| draw as f64 / 3e9), vec![0.1, 0.2, 0.3]];
        let values = sorted(&samples);
        let found = described(&samples).unwrap();
        assert_eq!(Some(found.mean), describe::mean(&values));
        assert_eq!(found.stddev, describe::stddev(&values));
        assert_eq!(described(&[vec![], vec![]]), None);
        let one = described(&[vec![7.0]]).unwrap();
        assert_eq!((one.stddev, one.quantiles), (None, vec![7.0; SHARES.len()]));
    }

    #[test]
    fn memory_is_that_of_the_buckets_and_not_of_the_values() {
        let mut sample = Sample::default();
        let values = numbers(4096, |draw| draw as f64 / 1e9);
        for _ in 0..500 {
            sample.look(&values);
        }
        want([&mut sample], &SHARES);
        for _ in 0..500 {
            sample.look_again(&values);
        }
        let Values::Counted(counted) = &sample.values else {
            panic!("two million values are counted")
        };
        assert!(counted.near.counted.len() < 400 && counted.near.waiting.len() < WAITING);
        let pages = counted.buckets.pages();
        assert!(pages < 40, "{pages}");
    }
}
