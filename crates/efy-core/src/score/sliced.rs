//! Sliced score matching.

use tch::Tensor;

use super::{Criterion, base_rate, drift};
use crate::random::Stream;
use crate::shallow::Shallow;
use crate::shape::dot;
use crate::{Result, native};

/// $E[\frac12\langle v, s\rangle^2 + v^\top (Ds)\, v]$ with the score s and directions v that are Gaussian in the tangent space, one for each point
/// and step (Song, Garg, Shi and Ermon 2019): $\beta^2$ times [`ImplicitScore`](super::ImplicitScore) in the mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlicedScore {
    /// $\beta$.
    pub beta: f64,
    /// Of the directions.
    pub seed: u64,
}

impl Criterion for SlicedScore {
    fn loss(&self, network: &Shallow, data: &Tensor, step: u64) -> Result<Tensor> {
        let size = (data.size()[0], network.dimension());
        let key = (self.seed, Stream::Directions, step);
        let v = native::normal::tensor(key, size, network.place())?;
        let v = network.space().tangent(data, &v);
        sliced_score(network, data, self.beta, &v)
    }
}

/// [`SlicedScore`] with given directions `[n, d]`, tangent on the sphere.
///
/// # Errors
/// As [`Criterion::loss`], and directions that are not like the data.
pub fn sliced_score(network: &Shallow, data: &Tensor, beta: f64, v: &Tensor) -> Result<Tensor> {
    let along = dot(&drift(network, data, beta)?, v) * beta;
    let second = network.second_derivative(data, v)? * beta + dot(v, v) * base_rate(network);
    Ok((along.square() * 0.5 - second).mean(None))
}
