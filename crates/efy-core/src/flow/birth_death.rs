//! Birth and death of particles.

use tch::{Kind, Tensor};

use crate::error::positive;
use crate::random::{Stream, uniform};
use crate::shallow::{Shallow, Space};
use crate::{Error, Result};

/// The reaction part of the Wasserstein-Fisher-Rao flow to $\nu \propto e^{-\beta f} d\tau$ (*our choice*, after Lu, Lu and Nolen 2019; not in
/// the experiments): particles where there are too many die, others are born where there are too few, so that mass goes from mode to mode
/// without crossing what lies between.
///
/// ```text
/// Λ_i = β f(x_i) + log ρ(x_i) - mean,   ρ = mean_j K(x_i, x_j),   with probability 1 - exp(-|Λ_i| dt):
///   Λ_i > 0: particle i becomes a copy of another;   Λ_i < 0: another becomes a copy of particle i
/// ```
///
/// K is a Gaussian kernel of the bandwidth s, on the sphere $e^{(\langle x, y\rangle - 1)/s^2}$; on the torus its distance is the one around. $\rho$ is a
/// density with respect to $\tau$ up to a constant, which the mean takes away; in $R^d$ with a deviation U is added to the energy. A step costs $O(N^2)$.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BirthDeath {
    /// dt.
    pub step: f64,
    /// $\beta$.
    pub beta: f64,
    /// s.
    pub bandwidth: f64,
    /// Of the events.
    pub seed: u64,
}

impl BirthDeath {
    /// Particles `[N, d]` after step number `step`; nothing is read.
    ///
    /// # Errors
    /// Particles that do not fit the network or are fewer than two; settings that are not positive.
    pub fn apply(&self, network: &Shallow, particles: &Tensor, step: u64) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        positive("birth_death.step", self.step)?;
        positive("birth_death.bandwidth", self.bandwidth)?;
        let (place, d) = (network.place(), network.dimension());
        network.space().check("particles", particles, d, place)?;
        let n = particles.size()[0];
        if n < 2 {
            return Err(Error::Shape {
                what: "particles",
                expected: "[N, d] with at least two rows".to_owned(),
                found: particles.size(),
            });
        }
        let rate = self.rates(network, particles)?;
        let u = uniform((self.seed, Stream::BirthDeath), (step, 1), 2 * n, place.1)?.view([2, n]);
        let happens = u
            .get(0)
            .lt_tensor(&(1.0_f64 - (rate.abs() * -self.step).exp()));
        let own = Tensor::f_arange(n, (Kind::Int64, place.1))?;
        // Any but itself.
        let jump = (u.get(1) * (n - 1) as f64).floor().to_kind(Kind::Int64) + 1;
        let other = (&own + jump).remainder(n);
        let dies = happens.logical_and(&rate.gt(0.0));
        let source = other.where_self(&dies, &own);
        // Births overwrite; of two on the same place the later particle's, wherever it is computed.
        let born = happens.logical_and(&rate.lt(0.0));
        let nowhere = Tensor::f_full([n], n, (Kind::Int64, place.1))?;
        let places = other.where_self(&born, &nowhere);
        let none = Tensor::f_full([n + 1], -1_i64, (Kind::Int64, place.1))?;
        let births = none
            .f_internal_scatter_reduce(0, &places, &own, "amax", true)?
            .narrow(0, 0, n);
        let source = births.where_self(&births.ge(0), &source);
        Ok(particles.index_select(0, &source))
    }

    /// $\Lambda$, `[N]`, f64.
    fn rates(&self, network: &Shallow, x: &Tensor) -> Result<Tensor> {
        let potential = network.energy(x)? * self.beta;
        let potential = match network.space().base_gradient(x) {
            Some(base) => potential + crate::shape::dot(&base, x) * 0.5,
            None => potential,
        };
        let scale = 1.0 / (self.bandwidth * self.bandwidth);
        let log_kernel = match network.space() {
            Space::Sphere => (x.mm(&x.tr()) - 1.0) * scale,
            Space::Euclidean { .. } => {
                let squares = x.square().sum_dim_intlist(1, true, None);
                (x.mm(&x.tr()) - (&squares + squares.tr()) * 0.5) * scale
            }
            Space::Torus => {
                let apart = x.unsqueeze(1) - x.unsqueeze(0);
                let around = &apart - apart.round();
                around.square().sum_dim_intlist(2, false, None) * (-0.5 * scale)
            }
        };
        let rate = (potential + log_kernel.logsumexp([1], false)).to_kind(Kind::Double);
        Ok(&rate - rate.mean(None))
    }
}
