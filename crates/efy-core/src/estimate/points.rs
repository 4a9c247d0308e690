//! Estimators from points.

use tch::Tensor;

use super::{Density, Estimate, error_of_mean, log_mean_exp};
use crate::random::Stream;
use crate::shallow::{Shallow, Space};
use crate::{Error, Result, native};

/// $\mathrm{KL}(p \| q) = \log E_p e^r - E_p r$ with $r = \log \tilde q - \log \tilde p$, from points of p `[n, d]`: neither normalization
/// is needed, and both means are over the same points (self-normalized importance sampling).
///
/// The error bar is that of both means together, to first order. The estimate is biased by $O(1/n)$ and can be
/// slightly negative.
///
/// # Errors
/// Points that are not `[n, d]` of the networks' kind and device.
pub fn kullback_leibler(p: &Density<'_>, q: &Density<'_>, points: &Tensor) -> Result<Estimate> {
    let r = q.log_unnormalized(points)? - p.log_unnormalized(points)?;
    let (log, weights) = log_mean_exp(&r);
    Ok(Estimate {
        value: log - r.mean(None),
        standard_error: error_of_mean(&(weights - r)),
    })
}

/// The Fisher divergence $E_p \|P_x (\nabla \log p - \nabla \log q)\|^2$, without the half, from points of p `[n, d]`.
///
/// # Errors
/// As [`kullback_leibler`].
pub fn fisher(p: &Density<'_>, q: &Density<'_>, points: &Tensor) -> Result<Estimate> {
    Ok(Estimate::mean(&p.squared_score_difference(q, points)?))
}

/// $H = -E \log q = \beta E f + \log Z$ on test points `[n, d]`, with respect to $\tau$; minus that is the held-out
/// log-likelihood of a point.
///
/// # Errors
/// As [`kullback_leibler`].
pub fn cross_entropy(q: &Density<'_>, test: &Tensor, log_partition: &Estimate) -> Result<Estimate> {
    let energy = Estimate::mean(&q.log_unnormalized(test)?).times(-1.0);
    Ok(energy.plus(log_partition))
}

/// $\log Z = \log E_\tau e^{-\beta f}$ from points of the base measure `[n, d]` (see [`base_sample`]).
///
/// # Errors
/// As [`kullback_leibler`].
pub fn log_partition(density: &Density<'_>, points: &Tensor) -> Result<Estimate> {
    Ok(Estimate::log_mean_exp(&density.log_unnormalized(points)?))
}

/// n independent points of the base measure $\tau$ of a network's space, `[n, d]`, a function of the seed.
///
/// # Errors
/// [`Error::Parameter`] for $R^d$ without a deviation: its base measure is no probability.
pub fn base_sample(network: &Shallow, n: i64, seed: u64) -> Result<Tensor> {
    let space = network.space();
    probability(space)?;
    let key = (seed, Stream::Base, 0);
    let z = native::normal::tensor(key, (n, network.dimension()), network.place())?;
    Ok(space.from_gaussian(&z))
}

/// Refuses Lebesgue's measure.
pub(super) fn probability(space: Space) -> Result<()> {
    match space {
        Space::Euclidean { deviation: None } => Err(Error::Parameter {
            name: "space.deviation",
            expected: "a positive number, so that the base measure is a probability",
            found: "none".to_owned(),
        }),
        _ => Ok(()),
    }
}
