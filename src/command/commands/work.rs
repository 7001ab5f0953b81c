//! Many pins at once: a queue, some threads, results in the order of the pins.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Calls `work` for every item on at most `jobs` threads, in the order that `weight` gives (the heaviest first, so that
/// it does not run alone at the end), and returns the results in the order of the items.
pub(super) fn each<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    weight: impl Fn(&T) -> u64,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let mut queue: Vec<(usize, &T)> = items.iter().enumerate().collect();
    queue.sort_by_key(|(_, item)| std::cmp::Reverse(weight(item)));
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(items.len()));
    let run = || {
        while let Some((index, item)) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = work(item);
            // A thread that panicked while it held the lock has left whole results behind.
            results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((*index, result));
        }
    };
    std::thread::scope(|scope| {
        // This thread works too, and alone where no other is to be had: a container may have a limit on them.
        for _ in 1..jobs.min(items.len()) {
            if std::thread::Builder::new().spawn_scoped(scope, run).is_err() {
                break;
            }
        }
        run();
    });
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<u64> = (0..100).collect();
        for jobs in [0, 1, 3, 200] {
            let doubled = super::each(&items, jobs, |item| item % 7, |item| item * 2);
            assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>(), "{jobs}");
        }
    }
}
