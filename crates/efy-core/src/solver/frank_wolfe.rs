//! Frank-Wolfe (conditional gradient) ascent, plain and with away steps.

use tch::Tensor;

use super::active_set::ActiveSet;
use super::certificate::Measure;
use super::iterate::iterate_until;
use super::line_search::{Objective, Search, Trial};
use super::step::quadratic_regularizer;
use super::{Options, Problem, Solution, Solver};
use crate::{Error, Result, shape};

/// The most atoms that are kept a row.
const MOST_ATOMS: i64 = 64;

/// $p^+ = p + t\,d$ with $d = s - p$ and $s = \arg\max_{s \in C} \langle \nabla F(p), s \rangle$: of the
/// domain it only needs the linear oracle, no projection.
///
/// With away steps (Guelat and Marcotte 1986; Lacoste-Julien and Jaggi 2015) d is $p - a$ for the worst
/// of the points that p is a combination of, where that promises more: linear convergence on polytopes
/// for strongly concave F, instead of $O(1/n)$. Up to 64 of these points are kept, all of them vertices
/// unless a start is given.
///
/// The residual of a row is its gap $\max_{s \in C} \langle \nabla F(p), s - p \rangle$; with a gap of
/// $\varepsilon$ the distance to the maximum is at most $\sqrt{2 \varepsilon / m}$, m being F's modulus
/// of strong concavity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrankWolfe {
    /// How t is chosen.
    pub step: FrankWolfeStep,
    /// Whether there are away steps.
    pub away: bool,
    /// When to stop.
    pub options: Options,
}

/// The step t of Frank-Wolfe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum FrankWolfeStep {
    /// The maximum of F along d for quadratic F. Else $t = \eta \langle \nabla F(p), d \rangle/\|d\|^2$,
    /// as long as d allows, with $\eta$ found by [`Backtracking`](super::Step::Backtracking), one for
    /// each row (Pedregosa et al. 2020).
    #[default]
    Search,
    /// $2/(n + 2)$ in iteration $n = 0, 1, \dots$, whatever the energy; without away steps.
    Harmonic,
}

impl Default for FrankWolfe {
    fn default() -> Self {
        FrankWolfe {
            step: FrankWolfeStep::Search,
            away: true,
            options: Options::default(),
        }
    }
}

impl Solver for FrankWolfe {
    fn name(&self) -> &'static str {
        "frank_wolfe"
    }

    fn solve(&self, problem: &Problem<'_>, start: Option<&Tensor>) -> Result<Solution> {
        let _guard = tch::no_grad_guard();
        self.options.validate()?;
        if self.away && self.step == FrankWolfeStep::Harmonic {
            return Err(Error::Parameter {
                name: "solver.away",
                expected: "a line search with away steps",
                found: "harmonic steps".into(),
            });
        }
        if problem.regularizer.is_steep() {
            let hint = "an entropy's slope is infinite at the boundary: use mirror or auto";
            return Err(problem.unsupported(self.name(), hint));
        }
        let warm = start.is_some();
        let start = problem.start(start)?;
        if problem
            .domain
            .linear_argmax(&start.narrow(0, 0, 0))
            .is_none()
        {
            let hint = "it needs a domain on which linear functions have a maximum";
            return Err(problem.unsupported(self.name(), hint));
        }
        let mut length = Length::new(self.step, problem)?;
        let name = self.name();
        let mut p = start.shallow_clone();
        if !self.away {
            return iterate_until(Measure::Gap, problem, &self.options, name, &start, || {
                let gradient = problem.gradient(&p);
                let vertex = vertex(problem, &gradient, name)?;
                let d = &vertex - &p;
                let t = length.along(problem, &p, &gradient, &d, &Tensor::from(1.0))?;
                p = p.lerp_tensor(&vertex, &t);
                Ok(p.shallow_clone())
            });
        }
        if !warm {
            p = vertex(problem, &problem.gradient(&start), name)?;
        }
        let places = (4 * start.size()[1]).clamp(8, MOST_ATOMS);
        let mut set = ActiveSet::new(&p, places)?;
        iterate_until(Measure::Gap, problem, &self.options, name, &start, || {
            let gradient = problem.gradient(&p);
            let vertex = vertex(problem, &gradient, name)?;
            let away = set.worst(&gradient);
            let (towards, apart) = (&vertex - &p, &p - &away.atom);
            let promise = |d: &Tensor| shape::dot(&gradient, d).unsqueeze(-1);
            // With one atom left p is that atom, and what rounding makes of the difference is no direction.
            let from = promise(&apart)
                .gt_tensor(&promise(&towards))
                .logical_and(&away.longest.gt(0.0));
            let d = apart.where_self(&from, &towards);
            let one = away.longest.ones_like();
            let longest = away.longest.where_self(&from, &one);
            let t = length.along(problem, &p, &gradient, &d, &longest)?;
            set.step(&from, &away, &vertex, &t);
            p = set.point();
            Ok(p.shallow_clone())
        })
    }
}

fn vertex(problem: &Problem<'_>, gradient: &Tensor, solver: &'static str) -> Result<Tensor> {
    problem
        .domain
        .linear_argmax(gradient)
        .ok_or_else(|| problem.unsupported(solver, "it needs a linear oracle"))
}

/// How far to go.
enum Length {
    /// The maximum of a parabola.
    Exact,
    /// Step searched for, row by row.
    Searched(Search),
    /// $2/(n + 2)$.
    Harmonic { n: f64 },
}

impl Length {
    fn new(step: FrankWolfeStep, problem: &Problem<'_>) -> Result<Self> {
        let parabola = problem.has_structure() && quadratic_regularizer(problem).is_some();
        Ok(match step {
            FrankWolfeStep::Search if parabola => Length::Exact,
            FrankWolfeStep::Search => Length::Searched(Search::new(problem, 1.0)?),
            FrankWolfeStep::Harmonic => Length::Harmonic { n: 0.0 },
        })
    }

    /// t, `[B, 1]`, at most `longest`.
    fn along(
        &mut self,
        problem: &Problem<'_>,
        p: &Tensor,
        gradient: &Tensor,
        d: &Tensor,
        longest: &Tensor,
    ) -> Result<Tensor> {
        let slope = || shape::dot(gradient, d).unsqueeze(-1).clamp_min(0.0);
        Ok(match self {
            Length::Exact => {
                let omega = problem.regularizer.curvature(p) * d;
                let bend = omega - problem.energy.hessian_product(p, d);
                let bend = shape::dot(&bend, d).unsqueeze(-1);
                let slope = slope();
                let top = (&slope / &bend).minimum(longest);
                let uphill = longest.where_self(&slope.gt(0.0), &slope);
                top.where_self(&bend.gt(0.0), &uphill)
            }
            Length::Searched(search) => {
                let objective = Objective {
                    value: &|p| problem.value(p),
                    gradient: &|p| problem.gradient(p),
                };
                let square = shape::dot(d, d).unsqueeze(-1);
                // At a vertex that is the answer d is 0, and so is the slope.
                let rate = slope() / square.clamp_min(f64::from(f32::MIN_POSITIVE));
                let t = |eta: &Tensor| (&rate * eta).minimum(longest);
                let propose = |eta: &Tensor| {
                    Ok(Trial {
                        point: p + t(eta) * d,
                        distance: None,
                    })
                };
                let taken = t(&search.step(&objective, p, gradient, &propose)?.eta);
                // A step that the domain cut short says nothing of a longer one.
                let still = rate.le(0.0);
                search.restrain(&(&taken / rate).masked_fill(&still, f64::INFINITY));
                taken
            }
            Length::Harmonic { n } => {
                let t = 2.0 / (*n + 2.0);
                *n += 1.0;
                p.narrow(1, 0, 1).full_like(t)
            }
        })
    }
}
