//! An energy plus a quadratic cost, in the form of the energy where there is one.

use tch::{Device, Kind, Tensor};

use super::{Coupling, Energy, Form, Linear, Quadratic};
use crate::{Result, shape};

/// $\Phi(v, p) + \langle c, p \rangle + \frac{a}{2} \|p\|^2$ for `linear` c `[B, k]` and `square` a.
///
/// Linear and quadratic energies stay what they are, so that their solvers apply: $u + c$ and, if a is
/// not 0, $U + a I$, always dense. Graphs to u, U and A are kept.
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
        _ => Box::new(Augmented {
            energy,
            linear: linear.shallow_clone(),
            square,
        }),
    })
}

/// The sum for an energy of any other form.
struct Augmented<'a> {
    energy: &'a dyn Energy,
    linear: Tensor,
    square: f64,
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
        match self.energy.form() {
            Form::Concave if self.square <= 0.0 => Form::Concave,
            _ => Form::General,
        }
    }
}
