//! Coordinate ascent on one row.

use super::input::Row;
use super::matrix::{Matrix, add_scaled, dot};
use super::{Real, certificate, real};
use crate::solver::Options;

/// Sweeps until the residual is small; returns the number of sweeps.
///
/// The residual is looked at only after a sweep in which no coordinate moved by more than the
/// tolerance.
pub(super) fn ascend<T: Real>(
    row: &Row<'_, T>,
    p: &mut [T],
    scratch: &mut Vec<T>,
    options: &Options,
) -> i64 {
    let tolerance: T = real(options.tolerance);
    match row.matrix {
        Matrix::Zero => {
            for (p, &u) in p.iter_mut().zip(row.u) {
                *p = row.omega.maximize(u, T::zero());
            }
            1
        }
        Matrix::Dense(matrix) => {
            let mut product = vec![T::zero(); p.len()];
            row.matrix.apply(p, &mut product, scratch);
            repeat(options, |_| {
                let moved = sweep_dense(row, matrix, p, &mut product);
                moved <= tolerance && certificate::largest_residual(row, p, &product) <= tolerance
            })
        }
        Matrix::LowRank(a, rank) => {
            row.matrix.factor_product(p, scratch);
            let squares: Vec<T> = a.chunks_exact(rank).map(|a| dot(a, a)).collect();
            let mut product = vec![T::zero(); p.len()];
            repeat(options, |_| {
                let moved = sweep_low_rank(row, a, &squares, p, scratch);
                if moved > tolerance {
                    return false;
                }
                row.matrix.apply(p, &mut product, scratch);
                certificate::largest_residual(row, p, &product) <= tolerance
            })
        }
    }
}

/// Runs `sweep` until it says that the row is done.
fn repeat(options: &Options, mut sweep: impl FnMut(usize) -> bool) -> i64 {
    for iteration in 0..options.max_iterations {
        if sweep(iteration) {
            return iteration as i64 + 1;
        }
    }
    options.max_iterations as i64
}

/// One sweep with `product = U p` kept up to date; returns the largest move.
fn sweep_dense<T: Real>(row: &Row<'_, T>, matrix: &[T], p: &mut [T], product: &mut [T]) -> T {
    let k = p.len();
    let mut largest = T::zero();
    for (i, column) in matrix.chunks_exact(k).enumerate() {
        let old = p[i];
        let diagonal = column[i];
        let new = row
            .omega
            .maximize(row.u[i] + product[i] - diagonal * old, diagonal);
        let change = new - old;
        if change != T::zero() {
            p[i] = new;
            add_scaled(product, change, column);
            largest = largest.max(change.abs());
        }
    }
    largest
}

/// One sweep with `s = A^T p` kept up to date; returns the largest move.
fn sweep_low_rank<T: Real>(
    row: &Row<'_, T>,
    a: &[T],
    squares: &[T],
    p: &mut [T],
    s: &mut [T],
) -> T {
    let rank = s.len();
    let mut largest = T::zero();
    for (i, (a, &square)) in a.chunks_exact(rank).zip(squares).enumerate() {
        let old = p[i];
        let new = row
            .omega
            .maximize(row.u[i] - dot(a, s) + square * old, -square);
        let change = new - old;
        if change != T::zero() {
            p[i] = new;
            add_scaled(s, change, a);
            largest = largest.max(change.abs());
        }
    }
    largest
}
