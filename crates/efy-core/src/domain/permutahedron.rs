//! The permutahedron.

use tch::{Kind, Tensor};

use super::{Domain, Geometry, batched, misfit, vertices};
use crate::{Error, Result, native};

/// The permutahedron of weights w: the convex hull of all permutations of w, for instance of rankings.
///
/// The projection of z is $s - v$ on z sorted to s, with v the isotonic regression of $s - w$ (Blondel et
/// al. 2020): O(k log k) on the CPU, O(k^2) work in few launches elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Permutahedron {
    weights: Vec<f64>,
}

impl Permutahedron {
    /// The permutahedron of `weights`, one a coordinate, in any order.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless there is a weight and all are finite.
    pub fn new(mut weights: Vec<f64>) -> Result<Self> {
        if weights.is_empty() || weights.iter().any(|w| !w.is_finite()) {
            return Err(Error::Parameter {
                name: "permutahedron.weights",
                expected: "a list of finite numbers, not empty",
                found: format!("{weights:?}"),
            });
        }
        weights.sort_by(|a, b| b.total_cmp(a));
        Ok(Permutahedron { weights })
    }

    /// The weights $(k - 1, \dots, 1, 0)$: points are ranks, the best being the largest.
    ///
    /// # Errors
    /// [`Error::Parameter`] for k = 0.
    pub fn ranking(k: usize) -> Result<Self> {
        Self::new((0..k).rev().map(|rank| rank as f64).collect())
    }

    fn weights_like(&self, like: &Tensor) -> Tensor {
        Tensor::from_slice(&self.weights)
            .to_device(like.device())
            .to_kind(like.kind())
    }
}

impl Domain for Permutahedron {
    fn name(&self) -> &'static str {
        "permutahedron"
    }

    fn check(&self, k: i64) -> Result<()> {
        let own = self.weights.len();
        if own as i64 == k {
            Ok(())
        } else {
            let found = format!("{own} weights");
            Err(misfit(
                "permutahedron.weights",
                "one weight an output",
                found,
                k,
            ))
        }
    }

    fn project(&self, z: &Tensor) -> Tensor {
        native::projection::permutahedron(z, &self.weights)
            .unwrap_or_else(|| batched::permutahedron(z, &self.weights))
    }

    /// The largest element gets the largest weight.
    fn linear_argmax(&self, theta: &Tensor) -> Option<Tensor> {
        let order = theta.argsort_stable(true, -1, true);
        let weights = self.weights_like(theta).expand_as(theta);
        Some(theta.zeros_like().scatter(-1, &order, &weights))
    }

    /// No j elements have a larger sum than the j largest weights, and all have the same.
    fn contains(&self, p: &Tensor, tolerance: f64) -> Tensor {
        let (sorted, _) = p.to_kind(Kind::Double).sort(-1, true);
        let weights = Tensor::from_slice(&self.weights).to_device(p.device());
        let excess = sorted.cumsum(-1, None) - weights.cumsum(-1, None);
        let k = self.weights.len() as i64;
        let slack = Tensor::arange_start(1, k + 1, (Kind::Double, p.device())) * tolerance;
        let all = excess.narrow(-1, k - 1, 1).abs().le(k as f64 * tolerance);
        excess
            .le_tensor(&slack)
            .all_dim(-1, false)
            .logical_and(&all.squeeze_dim(-1))
    }

    fn start(&self, like: &Tensor) -> Tensor {
        like.full_like(self.weights.iter().sum::<f64>() / self.weights.len() as f64)
    }

    fn geometry(&self) -> Geometry<'_> {
        Geometry::Permutahedron {
            weights: &self.weights,
        }
    }

    fn vertices(&self, k: usize) -> Option<Tensor> {
        vertices::sorted(vertices::arrangements(self.weights.clone())?, k)
    }
}
