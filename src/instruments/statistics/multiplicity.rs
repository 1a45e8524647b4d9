//! Many tests at once.

/// Which of the p values are significant with a false discovery rate of `q` over a family of `m` tests, those that were
/// not carried out included (Benjamini & Hochberg 1995): with p sorted, all up to the last that is at most k·q/m.
pub fn benjamini_hochberg(p: &[f64], q: f64, m: usize) -> Vec<bool> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|one, two| p[*one].total_cmp(&p[*two]));
    #[expect(clippy::cast_precision_loss, reason = "a number of tests")]
    let bound = |k: usize| k as f64 * q / m.max(p.len()) as f64;
    let last = (1..=order.len())
        .rev()
        .find(|k| p[order[k - 1]] <= bound(*k))
        .unwrap_or(0);
    let mut significant = vec![false; p.len()];
    for place in &order[..last] {
        significant[*place] = true;
    }
    significant
}
