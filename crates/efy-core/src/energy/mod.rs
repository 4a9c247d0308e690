//! Energies $\Phi(v, p)$ over a batch of rows, with everything that depends on the input computed.
//!
//! An energy is an *affinity*: inference maximizes it. (What the physics literature calls the energy
//! is $-\Phi$.) The unary and pairwise forms are those of Blondel et al. 2022; other parametrizations
//! are our generalization.

mod augmented;
mod by_autograd;
mod coupling;
mod custom;
mod linear;
mod linear_concave;
mod log_sum_exp;
mod output_network;
mod prior;
mod quadratic;
mod spen;

pub(crate) use augmented::augmented;
pub use coupling::Coupling;
pub(crate) use coupling::{add_times, by_row, minus_times, times};
pub use custom::Custom;
pub use linear::Linear;
pub use linear_concave::{Features, LinearConcave};
pub use log_sum_exp::LogSumExp;
pub use output_network::{OutputGradient, OutputNetwork};
pub use prior::{Layer, Prior};
pub use quadratic::Quadratic;
pub use spen::Spen;

use tch::{Device, Kind, Tensor};

/// $\Phi(v, p)$ for a batch of rows. `p` is `[B, k]`, results are `[B]` unless said otherwise.
///
/// Implementations keep the autograd graph to the model's weights and to `p`; solvers switch it off.
/// [`gradient`](Energy::gradient) is with respect to `p`, in closed form, and is all that an inner loop
/// calls.
pub trait Energy {
    /// The number of rows B and of outputs k.
    fn size(&self) -> (i64, i64);

    /// The element kind and device that `p` must have.
    fn options(&self) -> (Kind, Device);

    /// $\Phi(v, p)$, `[B]`.
    fn value(&self, p: &Tensor) -> Tensor;

    /// $\Phi(v, p_j)$ at m points a row, `[B, m]` with the graph: `points` are `[m, k]` for all rows or
    /// `[B, m, k]`. By default [`value`](Energy::value) is called for one point after the other.
    fn values(&self, points: &Tensor) -> Tensor {
        let (rows, k) = self.size();
        let count = points.size()[points.dim() - 2];
        let point = |j| self.value(&points.select(-2, j).expand([rows, k], false));
        if count == 0 {
            return Tensor::zeros([rows, 0], self.options());
        }
        Tensor::stack(&(0..count).map(point).collect::<Vec<_>>(), 1)
    }

    /// A discrete gradient: w `[B, k]`, with its graph, such that
    /// $\Phi(v, p) - \Phi(v, q) = \langle w, p - q \rangle$, accurate to the size of $p - q$. `None`
    /// where the difference of two values is all there is.
    fn discrete_gradient(&self, _p: &Tensor, _q: &Tensor) -> Option<Tensor> {
        None
    }

    /// $\nabla_p \Phi(v, p)$, `[B, k]`, by a formula, without autograd, with the graph to the weights: losses
    /// that differentiate the argmax differentiate this.
    fn gradient(&self, p: &Tensor) -> Tensor;

    /// $\nabla^2_{pp} \Phi(v, p)\, q$, `[B, k]`, without a graph. By default autograd differentiates
    /// [`gradient`](Energy::gradient).
    fn hessian_product(&self, p: &Tensor, q: &Tensor) -> Tensor {
        by_autograd::hessian_product(self, p, q)
    }

    /// The network over inputs and outputs that the energy is, if it is one: gradients in its weights can then be had
    /// without autograd.
    fn output_network(&self) -> Option<&OutputNetwork> {
        None
    }

    /// What a solver may exploit.
    fn form(&self) -> Form<'_> {
        Form::General
    }
}

/// The structure of an energy in p.
#[derive(Debug)]
#[non_exhaustive]
pub enum Form<'a> {
    /// $\langle u, p \rangle$.
    Linear {
        /// `[B, k]`.
        u: &'a Tensor,
    },
    /// $\langle u, p \rangle + \frac12 \langle p, U p \rangle$.
    Quadratic {
        /// `[B, k]`.
        u: &'a Tensor,
        /// U.
        coupling: &'a Coupling,
    },
    /// $\langle u, p \rangle - \Psi(p)$ with a network $\Psi$; concave if its weights say so.
    Network {
        /// `[B, k]`.
        u: &'a Tensor,
        /// $\Psi$.
        prior: &'a Prior,
    },
    /// Concave in p.
    Concave,
    /// Nothing is known; a solver finds a stationary point that need not be the maximum.
    General,
}
