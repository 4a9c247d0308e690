//! Particles and neurons that move together.
//!
//! [`Gda`] is the two time-scale gradient descent-ascent of the third paper in the feature-learning regime: particles
//! follow Langevin dynamics of the energy while neurons and weights descend the difference between data and particles.
//! [`KernelFlow`] is the particle flow of the lazy regime, whose best energy is known in closed form. [`Langevin`] is the
//! sampler alone, with a Metropolis correction if asked for, [`Independence`] chains that propose from the base measure, and
//! [`BirthDeath`] moves mass between modes. [`Descent`] makes the same steps of neurons and weights against other
//! criteria: those of [`score`](crate::score).
//!
//! All randomness is a function of (seed, stream, step), the same on every device
//! (see [`random`](crate::random)). Only the abstract of the paper was at hand; what the algorithms are
//! taken from stands in the book, page *Dual training*.

mod batched;
mod birth_death;
mod descent;
mod gda;
mod independence;
mod kernel_flow;
mod langevin;
mod noise;
mod settings;

pub use birth_death::BirthDeath;
pub use descent::{Descent, DescentSettings};
pub use gda::Gda;
pub use independence::Independence;
pub use kernel_flow::{KernelFlow, KernelFlowSettings};
pub use langevin::{Langevin, Move};
pub(crate) use settings::{Rates, Renewal};
pub use settings::{Restart, Settings};
