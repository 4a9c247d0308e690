//! Regularized argmaxes as differentiable functions, to be used inside of networks: softmax and its
//! sparse relatives, their counterparts for sets of labels, and Sinkhorn's doubly stochastic matrices.
//!
//! All take `[.., k]` in f64, f32, bf16 or f16; the halves are computed in f32 and returned as they came.
//! Rows are independent, and a batch may be empty. Elements of $-\infty$ (a mask) get probability and
//! gradient exactly 0. Where a function takes no strength $\gamma$, give it $\theta / \gamma$.
//!
//! First derivatives are exact and cost no backward pass through a solver: where p solves an equation,
//! autograd is given $p + J(\theta - \mathrm{const})$ with $J = \partial p / \partial\theta$ and
//! $\mathrm{const} = \theta$, which has the value p and the derivative J. Second derivatives are not
//! available there.
//!
//! As losses, use [`FenchelYoung`](crate::loss::FenchelYoung), whose gradient needs no J at all; the
//! $\alpha$-entmax loss, for one:
//!
//! ```
//! use efy_core::{energy::Linear, loss::FenchelYoung, regularizer::BinaryTsallis, domain::Cube};
//! use efy_core::{functions, solver::ClosedForm};
//! use tch::Tensor;
//!
//! let theta = Tensor::from_slice(&[1.0_f32, 0.2, -3.0]).reshape([1, 3]);
//! let loss = FenchelYoung::new(BinaryTsallis::new(1.5, 1.0)?, Cube, ClosedForm::default());
//! let solution = loss.predict(&Linear::new(theta.shallow_clone())?, None)?;
//! let p = functions::binary_entmax15(&theta)?;
//! assert!(p.allclose(&solution.argmax, 1e-6, 1e-6, false));
//! # Ok::<(), efy_core::Error>(())
//! ```

mod labels;
mod simplex;
mod sinkhorn;

pub use labels::{binary_entmax15, sigmoid};
pub use simplex::{entmax, entmax15, softmax, sparsemax};
pub use sinkhorn::sinkhorn;

use tch::{Kind, Tensor};

use crate::{Error, Result};

/// A tensor as rows, in a kind that is computed in.
struct Rows {
    /// `[B, k]`, f64 or f32, with the graph.
    theta: Tensor,
    shape: Vec<i64>,
    kind: Kind,
}

impl Rows {
    /// The last `inner` dimensions make a row.
    fn new(what: &'static str, theta: &Tensor, inner: usize, expected: &str) -> Result<Self> {
        let (shape, kind) = (theta.size(), theta.kind());
        if shape.len() < inner {
            return Err(Error::Shape {
                what,
                expected: expected.to_owned(),
                found: shape,
            });
        }
        let computed = match kind {
            Kind::Double | Kind::Float => kind,
            Kind::Half | Kind::BFloat16 => Kind::Float,
            found => {
                return Err(Error::Kind {
                    what,
                    expected: "Double, Float, BFloat16 or Half".to_owned(),
                    found,
                });
            }
        };
        let (outer, row) = shape.split_at(shape.len() - inner);
        let (outer, row): (i64, i64) = (outer.iter().product(), row.iter().product());
        let theta = theta.f_reshape([outer, row])?.f_to_kind(computed)?;
        Ok(Rows { theta, shape, kind })
    }

    /// In the shape and kind of the input.
    fn restore(&self, rows: &Tensor) -> Result<Tensor> {
        Ok(rows.f_reshape(&self.shape)?.f_to_kind(self.kind)?)
    }

    /// `p` with the derivative of `linear`, a function that is linear in its argument: $\theta$ with the
    /// graph, 0 where it is infinite.
    fn with_derivative(&self, p: Tensor, linear: impl Fn(&Tensor) -> Tensor) -> Tensor {
        if !self.theta.requires_grad() {
            return p;
        }
        let zero = self.theta.zeros_like();
        let product = linear(&self.theta.where_self(&self.theta.isfinite(), &zero));
        let constant = product.detach();
        p + (product - constant)
    }
}
