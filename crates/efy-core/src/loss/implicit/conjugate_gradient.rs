//! Conjugate gradients on all rows at once, for energies that are known by Hessian products.

use tch::{Device, Tensor};

use crate::Result;
use crate::device::read;
use crate::energy::Energy;
use crate::shape;

use super::{System, square};

/// Iterations at most. k would do in exact arithmetic; rounding takes some more.
const MOST_ITERATIONS: i64 = 200;
/// A row is done when its residual is this many roundings of the right side.
const ROUNDINGS: f64 = 4.0;

/// z with $M z = $ `right`, `[B, k]`, for a positive definite M.
///
/// Rows that are done are left alone: what a row gets does not depend on the others. On the CPU the
/// loop ends when all are done; elsewhere it runs its $\min(2k, 200)$ iterations and looks at nothing.
pub(super) fn solve(
    system: &System,
    energy: &dyn Energy,
    p: &Tensor,
    right: &Tensor,
) -> Result<Tensor> {
    let epsilon = match right.kind() {
        tch::Kind::Double => f64::EPSILON,
        _ => f64::from(f32::EPSILON),
    };
    let enough = square(right) * (ROUNDINGS * epsilon).powi(2);
    let mut z = right.zeros_like();
    let mut residual = right.shallow_clone();
    let mut direction = right.shallow_clone();
    let mut size = square(&residual);
    for _ in 0..MOST_ITERATIONS.min(2 * right.size()[1]) {
        let open = size.gt_tensor(&enough);
        if right.device() == Device::Cpu && read::scalar(&open.any())? == 0.0 {
            break;
        }
        let image = system.product(&direction, |q| energy.hessian_product(p, q));
        let bend = shape::dot(&direction, &image).unsqueeze(-1);
        let step = (&size / bend).where_self(&open, &size.zeros_like());
        z = &z + &direction * &step;
        residual = &residual - image * step;
        let next = square(&residual);
        let weight = (&next / &size).where_self(&open, &size.zeros_like());
        direction = &residual + direction * weight;
        size = next.where_self(&open, &size);
    }
    Ok(z)
}
