//! The unit cube $[0, 1]^k$ and the box $[l, h]^k$.

use tch::Tensor;

use super::{Domain, Geometry, vertices};
use crate::{Error, Result};

/// The unit cube $[0, 1]^k$, the convex hull of all sets of labels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cube;

/// The box $[l, h]^k$, for instance an action space.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoxDomain {
    low: f64,
    high: f64,
}

impl BoxDomain {
    /// The box $[\text{low}, \text{high}]^k$.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `low < high` and both are finite.
    pub fn new(low: f64, high: f64) -> Result<Self> {
        if !(low.is_finite() && high.is_finite() && low < high) {
            return Err(Error::Parameter {
                name: "box",
                expected: "finite bounds with low < high",
                found: format!("low {low}, high {high}"),
            });
        }
        Ok(BoxDomain { low, high })
    }
}

impl Domain for BoxDomain {
    fn name(&self) -> &'static str {
        "box"
    }

    fn project(&self, z: &Tensor) -> Tensor {
        z.clamp(self.low, self.high)
    }

    fn linear_argmax(&self, theta: &Tensor) -> Option<Tensor> {
        Some(theta.gt(0.0).to_kind(theta.kind()) * (self.high - self.low) + self.low)
    }

    fn contains(&self, p: &Tensor, tolerance: f64) -> Tensor {
        let inside = p
            .ge(self.low - tolerance)
            .logical_and(&p.le(self.high + tolerance));
        inside.all_dim(-1, false)
    }

    fn start(&self, like: &Tensor) -> Tensor {
        like.full_like(0.5 * (self.low + self.high))
    }

    fn geometry(&self) -> Geometry<'_> {
        Geometry::Box {
            low: self.low,
            high: self.high,
        }
    }

    fn vertices(&self, k: usize) -> Option<Tensor> {
        vertices::of_cube(k).map(|all| all * (self.high - self.low) + self.low)
    }
}

/// The cube as a box.
const UNIT: BoxDomain = BoxDomain {
    low: 0.0,
    high: 1.0,
};

impl Domain for Cube {
    fn name(&self) -> &'static str {
        "cube"
    }

    fn project(&self, z: &Tensor) -> Tensor {
        UNIT.project(z)
    }

    fn linear_argmax(&self, theta: &Tensor) -> Option<Tensor> {
        Some(theta.gt(0.0).to_kind(theta.kind()))
    }

    fn contains(&self, p: &Tensor, tolerance: f64) -> Tensor {
        UNIT.contains(p, tolerance)
    }

    fn start(&self, like: &Tensor) -> Tensor {
        UNIT.start(like)
    }

    fn geometry(&self) -> Geometry<'_> {
        UNIT.geometry()
    }

    fn vertices(&self, k: usize) -> Option<Tensor> {
        UNIT.vertices(k)
    }
}
