//! The Euclidean ball and its surface.

use multiversion::multiversion;

use super::{LANES, RowMap};
use crate::native::lanes::total;
use crate::native::{Real, real};

/// Rows scaled to a norm: those that are longer, or all, 0 becoming $r e_1$.
pub(super) struct Ball {
    pub(super) radius: f64,
    pub(super) surface: bool,
}

impl RowMap for Ball {
    fn work(&self, k: usize) -> usize {
        3 * k
    }

    fn apply<T: Real>(&self, rows: &mut [T], k: usize) {
        project(rows, k, real(self.radius), self.surface);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn project<T: Real>(rows: &mut [T], k: usize, radius: T, surface: bool) {
    for row in rows.chunks_exact_mut(k) {
        // Divided by the largest element first: no square overflows.
        let top = row.iter().fold(T::zero(), |top, value| {
            let size = value.abs();
            if size <= top { top } else { size }
        });
        if row.iter().any(|value| value.is_nan()) {
            row.fill(T::nan());
        } else if top == T::zero() {
            row[0] = if surface { radius } else { T::zero() };
        } else {
            let norm = norm(row, top);
            if surface || norm * top > radius {
                for value in row {
                    *value = scaled(*value, top) / norm * radius;
                }
            }
        }
    }
}

/// Infinite elements count as equal.
#[inline(always)]
fn scaled<T: Real>(value: T, top: T) -> T {
    if value.abs() == top {
        value.signum()
    } else {
        value / top
    }
}

/// $\|z / \mathrm{top}\|_2$.
#[inline(always)]
fn norm<T: Real>(row: &[T], top: T) -> T {
    let mut sums = [T::zero(); LANES];
    for part in row.chunks(LANES) {
        for (sum, &value) in sums.iter_mut().zip(part) {
            let value = scaled(value, top);
            *sum += value * value;
        }
    }
    total(sums).sqrt()
}
