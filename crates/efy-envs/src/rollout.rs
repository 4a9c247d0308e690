//! Episodes, many at once: a thread's environments in lockstep, the policy asked once a step for all of them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::{Environment, Error, Policy, Result};

/// Steps of environments that are not heavy before another thread is worth waking.
const WORTH_THREADS: usize = 65536;

/// What an [`Episode`] keeps beside its return.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Record {
    /// Nothing: `observations`, `actions` and `rewards` stay empty.
    #[default]
    Returns,
    /// The reward of each step.
    Rewards,
    /// Observations, actions and rewards.
    Everything,
}

/// One episode of n steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Episode {
    /// The seed of its start.
    pub seed: u64,
    /// Its return: the undiscounted sum of rewards.
    pub total: f64,
    /// Steps taken, n.
    pub steps: usize,
    /// Whether a state ended it, and not the limit of steps.
    pub terminated: bool,
    /// What the policy saw, `[n, d]`: row t is what it answered with row t of `actions`. The observation after the last step is
    /// not among them.
    pub observations: Vec<f64>,
    /// What the policy did, `[n, k]`, before an environment clips it.
    pub actions: Vec<f64>,
    /// Rewards, `[n]`.
    pub rewards: Vec<f64>,
}

/// One environment and its episode under way.
struct Slot<'a> {
    environment: &'a mut Box<dyn Environment>,
    /// Which of the seeds.
    index: usize,
    episode: Episode,
}

impl<'a> Slot<'a> {
    fn begin(&mut self, index: usize, seed: u64, observation: &mut [f64]) -> Result<()> {
        self.index = index;
        self.episode = Episode {
            seed,
            ..Episode::default()
        };
        self.environment.reset(seed, observation)
    }

    /// One step; whether the episode is over.
    fn step(&mut self, action: &[f64], observation: &mut [f64], record: Record) -> Result<bool> {
        let episode = &mut self.episode;
        if record == Record::Everything {
            episode.observations.extend_from_slice(observation);
            episode.actions.extend_from_slice(action);
        }
        let transition = self.environment.step(action, observation)?;
        if record != Record::Returns {
            episode.rewards.push(transition.reward);
        }
        episode.total += transition.reward;
        episode.steps += 1;
        episode.terminated = transition.terminated;
        Ok(transition.terminated || episode.steps >= self.environment.spec().max_steps)
    }
}

/// Episodes that are still to begin, shared by all threads.
struct Queue<'a> {
    seeds: &'a [u64],
    next: AtomicUsize,
    /// Whether some thread has met an error, so that the others need not go on.
    failed: AtomicBool,
    record: Record,
}

impl Queue<'_> {
    /// The next episode: its index and its seed.
    fn pop(&self) -> Option<(usize, u64)> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        self.seeds.get(index).map(|&seed| (index, seed))
    }
}

/// Runs one episode from each of `seeds`, at most `environments.len()` at a time, and returns them in the order of `seeds`.
///
/// Rayon's current threads share the work where a step is worth it. With a policy that can be [forked](Policy::fork) each
/// thread has its part of the environments and a policy of its own, and waits for nobody; with another one all environments
/// take a step together, for which the policy acts on `[count, d]`. An environment whose episode is over goes on with
/// the next seed. Episodes do not depend on the number of threads, and not on
/// the number of environments either where rows of the policy are independent to the last bit.
///
/// # Errors
/// Where the environments are not all alike or there are none, and what environments and policy say.
pub fn rollout(
    environments: &mut [Box<dyn Environment>],
    policy: &mut dyn Policy,
    seeds: &[u64],
    record: Record,
) -> Result<Vec<Episode>> {
    let Some(spec) = environments.first().map(|first| first.spec().clone()) else {
        return Err(Error::NoEnvironments);
    };
    if let Some(other) = environments.iter().find(|other| *other.spec() != spec) {
        return Err(Error::Mixed {
            first: spec.name,
            second: other.spec().name.clone(),
        });
    }
    let used = environments.len().min(seeds.len());
    let environments = &mut environments[..used];
    let is_heavy = environments
        .iter()
        .any(|environment| environment.is_heavy());
    let most_steps = seeds.len().saturating_mul(spec.max_steps);
    let threads = match is_heavy || most_steps >= WORTH_THREADS {
        true => rayon::current_num_threads().min(used),
        false => 1,
    };
    let queue = Queue {
        seeds,
        next: AtomicUsize::new(0),
        failed: AtomicBool::new(false),
        record,
    };
    let size = (spec.observation, spec.action());
    let forks: Option<Vec<_>> = match threads {
        0 | 1 => None,
        _ => (0..threads).map(|_| policy.fork()).collect(),
    };
    let done: Vec<(usize, Episode)> = match forks {
        None => lockstep(environments, policy, size, &queue, is_heavy && threads > 1)?,
        Some(forks) => {
            let parts: Vec<Result<_>> = shares(environments, threads)
                .into_par_iter()
                .zip(forks)
                .map(|(share, mut policy)| {
                    let done = lockstep(share, &mut *policy, size, &queue, false);
                    // The others need not go on.
                    queue.failed.fetch_or(done.is_err(), Ordering::Relaxed);
                    done
                })
                .collect();
            let parts = parts.into_iter().collect::<Result<Vec<_>>>()?;
            parts.into_iter().flatten().collect()
        }
    };
    let mut episodes: Vec<Episode> = vec![Episode::default(); seeds.len()];
    for (index, episode) in done {
        episodes[index] = episode;
    }
    Ok(episodes)
}

/// As many parts as there are threads, one larger than another by at most one environment.
fn shares<T>(mut rest: &mut [T], threads: usize) -> Vec<&mut [T]> {
    let mut shares = Vec::with_capacity(threads);
    for left in (1..=threads).rev() {
        let (share, others) = rest.split_at_mut(rest.len() / left);
        shares.push(share);
        rest = others;
    }
    shares
}

/// Episodes of the queue with their indices: a step of all environments after the other, until there are no more.
fn lockstep(
    environments: &mut [Box<dyn Environment>],
    policy: &mut dyn Policy,
    (d, k): (usize, usize),
    queue: &Queue<'_>,
    in_parallel: bool,
) -> Result<Vec<(usize, Episode)>> {
    let record = queue.record;
    let mut observations = vec![0.0; environments.len() * d];
    let mut actions = vec![0.0; environments.len() * k];
    let mut slots = Vec::with_capacity(environments.len());
    for (environment, observation) in environments
        .iter_mut()
        .zip(observations.chunks_exact_mut(d))
    {
        let Some((index, seed)) = queue.pop() else {
            break;
        };
        let mut slot = Slot {
            environment,
            index,
            episode: Episode::default(),
        };
        slot.begin(index, seed, observation)?;
        slots.push(slot);
    }

    let mut done = Vec::new();
    let mut over = vec![false; slots.len()];
    while !slots.is_empty() && !queue.failed.load(Ordering::Relaxed) {
        let count = slots.len();
        policy.act(count, &observations[..count * d], &mut actions[..count * k])?;
        let observation = &mut observations[..count * d];
        let action = &actions[..count * k];
        if in_parallel {
            let rows = observation
                .par_chunks_exact_mut(d)
                .zip(action.par_chunks_exact(k))
                .zip(&mut over[..count]);
            slots.par_iter_mut().zip(rows).try_for_each(
                |(slot, ((observation, action), over))| {
                    *over = slot.step(action, observation, record)?;
                    Ok::<_, Error>(())
                },
            )?;
        } else {
            let rows = observation
                .chunks_exact_mut(d)
                .zip(action.chunks_exact(k))
                .zip(&mut over[..count]);
            for (slot, ((observation, action), over)) in slots.iter_mut().zip(rows) {
                *over = slot.step(action, observation, record)?;
            }
        }

        // From the back, so that the row that moves into a gap has been looked at.
        for row in (0..count).rev() {
            if !over[row] {
                continue;
            }
            let slot = &mut slots[row];
            done.push((slot.index, std::mem::take(&mut slot.episode)));
            if let Some((index, seed)) = queue.pop() {
                slot.begin(index, seed, &mut observations[row * d..(row + 1) * d])?;
            } else {
                slots.swap_remove(row);
                let last = slots.len();
                observations.copy_within(last * d..(last + 1) * d, row * d);
            }
        }
    }
    Ok(done)
}
