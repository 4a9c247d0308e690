//! The scaled simplex.

use tch::{Kind, Tensor};

use super::{Domain, Geometry, batched, misfit, positive, vertices};
use crate::{Result, native, shape};

/// The simplex $\{p \ge 0 : \sum_i p_i = s\}$: probabilities for $s = 1$.
///
/// The projection is the sparsemax of Martins and Astudillo (2016), scaled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Simplex {
    scale: f64,
}

impl Simplex {
    /// The simplex of vectors with sum `scale`.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] unless `scale` is a positive number.
    pub fn new(scale: f64) -> Result<Self> {
        let scale = positive("simplex.scale", scale)?;
        Ok(Simplex { scale })
    }
}

impl Default for Simplex {
    /// The probability simplex.
    fn default() -> Self {
        Simplex { scale: 1.0 }
    }
}

impl Domain for Simplex {
    fn name(&self) -> &'static str {
        "simplex"
    }

    fn check(&self, k: i64) -> Result<()> {
        match k {
            1.. => Ok(()),
            _ => Err(misfit("simplex", "at least one output", "a simplex", k)),
        }
    }

    fn project(&self, z: &Tensor) -> Tensor {
        native::projection::simplex(z, self.scale)
            .unwrap_or_else(|| batched::simplex(z, self.scale))
    }

    fn linear_argmax(&self, theta: &Tensor) -> Option<Tensor> {
        let best = theta.argmax(-1, true);
        Some(theta.zeros_like().scatter_value(-1, &best, self.scale))
    }

    fn contains(&self, p: &Tensor, tolerance: f64) -> Tensor {
        let k = p.size().last().map_or(0.0, |&k| k as f64);
        let off = (shape::row_sum(&p.to_kind(Kind::Double)) - self.scale).abs();
        let positive = p.ge(-tolerance).all_dim(-1, false);
        positive.logical_and(&off.le(k * tolerance))
    }

    fn start(&self, like: &Tensor) -> Tensor {
        let k = like.size().last().map_or(1, |&k| k.max(1));
        like.full_like(self.scale / k as f64)
    }

    fn geometry(&self) -> Geometry<'_> {
        Geometry::Simplex { scale: self.scale }
    }

    fn vertices(&self, k: usize) -> Option<Tensor> {
        let vertex = |i: usize| {
            let mut vertex = vec![0.0; k];
            vertex[i] = self.scale;
            vertex
        };
        vertices::sorted((0..k).map(vertex).collect(), k)
    }
}
