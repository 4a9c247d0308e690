//! Coordinate ascent on Newton's model, for network energies on boxes.

use tch::Tensor;

use super::{Options, Problem, Solution, Solver};
use crate::energy::{Form, Spen};
use crate::{Result, native};

/// One sweep of exact maximization over the coordinates of
/// $\langle\nabla\Phi, p - p_0\rangle + \frac12 \langle p - p_0, H (p - p_0)\rangle - \Omega(p)$ after
/// another, H being the Hessian of $\Phi$ at $p_0$ without the units that bend upwards, and a line
/// search for the sweeps that overshoot: a proximal Newton method (Lee, Sun and Saunders 2014) with a
/// Gauss-Seidel inner loop. An iteration is a sweep.
///
/// Monotone up to rounding; converges to the maximum when the network is convex, and to a stationary
/// point that depends on the start when it is not. On the CPU only, where rows are solved eight at a
/// time in vector registers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CoordinateNewton {
    /// When to stop.
    pub options: Options,
}

impl CoordinateNewton {
    /// Whether the method is for this problem.
    pub(super) fn applies(problem: &Problem<'_>) -> bool {
        problem.on_cpu()
            && problem.separable_on_box().is_some()
            && matches!(problem.energy.form(), Form::Network { .. })
    }
}

impl Solver for CoordinateNewton {
    fn name(&self) -> &'static str {
        "coordinate_newton"
    }

    fn solve(&self, problem: &Problem<'_>, start: Option<&Tensor>) -> Result<Solution> {
        let _guard = tch::no_grad_guard();
        self.options.validate()?;
        if !Self::applies(problem) {
            let hint = "it needs a network energy, a separable regularizer on a box, and the CPU";
            return Err(problem.unsupported(self.name(), hint));
        }
        let start = problem.start(start)?;
        let solve = |problem: &Problem<'_>, start: &Tensor| {
            native::coordinate_newton(problem, start, &self.options, self.name())
        };
        let Form::Network { u, prior } = problem.energy.form() else {
            return solve(problem, &start);
        };
        let Some(blocks) = prior.blocks() else {
            return solve(problem, &start);
        };
        // Networks of their own, one after the other.
        let each = start.size()[0] / blocks.max(1);
        let block = |index: i64| {
            let rows = |t: &Tensor| t.narrow(0, index * each, each);
            let energy = Spen::new(rows(&u.detach()), prior.block(index, each))?;
            let problem = Problem {
                energy: &energy,
                ..*problem
            };
            solve(&problem, &rows(&start))
        };
        Solution::concatenated((0..blocks).map(block).collect::<Result<Vec<_>>>()?)
    }
}
