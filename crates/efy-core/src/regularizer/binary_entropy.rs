//! The binary (Fermi-Dirac) negentropy on boxes.

use tch::{Kind, Tensor};

use super::rows::Fermi;
use super::{Regularizer, Separable, difference, positive, prox_by_coordinates};
use crate::domain::{BoxDomain, Domain, Geometry};
use crate::native::by_rows;
use crate::{Result, shape};

/// $\Omega(p) = \gamma \sum_i q_i \log q_i + (1 - q_i) \log(1 - q_i)$ with $q = (p - l) / (h - l)$ on the box
/// $[l, h]^k$, which is the cube unless [`on_box`](Self::on_box) says otherwise, and $0 \log 0 = 0$.
///
/// Its regularized prediction for a linear energy is $l + (h - l)\,\sigma((h - l)\theta / \gamma)$: the sigmoid on
/// the cube, the hyperbolic tangent of $\theta / \gamma$ on $[-1, 1]^k$. Its Fenchel-Young loss is the sum of k
/// logistic losses. On a knapsack in the cube the prediction is $\sigma((\theta - \tau) / \gamma)$ with one
/// threshold $\tau$ for all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BinaryEntropy {
    gamma: f64,
    low: f64,
    high: f64,
}

impl BinaryEntropy {
    /// On the cube and its subsets.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] unless `gamma` is a positive number.
    pub fn new(gamma: f64) -> Result<Self> {
        Ok(BinaryEntropy {
            gamma: positive("binary_entropy.gamma", gamma)?,
            low: 0.0,
            high: 1.0,
        })
    }

    /// On the box $[\text{low}, \text{high}]^k$.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] unless `gamma` is a positive number, and `low < high` are finite.
    pub fn on_box(gamma: f64, low: f64, high: f64) -> Result<Self> {
        BoxDomain::new(low, high)?;
        let gamma = positive("binary_entropy.gamma", gamma)?;
        Ok(BinaryEntropy { gamma, low, high })
    }

    fn width(&self) -> f64 {
        self.high - self.low
    }

    fn on_cube(&self) -> bool {
        (self.low, self.high) == (0.0, 1.0)
    }

    /// q.
    fn unit(&self, p: &Tensor) -> Tensor {
        if self.on_cube() {
            p.shallow_clone()
        } else {
            (p - self.low) / self.width()
        }
    }

    /// p of q, $l + (h - l) q$.
    fn stretched(&self, q: Tensor) -> Tensor {
        if self.on_cube() {
            q
        } else {
            q * self.width() + self.low
        }
    }

    /// The logits $(h - l)\theta / \gamma$ of q.
    fn logits(&self, theta: &Tensor) -> Tensor {
        shape::scaled(theta, self.width() / self.gamma)
    }

    fn omega(&self) -> Separable {
        let BinaryEntropy { gamma, low, high } = *self;
        if self.on_cube() {
            Separable::BinaryEntropy { gamma }
        } else {
            Separable::BoxEntropy { gamma, low, high }
        }
    }

    /// How the domain constrains q; `None` for a domain that this entropy has no formula for.
    fn part(&self, domain: &dyn Domain) -> Option<Part> {
        match domain.geometry() {
            Geometry::Box { low, high } if (low, high) == (self.low, self.high) => Some(Part::All),
            Geometry::Knapsack { min, max } if self.on_cube() => {
                Some(Part::Knapsack(Fermi { min, max }))
            }
            _ => None,
        }
    }
}

/// The part of the cube that q ranges over.
enum Part {
    All,
    Knapsack(Fermi),
}

impl Part {
    /// q for these logits.
    fn labels(&self, logits: &Tensor) -> Tensor {
        match self {
            Part::All => logits.sigmoid(),
            Part::Knapsack(fermi) => {
                let labels = by_rows(fermi, logits, None);
                labels.narrow(1, 0, logits.size()[1])
            }
        }
    }

    /// The logits less the threshold that makes them the labels' own, and the threshold `[B, 1]` where
    /// there is one.
    fn shift(&self, logits: &Tensor) -> (Tensor, Option<Tensor>) {
        match self {
            Part::All => (logits.shallow_clone(), None),
            Part::Knapsack(fermi) => {
                let labels = by_rows(fermi, logits, None);
                let tau = labels.narrow(1, logits.size()[1], 1);
                (logits - &tau, Some(tau))
            }
        }
    }
}

impl Regularizer for BinaryEntropy {
    fn name(&self) -> &'static str {
        "binary_entropy"
    }

    fn value(&self, p: &Tensor) -> Tensor {
        let q = self.unit(p);
        let rest = shape::complement(&q);
        shape::scaled(
            &shape::row_sum(&(q.xlogy(&q) + rest.xlogy(&rest))),
            self.gamma,
        )
    }

    fn discrete_gradient(&self, p: &Tensor, q: &Tensor) -> Option<Tensor> {
        let (p, q) = (self.unit(p), self.unit(q));
        let up = difference::x_log_x(&p, &q);
        let down = difference::x_log_x(&shape::complement(&p), &shape::complement(&q));
        Some(shape::scaled(&(up - down), self.gamma / self.width()))
    }

    fn gradient(&self, p: &Tensor) -> Tensor {
        if self.on_cube() {
            return p.logit(None::<f64>) * self.gamma;
        }
        // The differences are exact near the ends.
        ((p - self.low).log() - (self.high - p).log()) * (self.gamma / self.width())
    }

    fn curvature(&self, p: &Tensor) -> Tensor {
        let variance: Tensor = (p - self.low) * (self.high - p);
        variance.reciprocal() * self.gamma
    }

    fn is_steep(&self) -> bool {
        true
    }

    fn argmax(&self, theta: &Tensor, domain: &dyn Domain) -> Option<Tensor> {
        let q = self.part(domain)?.labels(&self.logits(theta));
        Some(self.stretched(q))
    }

    fn prox(&self, x: &Tensor, eta: &Tensor, domain: &dyn Domain) -> Option<Tensor> {
        prox_by_coordinates(self.omega(), x, eta, domain)
    }

    /// $\sum_i l\,\theta_i + \gamma\,\mathrm{sp}((h - l)\theta_i / \gamma)$ with $\mathrm{sp}(t) = \log(1 + e^t)$; on a
    /// knapsack with $\tau \ne 0$, which makes $\sum_i p_i = m$, $m \tau + \gamma \sum_i \mathrm{sp}((\theta_i - \tau) / \gamma)$.
    fn conjugate(&self, theta: &Tensor, argmax: &Tensor, domain: &dyn Domain) -> Tensor {
        let Some(part) = self.part(domain) else {
            return shape::dot(theta, argmax) - self.value(argmax);
        };
        let (logits, tau) = part.shift(&self.logits(theta));
        let sum = shape::row_sum(&softplus(&logits)) * self.gamma;
        match tau {
            Some(tau) => sum + shape::row_sum(&(argmax * tau)) * self.gamma,
            None if self.low == 0.0 => sum,
            None => sum + shape::row_sum(theta) * self.low,
        }
    }

    /// $\gamma \sum_i q_i\, \mathrm{sp}(-t_i) + (1 - q_i)\, \mathrm{sp}(t_i) + \Omega(y)$ with the logits t and the
    /// target's q; on a knapsack with $t - \tau$ for t and $\gamma\tau (m - \sum_i y_i) \ge 0$ added.
    fn linear_loss(&self, theta: &Tensor, target: &Tensor, domain: &dyn Domain) -> Option<Tensor> {
        let part = self.part(domain)?;
        let (t, tau) = part.shift(&self.logits(theta));
        let q = self.unit(target);
        let cross = softplus(&t).lerp_tensor(&softplus(&t.neg()), &q);
        let loss = shape::scaled(&shape::row_sum(&cross), self.gamma) + self.value(target);
        Some(match tau {
            Some(tau) => {
                // The graph ends at tau: as a maximum, the loss does not change with it.
                let missing = shape::row_sum(&(t.detach().sigmoid() - target));
                loss + missing * tau.squeeze_dim(-1) * self.gamma
            }
            None => loss,
        })
    }

    fn modulus(&self, _domain: &dyn Domain) -> f64 {
        4.0 * self.gamma / (self.width() * self.width())
    }

    fn separable(&self) -> Option<Separable> {
        Some(self.omega())
    }
}

pub(super) fn is_cube(domain: &dyn Domain) -> bool {
    domain.bounds() == Some((0.0, 1.0))
}

/// $\log(1 + e^t)$ to full relative accuracy for every t, with the sigmoid as its derivative.
pub(crate) fn softplus(t: &Tensor) -> Tensor {
    match t.kind() {
        // libtorch's own is the identity from 20 on, which costs f64 its last digits.
        Kind::Double => t.neg().log_sigmoid().neg(),
        _ => t.softplus(),
    }
}

/// $v \odot \sigma(t)$, the derivative of [`softplus`] along v, in one launch; v is broadcast.
pub(crate) fn softplus_backward(v: &Tensor, t: &Tensor) -> Tensor {
    // Far beyond where the sigmoid is 1, and before the exponential overflows.
    const LINEAR: f64 = 80.0;
    t.softplus_backward(v, 1.0, LINEAR)
}
