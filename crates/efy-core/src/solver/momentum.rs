//! Momentum of the accelerated gradient methods.

use std::cell::RefCell;

use tch::{Device, Kind, Tensor};

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
        /// $\langle z - q, q - p \rangle > 0$ (O'Donoghue and Candes 2015). Native loops look after every
        /// iteration, tensor loops after every second: a look is six launches.
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
    Restarting(Restarting),
}

/// The sequence of FISTA, which each row is somewhere in.
pub(super) struct Restarting {
    /// $1 + \beta$ at each place of the sequence.
    weights: Tensor,
    /// Where each row is, `[B]`, Int64.
    place: Tensor,
    /// Iterations made.
    iteration: usize,
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
                Extrapolation::Restarting(Restarting::new(problem)?)
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
                let weight = 1.0 + next_beta(t);
                p.lerp(q, weight)
            }
            Extrapolation::Restarting(restarting) => restarting.next(z, p, q),
        }
    }
}

/// $\beta$ at t, and t moved on.
fn next_beta(t: &mut f64) -> f64 {
    let next = 0.5 * (1.0 + (1.0 + 4.0 * *t * *t).sqrt());
    let beta = (*t - 1.0) / next;
    *t = next;
    beta
}

impl Restarting {
    /// Iterations between two looks at where the momentum points.
    const LOOK_EVERY: usize = 2;
    /// After so many iterations $\beta$ does not grow any more; it is 0.999 by then.
    const LONGEST: usize = 2048;

    fn new(problem: &Problem<'_>) -> Result<Self> {
        let (kind, device) = problem.energy.options();
        Ok(Restarting {
            weights: Self::weights((kind, device))?,
            place: Tensor::f_zeros([problem.energy.size().0], (Kind::Int64, device))?,
            iteration: 0,
        })
    }

    /// The sequence, which goes to a device once and not with every solve.
    fn weights((kind, device): (Kind, Device)) -> Result<Tensor> {
        thread_local! {
            static KNOWN: RefCell<Vec<Tensor>> = const { RefCell::new(Vec::new()) };
        }
        KNOWN.with_borrow_mut(|known| {
            let fits = |t: &&Tensor| t.kind() == kind && t.device() == device;
            if let Some(weights) = known.iter().find(fits) {
                return Ok(weights.shallow_clone());
            }
            let mut t = 1.0;
            let weights: Vec<f64> = (0..=2 * Self::LONGEST)
                .map(|_| 1.0 + next_beta(&mut t))
                .collect();
            let weights = Tensor::f_from_slice(&weights)?
                .f_to_device(device)?
                .f_to_kind(kind)?;
            known.push(weights.shallow_clone());
            Ok(weights)
        })
    }

    fn next(&mut self, z: &Tensor, p: &Tensor, q: &Tensor) -> Tensor {
        self.iteration += 1;
        if self.iteration.is_multiple_of(Self::LOOK_EVERY) {
            let downhill = shape::dot(&(z - q), &(q - p)).gt(0.0);
            let _ = self.place.masked_fill_(&downhill, 0);
        }
        if self.iteration.is_multiple_of(Self::LONGEST) {
            let _ = self.place.clamp_max_(Self::LONGEST as i64);
        }
        let weight = self.weights.index_select(0, &self.place).unsqueeze(-1);
        let _ = self.place.g_add_scalar_(1);
        p.lerp_tensor(q, &weight)
    }
}
