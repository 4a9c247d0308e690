//! Momentum of the accelerated gradient methods.

use tch::Tensor;

use super::{Problem, Step};
use crate::{Error, Result, shape};

/// The extrapolated point $z = q + \beta (q - p)$ of a gradient method, p being the previous iterate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Momentum {
    /// $\beta = 0$: the plain method.
    None,
    /// $\beta = (t - 1)/t^+$, $t^+ = (1 + \sqrt{1 + 4 t^2})/2$: FISTA.
    Nesterov {
        /// Starts again at $t = 1$ for a row whose momentum points downhill,
        /// $\langle z - q, q - p \rangle > 0$ (O'Donoghue and Candes 2015).
        restart: bool,
    },
    /// $\beta = (\sqrt{M} - \sqrt{m})/(\sqrt{M} + \sqrt{m})$ with $m > 0$ the regularizer's modulus of
    /// strong convexity and M a bound on the curvature of F: linear convergence for concave energies.
    /// Needs a known curvature, [`Step::Curvature`].
    Constant,
}

impl Momentum {
    pub(super) fn validate(self, step: Step) -> Result<()> {
        let searched = matches!(step, Step::Fixed(_) | Step::Backtracking { .. });
        if searched && self == Momentum::Constant {
            return Err(Error::Parameter {
                name: "solver.momentum",
                expected: "step: curvature with constant momentum",
                found: "another".into(),
            });
        }
        Ok(())
    }

    /// $\beta$ where it is constant, like `bound` $= M$.
    pub(super) fn constant(self, problem: &Problem<'_>, bound: &Tensor) -> Result<Option<Tensor>> {
        if self != Momentum::Constant {
            return Ok(None);
        }
        let modulus = problem.regularizer.modulus(problem.domain);
        if modulus <= 0.0 {
            return Err(Error::Parameter {
                name: "solver.momentum",
                expected: "a strongly convex regularizer with constant momentum",
                found: problem.regularizer.name().to_owned(),
            });
        }
        let (low, root) = (modulus.sqrt(), bound.sqrt());
        Ok(Some((&root - low) / (&root + low)))
    }
}

/// $z = q + \beta(q - p)$ on all rows.
pub(super) enum Extrapolation {
    None,
    Constant { weight: Tensor },
    Sequence { t: f64 },
    Restarting { t: Tensor },
}

impl Extrapolation {
    pub(super) fn new(
        momentum: Momentum,
        problem: &Problem<'_>,
        beta: Option<&Tensor>,
    ) -> Result<Self> {
        Ok(match (momentum, beta) {
            (Momentum::None, _) => Extrapolation::None,
            (Momentum::Constant, Some(beta)) => Extrapolation::Constant { weight: beta + 1.0 },
            (Momentum::Nesterov { restart: true }, _) => {
                let rows = problem.energy.size().0;
                Extrapolation::Restarting {
                    t: Tensor::f_ones([rows, 1], problem.energy.options())?,
                }
            }
            _ => Extrapolation::Sequence { t: 1.0 },
        })
    }

    /// The next z, from the one that led to `q`.
    pub(super) fn next(&mut self, z: &Tensor, p: &Tensor, q: &Tensor) -> Tensor {
        match self {
            Extrapolation::None => q.shallow_clone(),
            Extrapolation::Constant { weight } => p.lerp_tensor(q, weight),
            Extrapolation::Sequence { t } => {
                let next = 0.5 * (1.0 + (1.0 + 4.0 * *t * *t).sqrt());
                let weight = 1.0 + (*t - 1.0) / next;
                *t = next;
                p.lerp(q, weight)
            }
            Extrapolation::Restarting { t } => {
                let next = ((t.square() * 4.0 + 1.0).sqrt() + 1.0) * 0.5;
                let weight = (&*t - 1.0) / &next + 1.0;
                let downhill = shape::dot(&(z - q), &(q - p)).unsqueeze(-1).gt(0.0);
                *t = next.masked_fill(&downhill, 1.0);
                p.lerp_tensor(q, &weight.masked_fill(&downhill, 1.0))
            }
        }
    }
}
