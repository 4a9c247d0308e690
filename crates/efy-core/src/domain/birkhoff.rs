//! The Birkhoff polytope.

use tch::{Device, Kind, Tensor};

use super::{Domain, Geometry, batched, misfit, vertices};
use crate::{Error, Result, native};

/// The Birkhoff polytope: doubly stochastic n x n matrices, flattened row by row, $k = n^2$. Its vertices
/// are the permutation matrices.
///
/// The projection has no formula: a semismooth Newton method on the semi-dual solves it to rounding on the
/// CPU; on other devices a fixed number of its steps does, some milliseconds for a batch of any size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Birkhoff {
    n: usize,
}

impl Birkhoff {
    /// Doubly stochastic `n` x `n` matrices.
    ///
    /// # Errors
    /// [`Error::Parameter`] for n = 0.
    pub fn new(n: usize) -> Result<Self> {
        if n == 0 {
            return Err(Error::Parameter {
                name: "birkhoff.n",
                expected: "at least 1",
                found: n.to_string(),
            });
        }
        Ok(Birkhoff { n })
    }

    fn matrices(&self, p: &Tensor) -> Tensor {
        p.reshape([-1, self.n as i64, self.n as i64])
    }
}

impl Domain for Birkhoff {
    fn name(&self) -> &'static str {
        "birkhoff"
    }

    fn check(&self, k: i64) -> Result<()> {
        if i64::try_from(self.n * self.n) == Ok(k) {
            Ok(())
        } else {
            Err(misfit(
                "birkhoff.n",
                "n^2 = k",
                format!("n = {}", self.n),
                k,
            ))
        }
    }

    fn project(&self, z: &Tensor) -> Tensor {
        native::projection::birkhoff(z, self.n)
            .unwrap_or_else(|| batched::birkhoff(z, self.n as i64))
    }

    /// An optimal assignment, found on the CPU: on other devices the call waits for them and copies. Of
    /// tied ones always the same, but not always the first.
    fn linear_argmax(&self, theta: &Tensor) -> Option<Tensor> {
        let host = theta.detach().to_device(Device::Cpu);
        let host = match theta.kind() {
            Kind::Float | Kind::Double => host,
            _ => host.to_kind(Kind::Float),
        };
        let best = native::projection::assignment(&host, self.n)?;
        Some(best.to_kind(theta.kind()).to_device(theta.device()))
    }

    fn contains(&self, p: &Tensor, tolerance: f64) -> Tensor {
        let matrices = self.matrices(&p.to_kind(Kind::Double));
        let stochastic = |dim: i64| {
            let off = (matrices.sum_dim_intlist(dim, false, None) - 1.0).abs();
            off.le(self.n as f64 * tolerance).all_dim(-1, false)
        };
        p.ge(-tolerance)
            .all_dim(-1, false)
            .logical_and(&stochastic(-1))
            .logical_and(&stochastic(-2))
    }

    fn start(&self, like: &Tensor) -> Tensor {
        like.full_like(1.0 / self.n as f64)
    }

    fn geometry(&self) -> Geometry<'_> {
        Geometry::Birkhoff { n: self.n }
    }

    fn vertices(&self, k: usize) -> Option<Tensor> {
        let all = vertices::arrangements((0..self.n).collect())?;
        let matrix = |order: &Vec<usize>| {
            let mut matrix = vec![0.0; k];
            for (row, column) in order.iter().enumerate() {
                matrix[row * self.n + column] = 1.0;
            }
            matrix
        };
        vertices::sorted(all.iter().map(matrix).collect(), k)
    }
}
