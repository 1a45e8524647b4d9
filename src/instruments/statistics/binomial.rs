//! The binomial distribution, of counts that need not be whole: dependent requests count for fewer than they are.

use statrs::function::beta::beta_reg;

/// P(X ≤ `hits`) where X counts hits of probability `p` in `n` draws: 1 − I_p(hits + 1, n − hits).
pub fn binomial_at_most(hits: f64, n: f64, p: f64) -> f64 {
    match () {
        () if hits < 0.0 => 0.0,
        () if hits >= n || p <= 0.0 => 1.0,
        () if p >= 1.0 => 0.0,
        () => beta_reg(n - hits, hits + 1.0, 1.0 - p),
    }
}

/// P(X ≥ `hits`): I_p(hits, n − hits + 1).
pub fn binomial_at_least(hits: f64, n: f64, p: f64) -> f64 {
    match () {
        () if hits <= 0.0 || p >= 1.0 => 1.0,
        () if hits > n || p <= 0.0 => 0.0,
        () => beta_reg(hits, n - hits + 1.0, p),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_counts_give_what_the_sum_over_outcomes_gives() {
        let (n, p) = (10_u32, 0.3_f64);
        let outcome = |k: u32| {
            let ways = (0..k)
                .map(|i| f64::from(n - i) / f64::from(k - i))
                .product::<f64>();
            ways * p.powi(k.cast_signed()) * (1.0 - p).powi((n - k).cast_signed())
        };
        for hits in 0..=n {
            let below: f64 = (0..=hits).map(outcome).sum();
            let above: f64 = (hits..=n).map(outcome).sum();
            let (k, n) = (f64::from(hits), f64::from(n));
            assert!((binomial_at_most(k, n, p) - below).abs() < 1e-12, "{hits}");
            assert!((binomial_at_least(k, n, p) - above).abs() < 1e-12, "{hits}");
        }
    }

    #[test]
    fn what_cannot_happen_and_what_must_are_certain() {
        assert_eq!(
            [
                binomial_at_most(0.0, 9.0, 0.0),
                binomial_at_most(8.0, 9.0, 1.0)
            ],
            [1.0, 0.0]
        );
        assert_eq!(
            [
                binomial_at_least(0.0, 9.0, 0.2),
                binomial_at_least(10.0, 9.0, 0.2)
            ],
            [1.0, 0.0]
        );
    }
}
