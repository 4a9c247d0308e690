//! Value, residual and gap of one row.

use super::input::{Concavity, Row};
use super::matrix::dot;
use super::{Outcome, Real};

/// $F(p) = \langle u + \frac12 U p, p \rangle - \Omega(p)$, with `product` $= U p$.
pub(super) fn objective<T: Real>(row: &Row<'_, T>, p: &[T], product: &[T]) -> T {
    let omega = p.iter().fold(T::zero(), |sum, &p| sum + row.omega.value(p));
    dot(row.u, p) + dot(product, p) / (T::one() + T::one()) - omega
}

/// The residual, with `product` $= U p$.
pub(super) fn largest_residual<T: Real>(row: &Row<'_, T>, p: &[T], product: &[T]) -> T {
    let mut largest = T::zero();
    for ((&p, &u), &r) in p.iter().zip(row.u).zip(product) {
        let residual = row.omega.residual(p, u + r);
        // Not `max`, which would drop a NaN.
        if residual > largest || residual.is_nan() {
            largest = residual;
        }
    }
    largest
}

/// What the report says of `p`, from a fresh product: the running one has gathered rounding errors.
pub(super) fn outcome<T: Real>(
    row: &Row<'_, T>,
    p: &[T],
    scratch: &mut Vec<T>,
    iterations: i64,
    certify: bool,
) -> Outcome<T> {
    let mut product = vec![T::zero(); p.len()];
    row.matrix.apply(p, &mut product, scratch);
    let parts = p
        .iter()
        .zip(row.u)
        .zip(&product)
        .map(|((&p, &u), &r)| (p, u + r));
    let residual = largest_residual(row, p, &product);
    if !certify {
        return Outcome {
            iterations,
            residual,
            value: T::nan(),
            gap: T::nan(),
        };
    }
    let gap = match row.concavity {
        Concavity::Energy => parts.fold(T::zero(), |sum, (p, theta)| {
            sum + row.omega.fenchel_young(p, theta)
        }),
        Concavity::Objective => parts.fold(T::zero(), |sum, (p, theta)| {
            sum + row.omega.frank_wolfe(p, theta)
        }),
        Concavity::Unknown => T::infinity(),
    };
    Outcome {
        iterations,
        residual,
        value: objective(row, p, &product),
        gap,
    }
}
