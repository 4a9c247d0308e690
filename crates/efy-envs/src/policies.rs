//! Policies that need no network.

use crate::random::Start;
use crate::{Error, Policy, Result, Spec};

/// Does nothing: a = 0, or the bound nearest to it.
#[derive(Clone, Debug)]
pub struct Zero {
    action: Vec<f64>,
}

impl Zero {
    /// For environments like this.
    pub fn new(spec: &Spec) -> Zero {
        Zero {
            action: spec
                .low
                .iter()
                .zip(&spec.high)
                .map(|(&low, &high)| 0.0_f64.clamp(low, high))
                .collect(),
        }
    }
}

impl Policy for Zero {
    fn act(&mut self, _count: usize, _observations: &[f64], actions: &mut [f64]) -> Result<()> {
        for action in actions.chunks_exact_mut(self.action.len()) {
            action.copy_from_slice(&self.action);
        }
        Ok(())
    }

    fn fork(&self) -> Option<Box<dyn Policy + Send>> {
        Some(Box::new(self.clone()))
    }
}

/// Uniform in the box.
///
/// What it draws is a function of seed and observation, so that rows are independent and an episode is the same
/// whatever runs beside it.
#[derive(Clone, Debug)]
pub struct Random {
    spec: Spec,
    seed: u64,
}

impl Random {
    /// For environments like this.
    pub fn new(spec: &Spec, seed: u64) -> Random {
        Random {
            spec: spec.clone(),
            seed,
        }
    }

    /// FNV-1a over the words of the observation, which ChaCha8 then spreads.
    fn key(&self, observation: &[f64]) -> u64 {
        let start = 0xcbf2_9ce4_8422_2325 ^ self.seed;
        observation.iter().fold(start, |key, number| {
            let mixed = (key ^ number.to_bits()).wrapping_mul(0x0000_0100_0000_01b3);
            mixed ^ (mixed >> 29)
        })
    }
}

impl Policy for Random {
    fn act(&mut self, _count: usize, observations: &[f64], actions: &mut [f64]) -> Result<()> {
        let rows = observations.chunks_exact(self.spec.observation);
        for (observation, action) in rows.zip(actions.chunks_exact_mut(self.spec.action())) {
            let mut start = Start::new(self.key(observation));
            for ((a, &low), &high) in action.iter_mut().zip(&self.spec.low).zip(&self.spec.high) {
                *a = start.uniform(low, high);
            }
        }
        Ok(())
    }

    fn fork(&self) -> Option<Box<dyn Policy + Send>> {
        Some(Box::new(self.clone()))
    }
}

/// a = W (o - mean) / scale, number by number; the environment clips.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    weights: Vec<f64>,
    mean: Vec<f64>,
    scale: Vec<f64>,
}

impl Linear {
    /// From W, `[k, d]` row by row, and what observations are normalized by, `[d]` each.
    ///
    /// # Errors
    /// Where a length does not fit the environment or a number makes no sense: not finite, or a scale of 0.
    pub fn new(spec: &Spec, weights: Vec<f64>, mean: Vec<f64>, scale: Vec<f64>) -> Result<Linear> {
        let (d, k) = (spec.observation, spec.action());
        for (what, expected, numbers) in [
            ("weights", k * d, &weights),
            ("mean", d, &mean),
            ("scale", d, &scale),
        ] {
            if numbers.len() != expected {
                return Err(Error::Length {
                    what,
                    expected,
                    found: numbers.len(),
                });
            }
            if let Some(at) = numbers.iter().position(|number| !number.is_finite()) {
                return Err(Error::Invalid(format!(
                    "{what}: number {at} is {}, expected a finite one",
                    numbers[at]
                )));
            }
        }
        if let Some(at) = scale.iter().position(|&scale| scale <= 0.0) {
            return Err(Error::Invalid(format!(
                "scale: number {at} is {}, expected a positive one",
                scale[at]
            )));
        }
        Ok(Linear {
            weights,
            mean,
            scale,
        })
    }

    /// W, `[k, d]` row by row.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// What is subtracted from observations, `[d]`.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// What observations are divided by, `[d]`.
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }
}

impl Policy for Linear {
    fn act(&mut self, _count: usize, observations: &[f64], actions: &mut [f64]) -> Result<()> {
        let d = self.mean.len();
        let rows = observations
            .chunks_exact(d)
            .zip(actions.chunks_exact_mut(self.weights.len() / d));
        for (observation, action) in rows {
            action.fill(0.0);
            for (j, ((&o, &mean), &scale)) in observation
                .iter()
                .zip(&self.mean)
                .zip(&self.scale)
                .enumerate()
            {
                let normalized = (o - mean) / scale;
                for (a, weights) in action.iter_mut().zip(self.weights.chunks_exact(d)) {
                    *a += weights[j] * normalized;
                }
            }
        }
        Ok(())
    }

    fn fork(&self) -> Option<Box<dyn Policy + Send>> {
        Some(Box::new(self.clone()))
    }
}
