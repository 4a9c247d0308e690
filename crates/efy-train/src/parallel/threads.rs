//! Processes that are threads of one.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use efy_core::Result;
use efy_core::parallel::{Collective, lost};
use tch::Tensor;

/// One of several threads that train together, each with a trainer and an objective of its own: what MPI does, without it.
/// Slower than one thread, since rayon and libtorch use all of them already; it is for tests and for trying.
pub struct Threads {
    rank: usize,
    shared: Arc<Shared>,
}

struct Shared {
    world: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What each has brought to the sum in progress.
    brought: Vec<Option<Tensor>>,
    /// Sums that are complete, and the last of them.
    round: u64,
    sum: Option<Tensor>,
    /// Somebody has left.
    gone: bool,
}

impl Shared {
    /// A thread that panicked has left: that is all there is to know of it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Threads {
    /// The members of a group of `world`, in the order of their ranks.
    pub fn group(world: usize) -> Vec<Self> {
        let shared = Arc::new(Shared {
            world,
            state: Mutex::new(State {
                brought: (0..world).map(|_| None).collect(),
                ..State::default()
            }),
            changed: Condvar::new(),
        });
        let member = |rank| Threads {
            rank,
            shared: Arc::clone(&shared),
        };
        (0..world).map(member).collect()
    }
}

impl Collective for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn world(&self) -> usize {
        self.shared.world
    }

    fn sum(&mut self, tensor: Tensor) -> Result<Tensor> {
        let mut state = self.shared.lock();
        let round = state.round;
        state.brought[self.rank] = Some(tensor);
        if state.brought.iter().all(Option::is_some) {
            // In the order of ranks, whoever came last.
            let mut brought = state.brought.iter_mut().filter_map(Option::take);
            let first = brought.next();
            let mut sum = first.map(|tensor| tensor.copy());
            for tensor in brought {
                sum = sum.map(|sum| sum.f_add(&tensor)).transpose()?;
            }
            state.sum = sum;
            state.round += 1;
            self.shared.changed.notify_all();
        }
        let waits = |state: &mut State| state.round == round && !state.gone;
        let state = self.shared.changed.wait_while(state, waits);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        match &state.sum {
            Some(sum) if state.round > round => Ok(sum.copy()),
            _ => Err(lost("a thread has ended before the others")),
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.shared.lock().gone = true;
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use efy_core::device::read;

    use super::*;

    #[test]
    fn all_threads_get_the_sum_and_hear_of_one_that_is_gone() {
        let sums: Vec<_> = std::thread::scope(|scope| {
            let handles: Vec<_> = Threads::group(3)
                .into_iter()
                .map(|mut thread| {
                    scope.spawn(move || {
                        let own = Tensor::from_slice(&[thread.rank() as f64, 1.0]);
                        let sum = read::to_vec::<f64>(&thread.sum(own).unwrap()).unwrap();
                        if thread.rank() == 2 {
                            return (sum, None);
                        }
                        let error = thread.sum(Tensor::from_slice(&[0.0])).unwrap_err();
                        (sum, Some(error.to_string()))
                    })
                })
                .collect();
            handles.into_iter().map(|one| one.join().unwrap()).collect()
        });
        for (rank, (sum, error)) in sums.into_iter().enumerate() {
            assert_eq!(sum, [3.0, 3.0]);
            let expected = "a thread has ended before the others";
            assert_eq!(error.as_deref(), (rank < 2).then_some(expected));
        }
    }
}
