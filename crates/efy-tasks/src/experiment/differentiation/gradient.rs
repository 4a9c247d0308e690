//! Gradients of losses of a pairwise energy.

use efy_core::Result;
use efy_core::domain::Cube;
use efy_core::energy::{Coupling, Quadratic};
use efy_core::loss::{Criterion, Differentiation, FenchelYoung, Loss, ThroughArgmax};
use efy_core::solver::Options;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::config::{RegularizerKind, SolverKind};

/// A way to a gradient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Method {
    /// What tables and figures call it.
    pub name: String,
    /// The way.
    #[serde(flatten)]
    pub kind: MethodKind,
}

/// A way to a gradient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum MethodKind {
    /// The envelope gradient of the Fenchel-Young loss.
    FenchelYoung {
        /// Iterations of the solver.
        iterations: usize,
    },
    /// The squared error of the argmax, differentiated by the implicit function theorem.
    Implicit {
        /// Iterations of the solver.
        iterations: usize,
    },
    /// The squared error of the last iterate, differentiated through all of them.
    Unrolled {
        /// Iterations.
        iterations: usize,
    },
}

/// The inputs: u `[B, k]` and A `[k, m]`, which require gradients, and targets `[B, k]`.
pub(super) struct Inputs {
    pub u: Tensor,
    pub a: Tensor,
    pub target: Tensor,
}

impl MethodKind {
    /// Value and gradients in u and A.
    pub fn gradient(&self, inputs: &Inputs, regularizer: RegularizerKind) -> Result<Vec<Tensor>> {
        let Inputs { u, a, target } = inputs;
        let energy = Quadratic::new(u.shallow_clone(), Coupling::LowRank(a.shallow_clone()))?;
        let predictor = |iterations| -> Result<FenchelYoung> {
            let options = Options {
                tolerance: 0.0,
                max_iterations: iterations,
                check_every: 0,
                certify: false,
            };
            Ok(FenchelYoung::from_parts(
                regularizer.build(1.0)?,
                Box::new(Cube),
                SolverKind::ProjectedGradient.build(options),
            ))
        };
        let through = |iterations, differentiation| {
            ThroughArgmax::new(
                predictor(iterations)?,
                Criterion::SquaredError,
                differentiation,
            )
        };
        let loss: Box<dyn Loss> = match *self {
            MethodKind::FenchelYoung { iterations } => Box::new(predictor(iterations)?),
            MethodKind::Implicit { iterations } => {
                Box::new(through(iterations, Differentiation::Implicit)?)
            }
            MethodKind::Unrolled { iterations } => Box::new(through(
                iterations,
                Differentiation::Unrolled {
                    iterations,
                    step: None,
                },
            )?),
        };
        let mean = loss.mean_loss(&energy, target, None)?.mean;
        Ok(Tensor::f_run_backward(&[mean], &[u, a], false, false)?)
    }
}
