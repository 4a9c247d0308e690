//! Chunks of a batch on the threads of rayon.

use std::sync::{LazyLock, Mutex, PoisonError};

use rayon::{Scope, ThreadPool, ThreadPoolBuilder};

/// The helpers of a thread that is in no pool: one fewer than there are in the global pool, for the calling thread
/// works as well. In the global pool there would be a thread more than processors, which the system likes to
/// wake on the caller's processor, and then the caller waits.
static HELPERS: LazyLock<Option<ThreadPool>> = LazyLock::new(|| {
    // To the builder, no threads are as many as there are processors.
    let helpers = rayon::current_num_threads()
        .checked_sub(1)
        .filter(|&n| n > 0)?;
    let pool = ThreadPoolBuilder::new().num_threads(helpers);
    let named = pool.thread_name(|index| format!("efy-{index}"));
    named.build().ok()
});

/// Held by the caller that [`HELPERS`] help.
static TAKEN: Mutex<()> = Mutex::new(());

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
    // One caller at a time: another's helper would begin when this one's work is done, and until then be waited for.
    let own = helpers_of_this_thread().and_then(|pool| Some((pool, TAKEN.try_lock().ok()?)));
    match own {
        Some((pool, _taken)) => pool.in_place_scope(|scope| together(scope, helpers, &help)),
        None => rayon::in_place_scope(|scope| together(scope, helpers, &help)),
    }
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|&(index, _)| index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Lets helpers and this thread do the same.
fn together<'scope>(scope: &Scope<'scope>, helpers: usize, help: &'scope (impl Fn() + Sync)) {
    for _ in 0..helpers {
        scope.spawn(move |_| help());
    }
    help();
}

/// Wakes a helper for [`by_chunks`], so that it is there when what comes before is done.
pub(super) fn wake() {
    match helpers_of_this_thread() {
        Some(pool) => pool.spawn(|| ()),
        None if rayon::current_num_threads() > 1 => rayon::spawn(|| ()),
        None => {}
    }
}

/// The pool to ask for help; nothing for a thread that is in a pool, whose other threads are there for that.
fn helpers_of_this_thread() -> Option<&'static ThreadPool> {
    match rayon::current_thread_index() {
        None => HELPERS.as_ref(),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

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
                // In a pool, and outside of any.
                assert_eq!(pool_of(threads, &mut run), expected);
                assert_eq!(run(), expected);
                assert!(values.iter().enumerate().all(|(i, &x)| x == i / 5 + 1));
            }
        }
        assert!(by_chunks(&mut [0_u8; 0], 5, true, |index, _| index).is_empty());
    }

    #[test]
    fn a_caller_does_not_wait_for_the_helpers_of_another() {
        let (quick_is_done, slow_hears) = mpsc::channel();
        let slow_hears = Mutex::new(slow_hears);
        let (slow_has_begun, quick_hears) = mpsc::channel();
        let in_time = Duration::from_secs(60);
        let started = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let slow_has_begun = Mutex::new(slow_has_begun);
                by_chunks(&mut [0_u8; 8], 1, true, |index, _| {
                    let _ = slow_has_begun.lock().unwrap().send(index);
                    // The first to come waits until the quick caller is done, and the others for that.
                    slow_hears.lock().unwrap().recv_timeout(in_time).ok()
                })
            });
            quick_hears.recv_timeout(in_time).unwrap();
            let found = by_chunks(&mut [0_u8; 8], 1, true, |index, _| index);
            assert!(found.into_iter().eq(0..8));
            assert!(started.elapsed() < in_time, "waited for the other");
            for _ in 0..8 {
                quick_is_done.send(()).unwrap();
            }
        });
    }

    fn pool_of<R: Send>(threads: usize, run: impl FnOnce() -> R + Send) -> R {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(run)
    }
}
