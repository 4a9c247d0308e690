//! Coordinate ascent for quadratic energies on boxes.

use tch::Tensor;

use super::iterate::iterate;
use super::{Options, Problem, Solution, Solver};
use crate::energy::Form;
use crate::{Result, native};

/// Exact maximization over one coordinate after the other, cyclically; an iteration is a sweep over
/// all k. Monotone; converges to the maximum when F is concave, and to a
/// coordinate-wise maximum that depends on the start when it is not.
///
/// On the CPU it is the fastest method for quadratic energies. On other devices it launches about ten
/// kernels a coordinate: use projected gradient or mirror ascent there.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CoordinateAscent {
    /// When to stop.
    pub options: Options,
}

impl Solver for CoordinateAscent {
    fn name(&self) -> &'static str {
        "coordinate_ascent"
    }

    fn solve(&self, problem: &Problem<'_>, start: Option<&Tensor>) -> Result<Solution> {
        let _guard = tch::no_grad_guard();
        self.options.validate()?;
        if !Self::applies(problem) {
            let hint = "it needs a linear or quadratic energy and a separable regularizer on a box";
            return Err(problem.unsupported(self.name(), hint));
        }
        if problem.on_cpu() {
            native::coordinate_ascent(problem, start, &self.options)
        } else {
            self.solve_batched(problem, &problem.start(start)?)
        }
    }
}

impl CoordinateAscent {
    /// Whether it knows the energy, the regularizer and the domain.
    pub(super) fn applies(problem: &Problem<'_>) -> bool {
        problem.has_structure() && problem.separable_on_box().is_some()
    }

    /// The tensor path, for any device.
    pub(super) fn solve_batched(&self, problem: &Problem<'_>, start: &Tensor) -> Result<Solution> {
        let Some((omega, bounds)) = problem.separable_on_box() else {
            return Err(
                problem.unsupported(self.name(), "it needs a separable regularizer on a box")
            );
        };
        let (u, dense) = match problem.energy.form() {
            Form::Quadratic { u, coupling } => (u.detach(), coupling.dense_by_row(u.size()[0])),
            Form::Linear { u } => {
                let k = u.size()[1];
                (u.detach(), Tensor::f_zeros([k, k], (u.kind(), u.device()))?)
            }
            _ => return Err(problem.unsupported(self.name(), "it needs a quadratic energy")),
        };
        let per_row = dense.dim() == 3;
        let k = u.size()[1];
        let p = start.copy();
        iterate(problem, &self.options, self.name(), start, || {
            for i in 0..k {
                let row = dense.select(-2, i);
                let diagonal = row.select(-1, i);
                let coupled = if per_row {
                    crate::shape::dot(&row, &p)
                } else {
                    p.mv(&row)
                };
                let mut coordinate = p.select(1, i);
                let a = u.select(1, i) + coupled - &diagonal * &coordinate;
                coordinate.copy_(&omega.maximize(bounds, &a, &diagonal));
            }
            Ok(p.copy())
        })
    }
}
