//! Where points live.

use tch::{Device, Kind, Tensor};

use crate::Result;
use crate::error::positive;
use crate::shape::dot;

/// The space of the points x, its base measure $\tau$, and the map e under which neurons see a point.
///
/// | | points `[n, d]` | $\tau$ | $e(x)$, `[n, e]` |
/// |---|---|---|---|
/// | `Sphere` | unit vectors of $R^d$, the sphere $S^{d-1}$ | uniform | x, e = d |
/// | `Euclidean` | $R^d$ | $N(0, s^2 I)$, or Lebesgue's without s | $(x, 1)$, e = d + 1 |
/// | `Torus` | $[0, 1)^d$ | uniform | $(\cos 2\pi x, \sin 2\pi x)/\sqrt d$, e = 2d |
///
/// The sphere is the paper's; the appended 1 is *recalled*, the map of the torus is *our choice*.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Space {
    /// The unit sphere of $R^d$.
    Sphere,
    /// $R^d$.
    Euclidean {
        /// s, the standard deviation of the base measure.
        deviation: Option<f64>,
    },
    /// The unit cube with opposite sides glued together.
    Torus,
}

impl Space {
    pub(super) fn validate(self) -> Result<()> {
        match self {
            Space::Euclidean { deviation: Some(s) } => positive("space.deviation", s).map(drop),
            _ => Ok(()),
        }
    }

    /// e, the entries of a neuron, for points with d.
    pub fn embedded(self, d: i64) -> i64 {
        match self {
            Space::Sphere => d,
            Space::Euclidean { .. } => d + 1,
            Space::Torus => 2 * d,
        }
    }

    /// d, from the entries of a neuron.
    pub fn dimension(self, e: i64) -> i64 {
        match self {
            Space::Sphere => e,
            Space::Euclidean { .. } => e - 1,
            Space::Torus => e / 2,
        }
    }

    /// $e(x)$, `[n, e]`.
    pub fn embed(self, x: &Tensor) -> Tensor {
        match self {
            Space::Sphere => x.shallow_clone(),
            Space::Euclidean { .. } => {
                let ones = x.new_ones([x.size()[0], 1], (x.kind(), x.device()));
                Tensor::cat(&[x, &ones], 1)
            }
            Space::Torus => {
                let angle = x * std::f64::consts::TAU;
                Tensor::cat(&[angle.cos(), angle.sin()], 1) / (x.size()[1] as f64).sqrt()
            }
        }
    }

    /// $J_e(x)^\top g$, `[n, d]`, for g `[n, e]`: gradients in e(x) as gradients in x.
    pub fn pull_back(self, x: &Tensor, g: &Tensor) -> Tensor {
        let d = x.size()[1];
        match self {
            Space::Sphere => g.shallow_clone(),
            Space::Euclidean { .. } => g.narrow(1, 0, d),
            Space::Torus => {
                let angle = x * std::f64::consts::TAU;
                let (cos, sin) = (g.narrow(1, 0, d), g.narrow(1, d, d));
                (sin * angle.cos() - cos * angle.sin())
                    * (std::f64::consts::TAU / (d as f64).sqrt())
            }
        }
    }

    /// Back into the space: to unit length, or modulo 1.
    pub fn project(self, x: &Tensor) -> Tensor {
        match self {
            Space::Sphere => normalized(x),
            Space::Euclidean { .. } => x.shallow_clone(),
            Space::Torus => x - x.floor(),
        }
    }

    /// The part of v `[n, d]` that is tangent at x: $v - \langle x, v\rangle x$ on the sphere.
    pub fn tangent(self, x: &Tensor, v: &Tensor) -> Tensor {
        match self {
            Space::Sphere => v - x * dot(x, v).unsqueeze(-1),
            _ => v.shallow_clone(),
        }
    }

    /// Along the geodesic from x with the tangent v: $\cos\|v\|\, x + \sin\|v\|\, v/\|v\|$ on the sphere.
    pub fn exponential(self, x: &Tensor, v: &Tensor) -> Tensor {
        match self {
            Space::Sphere => {
                let length = v.square().sum_dim_intlist(1, true, None).sqrt();
                // sin(l)/l, which is 1 at 0.
                let sinc = (&length / std::f64::consts::PI).sinc();
                normalized(&(x * length.cos() + v * sinc))
            }
            _ => self.project(&(x + v)),
        }
    }

    /// $\nabla U(x)$ where $d\tau \propto e^{-U} dx$, and `None` where $\tau$ is the volume itself.
    pub fn base_gradient(self, x: &Tensor) -> Option<Tensor> {
        self.base_rate().map(|rate| x * rate)
    }

    /// $1/s^2$.
    pub(crate) fn base_rate(self) -> Option<f64> {
        match self {
            Space::Euclidean { deviation: Some(s) } => Some(1.0 / (s * s)),
            _ => None,
        }
    }

    /// Points of $\tau$ from standard Gaussian numbers `[n, d]` (of Lebesgue's measure there is no sample:
    /// the numbers as they are).
    pub fn from_gaussian(self, z: &Tensor) -> Tensor {
        match self {
            Space::Sphere => normalized(z),
            Space::Euclidean { deviation } => z * deviation.unwrap_or(1.0),
            // The distribution function of the Gaussian.
            Space::Torus => (z / std::f64::consts::SQRT_2).erf() * 0.5 + 0.5,
        }
    }

    /// Refuses anything but an f32 or f64 matrix whose rows have d entries.
    pub(crate) fn check(
        self,
        what: &'static str,
        x: &Tensor,
        d: i64,
        place: (Kind, Device),
    ) -> Result<()> {
        crate::shape::float_matrix(what, x)?;
        crate::shape::tensor_of(what, x, &[x.size()[0], d], place)
    }
}

/// Rows to unit length.
pub(crate) fn normalized(x: &Tensor) -> Tensor {
    x / x.norm_scalaropt_dim(2.0, [-1].as_slice(), true)
}
