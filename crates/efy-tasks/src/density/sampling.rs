//! Points from a trained network.

use efy_core::device::read;
use efy_core::flow::{Langevin, Move};
use efy_core::random::{Stream, generator};
use efy_core::teacher::Rejection;
use rand::RngExt;
use tch::Tensor;

use super::Trained;
use crate::Result;
use crate::data::Points;

/// How points are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Chains of Langevin dynamics, one a point, from particles of the training.
    Langevin,
    /// Exact, on the sphere and the torus, where a network is bounded.
    Rejection,
}

/// What [`sample`] is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// How.
    pub method: Method,
    /// Steps of a chain.
    pub steps: u64,
    /// Langevin's step.
    pub step: f64,
    /// Whether steps are accepted or rejected, which takes the error of a finite step away.
    pub metropolis: bool,
    /// Of everything random.
    pub seed: u64,
}

/// n points in the units of the data.
///
/// # Errors
/// What the sampler reports; of rejection, that the density is too far from uniform, or that the space is R^d.
pub fn sample(trained: &Trained, n: i64, how: &Sampling) -> Result<Points> {
    let _guard = tch::no_grad_guard();
    let network = &trained.network;
    let points = match how.method {
        Method::Rejection => {
            Rejection::new(network, trained.beta)?.sample(network, n, how.seed, 0)?
        }
        Method::Langevin => {
            let mut random = generator(how.seed, Stream::Starts, 0);
            let count = trained.particles.size()[0];
            let rows: Vec<i64> = (0..n).map(|_| random.random_range(0..count)).collect();
            let rows = Tensor::f_from_slice(&rows).map_err(efy_core::Error::from)?;
            let rows = rows.to_device(trained.particles.device());
            let chains = Langevin {
                step: how.step,
                beta: trained.beta,
                motion: Move::Geodesic,
                metropolis: how.metropolis,
                seed: how.seed,
                first: 0,
            };
            chains.sample(
                network,
                &trained.particles.index_select(0, &rows),
                how.steps,
            )?
        }
    };
    Ok(Points {
        names: trained.names.clone(),
        values: read::to_vec(&trained.scaling.undo(&points))?,
    })
}
