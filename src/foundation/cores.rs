//! Work spread over the cores, its results taken in order: so that what is added up does not depend on how many there
//! are.

use std::sync::mpsc;
use std::thread;

/// Does `work` for each item, on as many threads as there are cores, and gives the results to `take` in the order of
/// the items. A thread is at most one result ahead of what was taken, so that memory is bounded.
///
/// # Errors
/// The first error of `take`; what was not begun by then is left.
pub fn in_order<T: Sync, R: Send, E>(
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut take: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    if threads.min(items.len()) <= 1 {
        return items.iter().try_for_each(|item| take(work(item)));
    }
    thread::scope(|scope| {
        let work = &work;
        let results: Vec<mpsc::Receiver<R>> = (0..threads)
            .map(|first| {
                let (done, results) = mpsc::sync_channel(0);
                scope.spawn(move || {
                    for item in items.iter().skip(first).step_by(threads) {
                        // Nobody takes any more: an error has ended it.
                        if done.send(work(item)).is_err() {
                            return;
                        }
                    }
                });
                results
            })
            .collect();
        for number in 0..items.len() {
            // A thread that panicked sends nothing more; the scope passes its panic on.
            let Ok(result) = results[number % threads].recv() else {
                break;
            };
            take(result)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items_whatever_each_takes() {
        let items: Vec<u64> = (0..200).collect();
        let mut taken = Vec::new();
        let slow_first = |item: &u64| (0..(200 - item) * 500).fold(*item, |sum, _| sum) + 1;
        let all = in_order(&items, slow_first, |result| {
            taken.push(result);
            Ok::<(), ()>(())
        });
        assert_eq!(all, Ok(()));
        assert_eq!(taken, (1..=200).collect::<Vec<u64>>());
    }

    #[test]
    fn an_error_ends_it_and_nothing_is_an_order_too() {
        let items: Vec<u64> = (0..1000).collect();
        let mut taken = 0;
        let ended = in_order(
            &items,
            |item| *item,
            |item| {
                taken += 1;
                if item == 10 { Err("enough") } else { Ok(()) }
            },
        );
        assert_eq!((ended, taken), (Err("enough"), 11));
        assert_eq!(in_order(&[0; 0], |item| *item, |_| Err("never")), Ok(()));
    }
}
