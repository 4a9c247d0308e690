//! Chunks of a batch on the threads of rayon.

use std::sync::{Mutex, PoisonError};

/// Calls `work` for the chunks of `values`, each `size` long but the last, with their indices, on rayon's
/// threads or on this one; what it returns is in the order of the chunks.
///
/// This thread begins at once and takes chunk after chunk; others, which take some tens of microseconds to wake, do what
/// is left by then.
pub(super) fn by_chunks<T: Send, R: Send>(
    values: &mut [T],
    size: usize,
    threads: bool,
    work: impl Fn(usize, &mut [T]) -> R + Sync,
) -> Vec<R> {
    let chunks = values.len().div_ceil(size);
    let helpers = match threads {
        true => rayon::current_num_threads().min(chunks).saturating_sub(1),
        false => 0,
    };
    let chunks = values.chunks_mut(size).enumerate();
    if helpers == 0 {
        return chunks.map(|(index, chunk)| work(index, chunk)).collect();
    }
    let queue = Mutex::new(chunks);
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let done = Mutex::new(Vec::new());
    let help = || {
        let mut own = Vec::new();
        while let Some((index, chunk)) = next() {
            own.push((index, work(index, chunk)));
        }
        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
        done.extend(own);
    };
    rayon::in_place_scope(|scope| {
        for _ in 0..helpers {
            scope.spawn(|_| help());
        }
        help();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|&(index, _)| index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Wakes a thread of rayon for [`by_chunks`], so that it is there when what comes before is done.
pub(super) fn wake() {
    if rayon::current_num_threads() > 1 {
        rayon::spawn(|| ());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_chunks_whoever_did_them() {
        let expected: Vec<usize> = (0..41).collect();
        for threads in [1, 2, 7] {
            for spread in [true, false] {
                let mut values = vec![0_usize; 203];
                let mut run = || {
                    by_chunks(&mut values, 5, spread, |index, chunk| {
                        chunk.fill(index + 1);
                        index
                    })
                };
                let found = pool_of(threads, &mut run);
                assert_eq!(found, expected);
                assert!(values.iter().enumerate().all(|(i, &x)| x == i / 5 + 1));
            }
        }
        assert!(by_chunks(&mut [0_u8; 0], 5, true, |index, _| index).is_empty());
    }

    fn pool_of<R: Send>(threads: usize, run: impl FnOnce() -> R + Send) -> R {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(run)
    }
}
