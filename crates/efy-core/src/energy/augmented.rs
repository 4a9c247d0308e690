//! An energy plus a quadratic cost, in the form of the energy where there is one.

use tch::{Device, Kind, Tensor};

use super::{Coupling, Energy, Form, Linear, Quadratic};
use crate::{Result, shape};

/// $\Phi(v, p) + \langle c, p \rangle + \frac{a}{2} \|p\|^2$ for `linear` c `[B, k]` and `square` a.
///
/// Energies with a structure keep it, so that their solvers apply: linear and quadratic ones become
/// $u + c$ and, if a is not 0, $U + a I$, always dense; networks, if a is 0, $u + c$. Graphs are kept.
pub(crate) fn augmented<'a>(
    energy: &'a dyn Energy,
    linear: &Tensor,
    square: f64,
) -> Result<Box<dyn Energy + 'a>> {
    let (kind, device) = energy.options();
    let identity = || -> Result<Tensor> {
        let k = energy.size().1;
        Ok(Tensor::f_eye(k, (kind, device))? * square)
    };
    Ok(match energy.form() {
        Form::Linear { u } if square == 0.0 => Box::new(Linear::new(u + linear)?),
        Form::Linear { u } => Box::new(Quadratic::new(u + linear, Coupling::Dense(identity()?))?),
        Form::Quadratic { u, coupling } if square == 0.0 => {
            Box::new(Quadratic::new(u + linear, coupling.shallow_clone())?)
        }
        Form::Quadratic { u, coupling } => {
            let matrix = coupling.dense() + identity()?;
            Box::new(Quadratic::new(u + linear, Coupling::Dense(matrix))?)
        }
        form => {
            let scores = match form {
                Form::Network { u, .. } if square == 0.0 => Some(u + linear),
                _ => None,
            };
            Box::new(Augmented {
                energy,
                linear: linear.shallow_clone(),
                square,
                scores,
            })
        }
    })
}

/// The sum for an energy of any other form.
struct Augmented<'a> {
    energy: &'a dyn Energy,
    linear: Tensor,
    square: f64,
    /// u + c of a network.
    scores: Option<Tensor>,
}

impl Augmented<'_> {
    /// $c + a p$.
    fn slope(&self, p: &Tensor) -> Tensor {
        if self.square == 0.0 {
            self.linear.shallow_clone()
        } else {
            &self.linear + p * self.square
        }
    }
}

impl Energy for Augmented<'_> {
    fn size(&self) -> (i64, i64) {
        self.energy.size()
    }

    fn options(&self) -> (Kind, Device) {
        self.energy.options()
    }

    fn value(&self, p: &Tensor) -> Tensor {
        self.energy.value(p) + shape::dot(p, &((self.slope(p) + &self.linear) * 0.5))
    }

    fn discrete_gradient(&self, p: &Tensor, q: &Tensor) -> Option<Tensor> {
        Some(self.energy.discrete_gradient(p, q)? + self.slope(&p.lerp(q, 0.5)))
    }

    fn gradient(&self, p: &Tensor) -> Tensor {
        self.energy.gradient(p) + self.slope(p)
    }

    fn hessian_product(&self, p: &Tensor, q: &Tensor) -> Tensor {
        self.energy.hessian_product(p, q) + q * self.square
    }

    /// A square takes away from concavity; how much there was of it is not known.
    fn form(&self) -> Form<'_> {
        match (self.energy.form(), &self.scores) {
            (Form::Network { prior, .. }, Some(u)) => Form::Network { u, prior },
            (Form::Concave, _) if self.square <= 0.0 => Form::Concave,
            _ => Form::General,
        }
    }
}
