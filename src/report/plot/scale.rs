//! From values to places: scales that cover the data, with ticks that people count in.

use crate::report::number;

/// From which span on a scale of positive values is logarithmic.
const LOG_FROM: f64 = 12.0;
/// Decades above which a logarithmic scale has a tick a decade only.
const DECADES_IN_DETAIL: f64 = 3.0;

/// A scale over an interval that begins and ends at a tick.
#[derive(Debug, Clone, PartialEq)]
pub struct PlotScale {
    low: f64,
    high: f64,
    logarithmic: bool,
    ticks: Vec<f64>,
}

/// Where a scale should begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// At 0: for rates, whose length is compared.
    Zero,
    /// Near the least value; logarithmic where the values span much.
    Least,
}

impl PlotScale {
    /// A scale that covers `values` with about `ticks` ticks; `None` without a finite value.
    pub fn fit(values: impl IntoIterator<Item = f64>, from: From, ticks: u32) -> Option<Self> {
        let finite: Vec<f64> = values
            .into_iter()
            .filter(|value| value.is_finite())
            .collect();
        let least = finite.iter().copied().reduce(f64::min)?;
        let most = finite.iter().copied().reduce(f64::max)?;
        if from == From::Least && least > 0.0 && most / least >= LOG_FROM {
            return Some(Self::logarithmic(least, most));
        }
        Some(Self::linear(
            if from == From::Zero {
                least.min(0.0)
            } else {
                least
            },
            most,
            ticks,
        ))
    }

    fn linear(least: f64, most: f64, ticks: u32) -> Self {
        // A single value gets room on both sides, without crossing 0.
        let (least, most) = match () {
            () if most > least => (least, most),
            () if least > 0.0 => (least * 0.5, least * 1.5),
            () if least < 0.0 => (least * 1.5, least * 0.5),
            () => (0.0, 1.0),
        };
        let step = nice_step((most - least) / f64::from(ticks.max(1)));
        let (start, end) = ((least / step + 1e-9).floor(), (most / step - 1e-9).ceil());
        let mut values = Vec::new();
        let mut at = start;
        while at <= end + 0.5 {
            values.push(tidy(at * step));
            at += 1.0;
        }
        Self {
            low: tidy(start * step).min(least),
            high: tidy(end * step).max(most),
            logarithmic: false,
            ticks: values,
        }
    }

    fn logarithmic(least: f64, most: f64) -> Self {
        let parts: &[f64] = if (most / least).log10() > DECADES_IN_DETAIL {
            &[1.0]
        } else {
            &[1.0, 2.0, 5.0]
        };
        let mut candidates = Vec::new();
        let mut decade = least.log10().floor() - 1.0;
        while decade <= most.log10().ceil() + 1.0 {
            candidates.extend(parts.iter().map(|part| tidy(part * 10.0_f64.powf(decade))));
            decade += 1.0;
        }
        let low = candidates
            .iter()
            .copied()
            .rfind(|tick| *tick <= least)
            .unwrap_or(least);
        let high = candidates
            .iter()
            .copied()
            .find(|tick| *tick >= most)
            .unwrap_or(most);
        let ticks = candidates
            .into_iter()
            .filter(|tick| (low..=high).contains(tick))
            .collect();
        Self {
            low,
            high,
            logarithmic: true,
            ticks,
        }
    }

    /// The values that have a tick, ascending.
    pub fn ticks(&self) -> &[f64] {
        &self.ticks
    }

    /// The greatest value that it reaches.
    pub fn high(&self) -> f64 {
        self.high
    }

    /// Whether equal factors are equal distances.
    pub fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }

    /// The place of a value between `start` and `end`; what lies outside is put at the nearer end.
    pub fn place(&self, value: f64, start: f64, end: f64) -> f64 {
        let share = if self.logarithmic {
            (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        start + share.clamp(0.0, 1.0) * (end - start)
    }
}

/// A tick as text: `0.5`, `20`, `1500`.
pub fn tick_label(value: f64) -> String {
    let text = number::significant(value, 6);
    if text.contains('.') && !text.contains('e') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// The least of 1, 2, 2.5, 5 times a power of ten that is not below `rough`.
fn nice_step(rough: f64) -> f64 {
    let magnitude = 10.0_f64.powf(rough.log10().floor());
    let part = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .find(|part| part * magnitude >= rough * (1.0 - 1e-9));
    tidy(part.unwrap_or(10.0) * magnitude)
}

/// Without the digits that binary arithmetic leaves behind.
fn tidy(value: f64) -> f64 {
    format!("{value:.11e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ticks(values: &[f64], from: From) -> Vec<String> {
        PlotScale::fit(values.iter().copied(), from, 5)
            .unwrap()
            .ticks()
            .iter()
            .copied()
            .map(tick_label)
            .collect()
    }

    #[test]
    fn ticks_are_numbers_that_people_count_in() {
        assert_eq!(
            ticks(&[0.3, 8.7], From::Zero),
            ["0", "2", "4", "6", "8", "10"]
        );
        assert_eq!(
            ticks(&[0.12, 0.58], From::Least),
            ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6"]
        );
        assert_eq!(
            ticks(&[3.0, 170.0], From::Least),
            ["2", "5", "10", "20", "50", "100", "200"]
        );
        assert_eq!(
            ticks(&[0.001, 90.0], From::Least),
            ["0.001", "0.01", "0.1", "1", "10", "100"]
        );
        assert_eq!(PlotScale::fit([], From::Zero, 5), None);
        assert_eq!(
            PlotScale::fit([f64::NAN, f64::INFINITY], From::Zero, 5),
            None
        );
    }

    proptest! {
        #[test]
        fn ticks_cover_the_data(
            values in prop::collection::vec(prop_oneof![Just(0.0), 1e-6_f64..1e9, 0.1_f64..10.0], 1..20), zero: bool, count in 2_u32..9
        ) {
            let from = if zero { From::Zero } else { From::Least };
            let scale = PlotScale::fit(values.iter().copied(), from, count).unwrap();
            let (first, last) = (scale.ticks()[0], *scale.ticks().last().unwrap());
            for value in &values {
                prop_assert!(first <= value * (1.0 + 1e-6) && *value <= last * (1.0 + 1e-6), "{value} in {first} … {last}");
                let place = scale.place(*value, 0.0, 100.0);
                prop_assert!((0.0..=100.0).contains(&place));
            }
            prop_assert!(scale.ticks().windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(scale.ticks().len() <= 40);
        }

        #[test]
        fn greater_values_never_lie_lower(a in 1e-3_f64..1e3, b in 1e-3_f64..1e3, c in 1e-3_f64..1e3) {
            let scale = PlotScale::fit([a, b, c], From::Least, 5).unwrap();
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(scale.place(low, 0.0, 1.0) <= scale.place(high, 0.0, 1.0));
        }
    }
}
