//! Backtracking on all rows at once, each with its own step.

use tch::{Device, Kind, Tensor};

use super::Problem;
use super::certificate::epsilon;
use crate::device::read;
use crate::{Result, shape};

/// Line searches halve the step at most this often an iteration, as jaxopt's.
pub(crate) const MOST_HALVINGS: usize = 15;
/// A step at most this long is reset to 1 before it is doubled, as jaxopt's.
pub(crate) const SHORTEST_STEP: f64 = 1e-6;
/// A step that no curvature stops grows to this and no further.
pub(crate) const LONGEST_STEP: f64 = 1e6;

/// The function whose linearization a search tests.
pub(super) struct Objective<'a> {
    /// `[B]`.
    pub(super) value: &'a dyn Fn(&Tensor) -> Tensor,
    /// `[B, k]`.
    pub(super) gradient: &'a dyn Fn(&Tensor) -> Tensor,
}

/// A point that a step leads to.
pub(super) struct Trial {
    /// q, `[B, k]`.
    pub(super) point: Tensor,
    /// $D(q, z)$ and $D(q, z) + D(z, q)$, `[B, 1]`; `None` for $\frac12\|q - z\|^2$ and $\|q - z\|^2$.
    pub(super) distance: Option<(Tensor, Tensor)>,
}

/// The steps of all rows, `[B, 1]`.
pub(super) struct Search {
    eta: Tensor,
    epsilon: f64,
}

/// What a search ends with.
pub(super) struct Found {
    /// q, `[B, k]`.
    pub(super) point: Tensor,
    /// The step that led there, `[B, 1]`.
    pub(super) eta: Tensor,
}

impl Search {
    pub(super) fn new(problem: &Problem<'_>, initial: f64) -> Result<Self> {
        let options = problem.energy.options();
        Ok(Search {
            eta: Tensor::f_full([problem.energy.size().0, 1], initial, options)?,
            epsilon: epsilon(options.0),
        })
    }

    /// Lets the next search start from twice `eta` at most.
    pub(super) fn restrain(&mut self, eta: &Tensor) {
        self.eta = self.eta.minimum(&(eta * 2.0));
    }

    /// Halves the step of each row until [`Step::Backtracking`](super::Step::Backtracking)'s test is
    /// met at `propose(eta)`, which starts from `z` where the gradient is `gradient`.
    pub(super) fn step(
        &mut self,
        objective: &Objective<'_>,
        z: &Tensor,
        gradient: &Tensor,
        propose: &dyn Fn(&Tensor) -> Result<Trial>,
    ) -> Result<Found> {
        let value = |p: &Tensor| (objective.value)(p).unsqueeze(-1);
        let before = value(z);
        let mut eta = self.eta.shallow_clone();
        let mut q = z.shallow_clone();
        let mut accepted = eta.zeros_like().to_kind(Kind::Bool);
        let slack = 1.0 + 8.0 * self.epsilon;
        let noise = before.abs().clamp_min(1.0) * (4.0 * self.epsilon);
        for _ in 0..MOST_HALVINGS {
            let Trial { point, distance } = propose(&eta)?;
            let d = &point - z;
            let (one_way, both_ways) = distance.unwrap_or_else(|| {
                let square = shape::dot(&d, &d).unsqueeze(-1);
                (&square * 0.5, square)
            });
            let slope = shape::dot(&d, gradient).unsqueeze(-1);
            let change = gradient - (objective.gradient)(&point);
            let bend = shape::dot(&d, &change).unsqueeze(-1);
            let flat = (&eta * bend).le_tensor(&(both_ways * slack));
            let ascent = &eta * (&before - value(&point) + slope - &noise);
            let enough = ascent
                .le_tensor(&(one_way + self.epsilon))
                .logical_and(&flat);
            q = q.where_self(&accepted, &point);
            accepted = accepted.logical_or(&enough);
            if all_on_cpu(&accepted)? {
                break;
            }
            eta = eta.where_self(&accepted, &(&eta * 0.5));
        }
        self.eta = (&eta * 2.0)
            .clamp_max(LONGEST_STEP)
            .masked_fill(&eta.le(SHORTEST_STEP), 1.0);
        Ok(Found { point: q, eta })
    }
}

/// Whether all rows are done, looked at on the CPU only: elsewhere looking costs more than going on.
pub(super) fn all_on_cpu(done: &Tensor) -> Result<bool> {
    Ok(done.device() == Device::Cpu && read::scalar(&done.all())? != 0.0)
}
