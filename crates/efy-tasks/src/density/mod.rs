//! Densities of points on spheres, in R^d and on tori: a shallow network is learned together with particles.
//!
//! A [`Prepared`] run trains with the engine that all tasks have: the objective's step is one iteration of a
//! [`Flow`](efy_core::flow), which moves the weights itself. What comes of it is judged by
//! [`efy_core::estimate`], sampled by [`sample`], and shown by a [`Picture`].

mod examples;
mod flow;
mod frames;
mod judge;
mod objective;
mod picture;
mod run;
mod sampling;

pub use examples::Examples;
pub use judge::Judge;
pub use objective::Density;
pub use picture::{PICTURE_FILE, Picture};
pub use run::{Prepared, Trained, open};
pub use sampling::{Method, Sampling, sample};

/// What a split is judged by: the log-likelihood of its points (of R^d as a density in the units of the data, elsewhere with
/// respect to the uniform law), with a teacher the divergences from it, the total variation of the neurons, and the energy
/// distance between particles and points; each estimate with its standard error.
pub const METRICS: [&str; 9] = [
    "log_likelihood",
    "log_likelihood_error",
    "kl",
    "kl_error",
    "fisher",
    "fisher_error",
    "tv",
    "energy_distance",
    "energy_distance_error",
];
