//! Inference in network energies $\langle u, p \rangle - \Psi(p)$.
//!
//! Newton's model of $\Psi$ at p is a quadratic, $\nabla^2\Psi = \sum_l J_l^\top D_l J_l$ with the
//! Jacobian $J_l$ of what goes into the activations of layer l. One sweep of coordinate ascent on model
//! and regularizer costs about what three gradients do and needs no step size; a line search guards it.

mod evaluate;
mod input;
mod sweep;

use multiversion::multiversion;
use tch::{Kind, Tensor};

use super::{LANES, Outcome, Real, certificate, for_blocks, real};
use crate::Result;
use crate::device::read;
use crate::native::input::Block;
use crate::solver::{Options, Problem, Solution};
use evaluate::State;
use input::Network;

/// A step is halved at most this often.
const MOST_HALVINGS: usize = 15;
/// The part of the first-order gain that a step has to keep.
const SUFFICIENT: f64 = 0.1;
/// Units in the last place that a difference of values may be wrong by.
const SLACK: f64 = 8.0;

/// Solves a problem with a network energy and a separable regularizer on a box from `start`.
pub(crate) fn coordinate_newton(
    problem: &Problem<'_>,
    start: &Tensor,
    options: &Options,
    solver: &'static str,
) -> Result<Solution> {
    fn run<T: Real>(
        problem: &Problem<'_>,
        start: &Tensor,
        options: &Options,
        solver: &'static str,
    ) -> Result<Solution> {
        let network = Network::<T>::new(problem, options.certify)?;
        for_blocks(
            (network.rows, network.k),
            network.work,
            (read::to_vec(start)?, options, solver),
            || State::<T, LANES>::new(&network),
            |state, first, live, p| ascend(&network, state, (first, live), p, options),
        )
    }
    match start.kind() {
        Kind::Double => run::<f64>(problem, start, options, solver),
        _ => run::<f32>(problem, start, options, solver),
    }
}

/// Improves `p` until the residual of every lane is small.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn ascend<T: Real, const L: usize>(
    network: &Network<T>,
    state: &mut State<T, L>,
    (first, live): (usize, usize),
    p: &mut [[T; L]],
    options: &Options,
) -> [Outcome<T>; L] {
    state.load(network, first, live);
    let u = std::mem::take(&mut state.u);
    let block = network.block(first, live, &u);
    let tolerance: T = real(options.tolerance);
    let mut iterations = [options.max_iterations as i64; L];
    let mut active = [false; L];
    active[..live].fill(true);
    let mut psi = state.evaluate(network, p);
    for iteration in 0..=options.max_iterations {
        let residual = certificate::residuals(&block, p, &state.product);
        let rounding = certificate::rounding(&block, &state.product);
        for lane in 0..L {
            let small = residual[lane] <= tolerance || residual[lane] <= rounding[lane];
            if active[lane] && (small || residual[lane].is_nan()) {
                active[lane] = false;
                iterations[lane] = iteration as i64;
            }
        }
        if iteration == options.max_iterations || !active.contains(&true) {
            break;
        }
        state.old.copy_from_slice(p);
        state.old_product.copy_from_slice(&state.product);
        state.bend(network);
        sweep::sweep(network, state, &block, p, &active);
        psi = search(network, state, &block, p, psi, active);
    }
    let phi: [T; L] = std::array::from_fn(|lane| {
        let linear = p.iter().zip(&u).map(|(p, u)| p[lane] * u[lane]);
        linear.fold(T::zero(), |sum, term| sum + term) - psi[lane]
    });
    let concavity = std::array::from_fn(|lane| network.concavity(first + lane));
    let outcomes = certificate::judge(
        &block,
        p,
        &state.product,
        &phi,
        concavity,
        iterations,
        options,
    );
    state.u = u;
    outcomes
}

/// Goes back towards `state.old` in lanes where the sweep did not gain enough; returns $\Psi$ at the
/// new p, where `state` is evaluated.
///
/// Near the maximum a difference of two values is all rounding. So the gain is measured twice: by
/// values, up to what rounding may add, and by gradients at both ends (the trapezoidal rule, wrong by
/// the third power of the step only).
#[inline(always)]
fn search<T: Real, const L: usize>(
    network: &Network<T>,
    state: &mut State<T, L>,
    block: &Block<'_, T, L>,
    p: &mut [[T; L]],
    psi: [T; L],
    mut pending: [bool; L],
) -> [T; L] {
    let half = real::<T>(0.5);
    let (sufficient, unit) = (real::<T>(SUFFICIENT), real::<T>(SLACK) * T::epsilon());
    let omega_size = block.omega.scale() * real(p.len() as f64);
    let mut halvings = 0;
    loop {
        let new_psi = state.evaluate(network, p);
        let zero = [T::zero(); L];
        let (mut linear, mut before, mut after, mut omega, mut size) =
            (zero, zero, zero, zero, [omega_size; L]);
        for (i, p) in p.iter().enumerate() {
            let (u, from) = (&block.u[i], &state.old[i]);
            let (old, new) = (&state.old_product[i], &state.product[i]);
            let change = block.omega.difference_lanes(from, p);
            for lane in 0..L {
                let (u, d) = (u[lane], p[lane] - from[lane]);
                let (old, new) = (old[lane], new[lane]);
                linear[lane] += u * d;
                before[lane] += (u + old) * d;
                after[lane] += (u + new) * d;
                size[lane] += (u.abs() + old.abs()) * d.abs();
                omega[lane] += change[lane];
            }
        }
        for lane in 0..L {
            let first_order = before[lane] + omega[lane];
            let gain = half * (before[lane] + after[lane]) + omega[lane];
            let by_value = linear[lane] - (new_psi[lane] - psi[lane]) + omega[lane];
            let enough = gain >= sufficient * first_order - unit * size[lane];
            let not_worse = by_value >= -unit * (psi[lane].abs() + size[lane] + T::one());
            let settled = (enough && not_worse) || new_psi[lane].is_nan();
            pending[lane] &= !settled;
        }
        if halvings == MOST_HALVINGS || !pending.contains(&true) {
            return new_psi;
        }
        halvings += 1;
        for (p, old) in p.iter_mut().zip(&state.old) {
            for lane in 0..L {
                if pending[lane] {
                    p[lane] = half * (p[lane] + old[lane]);
                }
            }
        }
    }
}
