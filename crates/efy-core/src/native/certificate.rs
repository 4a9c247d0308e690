//! Value, residual and gap of a block of rows.

use multiversion::multiversion;

use super::input::{Block, Concavity};
use super::{Outcome, Real, Scratch};

/// The residual of each lane, with `product` $= U p$.
#[inline(always)]
pub(super) fn residuals<T: Real, const L: usize>(
    block: &Block<'_, T, L>,
    p: &[[T; L]],
    product: &[[T; L]],
) -> [T; L] {
    let mut largest = [T::zero(); L];
    for ((p, u), product) in p.iter().zip(block.u).zip(product) {
        for lane in 0..L {
            let residual = block.omega.residual(p[lane], u[lane] + product[lane]);
            // Not `max`, which would drop a NaN.
            largest[lane] = if residual <= largest[lane] {
                largest[lane]
            } else {
                residual
            };
        }
    }
    largest
}

/// What the report says of `p`, from a fresh product: the running one has gathered rounding errors.
#[multiversion(targets("x86_64+avx2", "x86_64+avx512f+avx512vl"))]
pub(super) fn outcomes<T: Real, const L: usize>(
    block: &Block<'_, T, L>,
    p: &[[T; L]],
    scratch: &mut Scratch<T, L>,
    iterations: [i64; L],
    certify: bool,
) -> [Outcome<T>; L] {
    let Scratch { product, factor } = scratch;
    block.matrix.apply(p, product, factor);
    let residual = residuals(block, p, product);
    std::array::from_fn(|lane| {
        let (value, gap) = if certify && lane < block.live {
            bounds(block, p, product, lane)
        } else {
            (T::nan(), T::nan())
        };
        Outcome {
            iterations: iterations[lane],
            residual: residual[lane],
            value,
            gap,
        }
    })
}

/// $F(p)$ and the gap of one lane.
fn bounds<T: Real, const L: usize>(
    block: &Block<'_, T, L>,
    p: &[[T; L]],
    product: &[[T; L]],
    lane: usize,
) -> (T, T) {
    let omega = &block.omega;
    let half = T::one() / (T::one() + T::one());
    let parts = p.iter().zip(block.u).zip(product);
    let parts = parts.map(|((p, u), product)| (p[lane], u[lane], product[lane]));
    let mut value = T::zero();
    let mut gap = T::zero();
    for (p, u, product) in parts {
        value += p * (u + product * half) - omega.value(p);
        gap += match block.concavity {
            Concavity::Energy => omega.fenchel_young(p, u + product),
            Concavity::Objective => omega.frank_wolfe(p, u + product),
            Concavity::Unknown => T::infinity(),
        };
    }
    (value, gap)
}
