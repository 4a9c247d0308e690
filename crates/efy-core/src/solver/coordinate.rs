//! Coordinate ascent for quadratic energies on boxes.

use tch::{Kind, Tensor};

use super::iterate::iterate;
use super::{Options, Problem, Solution, Solver};
use crate::energy::Form;
use crate::regularizer::Separable;
use crate::{Result, native};

/// Newton steps of the batched one-dimensional maximization; each row needs about five.
const NEWTON_STEPS: usize = 40;

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
        let start = problem.start(start)?;
        if problem.on_cpu() {
            native::coordinate_ascent(problem, &start, &self.options)
        } else {
            self.solve_batched(problem, &start)
        }
    }
}

impl CoordinateAscent {
    /// Whether it knows the energy, the regularizer and the domain.
    pub(super) fn applies(problem: &Problem<'_>) -> bool {
        problem.has_structure()
            && problem.domain.bounds().is_some()
            && problem.regularizer.separable().is_some_and(|omega| {
                matches!(omega, Separable::Quadratic { .. }) || problem.domain.name() == "cube"
            })
    }

    /// The tensor path, for any device.
    pub(super) fn solve_batched(&self, problem: &Problem<'_>, start: &Tensor) -> Result<Solution> {
        let (Some(omega), Some(bounds)) =
            (problem.regularizer.separable(), problem.domain.bounds())
        else {
            return Err(
                problem.unsupported(self.name(), "it needs a separable regularizer on a box")
            );
        };
        let (u, dense) = match problem.energy.form() {
            Form::Quadratic { u, coupling } => (u.detach(), coupling.dense()),
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
                coordinate.copy_(&maximize(omega, bounds, &a, &diagonal));
            }
            Ok(p.copy())
        })
    }
}

/// $\arg\max_{l \le p \le h} a p + \frac{d}{2} p^2 - \omega(p)$, elementwise.
fn maximize(omega: Separable, (low, high): (f64, f64), a: &Tensor, d: &Tensor) -> Tensor {
    match omega {
        Separable::Quadratic { curvature, slope } => {
            let linear = a - slope;
            let curvature = curvature - d;
            let inside = (&linear / &curvature).clamp(low, high);
            // A convex parabola is largest at an end.
            let end = |p: f64| &linear * p - &curvature * (0.5 * p * p);
            let higher = end(high).gt_tensor(&end(low)).to_kind(a.kind()) * (high - low) + low;
            inside.where_self(&curvature.gt(0.0), &higher)
        }
        Separable::BinaryEntropy { gamma } => {
            let ends = (a / gamma, (a + d) / gamma);
            let t = root(ends.0.minimum(&ends.1), ends.0.maximum(&ends.1), |t| {
                let p = t.sigmoid();
                let slope = d * &p * (1.0 - &p) - gamma;
                (a + d * &p - t * gamma, slope)
            });
            t.sigmoid()
        }
        Separable::OneSidedShannon { gamma } => {
            let ends = (a / gamma - 1.0, (a + d) / gamma - 1.0);
            let low = ends.0.minimum(&ends.1).clamp_max(0.0);
            let high = ends.0.maximum(&ends.1).clamp_max(0.0);
            let t = root(low, high, |t| {
                let p = t.exp();
                (a + d * &p - (t + 1.0) * gamma, d * &p - gamma)
            });
            t.exp()
        }
    }
}

/// The root of a decreasing function between `low` and `high`, or the end nearest to it, elementwise,
/// by Newton steps kept inside a shrinking bracket.
fn root(mut low: Tensor, mut high: Tensor, f: impl Fn(&Tensor) -> (Tensor, Tensor)) -> Tensor {
    let mut t = (&low + &high) * 0.5;
    for _ in 0..NEWTON_STEPS {
        let (value, slope) = f(&t);
        let right = value.gt(0.0);
        low = t.where_self(&right, &low);
        high = high.where_self(&right, &t);
        let newton = &t - value / slope;
        let inside = newton.ge_tensor(&low).logical_and(&newton.le_tensor(&high));
        t = newton.where_self(&inside, &((&low + &high) * 0.5));
    }
    debug_assert!(matches!(t.kind(), Kind::Float | Kind::Double));
    t
}
