//! The two quadratic regularizers: half squared norm and Gini negentropy.

use tch::Tensor;

use super::{Regularizer, Separable, positive};
use crate::domain::Domain;
use crate::{Result, shape};

/// $\Omega(p) = \frac{\gamma}{2} \|p\|_2^2$.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HalfSquaredNorm {
    gamma: f64,
}

/// The Gini negentropy $\Omega(p) = \frac{\gamma}{2} \langle p, p - 1 \rangle$, zero at every vertex of
/// the cube.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gini {
    gamma: f64,
}

impl HalfSquaredNorm {
    /// # Errors
    /// [`crate::Error::Parameter`] unless `gamma` is a positive number.
    pub fn new(gamma: f64) -> Result<Self> {
        Ok(HalfSquaredNorm {
            gamma: positive("half_squared_norm.gamma", gamma)?,
        })
    }

    fn polynomial(&self) -> Polynomial {
        Polynomial {
            curvature: self.gamma,
            slope: 0.0,
        }
    }
}

impl Gini {
    /// # Errors
    /// [`crate::Error::Parameter`] unless `gamma` is a positive number.
    pub fn new(gamma: f64) -> Result<Self> {
        Ok(Gini {
            gamma: positive("gini.gamma", gamma)?,
        })
    }

    fn polynomial(&self) -> Polynomial {
        Polynomial {
            curvature: self.gamma,
            slope: -0.5 * self.gamma,
        }
    }
}

macro_rules! regularizer {
    ($type:ty, $name:literal) => {
        impl Regularizer for $type {
            fn name(&self) -> &'static str {
                $name
            }

            fn value(&self, p: &Tensor) -> Tensor {
                self.polynomial().value(p)
            }

            /// The gradient at the midpoint, as for every quadratic function.
            fn discrete_gradient(&self, p: &Tensor, q: &Tensor) -> Option<Tensor> {
                Some(self.gradient(&p.lerp(q, 0.5)))
            }

            fn gradient(&self, p: &Tensor) -> Tensor {
                self.polynomial().gradient(p)
            }

            fn curvature(&self, p: &Tensor) -> Tensor {
                p.full_like(self.gamma)
            }

            /// The projection of the unconstrained argmax, whatever the domain.
            fn argmax(&self, theta: &Tensor, domain: &dyn Domain) -> Option<Tensor> {
                Some(domain.project(&self.polynomial().stationary_point(theta)))
            }

            /// The projection of the unconstrained minimum $(x - \eta s) / (1 + \eta c)$ of
            /// $\frac12 \|p - x\|^2 + \eta \sum_i \frac{c}{2} p_i^2 + s p_i$.
            fn prox(&self, x: &Tensor, eta: &Tensor, domain: &dyn Domain) -> Option<Tensor> {
                let Polynomial { curvature, slope } = self.polynomial();
                Some(domain.project(&((x - eta * slope) / (eta * curvature + 1.0))))
            }

            fn modulus(&self, _domain: &dyn Domain) -> f64 {
                self.gamma
            }

            fn separable(&self) -> Option<Separable> {
                let Polynomial { curvature, slope } = self.polynomial();
                Some(Separable::Quadratic { curvature, slope })
            }
        }
    };
}

regularizer!(HalfSquaredNorm, "half_squared_norm");
regularizer!(Gini, "gini");

/// $\sum_i \frac{c}{2} p_i^2 + s p_i$, what both are.
struct Polynomial {
    curvature: f64,
    slope: f64,
}

impl Polynomial {
    fn value(&self, p: &Tensor) -> Tensor {
        shape::dot(p, &(p * (0.5 * self.curvature) + self.slope))
    }

    fn gradient(&self, p: &Tensor) -> Tensor {
        let scaled = if self.curvature == 1.0 {
            p.shallow_clone()
        } else {
            p * self.curvature
        };
        if self.slope == 0.0 {
            scaled
        } else {
            scaled + Tensor::from(self.slope)
        }
    }

    /// $(\theta - s) / c$.
    fn stationary_point(&self, theta: &Tensor) -> Tensor {
        let shifted = if self.slope == 0.0 {
            theta.shallow_clone()
        } else {
            theta - Tensor::from(self.slope)
        };
        if self.curvature == 1.0 {
            shifted
        } else {
            shifted / self.curvature
        }
    }
}
