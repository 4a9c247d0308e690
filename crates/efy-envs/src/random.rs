//! Randomness as a function of a seed.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What the start of an episode is drawn from; and noise, where an environment has some.
#[derive(Clone, Debug)]
pub(crate) struct Start(ChaCha8Rng);

impl Start {
    pub(crate) fn new(seed: u64) -> Start {
        Start(ChaCha8Rng::seed_from_u64(seed))
    }

    /// One of the independent streams of a seed.
    pub(crate) fn of_stream(seed: u64, stream: u64) -> Start {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(stream);
        Start(random)
    }

    /// 64 bits.
    pub(crate) fn word(&mut self) -> u64 {
        self.0.random()
    }

    /// Uniform in [low, high).
    pub(crate) fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.random::<f64>()
    }

    /// Standard normal (Box-Muller, one of the pair).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.0.random::<f64>()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.0.random::<f64>()).cos()
    }
}
