//! Value, residual and gap of a block of rows.

use multiversion::multiversion;

use crate::solver::{Options, ROUNDING};

use super::input::{Block, Concavity};
use super::{Outcome, Real, Scratch, real};

/// The residual of each lane, with `product` $= U p$.
#[inline(always)]
pub(super) fn residuals<T: Real, const L: usize>(
    block: &Block<'_, T, L>,
    p: &[[T; L]],
    product: &[[T; L]],
) -> [T; L] {
    let mut largest = [T::zero(); L];
    let rows = p.iter().zip(block.u).zip(product);
    // Not `max`, which would drop a NaN: once there, it stays.
    let larger = |largest: T, x: T| {
        if (x > largest) | x.is_nan() {
            x
        } else {
            largest
        }
    };
    let omega = &block.omega;
    if let Some((curvature, slope)) = omega.quadratic() {
        // A loop of its own, without calls: what it sums up stays in registers.
        for ((p, u), product) in rows {
            for lane in 0..L {
                let (p, theta) = (p[lane], u[lane] + product[lane]);
                let next = omega.project(p + (theta - curvature * p - slope));
                largest[lane] = larger(largest[lane], (next - p).abs());
            }
        }
    } else {
        for ((p, u), product) in rows {
            for lane in 0..L {
                let residual = omega.residual(p[lane], u[lane] + product[lane]);
                largest[lane] = larger(largest[lane], residual);
            }
        }
    }
    largest
}

/// What rounding leaves of a residual: [`ROUNDING`] units in the last place of the largest u and
/// gradient of $\Phi$. A tolerance below it would never be met.
#[inline(always)]
pub(super) fn rounding<T: Real, const L: usize>(
    block: &Block<'_, T, L>,
    product: &[[T; L]],
) -> [T; L] {
    let (mut largest_u, mut largest_theta) = ([T::zero(); L], [T::zero(); L]);
    for (u, product) in block.u.iter().zip(product) {
        for lane in 0..L {
            let (u, theta) = (u[lane].abs(), (u[lane] + product[lane]).abs());
            largest_u[lane] = if u > largest_u[lane] {
                u
            } else {
                largest_u[lane]
            };
            largest_theta[lane] = if theta > largest_theta[lane] {
                theta
            } else {
                largest_theta[lane]
            };
        }
    }
    let unit = T::epsilon() * real(ROUNDING);
    std::array::from_fn(|lane| (largest_u[lane] + largest_theta[lane]).max(T::one()) * unit)
}

/// What the report says of `p`, from a fresh product: the running one has gathered rounding errors.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub(super) fn outcomes<T: Real, const L: usize>(
    block: &Block<'_, T, L>,
    p: &[[T; L]],
    scratch: &mut Scratch<T, L>,
    iterations: [i64; L],
    options: &Options,
) -> [Outcome<T>; L] {
    let Scratch { product, factor } = scratch;
    block.matrix.apply(p, product, factor);
    let half: T = real(0.5);
    let mut phi = [T::zero(); L];
    if options.certify {
        for ((p, u), product) in p.iter().zip(block.u).zip(product.iter()) {
            for lane in 0..L {
                phi[lane] += p[lane] * (u[lane] + product[lane] * half);
            }
        }
    }
    judge(
        block,
        p,
        product,
        &phi,
        [block.concavity; L],
        iterations,
        options,
    )
}

/// What the report says of `p`, where $\nabla\Phi = u +$ `product` and $\Phi =$ `phi`.
#[inline(always)]
pub(super) fn judge<T: Real, const L: usize>(
    block: &Block<'_, T, L>,
    p: &[[T; L]],
    product: &[[T; L]],
    phi: &[T; L],
    concavity: [Concavity; L],
    iterations: [i64; L],
    options: &Options,
) -> [Outcome<T>; L] {
    let residual = residuals(block, p, product);
    let rounding = rounding(block, product);
    let tolerance: T = real(options.tolerance);
    std::array::from_fn(|lane| {
        let (value, gap) = if options.certify && lane < block.live {
            let (omega, gap) = bounds(block, p, product, concavity[lane], lane);
            (phi[lane] - omega, gap)
        } else {
            (T::nan(), T::nan())
        };
        Outcome {
            iterations: iterations[lane],
            converged: residual[lane] <= tolerance || residual[lane] <= rounding[lane],
            residual: residual[lane],
            value,
            gap,
        }
    })
}

/// $\Omega(p)$ and the gap of one lane.
fn bounds<T: Real, const L: usize>(
    block: &Block<'_, T, L>,
    p: &[[T; L]],
    product: &[[T; L]],
    concavity: Concavity,
    lane: usize,
) -> (T, T) {
    let omega = &block.omega;
    let mut value = T::zero();
    let mut gap = T::zero();
    for ((p, u), product) in p.iter().zip(block.u).zip(product) {
        let (p, theta) = (p[lane], u[lane] + product[lane]);
        value += omega.value(p);
        gap += match concavity {
            Concavity::Energy => omega.fenchel_young(p, theta),
            Concavity::Objective => omega.frank_wolfe(p, theta),
            Concavity::Unknown => T::infinity(),
        };
    }
    (value, gap)
}
