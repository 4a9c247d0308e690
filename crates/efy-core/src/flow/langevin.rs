//! Langevin dynamics of an energy on its space.

use tch::Tensor;

use super::noise::Noise;
use crate::Result;
use crate::random::Stream;
use crate::shallow::{Shallow, Space};
use crate::shape::dot;

/// How a step gets back to the sphere; in $R^d$ and on the torus the two are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// $x \leftarrow (x + v)/\|x + v\|$ with the step v as it is, in all directions of $R^d$: what the experiments do.
    Projected,
    /// $x \leftarrow \cos\|v\|\, x + \sin\|v\|\, v/\|v\|$ with the part v of the step that is tangent at x.
    Geodesic,
}

/// Steps of $x \leftarrow x - h (\nabla f + \nabla U/\beta) + \sqrt{2h/\beta}\, \xi$, which draw from
/// $\propto e^{-\beta f} d\tau$ as $h \to 0$ and their number grows.
///
/// ```
/// use efy_core::flow::{Langevin, Move};
/// use efy_core::shallow::{Activation, Shallow, Space};
/// use tch::{Device, Kind};
/// let place = (Kind::Double, Device::Cpu);
/// let network = Shallow::random(Space::Sphere, Activation::RELU, 3, &[-1.0; 8], 0, place)?;
/// let start = Shallow::random(Space::Sphere, Activation::RELU, 3, &[1.0; 100], 1, place)?;
/// let sampler = Langevin { step: 0.02, ..Langevin::default() };
/// let x = sampler.sample(&network, start.neurons(), 50)?;
/// assert_eq!(x.size(), [100, 3]);
/// # Ok::<(), efy_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Langevin {
    /// h.
    pub step: f64,
    /// $\beta$.
    pub beta: f64,
    /// The way back to the sphere.
    pub motion: Move,
    /// Whether a step is accepted with the probability of Metropolis and Hastings, which takes the error of a finite h
    /// away. On the sphere it implies the geodesic move: to exchange both ends of a geodesic, with the velocities there,
    /// keeps volumes, so that the densities of the tangent Gaussians are all that is compared.
    pub metropolis: bool,
    /// Of the noise.
    pub seed: u64,
    /// The number of steps made before, of which none is repeated.
    pub first: u64,
}

impl Default for Langevin {
    fn default() -> Self {
        Langevin {
            step: 0.01,
            beta: 1.0,
            motion: Move::Geodesic,
            metropolis: false,
            seed: 0,
            first: 0,
        }
    }
}

impl Langevin {
    /// Where the chains from `start` `[n, d]` are after `steps` steps, `[n, d]`. Nothing is read.
    ///
    /// # Errors
    /// A start that is not `[n, d]` of the network's kind and device.
    pub fn sample(&self, network: &Shallow, start: &Tensor, steps: u64) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let (n, d) = (
            start.size().first().copied().unwrap_or(0),
            network.dimension(),
        );
        network.space().check("start", start, d, network.place())?;
        let mut x = start.detach();
        let mut moves = Noise::new((n, d), false, network.place()).for_steps(steps);
        let mut acceptances = Noise::new((n, 1), false, network.place()).for_steps(steps);
        for step in self.first..self.first + steps {
            let noise = moves.at((self.seed, Stream::Particles, step))?;
            x = match self.metropolis {
                true => {
                    let key = (self.seed, Stream::Acceptance, step);
                    let z = acceptances.at(key)?.squeeze_dim(1);
                    self.accepted(network, &x, &noise, &z)?
                }
                false => self.moved(network.space(), &x, &self.drift(network, &x)?, &noise),
            };
        }
        Ok(x)
    }

    /// $-h (\nabla f + \nabla U/\beta)$.
    fn drift(&self, network: &Shallow, x: &Tensor) -> Result<Tensor> {
        Ok(network.drift(x, self.beta)? * -self.step)
    }

    fn moved(&self, space: Space, x: &Tensor, drift: &Tensor, noise: &Tensor) -> Tensor {
        let v = drift + noise * (2.0 * self.step / self.beta).sqrt();
        match self.motion {
            Move::Projected => space.project(&(x + v)),
            Move::Geodesic => space.exponential(x, &space.tangent(x, &v)),
        }
    }

    /// A step that is taken or not. With v the tangent of the move at x and $v'$ that of the way back at y, both have the
    /// same length and the Jacobian of the exponential map cancels, so that
    /// $\log\frac{q(y \to x)}{q(x \to y)} = \frac{\beta}{4h}(\|v - b(x)\|^2 - \|v' - b(y)\|^2)$ with the tangent drift b.
    fn accepted(
        &self,
        network: &Shallow,
        x: &Tensor,
        noise: &Tensor,
        z: &Tensor,
    ) -> Result<Tensor> {
        let space = network.space();
        let there = space.tangent(x, &self.drift(network, x)?);
        let kick = space.tangent(x, &(noise * (2.0 * self.step / self.beta).sqrt()));
        let v = &there + &kick;
        let y = space.exponential(x, &v);
        let back = space.tangent(&y, &self.drift(network, &y)?);
        // The way back: minus v, carried along the geodesic.
        let reverse = match space {
            Space::Sphere => {
                let length = v.square().sum_dim_intlist(1, true, None).sqrt();
                let sinc = (&length / std::f64::consts::PI).sinc();
                // d/dt exp_x(t v) at 1 is -|v| sin|v| x + cos|v| v.
                x * (length.square() * sinc) - &v * length.cos()
            }
            _ => -&v,
        };
        let misfit = reverse - back;
        let proposal =
            (dot(&kick, &kick) - dot(&misfit, &misfit)) * (self.beta / (4.0 * self.step));
        let density = (self.potential(network, x)? - self.potential(network, &y)?) * self.beta;
        // log u of a uniform number u, which is the distribution function of z.
        let uniform = (z / std::f64::consts::SQRT_2).erf() * 0.5 + 0.5;
        let accept = uniform.log().le_tensor(&(density + proposal)).unsqueeze(1);
        Ok(y.where_self(&accept, x))
    }

    /// $f + U/\beta$.
    fn potential(&self, network: &Shallow, x: &Tensor) -> Result<Tensor> {
        let energy = network.energy(x)?;
        Ok(match network.space().base_gradient(x) {
            Some(base) => energy + dot(&base, x) * (0.5 / self.beta),
            None => energy,
        })
    }
}
