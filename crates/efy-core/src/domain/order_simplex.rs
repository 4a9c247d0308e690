//! The order simplex.

use tch::{Kind, Tensor};

use super::{Domain, Geometry, batched, vertices};
use crate::native;

/// The order simplex $\{1 \ge p_1 \ge \dots \ge p_k \ge 0\}$, for ordinal regression: $p_i$ says whether
/// the level is above i.
///
/// The projection is an isotonic regression, clipped: O(k) on the CPU, O(k^2) work in few launches
/// elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OrderSimplex;

impl Domain for OrderSimplex {
    fn name(&self) -> &'static str {
        "order_simplex"
    }

    fn project(&self, z: &Tensor) -> Tensor {
        native::projection::order_simplex(z).unwrap_or_else(|| batched::order_simplex(z))
    }

    /// The vertex $(1, \dots, 1, 0, \dots, 0)$ that ends where the running sum is largest.
    fn linear_argmax(&self, theta: &Tensor) -> Option<Tensor> {
        let k = theta.size().last().copied().unwrap_or(0);
        let none = theta.narrow(-1, 0, 1).zeros_like();
        let sums = Tensor::cat(&[&none, &theta.cumsum(-1, None)], -1);
        let ones = sums.argmax(-1, true);
        let index = Tensor::arange(k, (Kind::Int64, theta.device()));
        Some(index.lt_tensor(&ones).to_kind(theta.kind()))
    }

    fn contains(&self, p: &Tensor, tolerance: f64) -> Tensor {
        let k = p.size().last().copied().unwrap_or(0);
        let below = p.narrow(-1, 1, (k - 1).max(0)) - p.narrow(-1, 0, (k - 1).max(0));
        let inside = p.ge(-tolerance).logical_and(&p.le(1.0 + tolerance));
        let ordered = below.le(2.0 * tolerance).all_dim(-1, false);
        inside.all_dim(-1, false).logical_and(&ordered)
    }

    /// The mean of the vertices, $p_i = 1 - i / (k + 1)$.
    fn start(&self, like: &Tensor) -> Tensor {
        let k = like.size().last().copied().unwrap_or(0);
        let level = Tensor::arange_start(1, k + 1, (like.kind(), like.device()));
        let centre: Tensor = 1.0 - level / (k + 1) as f64;
        centre.expand_as(like).contiguous()
    }

    fn geometry(&self) -> Geometry<'_> {
        Geometry::OrderSimplex
    }

    fn vertices(&self, k: usize) -> Option<Tensor> {
        let vertex = |ones: usize| (0..k).map(|i| f64::from(u8::from(i < ones))).collect();
        vertices::sorted((0..=k).map(vertex).collect(), k)
    }
}
