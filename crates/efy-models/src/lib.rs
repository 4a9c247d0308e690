//! Networks that turn inputs x `[B, d]` into energies over outputs `[B, k]`.
//!
//! | model | energy | source (Blondel et al. 2022) |
//! |---|---|---|
//! | [`Unary`], linear network | $\langle u, p\rangle$, $u = Wx + b$ | "unary (linear)" |
//! | [`Unary`], rectifier network | $\langle u, p\rangle$, $u = W_2\,\mathrm{relu}(W_1 x + b_1) + b_2$ | "unary (rectifier network)" |
//! | [`Pairwise`] | $\langle u, p\rangle + \frac12\langle p, U p\rangle$, $U = -AA^\top$ | "pairwise" |
//! | [`Spen`], free weights | $\langle u, p\rangle - \Psi(p)$, $\Psi$ a softplus network | "SPEN" |
//! | [`Spen`], nonnegative weights | the same, $\Psi$ input-convex | "input-concave SPEN" |
//! | [`Picnn`] | $-f(x, p)$, f convex in p | Amos et al. 2017 |
//!
//! [`joint`] has the models that are trained by likelihood, with their log-partition networks.

pub mod joint;
mod network;
mod pairwise;
mod picnn;
mod prior;
mod replicas;
mod spen;
mod unary;

pub use network::{Network, Tape};
pub use pairwise::{CouplingSource, Pairwise};
pub use picnn::Picnn;
pub use prior::Sign;
pub use replicas::Seeds;
pub use spen::Spen;
pub use unary::Unary;

use efy_core::Result;
use efy_core::energy::Energy;
use efy_core::loss::MeanGradient;
use efy_core::parameters::Parameters;
use tch::Tensor;

/// A network whose output is an energy.
pub trait Model: Send {
    /// The name used in configurations.
    fn name(&self) -> &'static str;

    /// The weights, of one model or of several replicas.
    fn parameters(&self) -> &Parameters;

    /// $\Phi(g_w(x), \cdot)$ for a batch `x` `[B, d]`, with the graph to the weights. Called once a
    /// batch; the inner loop sees only the energy. Of R replicas, each has B/R rows that follow each other.
    ///
    /// # Errors
    /// [`efy_core::Error::Torch`] when `x` does not fit the first layer.
    fn energy(&self, x: &Tensor) -> Result<Box<dyn Energy>>;

    /// Puts the weights back where they have to be, after every step of an optimizer: projects those
    /// that must not be negative. The weights a model starts with are there.
    ///
    /// # Errors
    /// [`efy_core::Error::Torch`] when the device fails.
    fn constrain(&self) -> Result<()> {
        Ok(())
    }

    /// [`energy`](Self::energy) without a graph, with what [`gradient`](Self::gradient) needs; `None`
    /// for models that leave their gradients to autograd.
    ///
    /// # Errors
    /// As [`energy`](Self::energy).
    fn pass(&self, _x: &Tensor) -> Result<Option<Pass>> {
        Ok(None)
    }

    /// The gradient of a loss in all weights, `[P]`, from its gradient in the energy's parameters: the
    /// backward pass that belongs to [`pass`](Self::pass), written out. A step on a small network is
    /// all overhead, and most of that is autograd's.
    ///
    /// # Errors
    /// [`efy_core::Error::Torch`] when the gradient is not of this pass.
    fn gradient(&self, _pass: &Pass, _loss: &MeanGradient) -> Result<Tensor> {
        Ok(Tensor::f_zeros_like(self.parameters().flat())?)
    }
}

/// A forward pass.
pub struct Pass {
    /// The energy, without a graph.
    pub energy: Box<dyn Energy>,
    tape: Tape,
}
