//! Demonstrations: what an expert saw and what it did, episode by episode.

mod read;
mod store;
mod write;

use std::ops::Range;

use efy_core::random::{Stream, generator};
use efy_envs::{Episode, Spec};
use rand::RngExt;

pub use read::read;
pub use store::{import, imported, load};
pub use write::write;

use crate::{Error, Result};

/// State-action pairs (o_t, a_t) of episodes, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Demonstrations {
    /// The environment they come from, where that is known.
    pub environment: Option<String>,
    observation: usize,
    action: usize,
    observations: Vec<f64>,
    actions: Vec<f64>,
    rewards: Vec<f64>,
    starts: Vec<usize>,
}

impl Demonstrations {
    /// From observations `[n, d]` and actions `[n, k]` row by row, rewards `[n]` (or none at all), and the first row of each episode.
    ///
    /// # Errors
    /// [`Error::Usage`] when lengths do not fit, a number is not finite, or `starts` does not begin with 0 and ascend.
    pub fn new(
        environment: Option<String>,
        (observations, observation): (Vec<f64>, usize),
        (actions, action): (Vec<f64>, usize),
        rewards: Vec<f64>,
        starts: Vec<usize>,
    ) -> Result<Demonstrations> {
        let made = Demonstrations {
            environment,
            observation,
            action,
            observations,
            actions,
            rewards,
            starts,
        };
        made.check()
            .map_err(|(key, message)| Error::Usage(format!("demonstrations: {key}: {message}")))?;
        Ok(made)
    }

    /// What episodes of [`efy_envs::rollout`] recorded ([`efy_envs::Record::Everything`]); actions clipped to the box of the environment.
    ///
    /// # Errors
    /// As [`Demonstrations::new`], such as when nothing was recorded.
    pub fn of_episodes(spec: &Spec, episodes: &[Episode]) -> Result<Demonstrations> {
        let k = spec.action();
        let mut starts = Vec::new();
        let mut rows = 0;
        for episode in episodes {
            starts.push(rows);
            rows += episode.steps;
        }
        let bounds = spec.low.iter().zip(&spec.high);
        let actions = episodes.iter().flat_map(|episode| &episode.actions);
        let clipped = actions.zip(bounds.cycle());
        let clipped: Vec<f64> = clipped
            .map(|(a, (&low, &high))| a.clamp(low, high))
            .collect();
        let all = |of: fn(&Episode) -> &Vec<f64>| episodes.iter().flat_map(of).copied().collect();
        Demonstrations::new(
            Some(spec.name.clone()),
            (all(|episode| &episode.observations), spec.observation),
            (clipped, k),
            all(|episode| &episode.rewards),
            starts,
        )
    }

    /// What is wrong, with the name of the array at fault.
    fn check(&self) -> Result<(), (&'static str, String)> {
        let (d, k, n) = (self.observation, self.action, self.len());
        let sizes = [
            ("observations", d, &self.observations),
            ("actions", k, &self.actions),
        ];
        for (key, width, numbers) in sizes {
            if width == 0 || numbers.is_empty() {
                return Err((key, "expected rows of numbers, found none".to_owned()));
            }
            if numbers.len() != n * width {
                let found = numbers.len() as f64 / width as f64;
                return Err((key, format!("expected {n} rows of {width}, found {found}")));
            }
        }
        if !self.rewards.is_empty() && self.rewards.len() != n {
            let found = self.rewards.len();
            return Err(("rewards", format!("expected {n} numbers, found {found}")));
        }
        let all = [
            ("observations", &self.observations),
            ("actions", &self.actions),
            ("rewards", &self.rewards),
        ];
        for (key, numbers) in all {
            if let Some(at) = numbers.iter().position(|number| !number.is_finite()) {
                let found = numbers[at];
                let message = format!("expected finite numbers, found {found} at number {at}");
                return Err((key, message));
            }
        }
        let ascending = self.starts.windows(2).all(|pair| pair[0] < pair[1]);
        let within = self.starts.last().is_some_and(|&last| last < n);
        if self.starts.first() != Some(&0) || !ascending || !within {
            let message = format!("expected 0 and then ascending rows below {n}");
            return Err(("starts", message));
        }
        Ok(())
    }

    /// State-action pairs, n.
    #[must_use]
    pub fn len(&self) -> usize {
        self.observations.len() / self.observation.max(1)
    }

    /// Whether there is none, which the constructors refuse.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.observations.is_empty()
    }

    /// Numbers of an observation, d.
    #[must_use]
    pub fn observation(&self) -> usize {
        self.observation
    }

    /// Numbers of an action, k.
    #[must_use]
    pub fn action(&self) -> usize {
        self.action
    }

    /// Observations, `[n, d]` row by row.
    #[must_use]
    pub fn observations(&self) -> &[f64] {
        &self.observations
    }

    /// Actions, `[n, k]` row by row.
    #[must_use]
    pub fn actions(&self) -> &[f64] {
        &self.actions
    }

    /// Rewards, `[n]`, or nothing where they are not known.
    #[must_use]
    pub fn rewards(&self) -> &[f64] {
        &self.rewards
    }

    /// The first row of each episode.
    #[must_use]
    pub fn starts(&self) -> &[usize] {
        &self.starts
    }

    /// How many episodes there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// The rows of an episode.
    #[must_use]
    pub fn rows(&self, episode: usize) -> Range<usize> {
        let at = |episode: usize| self.starts.get(episode).copied().unwrap_or(self.len());
        at(episode)..at(episode + 1)
    }

    /// The return of each episode, its sum of rewards; nothing where rewards are not known.
    #[must_use]
    pub fn returns(&self) -> Vec<f64> {
        if self.rewards.is_empty() {
            return Vec::new();
        }
        (0..self.count())
            .map(|episode| self.rewards[self.rows(episode)].iter().sum())
            .collect()
    }

    /// Some of the episodes.
    ///
    /// # Errors
    /// [`Error::Usage`] when the range is empty or there are not so many.
    pub fn episodes(&self, range: Range<usize>) -> Result<Demonstrations> {
        if range.is_empty() || range.end > self.count() {
            return Err(Error::Usage(format!(
                "demonstrations: expected some of {} episodes, found {} to {}",
                self.count(),
                range.start,
                range.end
            )));
        }
        Ok(self.select(range.map(|episode| self.rows(episode).collect())))
    }

    /// Every so many-th pair of each episode, from a row that is drawn for each (uniformly among its first `every`), as is usual in
    /// imitation learning (Ho & Ermon 2016 take every 20th). Rewards are those of the rows that are left, so that
    /// [`Demonstrations::returns`] no longer says what the expert got.
    ///
    /// A function of the demonstrations, `every` and `seed`. The row of an episode is drawn from its index, so that it stays
    /// the same when episodes are added.
    #[must_use]
    pub fn subsample(&self, every: usize, seed: u64) -> Demonstrations {
        let every = every.max(1);
        self.select((0..self.count()).map(|episode| {
            let rows = self.rows(episode);
            let mut generator = generator(seed, Stream::Subsample, episode as u64);
            let offset = generator.random_range(0..every.min(rows.len()) as u64) as usize;
            rows.skip(offset).step_by(every).collect()
        }))
    }

    /// Episodes made of these rows; none of them may be empty.
    fn select(&self, episodes: impl Iterator<Item = Vec<usize>>) -> Demonstrations {
        let mut starts = Vec::new();
        let mut rows = Vec::new();
        for episode in episodes {
            starts.push(rows.len());
            rows.extend(episode);
        }
        let of = |numbers: &[f64], width: usize| -> Vec<f64> {
            let row = |&row: &usize| numbers[row * width..(row + 1) * width].iter().copied();
            rows.iter().flat_map(row).collect()
        };
        Demonstrations {
            environment: self.environment.clone(),
            observation: self.observation,
            action: self.action,
            observations: of(&self.observations, self.observation),
            actions: of(&self.actions, self.action),
            rewards: match self.rewards.is_empty() {
                true => Vec::new(),
                false => of(&self.rewards, 1),
            },
            starts,
        }
    }

    /// The mean of the observations, `[d]`.
    #[must_use]
    pub fn mean(&self) -> Vec<f64> {
        self.average(|_, value| value)
    }

    /// The standard deviation of the observations, `[d]` (of the sample: divided by n, not n - 1). It is 0 where an entry does not
    /// change.
    #[must_use]
    pub fn deviation(&self) -> Vec<f64> {
        let mean = self.mean();
        let variance = self.average(|entry, value| (value - mean[entry]).powi(2));
        variance.into_iter().map(f64::sqrt).collect()
    }

    fn average(&self, of: impl Fn(usize, f64) -> f64) -> Vec<f64> {
        let mut sums = vec![0.0; self.observation];
        for row in self.observations.chunks_exact(self.observation) {
            for (entry, (sum, &value)) in sums.iter_mut().zip(row).enumerate() {
                *sum += of(entry, value);
            }
        }
        let n = self.len() as f64;
        sums.into_iter().map(|sum| sum / n).collect()
    }
}

#[cfg(test)]
mod tests;
