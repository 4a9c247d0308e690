//! Episodes, many at once: environments in lockstep, the policy asked once a step for all of them.

use rayon::prelude::*;

use crate::{Environment, Error, Policy, Result};

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

/// Runs one episode from each of `seeds`, at most `environments.len()` at a time, and returns them in the order of `seeds`.
///
/// All environments take a step together: the policy acts on `[count, d]`, then rayon's current threads step. An environment
/// whose episode is over goes on with the next seed. Episodes do not depend on the number of threads, and not on
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
    let (d, k) = (spec.observation, spec.action());
    let in_parallel = environments[0].is_heavy() && rayon::current_num_threads() > 1;

    let mut observations = vec![0.0; environments.len().min(seeds.len()) * d];
    let mut actions = vec![0.0; environments.len().min(seeds.len()) * k];
    let mut slots = Vec::new();
    for ((environment, (index, &seed)), observation) in environments
        .iter_mut()
        .zip(seeds.iter().enumerate())
        .zip(observations.chunks_exact_mut(d))
    {
        let mut slot = Slot {
            environment,
            index,
            episode: Episode::default(),
        };
        slot.begin(index, seed, observation)?;
        slots.push(slot);
    }

    let mut episodes: Vec<Episode> = vec![Episode::default(); seeds.len()];
    let mut next = slots.len();
    let mut over = vec![false; slots.len()];
    while !slots.is_empty() {
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
            episodes[slot.index] = std::mem::take(&mut slot.episode);
            if let Some(&seed) = seeds.get(next) {
                slot.begin(next, seed, &mut observations[row * d..(row + 1) * d])?;
                next += 1;
            } else {
                slots.swap_remove(row);
                let last = slots.len();
                observations.copy_within(last * d..(last + 1) * d, row * d);
            }
        }
    }
    Ok(episodes)
}
