//! L-BFGS on boxes, for any energy, row by row on the CPU.

use tch::{Kind, Tensor};

use super::certificate::{self, Measure};
use super::projected_lbfgs::{Point, Row};
use super::{Options, Problem, Solution, Solver};
use crate::Result;
use crate::device::read;

/// Projected L-BFGS with an active set: the limited-memory matrix on the coordinates that are not held
/// at an end of the box, a gradient step on the others, both along the projection arc (the
/// two-metric projection of Bertsekas 1982).
///
/// A reference for any energy on a box with a regularizer of finite slope. Every row has its own memory
/// and line search in f64 on the host; one evaluation of the energy serves all rows. On the CPU only:
/// every evaluation is read. It looks at every row after every evaluation, whatever
/// [`Options::check_every`] says.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LbfgsB {
    /// When to stop.
    pub options: Options,
}

impl Solver for LbfgsB {
    fn name(&self) -> &'static str {
        "lbfgsb"
    }

    fn solve(&self, problem: &Problem<'_>, start: Option<&Tensor>) -> Result<Solution> {
        let _guard = tch::no_grad_guard();
        self.options.validate()?;
        let Some(bounds) = problem.domain.bounds() else {
            return Err(problem.unsupported(self.name(), "it needs a box: use auto"));
        };
        if problem.regularizer.is_steep() {
            let hint = "an entropy's slope is infinite at the boundary: use newton, mirror or auto";
            return Err(problem.unsupported(self.name(), hint));
        }
        if !problem.on_cpu() {
            let hint = "it runs on the CPU: use newton or fista";
            return Err(problem.unsupported(self.name(), hint));
        }
        let start = problem.start(start)?;
        let k = start.size()[1] as usize;
        let epsilon = certificate::epsilon(start.kind());
        let mut evaluated = self.evaluate(problem, &start)?;
        let mut rows: Vec<Row> = evaluated
            .points(k)
            .map(|point| Row::new(point, bounds, epsilon, self.options.max_iterations))
            .collect();
        while rows.iter().any(|row| !row.done()) {
            let trials: Vec<f64> = rows.iter().flat_map(|row| row.trial()).copied().collect();
            let trials = Tensor::f_from_slice(&trials)?
                .f_view_as(&start)?
                .f_to_kind(start.kind())?;
            evaluated = self.evaluate(problem, &trials)?;
            rows.iter_mut()
                .zip(evaluated.points(k))
                .for_each(|(row, point)| row.judge(point));
        }
        let answer: Vec<f64> = rows.iter().flat_map(|row| row.answer()).copied().collect();
        let answer = Tensor::f_from_slice(&answer)?
            .f_view_as(&start)?
            .f_to_kind(start.kind())?;
        let iterations: Vec<i64> = rows.iter().map(|row| row.iterations() as i64).collect();
        let iterations = Tensor::f_from_slice(&iterations)?;
        Ok(certificate::certify(
            Measure::FixedPoint,
            problem,
            answer,
            iterations,
            &self.options,
            self.name(),
        ))
    }
}

/// What the energy says of a batch of points, on the host.
struct Evaluated {
    points: Vec<f64>,
    values: Vec<f64>,
    gradients: Vec<f64>,
    solved: Vec<bool>,
}

impl Evaluated {
    /// Row by row, $-F$ being minimized.
    fn points(&self, k: usize) -> impl Iterator<Item = Point<'_>> {
        let rows = self
            .points
            .chunks(k.max(1))
            .zip(self.gradients.chunks(k.max(1)));
        rows.zip(self.values.iter().zip(&self.solved)).map(
            |((point, gradient), (&value, &solved))| Point {
                point,
                gradient,
                value,
                solved,
            },
        )
    }
}

impl LbfgsB {
    fn evaluate(&self, problem: &Problem<'_>, p: &Tensor) -> Result<Evaluated> {
        let theta = problem.energy.gradient(p).detach();
        let residual = Measure::FixedPoint.at(problem, p, &theta);
        let gradient = problem.regularizer.gradient(p) - &theta;
        let solved = certificate::within_tolerance(problem, &theta, &residual, &self.options);
        let value = problem.value(p).detach().neg();
        let double = |t: &Tensor| read::to_vec::<f64>(&t.to_kind(Kind::Double));
        Ok(Evaluated {
            points: double(p)?,
            values: double(&value)?,
            gradients: double(&gradient)?,
            solved: read::to_vec(&solved)?,
        })
    }
}
