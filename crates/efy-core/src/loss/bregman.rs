//! The generalized Bregman divergence.

use tch::Tensor;

use crate::energy::Energy;
use crate::regularizer::Regularizer;
use crate::{Result, shape};

use super::target;

/// $B(p, p') = \Omega(p) - \Omega(p') - [\Phi(v', p) - \Phi(v', p')]$, `[B]`, for an energy
/// $\Phi(v', \cdot)$ whose regularized prediction is p', that is $\hat y(v') = p'$ (Blondel et al. 2022).
///
/// It is the Fenchel-Young loss of v' at p and so at least 0. With $\Phi = \langle v, p\rangle$ and
/// $v' = \nabla\Omega(p')$ it is the ordinary Bregman divergence; with a quadratic energy,
/// $\Omega = \frac\gamma2\|\cdot\|^2$ and $v' = ((\gamma I - U) p', U)$ it is
/// $\frac12 \langle p - p', (\gamma I - U)(p - p') \rangle$. That p' is the prediction is for the caller
/// to see to: there is no solving here.
///
/// # Errors
/// [`crate::Error::Shape`], [`crate::Error::Kind`] or [`crate::Error::Placement`] when p or p' is not
/// `[B, k]` like the energy's outputs.
pub fn bregman_divergence(
    energy: &dyn Energy,
    regularizer: &dyn Regularizer,
    p: &Tensor,
    p_prime: &Tensor,
) -> Result<Tensor> {
    target::check(energy, p)?;
    target::check(energy, p_prime)?;
    Ok(objective_difference(energy, regularizer, p_prime, p))
}

/// $F(a) - F(b)$ with $F = \Phi - \Omega$, `[B]`, by discrete gradients where there are any: a
/// difference of values has the rounding of the values.
pub(super) fn objective_difference(
    energy: &dyn Energy,
    regularizer: &dyn Regularizer,
    a: &Tensor,
    b: &Tensor,
) -> Tensor {
    let along = |gradient: Tensor| shape::dot(&(a - b), &gradient);
    let of_energy = energy.discrete_gradient(a, b);
    let of_regularizer = regularizer.discrete_gradient(a, b);
    match (of_energy, of_regularizer) {
        (Some(energy), Some(omega)) => along(energy - omega),
        (of_energy, of_regularizer) => {
            let phi = match of_energy {
                Some(gradient) => along(gradient),
                None => energy.value(a) - energy.value(b),
            };
            let omega = match of_regularizer {
                Some(gradient) => along(gradient),
                None => regularizer.value(a) - regularizer.value(b),
            };
            phi - omega
        }
    }
}
