//! Control of the plant by a quadratic program.

use nalgebra::{DMatrix, DVector};

use super::{BoxQp, LinearPlant};
use crate::{Environment, Error, Policy, Result};

/// Riccati iterations, of which some hundreds are usual.
const MAX_ITERATIONS: usize = 1_000_000;

/// Model predictive control over a short horizon, with the value of the unconstrained problem as the cost of what comes after.
///
/// In each state it minimizes Σ_{t<N} (s_tᵀQ s_t + u_tᵀR u_t) + s_NᵀP s_N over u_0, ..., u_{N-1} in the box, s_{t+1} = A s_t + B u_t, and does u_0.
/// P solves the discrete Riccati equation, so that where no bound holds this is the optimal linear controller. For N = 1 the action is
///
/// ```text
/// argmax over u in [-1, 1]^k of  ⟨-2 BᵀPA s, u⟩ - uᵀ(R + BᵀPB) u
/// ```
///
/// which is the argmax of a pairwise energy with a linear unary part and a constant coupling: what a pairwise policy can be exactly.
#[derive(Clone, Debug)]
pub struct Controller {
    /// f = `linear` s, `[N k, d]`.
    linear: DMatrix<f64>,
    problem: BoxQp,
    riccati: DMatrix<f64>,
    actuators: usize,
}

impl Controller {
    /// The controller of a plant, with a horizon N of at least 1.
    ///
    /// # Errors
    /// Where the horizon is 0, or the plant cannot be stabilized.
    pub fn new(plant: &LinearPlant, horizon: usize) -> Result<Controller> {
        if horizon == 0 {
            return Err(Error::Invalid(
                "horizon: expected at least 1, found 0".into(),
            ));
        }
        let (a, b, q, r) = (plant.a(), plant.b(), plant.q(), plant.r());
        let p = riccati(a, b, q, &r)?;
        let (d, k) = b.shape();
        // s_{t+1} = from_state s_0 + from_actions (u_0, ..., u_t), and its cost, is added up over the horizon.
        let mut from_state = DMatrix::identity(d, d);
        let mut from_actions = DMatrix::zeros(d, horizon * k);
        let mut hessian = DMatrix::zeros(horizon * k, horizon * k);
        let mut linear = DMatrix::zeros(horizon * k, d);
        for t in 0..horizon {
            from_state = a * from_state;
            from_actions = a * from_actions;
            from_actions.columns_mut(t * k, k).copy_from(b);
            let cost = if t + 1 == horizon { &p } else { q };
            hessian += from_actions.transpose() * cost * &from_actions;
            linear += from_actions.transpose() * cost * &from_state;
            let mut own = hessian.view_mut((t * k, t * k), (k, k));
            own += &r;
        }
        let (hessian, linear) = (hessian * 2.0, linear * 2.0);
        // Symmetric to the last bit.
        let hessian = (&hessian + hessian.transpose()) * 0.5;
        let spec = plant.spec();
        let problem = BoxQp::new(
            hessian,
            &spec.low.repeat(horizon),
            &spec.high.repeat(horizon),
        )?;
        Ok(Controller {
            linear,
            problem,
            riccati: p,
            actuators: k,
        })
    }

    /// The quadratic program over all actions of the horizon; its Hessian is 2 (R + BᵀPB) for N = 1.
    pub fn problem(&self) -> &BoxQp {
        &self.problem
    }

    /// F with f = F s, `[N k, d]`: 2 BᵀPA for N = 1.
    pub fn linear(&self) -> &DMatrix<f64> {
        &self.linear
    }

    /// P, `[d, d]`.
    pub fn riccati(&self) -> &DMatrix<f64> {
        &self.riccati
    }

    /// The action in a state, `[d]`.
    ///
    /// # Errors
    /// Where the state has another length or is not finite.
    pub fn action(&self, state: &[f64]) -> Result<Vec<f64>> {
        if state.len() != self.linear.ncols() {
            return Err(Error::Length {
                what: "observation",
                expected: self.linear.ncols(),
                found: state.len(),
            });
        }
        let linear = &self.linear * DVector::from_row_slice(state);
        let solution = self.problem.solve(&linear)?;
        Ok(solution.x.as_slice()[..self.actuators].to_vec())
    }
}

impl Policy for Controller {
    fn act(&mut self, _count: usize, observations: &[f64], actions: &mut [f64]) -> Result<()> {
        let rows = observations.chunks_exact(self.linear.ncols());
        for (state, action) in rows.zip(actions.chunks_exact_mut(self.actuators)) {
            action.copy_from_slice(&self.action(state)?);
        }
        Ok(())
    }

    fn fork(&self) -> Option<Box<dyn Policy + Send>> {
        Some(Box::new(self.clone()))
    }
}

/// P = Q + AᵀPA - AᵀPB (R + BᵀPB)⁻¹ BᵀPA, by iteration from Q.
fn riccati(
    a: &DMatrix<f64>,
    b: &DMatrix<f64>,
    q: &DMatrix<f64>,
    r: &DMatrix<f64>,
) -> Result<DMatrix<f64>> {
    let unstable = || {
        Error::Invalid(
            "linear_plant: cannot be stabilized, the Riccati iteration does not converge".into(),
        )
    };
    let mut p = q.clone();
    for _ in 0..MAX_ITERATIONS {
        let pa = &p * a;
        let bpa = b.transpose() * &pa;
        let factor = (r + b.transpose() * &p * b)
            .cholesky()
            .ok_or_else(unstable)?;
        let next = q + a.transpose() * &pa - bpa.transpose() * factor.solve(&bpa);
        let next = (&next + next.transpose()) * 0.5;
        let change = (&next - &p).amax();
        p = next;
        if change <= 1e-13 * p.amax() {
            return Ok(p);
        }
    }
    Err(unstable())
}
