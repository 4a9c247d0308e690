//! Second derivatives of the energy in x, within its space.

use std::f64::consts::TAU;

use tch::Tensor;

use super::{Shallow, Space};
use crate::shape::dot;
use crate::{Error, Result};

impl Shallow {
    /// $\Delta f(x_i)$, `[n]`, the Laplacian of the space: with $u = \langle\theta, e(x)\rangle$ the sum of
    /// $\frac1m w_j c_j (\sigma''(u_j)\|\nabla u_j\|^2 + \sigma'(u_j) \Delta u_j)$, where
    ///
    /// | | $\lVert\nabla u\rVert^2$ | $\Delta u$ |
    /// |---|---|---|
    /// | sphere | $\lVert\theta\rVert^2 - u^2$ | $-(d-1) u$ |
    /// | $R^d$ | $\lVert\theta_{1..d}\rVert^2$ | 0 |
    /// | torus | of $J_e(x)^\top\theta$ | $-4\pi^2 u$ |
    ///
    /// # Errors
    /// As [`Shallow::features`]; [`Error::Parameter`] for the step and the rectifier, whose second derivative is no function.
    pub fn laplacian(&self, x: &Tensor) -> Result<Tensor> {
        let u = self.scores(x)?;
        let d = self.dimension();
        let squares = self.neurons().square();
        let (square, laplacian) = match self.space() {
            Space::Sphere => {
                let lengths = squares.sum_dim_intlist(1, false, None);
                (lengths - u.square(), Some(&u * -(d as f64 - 1.0)))
            }
            Space::Euclidean { .. } => {
                let lengths = squares.narrow(1, 0, d).sum_dim_intlist(1, false, None);
                (lengths.unsqueeze(0), None)
            }
            Space::Torus => {
                let (sin, cos, of_cos, of_sin) = self.waves(x);
                let cross = (&sin * &cos).mm(&(&of_cos * &of_sin).tr());
                let sum = sin.square().mm(&of_cos.square().tr())
                    + cos.square().mm(&of_sin.square().tr())
                    - cross * 2.0;
                (sum * (TAU * TAU / d as f64), Some(&u * -(TAU * TAU)))
            }
        };
        let mut terms = self.curvature(&u)? * square;
        if let Some(laplacian) = laplacian {
            terms += self.activation().slope(&u) * laplacian;
        }
        Ok(terms.mv(&self.per_neuron()))
    }

    /// $v_i^\top\, \mathrm{Hess} f(x_i)\, v_i$, `[n]`, for v `[n, d]`, tangent on the sphere.
    ///
    /// # Errors
    /// As [`Shallow::laplacian`], and v that is not like x.
    pub fn second_derivative(&self, x: &Tensor, v: &Tensor) -> Result<Tensor> {
        let u = self.scores(x)?;
        let d = self.dimension();
        crate::shape::tensor_of("v", v, &x.size(), self.place())?;
        let neurons = self.neurons();
        let (along, bend) = match self.space() {
            Space::Sphere => {
                let length = dot(v, v).unsqueeze(1);
                (v.mm(&neurons.tr()), Some(&u * length * -1.0))
            }
            Space::Euclidean { .. } => (v.mm(&neurons.narrow(1, 0, d).tr()), None),
            Space::Torus => {
                let (sin, cos, of_cos, of_sin) = self.waves(x);
                let root = (d as f64).sqrt();
                let along = (v * &cos).mm(&of_sin.tr()) - (v * &sin).mm(&of_cos.tr());
                let square = v.square();
                let bend = (&square * cos).mm(&of_cos.tr()) + (&square * sin).mm(&of_sin.tr());
                (along * (TAU / root), Some(bend * -(TAU * TAU / root)))
            }
        };
        let mut terms = self.curvature(&u)? * along.square();
        if let Some(bend) = bend {
            terms += self.activation().slope(&u) * bend;
        }
        Ok(terms.mv(&self.per_neuron()))
    }

    /// Sines and cosines of points on the torus, and the neurons' entries for cosines and for sines.
    fn waves(&self, x: &Tensor) -> (Tensor, Tensor, Tensor, Tensor) {
        let (angle, d) = (x * TAU, self.dimension());
        let half = |first| self.neurons().narrow(1, first, d);
        (angle.sin(), angle.cos(), half(0), half(d))
    }

    fn curvature(&self, u: &Tensor) -> Result<Tensor> {
        let activation = self.activation();
        activation.curvature(u).ok_or_else(|| Error::Parameter {
            name: "activation",
            expected: "one whose second derivative is a function (for rectifiers, restart particles at every iteration)",
            found: format!("{activation:?}"),
        })
    }
}
