//! Shallow networks over points of a sphere, of $R^d$ or of a torus,
//!
//! $f(x) = \frac1m \sum_j w_j c_j\, \sigma(\langle\theta_j, e(x)\rangle)$ with $w_j \ge 0$ and $c_j = \pm 1$,
//!
//! the energies of *Dual Training of Energy-Based Models with Overparametrized Shallow Neural Networks*
//! (Domingo-Enrich, Bietti, Gabrié, Bruna and Vanden-Eijnden 2022). Here f is an **energy in the sense
//! of physics**: the density is $\propto e^{-\beta f}$ with respect to the base measure of the [`Space`]. What stands elsewhere
//! in this crate as $\Phi$ is $-\beta f$.
//!
//! In the feature-learning regime $F_1$ neurons and weights are trained, with the total variation
//! $\frac1m \sum_j w_j$ as norm. In the lazy regime $F_2$ the neurons stay as drawn: random features of a
//! [`Kernel`], known in closed form.

mod activation;
mod derivatives;
mod kernel;
mod space;

pub use activation::Activation;
pub use kernel::{Kernel, Law};
pub use space::Space;
pub(crate) use space::normalized;

use tch::{Device, Kind, Tensor};

use crate::device::constant;
use crate::random::Stream;
use crate::{Error, Result, native, shape};

/// The network: neurons $\theta$ `[m, e]`, weights $w$ `[m]` and charges $c$ `[m]`, f32 or f64, on one device.
///
/// ```
/// use efy_core::shallow::{Activation, Shallow, Space};
/// use tch::{Device, Kind};
/// let place = (Kind::Float, Device::Cpu);
/// let network = Shallow::random(Space::Sphere, Activation::RELU, 3, &[-1.0; 64], 0, place)?;
/// let x = network.neurons().narrow(0, 0, 5);
/// assert_eq!(network.energy(&x)?.size(), [5]);
/// assert_eq!(network.gradient(&x)?.size(), [5, 3]);
/// # Ok::<(), efy_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Shallow {
    space: Space,
    activation: Activation,
    neurons: Tensor,
    weights: Tensor,
    charges: Tensor,
}

impl Shallow {
    /// A network of these neurons `[m, e]` (see [`Space::embedded`]), weights `[m]` and charges `[m]`.
    ///
    /// That weights are not negative and charges $\pm 1$ is the caller's word: to look would be to read.
    ///
    /// # Errors
    /// Wrong shapes, kinds or devices, and parameters of space or activation out of range.
    pub fn new(
        space: Space,
        activation: Activation,
        neurons: Tensor,
        weights: Tensor,
        charges: Tensor,
    ) -> Result<Self> {
        space.validate()?;
        activation.validate()?;
        shape::float_matrix("neurons", &neurons)?;
        let (m, e) = shape::size2(&neurons);
        let d = space.dimension(e);
        if m == 0 || d < 1 || space.embedded(d) != e {
            return Err(Error::Shape {
                what: "neurons",
                expected: "[m, e] with e as in Space::embedded".to_owned(),
                found: neurons.size(),
            });
        }
        let place = (neurons.kind(), neurons.device());
        shape::tensor_of("weights", &weights, &[m], place)?;
        shape::tensor_of("charges", &charges, &[m], place)?;
        Ok(Shallow {
            space,
            activation,
            neurons,
            weights,
            charges,
        })
    }

    /// Neurons uniform on the sphere of $R^e$, all weights 1, as the experiments start. d is the number of entries
    /// of a point; the same seed gives the same neurons on all devices.
    ///
    /// # Errors
    /// As [`Shallow::new`].
    pub fn random(
        space: Space,
        activation: Activation,
        d: i64,
        charges: &[f64],
        seed: u64,
        (kind, device): (Kind, Device),
    ) -> Result<Self> {
        let m = charges.len() as i64;
        let e = space.embedded(d);
        let z = native::normal::tensor((seed, Stream::Neurons, 0), (m, e), (kind, device))?;
        let charges = Tensor::f_from_slice(charges)?
            .f_to_kind(kind)?
            .f_to_device(device)?;
        Shallow::new(
            space,
            activation,
            normalized(&z),
            charges.ones_like(),
            charges,
        )
    }

    /// The space of the points.
    pub fn space(&self) -> Space {
        self.space
    }

    /// The function of a unit.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// $\theta$, `[m, e]`.
    pub fn neurons(&self) -> &Tensor {
        &self.neurons
    }

    /// $w$, `[m]`.
    pub fn weights(&self) -> &Tensor {
        &self.weights
    }

    /// $c$, `[m]`.
    pub fn charges(&self) -> &Tensor {
        &self.charges
    }

    /// $w c$, `[m]`.
    pub fn amplitudes(&self) -> Tensor {
        &self.weights * &self.charges
    }

    /// m.
    pub fn width(&self) -> i64 {
        self.neurons.size()[0]
    }

    /// d, the number of entries of a point.
    pub fn dimension(&self) -> i64 {
        self.space.dimension(self.neurons.size()[1])
    }

    /// Kind and device of all tensors.
    pub fn place(&self) -> (Kind, Device) {
        (self.neurons.kind(), self.neurons.device())
    }

    /// $\frac1m \sum_j w_j$, a scalar on the device: the total variation for neurons of unit length.
    pub fn total_variation(&self) -> Tensor {
        self.weights.mean(None)
    }

    /// The same network with $w \leftarrow w \min(1, \text{cap}/TV)$.
    pub fn capped(&self, cap: f64) -> Shallow {
        let factor = (self.total_variation().reciprocal() * cap).clamp_max(1.0);
        let weights = &self.weights * factor;
        self.with(self.neurons.shallow_clone(), weights)
    }

    /// The same space, activation and charges with other neurons and weights of the same shapes.
    pub(crate) fn with(&self, neurons: Tensor, weights: Tensor) -> Shallow {
        Shallow {
            space: self.space,
            activation: self.activation,
            neurons,
            weights,
            charges: self.charges.shallow_clone(),
        }
    }

    /// $\varphi(\theta_j, x_i) = \sigma(\langle\theta_j, e(x_i)\rangle)$, `[n, m]`.
    ///
    /// # Errors
    /// Points that are not `[n, d]` of the network's kind and device.
    pub fn features(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.activation.value(&self.scores(x)?))
    }

    /// $f(x_i)$, `[n]`.
    ///
    /// # Errors
    /// As [`Shallow::features`].
    pub fn energy(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.features(x)?.mv(&self.per_neuron()))
    }

    /// $\nabla f(x_i)$, `[n, d]`: in the coordinates of the ambient space.
    ///
    /// # Errors
    /// As [`Shallow::features`].
    pub fn gradient(&self, x: &Tensor) -> Result<Tensor> {
        let scores = self.scores(x)?;
        let slopes = self.activation.slopes_times(&scores, &self.per_neuron());
        Ok(self.space.pull_back(x, &slopes.mm(&self.neurons)))
    }

    /// $\nabla(f + U/\beta)(x_i)$, `[n, d]`, with U that of the base measure.
    pub(crate) fn drift(&self, x: &Tensor, beta: f64) -> Result<Tensor> {
        let mut gradient = self.gradient(x)?;
        if let Some(rate) = self.space.base_rate() {
            gradient = gradient.f_addcmul(x, &constant(rate / beta, self.place())?)?;
        }
        Ok(gradient)
    }

    /// The gradient within the space, `[n, d]`: its part that is tangent at x.
    ///
    /// # Errors
    /// As [`Shallow::features`].
    pub fn intrinsic_gradient(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.space.tangent(x, &self.gradient(x)?))
    }

    /// $\partial f(x_i)/\partial w_j = c_j \varphi(\theta_j, x_i)/m$, `[n, m]`.
    ///
    /// # Errors
    /// As [`Shallow::features`].
    pub fn weight_gradient(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.features(x)? * (&self.charges / self.width() as f64))
    }

    /// $\sum_i q_i\, \partial f(x_i)/\partial\theta_j$ for a weight $q_i$ of each point, `[m, e]`, with
    /// $\partial f(x)/\partial\theta_j = \frac1m w_j c_j \sigma'(\langle\theta_j, e(x)\rangle)\, e(x)$.
    ///
    /// # Errors
    /// As [`Shallow::features`], and q that is not `[n]`.
    pub fn neuron_gradient(&self, x: &Tensor, q: &Tensor) -> Result<Tensor> {
        let scores = self.scores(x)?;
        shape::tensor_of("q", q, &[x.size()[0]], self.place())?;
        let slopes = self.activation.slope(&scores) * self.per_neuron() * q.unsqueeze(1);
        Ok(slopes.tr().mm(&self.space.embed(x)))
    }

    /// $\langle\theta_j, e(x_i)\rangle$, `[n, m]`.
    pub(crate) fn scores(&self, x: &Tensor) -> Result<Tensor> {
        self.space.check("x", x, self.dimension(), self.place())?;
        Ok(self.space.embed(x).mm(&self.neurons.tr()))
    }

    /// $w_j c_j / m$, `[m]`.
    pub(crate) fn per_neuron(&self) -> Tensor {
        self.amplitudes() / self.width() as f64
    }

    /// The same tensors outside of autograd's graph.
    pub(crate) fn detached(&self) -> Shallow {
        self.with(self.neurons.detach(), self.weights.detach())
    }

    /// A copy whose tensors share nothing with this one's.
    pub fn copy(&self) -> Shallow {
        Shallow {
            charges: self.charges.copy(),
            ..self.with(self.neurons.contiguous().copy(), self.weights.copy())
        }
    }
}
