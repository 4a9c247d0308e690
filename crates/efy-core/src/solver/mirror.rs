//! Mirror ascent with the binary entropy as its own mirror map.

use tch::Tensor;

use super::iterate::iterate;
use super::{Options, Problem, Solution, Solver};
use crate::Result;
use crate::energy::{Coupling, Form};
use crate::regularizer::Separable;

/// $\mathrm{logit}\, p^+ = (\mathrm{logit}\, p + \eta \nabla\Phi(p)) / (1 + \eta\gamma)$ on the cube with
/// the binary negentropy: implicit in $\Omega$, so that it never meets the entropy's infinite slope.
///
/// The step is $\eta = 4 / \lambda_{\max}(-U)$, the inverse of $-\Phi$'s smoothness relative to the
/// entropy, whose Hessian is at least 4. Three launches an iteration.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mirror {
    /// When to stop.
    pub options: Options,
}

impl Solver for Mirror {
    fn name(&self) -> &'static str {
        "mirror"
    }

    fn solve(&self, problem: &Problem<'_>, start: Option<&Tensor>) -> Result<Solution> {
        let _guard = tch::no_grad_guard();
        self.options.validate()?;
        let (Some(Separable::BinaryEntropy { gamma }), Form::Quadratic { u, coupling }, "cube") = (
            problem.regularizer.separable(),
            problem.energy.form(),
            problem.domain.name(),
        ) else {
            let hint = "it needs a quadratic energy, the binary entropy and the cube";
            return Err(problem.unsupported(self.name(), hint));
        };
        let start = problem.start(start)?;
        // With t = logit p and eta = 4 / L the update is t + weight (grad / gamma - t).
        let weight = gamma * 4.0 / (coupling.curvature_bound() + gamma * 4.0);
        let scaled = Scaled::new(u, coupling, gamma);
        let mut p = start.clamp(1e-7, 1.0 - 1e-7);
        let mut t = p.logit(None::<f64>);
        iterate(problem, &self.options, self.name(), &start, || {
            let target = scaled.gradient(&p);
            let _ = t.lerp_tensor_(&target, &weight);
            p = t.sigmoid();
            p.shallow_clone()
        })
    }
}

/// $\nabla\Phi(p) / \gamma$ with one launch for a shared matrix.
enum Scaled {
    Shared { u: Tensor, matrix: Tensor },
    PerRow { u: Tensor, coupling: Coupling },
}

impl Scaled {
    fn new(u: &Tensor, coupling: &Coupling, gamma: f64) -> Self {
        let u = u.detach() / gamma;
        match coupling {
            Coupling::Dense(m) if !coupling.per_row() => Scaled::Shared {
                u,
                matrix: m.detach() / gamma,
            },
            Coupling::LowRank(a) if !coupling.per_row() => {
                let matrix = a.matmul(&a.transpose(-1, -2)).detach() / -gamma;
                Scaled::Shared { u, matrix }
            }
            Coupling::Dense(m) => Scaled::PerRow {
                u,
                coupling: Coupling::Dense(m.detach() / gamma),
            },
            Coupling::LowRank(a) => Scaled::PerRow {
                u,
                coupling: Coupling::LowRank(a.detach() / gamma.sqrt()),
            },
        }
    }

    fn gradient(&self, p: &Tensor) -> Tensor {
        match self {
            Scaled::Shared { u, matrix } => u.addmm(p, matrix),
            Scaled::PerRow { u, coupling } => u + coupling.apply(p),
        }
    }
}
