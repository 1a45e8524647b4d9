//! What one unit of work costs in the rooms that every request or every row passes through: `cargo bench --features bench`.
//!
//! Figures of this machine alone; what a request costs as a whole, beside others, is `bench/`.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and prints"
)]

use std::error::Error;
use std::time::{Duration, Instant};

/// Rounds of a subject.
const ROUNDS: usize = 15;
/// How long a round lasts at least.
const ROUND: Duration = Duration::from_millis(40);

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    println!(
        "| what | ns a unit, median (least–greatest of {ROUNDS} rounds) | unit |\n| --- | --- | --- |"
    );
    for mut subject in plimsoll::bench::subjects(folder.path())? {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            let mut units = 0;
            while units == 0 || begun.elapsed() < ROUND {
                (subject.run)()?;
                units += subject.units;
            }
            #[expect(clippy::cast_precision_loss, reason = "counts of a round")]
            rounds.push(begun.elapsed().as_nanos() as f64 / units as f64);
        }
        rounds.sort_unstable_by(f64::total_cmp);
        let (least, median, most) = (rounds[0], rounds[ROUNDS / 2], rounds[ROUNDS - 1]);
        println!(
            "| {} | {median:.1} ({least:.1}–{most:.1}) | {} |",
            subject.name, subject.unit
        );
    }
    Ok(())
}
