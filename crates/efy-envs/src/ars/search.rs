//! One iteration after the other.

use rayon::prelude::*;

use super::{Settings, Statistics};
use crate::random::Start;
use crate::{Environment, Linear, Result, Spec};

/// Directions that one iteration can have, so that none of two iterations share a stream of random numbers.
const MAX_DIRECTIONS: u64 = 1 << 24;

/// A search under way.
pub struct Search {
    settings: Settings,
    spec: Spec,
    weights: Vec<f64>,
    statistics: Statistics,
    workers: Vec<Worker>,
    iteration: u64,
    steps: u64,
}

/// What an iteration brought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Iteration {
    /// How many there have been, this one included.
    pub iteration: u64,
    /// Steps of environments so far.
    pub steps: u64,
    /// The mean return of the iteration's episodes, with noise in the policy and without the bonus.
    pub mean: f64,
    /// The largest of these returns.
    pub best: f64,
}

/// A direction with an environment of its own.
struct Worker {
    environment: Box<dyn Environment>,
    direction: Vec<f64>,
    /// Returns of W + ν δ and W - ν δ.
    returns: [f64; 2],
    seen: Statistics,
    steps: u64,
}

/// What all workers of an iteration share.
struct Shared<'a> {
    settings: &'a Settings,
    iteration: u64,
    weights: &'a [f64],
    mean: &'a [f64],
    /// 1 / σ.
    precision: Vec<f64>,
}

impl Worker {
    /// Draws the direction and runs both episodes.
    fn run(&mut self, index: u64, shared: &Shared<'_>) -> Result<()> {
        let stream = shared.iteration * MAX_DIRECTIONS + index;
        let mut random = Start::of_stream(shared.settings.seed, stream);
        let start = random.word();
        self.direction.fill_with(|| random.normal());
        self.seen.clear();
        self.steps = 0;
        for (side, sign) in [1.0, -1.0].into_iter().enumerate() {
            let noise = sign * shared.settings.noise;
            let weights = shared.weights.iter().zip(&self.direction);
            let weights: Vec<f64> = weights
                .map(|(w, direction)| w + noise * direction)
                .collect();
            self.returns[side] = self.episode(start, &weights, shared)?;
        }
        Ok(())
    }

    fn episode(&mut self, start: u64, weights: &[f64], shared: &Shared<'_>) -> Result<f64> {
        let spec = self.environment.spec();
        let (d, max_steps) = (spec.observation, spec.max_steps);
        let mut action = vec![0.0; spec.action()];
        let mut observation = vec![0.0; d];
        let mut normalized = vec![0.0; d];
        self.environment.reset(start, &mut observation)?;
        let mut total = 0.0;
        for _ in 0..max_steps {
            self.seen.push(&observation);
            for (j, entry) in normalized.iter_mut().enumerate() {
                *entry = (observation[j] - shared.mean[j]) * shared.precision[j];
            }
            for (a, weights) in action.iter_mut().zip(weights.chunks_exact(d)) {
                *a = weights.iter().zip(&normalized).map(|(w, o)| w * o).sum();
            }
            let transition = self.environment.step(&action, &mut observation)?;
            self.steps += 1;
            total += transition.reward - shared.settings.bonus;
            if transition.terminated {
                break;
            }
        }
        Ok(total)
    }

    fn best(&self) -> f64 {
        self.returns[0].max(self.returns[1])
    }
}

impl Search {
    /// A search from W = 0 in environments that `make` makes, one for each direction.
    ///
    /// # Errors
    /// What `make` says, and [`Settings::check`].
    pub fn new(
        make: &dyn Fn() -> Result<Box<dyn Environment>>,
        settings: Settings,
    ) -> Result<Search> {
        settings.check()?;
        let first = make()?;
        let spec = first.spec().clone();
        let (d, k) = (spec.observation, spec.action());
        let others = (1..settings.directions).map(|_| make());
        let workers = std::iter::once(Ok(first))
            .chain(others)
            .map(|environment| {
                Ok(Worker {
                    environment: environment?,
                    direction: vec![0.0; k * d],
                    returns: [0.0; 2],
                    seen: Statistics::new(d),
                    steps: 0,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Search {
            settings,
            weights: vec![0.0; k * d],
            statistics: Statistics::new(d),
            spec,
            workers,
            iteration: 0,
            steps: 0,
        })
    }

    /// One iteration, its directions spread over rayon's current threads.
    ///
    /// # Errors
    /// What the environments say.
    pub fn iterate(&mut self) -> Result<Iteration> {
        let deviation = self.statistics.deviation();
        let shared = Shared {
            settings: &self.settings,
            iteration: self.iteration,
            weights: &self.weights,
            mean: self.statistics.mean(),
            precision: deviation.iter().map(|deviation| 1.0 / deviation).collect(),
        };
        self.workers
            .par_iter_mut()
            .enumerate()
            .try_for_each(|(index, worker)| worker.run(index as u64, &shared))?;
        self.update();
        // In the order of the directions, so that sums do not depend on who was first.
        for worker in &self.workers {
            self.statistics.merge(&worker.seen);
            self.steps += worker.steps;
        }
        self.iteration += 1;
        let returns = self.workers.iter().flat_map(|worker| worker.returns);
        Ok(Iteration {
            iteration: self.iteration,
            steps: self.steps,
            mean: returns.clone().sum::<f64>() / (2 * self.workers.len()) as f64,
            best: returns.fold(f64::NEG_INFINITY, f64::max),
        })
    }

    /// The step along the best directions. None where all returns are the same.
    fn update(&mut self) {
        let mut ranked: Vec<&Worker> = self.workers.iter().collect();
        ranked.sort_by(|a, b| b.best().total_cmp(&a.best()));
        ranked.truncate(self.settings.top);
        let count = 2.0 * ranked.len() as f64;
        let returns = ranked.iter().flat_map(|worker| worker.returns);
        let mean = returns.clone().sum::<f64>() / count;
        let deviation = (returns.map(|r| (r - mean).powi(2)).sum::<f64>() / count).sqrt();
        if deviation == 0.0 {
            return;
        }
        let rate = self.settings.step / (ranked.len() as f64 * deviation);
        for worker in ranked {
            let slope = rate * (worker.returns[0] - worker.returns[1]);
            for (weight, direction) in self.weights.iter_mut().zip(&worker.direction) {
                *weight += slope * direction;
            }
        }
    }

    /// What the search has come to.
    ///
    /// # Errors
    /// Where a weight is no longer finite.
    pub fn policy(&self) -> Result<Linear> {
        Linear::new(
            &self.spec,
            self.weights.clone(),
            self.statistics.mean().to_vec(),
            self.statistics.deviation(),
        )
    }

    /// Iterations so far.
    pub fn iteration(&self) -> u64 {
        self.iteration
    }

    /// What the environments expect and give.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }
}
