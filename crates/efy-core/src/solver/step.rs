//! Step sizes of the first-order methods.

use tch::Tensor;

use super::{Problem, network};
use crate::Result;
use crate::device::constant;
use crate::energy::Form;
use crate::error::positive;
use crate::regularizer::Separable;

/// The first step that [`Step::Automatic`] tries.
const FIRST_STEP: f64 = 1.0;

/// The step $\eta$ of a gradient method, in the geometry of the method: Euclidean for projected and
/// proximal gradient, that of $\Omega$ for mirror ascent.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// [`Step::Curvature`] where the curvature is known, else [`Step::Backtracking`] from 1. For network
    /// energies it is the former where nobody looks whether a search is done, off the CPU, where every
    /// iteration of a search makes all its 15 trials.
    Automatic,
    /// The same for all rows and iterations.
    Fixed(f64),
    /// $1/L$ with L an upper bound on the curvature of what the method linearizes: of F for projected
    /// gradient (quadratic regularizers), of $\Phi$ for proximal gradient, of $\Phi$ relative to $\Omega$ for
    /// mirror ascent. For quadratic and network energies; that of a network holds for all p and is
    /// larger than what a search finds.
    Curvature,
    /// Halved until the linearization is a lower bound up to $D(q, z)/\eta$, at most 15 times, and
    /// doubled before the next iteration; D is the distance of the method, $\frac12\|q - z\|^2$ or the
    /// Bregman divergence of $\Omega$.
    ///
    /// Near the maximum the difference of two values is all rounding, and a test with slack accepts
    /// steps that are too long;
    /// $\langle \nabla f(q) - \nabla f(z), q - z \rangle \le (D(q, z) + D(z, q))/\eta$, the same for
    /// quadratic f and Euclidean D and free of cancellation, is asked for as well.
    Backtracking {
        /// The first step tried.
        initial: f64,
    },
}

impl Step {
    /// Replaces [`Step::Automatic`] by what it stands for.
    pub(super) fn resolve(self, curvature_known: bool) -> Self {
        match self {
            Step::Automatic if curvature_known => Step::Curvature,
            Step::Automatic => Step::Backtracking {
                initial: FIRST_STEP,
            },
            step => step,
        }
    }

    pub(super) fn validate(self) -> Result<()> {
        match self {
            Step::Fixed(eta) | Step::Backtracking { initial: eta } => {
                positive("solver.step", eta).map(drop)
            }
            _ => Ok(()),
        }
    }
}

/// Whether [`Step::Automatic`] is the inverse of the energy's curvature.
pub(super) fn by_curvature(problem: &Problem<'_>) -> bool {
    match problem.energy.form() {
        Form::Network { .. } => !problem.on_cpu(),
        _ => problem.has_structure(),
    }
}

/// An upper bound on $\lambda_{\max}(-\nabla^2\Phi)$, a scalar or `[B, 1]`, for linear, quadratic and
/// network energies.
pub(super) fn energy_curvature(problem: &Problem<'_>) -> Result<Option<Tensor>> {
    Ok(match problem.energy.form() {
        Form::Linear { .. } => Some(scalar(problem, 0.0)?),
        Form::Quadratic { coupling, .. } => Some(coupling.curvature_bound(problem.energy.size().0)),
        Form::Network { prior, .. } => {
            Some(network::curvature_bound(prior, problem.energy.size().0)?)
        }
        _ => None,
    })
}

/// The curvature c and slope s of a quadratic $\Omega$.
pub(super) fn quadratic_regularizer(problem: &Problem<'_>) -> Option<(f64, f64)> {
    match problem.regularizer.separable() {
        Some(Separable::Quadratic { curvature, slope }) => Some((curvature, slope)),
        _ => None,
    }
}

/// A number on the problem's device.
pub(super) fn scalar(problem: &Problem<'_>, value: f64) -> Result<Tensor> {
    let options = problem.energy.options();
    constant(value, options)
}
