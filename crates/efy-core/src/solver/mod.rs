//! Solvers for the inner problem $\max_{p \in C} \Phi(v, p) - \Omega(p)$, the generalized conjugate
//! $\Omega^\Phi(v)$.
//!
//! None of them builds an autograd graph: the gradient of the loss needs the argmax as a constant.
//! Rows are independent. On the CPU, linear, quadratic and network energies are solved by native loops over
//! rows that never leave the cache and stop row by row; on other devices, and for other energies, by
//! batched tensor operations that are looked at only every few iterations.

mod active_set;
mod auto;
mod certificate;
mod closed_form;
mod coordinate;
mod coordinate_newton;
mod frank_wolfe;
pub(crate) mod gradient;
mod iterate;
mod lbfgsb;
mod line_search;
mod mirror;
mod momentum;
mod multi_start;
mod network;
mod newton;
mod newton_system;
mod projected_lbfgs;
mod proximal;
mod step;
#[cfg(test)]
mod tests;

pub use auto::Auto;
pub use closed_form::ClosedForm;
pub use coordinate::CoordinateAscent;
pub use coordinate_newton::CoordinateNewton;
pub use frank_wolfe::{FrankWolfe, FrankWolfeStep};
pub use gradient::ProjectedGradient;
pub use lbfgsb::LbfgsB;
pub(crate) use line_search::{LONGEST_STEP, MOST_HALVINGS, SHORTEST_STEP};
pub use mirror::{Mirror, MirrorUpdate};
pub use momentum::Momentum;
pub use multi_start::MultiStart;
pub use newton::Newton;
pub use proximal::ProximalGradient;
pub use step::Step;

use tch::{Device, Tensor};

use crate::domain::Domain;
use crate::energy::{Energy, Form};
use crate::regularizer::{Regularizer, Separable};
use crate::{Error, Result, shape};

/// Units in the last place that count as rounding; see [`Options::tolerance`].
pub(crate) const ROUNDING: f64 = 16.0;

/// $\max_{p \in C} \Phi(v, p) - \Omega(p)$ for each row of a batch.
#[derive(Clone, Copy)]
pub struct Problem<'a> {
    /// $\Phi(v, \cdot)$.
    pub energy: &'a dyn Energy,
    /// $\Omega$.
    pub regularizer: &'a dyn Regularizer,
    /// C.
    pub domain: &'a dyn Domain,
}

/// Solves the inner problem.
pub trait Solver: Send {
    /// The name used in configurations, reports and messages.
    fn name(&self) -> &'static str;

    /// The maximizer of each row, from `start` `[B, k]` if given, else from the domain's centre.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the solver has no method for the problem; [`Error::Shape`],
    /// [`Error::Kind`] or [`Error::Placement`] when `start` does not fit. That a row did not converge
    /// is no error: its [`Report`] says so.
    fn solve(&self, problem: &Problem<'_>, start: Option<&Tensor>) -> Result<Solution>;
}

/// When a solver stops and how often it looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// A row is done when its residual is at most this (see [`Report::residual`]), or at most 16 units
    /// in the last place of the largest element of u and of $\nabla\Phi$: rounding leaves that much.
    pub tolerance: f64,
    /// A row that is not done after this many iterations is given up.
    pub max_iterations: usize,
    /// How many iterations a batched tensor loop runs before it looks whether all rows are done. On the
    /// CPU it looks again after as many; elsewhere, where a look is many launches, after 2, 4, 8, ...
    /// times as many. 0: never, all rows run `max_iterations`. Native loops look at every row after every
    /// iteration whatever this says.
    pub check_every: usize,
    /// Whether the solution comes with a [`Certificate`]. Training can do without.
    pub certify: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            tolerance: 1e-6,
            max_iterations: 1000,
            check_every: 10,
            certify: true,
        }
    }
}

impl Options {
    fn validate(&self) -> Result<()> {
        if !(self.tolerance.is_finite() && self.tolerance >= 0.0) {
            return Err(Error::Parameter {
                name: "solver.tolerance",
                expected: "a number >= 0",
                found: self.tolerance.to_string(),
            });
        }
        Ok(())
    }
}

/// The solution of a batch of inner problems; no tensor has a graph.
#[derive(Debug)]
pub struct Solution {
    /// $\hat y$, `[B, k]`.
    pub argmax: Tensor,
    /// How it was found.
    pub report: Report,
    /// How good it is, if [`Options::certify`] asks for it.
    pub certificate: Option<Certificate>,
}

impl Solution {
    /// The solutions of problems that were solved apart, as that of one batch.
    fn concatenated(parts: Vec<Solution>) -> Result<Self> {
        let solver = parts.first().map_or("none", |part| part.report.solver);
        let all = |tensor: &dyn Fn(&Solution) -> Option<&Tensor>| -> Result<Option<Tensor>> {
            let tensors: Option<Vec<&Tensor>> = parts.iter().map(tensor).collect();
            Ok(tensors
                .map(|tensors| Tensor::f_cat(&tensors, 0))
                .transpose()?)
        };
        let whole = |tensor: &dyn Fn(&Solution) -> &Tensor| -> Result<Tensor> {
            let tensors: Vec<&Tensor> = parts.iter().map(tensor).collect();
            Ok(Tensor::f_cat(&tensors, 0)?)
        };
        let value = all(&|part| part.certificate.as_ref().map(|known| &known.value))?;
        let gap = all(&|part| part.certificate.as_ref().map(|known| &known.gap))?;
        Ok(Solution {
            argmax: whole(&|part| &part.argmax)?,
            report: Report {
                solver,
                iterations: whole(&|part| &part.report.iterations)?,
                residual: whole(&|part| &part.report.residual)?,
                converged: whole(&|part| &part.report.converged)?,
            },
            certificate: value
                .zip(gap)
                .map(|(value, gap)| Certificate { value, gap }),
        })
    }
}

/// Bounds on the generalized conjugate $\Omega^\Phi(v)$: `value` from below, `value + gap` from above.
#[derive(Debug)]
pub struct Certificate {
    /// $\Phi(v, \hat y) - \Omega(\hat y)$, `[B]`.
    pub value: Tensor,
    /// `[B]`, an upper bound (up to rounding) on how much larger the conjugate is than the value, for
    /// concave $F$; infinite when F is not known to be concave.
    pub gap: Tensor,
}

/// How each row was solved. Tensors lie on the problem's device; reading them is the caller's choice.
#[derive(Debug)]
pub struct Report {
    /// The solver that did the work.
    pub solver: &'static str,
    /// Iterations (sweeps over all coordinates for coordinate ascent), `[B]`, Int64.
    pub iterations: Tensor,
    /// `[B]`. For regularizers whose slope is finite $\|P_C(p + \nabla F(p)) - p\|_\infty$ with
    /// $F = \Phi - \Omega$, for entropies $\|\nabla\Omega^*(\nabla\Phi(p)) - p\|_\infty$, for
    /// [`FrankWolfe`] $\max_{s \in C} \langle \nabla F(p), s - p \rangle$; all are zero at stationary
    /// points only, which for concave F is the maximum.
    pub residual: Tensor,
    /// `[B]`, Bool: the residual is at most the tolerance.
    pub converged: Tensor,
}

impl Report {
    /// The fraction of rows that did not converge, in each of `blocks` blocks of as many rows that follow
    /// each other, `[blocks]`, on the device; 0 where there are no rows.
    pub fn unconverged(&self, blocks: i64) -> Tensor {
        mean_of_blocks(&self.converged.logical_not(), blocks)
    }

    /// The mean number of iterations of a row in each block, as [`unconverged`](Self::unconverged).
    pub fn mean_iterations(&self, blocks: i64) -> Tensor {
        mean_of_blocks(&self.iterations, blocks)
    }
}

/// Means over blocks of rows, `[blocks]`, in f64.
fn mean_of_blocks(of_rows: &Tensor, blocks: i64) -> Tensor {
    let blocks = blocks.max(1);
    let each = of_rows.size()[0] / blocks;
    let sums = of_rows
        .reshape([blocks, each])
        .sum_dim_intlist(1, false, tch::Kind::Double);
    sums / each.max(1) as f64
}

/// What there is to say of an iterate of an unrolled solver; `p` may have a graph, the solution has not.
pub(crate) fn unrolled_solution(problem: &Problem<'_>, p: &Tensor, iterations: usize) -> Solution {
    let _guard = tch::no_grad_guard();
    let options = Options {
        certify: false,
        ..Options::default()
    };
    let rows = p.size()[0];
    let iterations = Tensor::full([rows], iterations as i64, (tch::Kind::Int64, p.device()));
    certificate::certify(
        certificate::Measure::FixedPoint,
        problem,
        p.detach(),
        iterations,
        &options,
        "unrolled",
    )
}

impl Problem<'_> {
    /// The starting point: checked, or made.
    pub(crate) fn start(&self, start: Option<&Tensor>) -> Result<Tensor> {
        let size = self.energy.size();
        let options = self.energy.options();
        self.domain.check(size.1)?;
        match start {
            Some(p) => {
                self.check_start(p)?;
                Ok(self.domain.project(&p.detach()))
            }
            None => {
                let like = Tensor::f_empty([size.0, size.1], options)?;
                Ok(self.domain.start(&like))
            }
        }
    }

    /// Refuses a start that does not fit the energy.
    pub(crate) fn check_start(&self, start: &Tensor) -> Result<()> {
        shape::matrix_of("start", start, self.energy.size(), self.energy.options())
    }

    /// p, moved a little towards the centre of the domain: a regularizer's slope is finite there.
    fn interior(&self, p: &Tensor) -> Tensor {
        let weight = (4.0 * certificate::epsilon(p.kind())).max(1e-7);
        p.lerp(&self.domain.start(p), weight)
    }

    /// $F(p) = \Phi(p) - \Omega(p)$, `[B]`.
    fn value(&self, p: &Tensor) -> Tensor {
        self.energy.value(p) - self.regularizer.value(p)
    }

    /// $\nabla F(p) = \nabla\Phi(p) - \nabla\Omega(p)$, `[B, k]`.
    fn gradient(&self, p: &Tensor) -> Tensor {
        self.energy.gradient(p) - self.regularizer.gradient(p)
    }

    pub(crate) fn on_cpu(&self) -> bool {
        self.energy.options().1 == Device::Cpu
    }

    /// $\nabla\Omega^*(\theta) = \arg\max_{p \in C} \langle\theta, p\rangle - \Omega(p)$, `[B, k]`.
    fn argmax(&self, theta: &Tensor, solver: &'static str) -> Result<Tensor> {
        self.regularizer
            .argmax(theta, self.domain)
            .ok_or_else(|| self.unsupported(solver, "its regularizer needs a closed-form argmax"))
    }

    /// Whether the regularizer has a closed-form argmax on the domain.
    fn has_argmax(&self) -> Result<bool> {
        // What is asked most often without a call: entropies have it on their boxes, quadratics everywhere.
        match self.separable_on_box() {
            Some((Separable::Quadratic { curvature, .. }, _)) if curvature <= 0.0 => {}
            Some(_) => return Ok(true),
            None => {}
        }
        let none = Tensor::f_empty([0, self.energy.size().1], self.energy.options())?;
        Ok(self.regularizer.argmax(&none, self.domain).is_some())
    }

    /// $\omega$ and the bounds of every coordinate, where $\Omega$ is a sum that is known over a box.
    pub(crate) fn separable_on_box(&self) -> Option<(Separable, (f64, f64))> {
        let omega = self.regularizer.separable()?;
        Some((omega, omega.bounds_on(self.domain)?))
    }

    fn has_structure(&self) -> bool {
        matches!(
            self.energy.form(),
            Form::Linear { .. } | Form::Quadratic { .. }
        )
    }

    pub(crate) fn unsupported(&self, solver: &'static str, hint: &'static str) -> Error {
        let energy = match self.energy.form() {
            Form::Linear { .. } => "linear",
            Form::Quadratic { .. } => "quadratic",
            Form::Network { .. } => "network",
            Form::Concave => "concave",
            Form::General => "general",
        };
        let problem = format!(
            "a {energy} energy with {} on {}",
            self.regularizer.name(),
            self.domain.name()
        );
        Error::Unsupported {
            solver,
            problem,
            hint,
        }
    }
}
