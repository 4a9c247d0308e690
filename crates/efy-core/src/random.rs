//! Randomness as a pure function of (seed, stream, step), the same on every device.
//!
//! Numbers are drawn with ChaCha8, on the host, and where a training step needs them on the device, the
//! same numbers. Nothing has to be saved to go on exactly: the generator of step n is made anew from n.

mod gaussian;
mod halves;
mod uniform;
mod words;

pub(crate) use gaussian::Gaussian;
pub use halves::HalfWords;
pub(crate) use uniform::uniform;
pub use words::Words;
pub(crate) use words::{unit, units};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
/// What random numbers are for; streams of one seed are independent of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
#[non_exhaustive]
pub enum Stream {
    /// Initial weights; the step is 0.
    Weights = 1,
    /// Which examples go into which split; the step is 0.
    Split = 2,
    /// The order of the examples; the step is the epoch.
    Order = 3,
    /// Made-up data for benchmarks; the step is 0.
    MadeUp = 4,
    /// Starting points of solvers; the step is the index of the start.
    Starts = 5,
    /// Negative examples of the contrastive loss; the step is the training step.
    Negatives = 6,
    /// Settings of a random search; the step is the number of the setting.
    Sweep = 7,
    /// Outputs drawn from a base measure or a proposal; the step is the training step.
    Outputs = 11,
    /// Markov chains over outputs; the step is the training step.
    Chains = 12,
    /// The noise and the restarts of particles; the step is the Langevin step.
    Particles = 32,
    /// Initial neurons of shallow networks; the step is 0.
    Neurons = 33,
    /// Acceptance of the Metropolis correction; the step is the Langevin step.
    Acceptance = 34,
    /// Points that a density is sampled from by rejection; the step is the round.
    Proposals = 35,
    /// Which of them are kept; the step is the round.
    ProposalAcceptance = 36,
    /// Points of a base measure that an integral is estimated from; the step is 0.
    Base = 37,
    /// Proposals of independence chains; the step is the proposal.
    Independence = 38,
    /// Which particles die and are born; the step is that of the flow.
    BirthDeath = 39,
    /// Directions, noise and trial neurons of score matching and Stein discrepancies; the step is the training step.
    Directions = 40,
    /// The first row of an episode that is subsampled; the step is the episode.
    Subsample = 50,
}

/// The generator for a step of a stream.
///
/// ```
/// use efy_core::random::{generator, Stream};
/// use rand::Rng;
/// let draw = |stream, step| generator(7, stream, step).next_u64();
/// assert_eq!(draw(Stream::Order, 3), draw(Stream::Order, 3));
/// assert_ne!(draw(Stream::Order, 3), draw(Stream::Order, 4));
/// assert_ne!(draw(Stream::Order, 3), draw(Stream::Split, 3));
/// ```
pub fn generator(seed: u64, stream: Stream, step: u64) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::from_seed(key(seed, stream));
    generator.set_stream(step);
    generator
}

fn key(seed: u64, stream: Stream) -> [u8; 32] {
    let mut key = [0_u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(stream as u64).to_le_bytes());
    key
}
