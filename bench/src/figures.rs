//! Figures of several rounds, and what is said of them.

/// A figure a round.
#[derive(Debug, Clone, Default)]
pub struct Rounds(pub Vec<f64>);

impl Rounds {
    /// The middle one, or the mean of the two in the middle.
    pub fn median(&self) -> Option<f64> {
        quantile(&self.0, 0.5)
    }

    /// Least and greatest.
    pub fn range(&self) -> Option<(f64, f64)> {
        let least = self.0.iter().copied().reduce(f64::min)?;
        let most = self.0.iter().copied().reduce(f64::max)?;
        Some((least, most))
    }

    /// Round for round, how many times another's: what both saw of the machine in that round falls out.
    #[must_use]
    pub fn over(&self, other: &Self) -> Self {
        Self(
            self.0
                .iter()
                .zip(&other.0)
                .map(|(own, other)| own / other)
                .collect(),
        )
    }

    /// `median (least–greatest)`, or a dash.
    pub fn shown(&self, digits: usize) -> String {
        match (self.median(), self.range()) {
            (Some(median), Some((least, most))) => {
                format!("{median:.digits$} ({least:.digits$}–{most:.digits$})")
            }
            _ => "–".to_owned(),
        }
    }
}

/// Linear interpolation between order statistics, k = (n−1)q, as plimsoll's own; `None` of nothing.
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    #[expect(clippy::cast_precision_loss, reason = "a number of values")]
    let at = last as f64 * q;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index within the values"
    )]
    let below = at.floor() as usize;
    let above = (below + 1).min(last);
    Some(sorted[below] + (sorted[above] - sorted[below]) * at.fract())
}

/// A limit, and whether figures keep it.
#[derive(Debug, Clone, Copy)]
pub struct Bar {
    /// What is limited, in words: `× floor`.
    pub of: &'static str,
    /// The limit.
    pub most: f64,
}

impl Bar {
    /// `≤ 1.3 × floor: met`, by the median over the rounds.
    pub fn judge(self, figures: &Rounds) -> String {
        let verdict = match figures.median() {
            Some(median) if median <= self.most => "met",
            Some(_) => "**missed**",
            None => "not measured",
        };
        format!("≤ {}{}: {verdict}", self.most, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_lies_between_order_statistics() {
        assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 0.5), Some(2.5));
        assert_eq!(quantile(&[1.0, 2.0], 0.99), Some(1.99));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn a_bar_is_judged_by_the_median_and_nothing_is_never_met() {
        let bar = Bar {
            of: " × floor",
            most: 1.3,
        };
        assert_eq!(
            bar.judge(&Rounds(vec![1.0, 1.2, 9.0])),
            "≤ 1.3 × floor: met"
        );
        assert_eq!(bar.judge(&Rounds(vec![1.4])), "≤ 1.3 × floor: **missed**");
        assert_eq!(bar.judge(&Rounds::default()), "≤ 1.3 × floor: not measured");
    }
}
