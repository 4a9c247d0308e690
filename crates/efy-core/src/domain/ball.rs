//! The Euclidean ball and its surface.

use tch::Tensor;

use super::{Domain, Geometry, misfit, positive};
use crate::Result;

/// The ball $\{p : \|p\|_2 \le r\}$.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ball {
    radius: f64,
}

/// The sphere $\{p : \|p\|_2 = r\}$, which is **not convex**: a solver that converges has found a
/// stationary point, which need not be the maximum, and a Fenchel-Young loss is that of the convex hull,
/// the ball, for targets on the sphere only.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sphere {
    radius: f64,
}

impl Ball {
    /// The ball of a radius around 0.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] unless `radius` is a positive number.
    pub fn new(radius: f64) -> Result<Self> {
        let radius = positive("ball.radius", radius)?;
        Ok(Ball { radius })
    }
}

impl Sphere {
    /// The sphere of a radius around 0.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] unless `radius` is a positive number.
    pub fn new(radius: f64) -> Result<Self> {
        let radius = positive("sphere.radius", radius)?;
        Ok(Sphere { radius })
    }
}

impl Domain for Ball {
    fn name(&self) -> &'static str {
        "ball"
    }

    fn project(&self, z: &Tensor) -> Tensor {
        let Polar { direction, norm } = Polar::of(z);
        z.where_self(&norm.le(self.radius), &(direction * self.radius))
    }

    /// $r\,\theta / \|\theta\|$; 0 for $\theta = 0$.
    fn linear_argmax(&self, theta: &Tensor) -> Option<Tensor> {
        Some(Polar::of(theta).direction * self.radius)
    }

    fn contains(&self, p: &Tensor, tolerance: f64) -> Tensor {
        let slack = root_of_size(p) * tolerance;
        Polar::of(p).norm.squeeze_dim(-1).le(self.radius + slack)
    }

    fn start(&self, like: &Tensor) -> Tensor {
        like.zeros_like()
    }

    fn geometry(&self) -> Geometry<'_> {
        Geometry::Ball {
            radius: self.radius,
        }
    }
}

impl Sphere {
    /// The point in the direction of each row; the first axis where there is none.
    fn towards(&self, z: &Tensor) -> Tensor {
        let Polar { direction, norm } = Polar::of(z);
        let first = z.zeros_like().narrow(-1, 0, 1).ones_like();
        let rest = z
            .narrow(-1, 1, z.size().last().map_or(0, |k| k - 1))
            .zeros_like();
        let axis = Tensor::cat(&[first, rest], -1);
        axis.where_self(&norm.eq(0.0), &direction) * self.radius
    }
}

impl Domain for Sphere {
    fn name(&self) -> &'static str {
        "sphere"
    }

    fn check(&self, k: i64) -> Result<()> {
        match k {
            1.. => Ok(()),
            _ => Err(misfit("sphere", "at least one output", "a sphere", k)),
        }
    }

    /// $r z / \|z\|$; 0, which is equally far from every point, goes to $r e_1$.
    fn project(&self, z: &Tensor) -> Tensor {
        self.towards(z)
    }

    fn linear_argmax(&self, theta: &Tensor) -> Option<Tensor> {
        Some(self.towards(theta))
    }

    fn contains(&self, p: &Tensor, tolerance: f64) -> Tensor {
        let slack = root_of_size(p) * tolerance;
        let off = Polar::of(p).norm.squeeze_dim(-1) - self.radius;
        off.abs().le(slack)
    }

    /// All coordinates equal: the sphere does not contain its centre.
    fn start(&self, like: &Tensor) -> Tensor {
        like.full_like(self.radius / root_of_size(like))
    }

    fn geometry(&self) -> Geometry<'_> {
        Geometry::Sphere {
            radius: self.radius,
        }
    }
}

/// $\sqrt k$.
fn root_of_size(p: &Tensor) -> f64 {
    p.size().last().map_or(1.0, |&k| (k as f64).sqrt())
}

/// Rows as unit vectors and norms.
struct Polar {
    /// `[B, k]`, 0 where the norm is.
    direction: Tensor,
    /// `[B, 1]`.
    norm: Tensor,
}

impl Polar {
    /// Divides by the largest element first: no square overflows, and infinite elements count as equal.
    fn of(z: &Tensor) -> Self {
        let size = z.abs();
        let largest = size.amax([-1].as_slice(), true);
        let scaled = z
            .sign()
            .where_self(&size.eq_tensor(&largest), &(z / &largest));
        let norm = scaled.square().sum_dim_intlist(-1, true, None).sqrt();
        // A row that is not 0 has an element of size 1.
        Polar {
            direction: scaled / norm.clamp_min(1.0),
            norm: norm * largest,
        }
    }
}
