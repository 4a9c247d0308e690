//! The Euclidean ball and its surface.

use tch::{Kind, Tensor};

use super::{Domain, Geometry, batched, misfit, positive};
use crate::{Result, native, shape};

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
        native::projection::ball(z, self.radius).unwrap_or_else(|| batched::ball(z, self.radius))
    }

    /// $r\,\theta / \|\theta\|$; 0 for $\theta = 0$.
    fn linear_argmax(&self, theta: &Tensor) -> Option<Tensor> {
        let nowhere = theta.eq(0.0).all_dim(-1, true);
        Some(onto_sphere(theta, self.radius).masked_fill(&nowhere, 0.0))
    }

    fn contains(&self, p: &Tensor, tolerance: f64) -> Tensor {
        let slack = root_of_size(p) * tolerance;
        norm(p).le(self.radius + slack)
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
        onto_sphere(z, self.radius)
    }

    fn linear_argmax(&self, theta: &Tensor) -> Option<Tensor> {
        Some(onto_sphere(theta, self.radius))
    }

    fn contains(&self, p: &Tensor, tolerance: f64) -> Tensor {
        let slack = root_of_size(p) * tolerance;
        let off = norm(p) - self.radius;
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

/// $\|p\|_2$ of each row.
fn norm(p: &Tensor) -> Tensor {
    shape::row_sum(&p.to_kind(Kind::Double).square()).sqrt()
}

fn onto_sphere(z: &Tensor, radius: f64) -> Tensor {
    native::projection::sphere(z, radius).unwrap_or_else(|| batched::sphere(z, radius))
}
