//! Products of layers and of up to 64 rows side by side.
//!
//! An activation of all rows of a tile lies in R registers. Sums of four units are in registers at a time.

use std::hint::black_box;

use multiversion::multiversion;

use crate::native::Real;
use crate::native::lanes::{Lanes, each, total};

/// A number of each row of a tile: row $r L + l$ is lane l of register r.
pub(super) type Unit<T, const L: usize, const R: usize> = [Lanes<T, L>; R];

/// Registers of sums of the rows that [`add_weighted`] adds at a time.
const COLUMNS: usize = 8;

/// $h_u = b_u + \sum_i W_{ui} x_i$, rectified or not.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+fma", "x86_64+avx2+fma"))]
pub(super) fn affine<T: Real, const L: usize, const R: usize>(
    (weight, bias): (&[T], &[T]),
    x: &[Unit<T, L, R>],
    rectified: bool,
    out: &mut [Unit<T, L, R>],
) {
    let inputs = x.len();
    let (fours, rest) = out.as_chunks_mut::<4>();
    let (head, tail) = weight.split_at(4 * inputs * fours.len());
    let (head_bias, tail_bias) = bias.split_at(4 * fours.len());
    let (head_bias, _) = head_bias.as_chunks::<4>();
    for ((out, weight), bias) in fours
        .iter_mut()
        .zip(head.chunks_exact(4 * inputs))
        .zip(head_bias)
    {
        let rows: [&[T]; 4] = std::array::from_fn(|u| &weight[u * inputs..(u + 1) * inputs]);
        let mut sums = bias.map(|bias| [Lanes::all(bias); R]);
        for (i, x) in x.iter().enumerate() {
            each!(U => for r in 0..R {
                sums[U][r] = sums[U][r].plus(rows[U][i], &x[r]);
            });
        }
        *out = sums;
    }
    for ((out, weight), &bias) in rest
        .iter_mut()
        .zip(tail.chunks_exact(inputs))
        .zip(tail_bias)
    {
        let mut sums = [Lanes::all(bias); R];
        for (&weight, x) in weight.iter().zip(x) {
            for r in 0..R {
                sums[r] = sums[r].plus(weight, &x[r]);
            }
        }
        *out = sums;
    }
    if rectified {
        let zero = T::zero();
        // Not `max`, which would drop a NaN.
        let relu = |value: T| if value < zero { zero } else { value };
        for lanes in out.as_flattened_mut() {
            *lanes = lanes.map(relu);
        }
    }
}

/// $d_i = \sum_u W_{ui} g_u$ where the rectified $h_i$ is positive: the gradient in what a layer's input was rectified from.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+fma", "x86_64+avx2+fma"))]
pub(super) fn transposed<T: Real, const L: usize, const R: usize>(
    weight: &[T],
    g: &[Unit<T, L, R>],
    h: &[Unit<T, L, R>],
    out: &mut [Unit<T, L, R>],
) {
    let inputs = h.len();
    let (fours, rest) = out.as_chunks_mut::<4>();
    let (head, tail) = h.split_at(4 * fours.len());
    let (head, _) = head.as_chunks::<4>();
    for ((out, h), i) in fours.iter_mut().zip(head).zip((0..).step_by(4)) {
        let mut sums = [[Lanes::zero(); R]; 4];
        for (g, weight) in g.iter().zip(weight.chunks_exact(inputs)) {
            let weight = &weight[i..i + 4];
            each!(I => for r in 0..R {
                sums[I][r] = sums[I][r].plus(weight[I], &g[r]);
            });
        }
        each!(I => for r in 0..R {
            out[I][r] = sums[I][r].where_positive(&h[I][r]);
        });
    }
    for ((out, h), i) in rest.iter_mut().zip(tail).zip(inputs - tail.len()..) {
        let mut sums = [Lanes::zero(); R];
        for (g, weight) in g.iter().zip(weight.chunks_exact(inputs)) {
            for r in 0..R {
                sums[r] = sums[r].plus(weight[i], &g[r]);
            }
        }
        for r in 0..R {
            out[r] = sums[r].where_positive(&h[r]);
        }
    }
}

/// Adds $\sum_b w_{ub} y_b$ to row u of the output `[units, columns]`, for rows $y_b$ of so many columns, each padded to whole
/// registers, of which there are as many as a tile has.
///
/// Half of what a rectifier lets through is nothing: where rows are wide, they are looked up only for weights that are not 0.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+fma", "x86_64+avx2+fma"))]
pub(super) fn add_weighted<T: Real, const L: usize, const R: usize>(
    weights: &[Unit<T, L, R>],
    rows: &[Lanes<T, L>],
    columns: usize,
    out: &mut [T],
) {
    let width = columns.div_ceil(L);
    if width == 1 {
        return narrow(weights, rows, columns, out);
    }
    for (weights, out) in weights.iter().zip(out.chunks_exact_mut(columns)) {
        let there = nonzero(black_box(weights));
        for (part, out) in out.chunks_mut(COLUMNS * L).enumerate() {
            let rows = (&rows[part * COLUMNS..], width);
            match out.len().div_ceil(L) {
                1 => wide::<T, L, R, 1>(weights, there, rows, out),
                2 => wide::<T, L, R, 2>(weights, there, rows, out),
                3 => wide::<T, L, R, 3>(weights, there, rows, out),
                4 => wide::<T, L, R, 4>(weights, there, rows, out),
                5 => wide::<T, L, R, 5>(weights, there, rows, out),
                6 => wide::<T, L, R, 6>(weights, there, rows, out),
                7 => wide::<T, L, R, 7>(weights, there, rows, out),
                _ => wide::<T, L, R, COLUMNS>(weights, there, rows, out),
            }
        }
    }
}

/// Bit $l R + r$ says whether lane l of register r is not 0.
#[inline(always)]
fn nonzero<T: Real, const L: usize, const R: usize>(unit: &Unit<T, L, R>) -> u64 {
    let mut parts = [0_u32; L];
    for (r, lanes) in unit.iter().enumerate() {
        let lanes = lanes.0;
        for l in 0..L {
            parts[l] |= if lanes[l] == T::zero() { 0 } else { 1 << r };
        }
    }
    let parts = parts.iter().zip((0..).step_by(R));
    parts.fold(0, |bits, (&part, shift)| bits | u64::from(part) << shift)
}

/// Rows of C registers, of which the weights that are `there` are added up.
#[inline(always)]
fn wide<T: Real, const L: usize, const R: usize, const C: usize>(
    weights: &Unit<T, L, R>,
    mut there: u64,
    (rows, width): (&[Lanes<T, L>], usize),
    out: &mut [T],
) {
    let mut sums = [Lanes::zero(); COLUMNS];
    while there != 0 {
        let bit = there.trailing_zeros() as usize;
        there &= there - 1;
        let (r, l) = (bit % R, bit / R);
        let weight = weights[r].0[l];
        let row = &rows[(r * L + l) * width..][..C];
        each!(J in [0, 1, 2, 3, 4, 5, 6, 7] => if J < C {
            sums[J] = sums[J].plus(weight, &row[J]);
        });
    }
    add_to(out, &black_box(sums));
}

/// Rows of one register: four units at a time.
#[inline(always)]
fn narrow<T: Real, const L: usize, const R: usize>(
    weights: &[Unit<T, L, R>],
    rows: &[Lanes<T, L>],
    columns: usize,
    out: &mut [T],
) {
    let (fours, rest) = weights.as_chunks::<4>();
    let (head, tail) = out.split_at_mut(4 * columns * fours.len());
    for (weights, out) in fours.iter().zip(head.chunks_exact_mut(4 * columns)) {
        let mut sums = [Lanes::zero(); 4];
        for (r, rows) in rows.chunks_exact(L).enumerate() {
            for (l, row) in rows.iter().enumerate() {
                each!(U => sums[U] = sums[U].plus(weights[U][r].0[l], row));
            }
        }
        for (out, sum) in out.chunks_exact_mut(columns).zip(black_box(&sums)) {
            add_to(out, std::slice::from_ref(sum));
        }
    }
    for (weights, out) in rest.iter().zip(tail.chunks_exact_mut(columns)) {
        let mut sum = Lanes::zero();
        for (weight, row) in weights.iter().flat_map(|lanes| lanes.0).zip(rows) {
            sum = sum.plus(weight, row);
        }
        add_to(out, &[sum]);
    }
}

/// Adds sums to as many numbers as there are.
#[inline(always)]
fn add_to<T: Real, const L: usize>(out: &mut [T], sums: &[Lanes<T, L>]) {
    for (out, sum) in out.chunks_mut(L).zip(sums) {
        match out.first_chunk_mut::<L>() {
            Some(out) => *out = Lanes(*out).add(sum).0,
            None => out.iter_mut().zip(sum.0).for_each(|(out, sum)| *out += sum),
        }
    }
}

/// Adds the sum over rows of each unit.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+fma", "x86_64+avx2+fma"))]
pub(super) fn add_totals<T: Real, const L: usize, const R: usize>(
    units: &[Unit<T, L, R>],
    out: &mut [T],
) {
    for (unit, out) in units.iter().zip(out) {
        let unit = black_box(unit);
        let mut sum = unit[0];
        for lanes in &unit[1..] {
            sum = sum.add(lanes);
        }
        *out += total(sum.0);
    }
}

/// Rows of numbers as units; rows that are not there are 0.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+fma", "x86_64+avx2+fma"))]
pub(super) fn units_of<T: Real, const L: usize, const R: usize>(
    rows: &[T],
    units: &mut [Unit<T, L, R>],
) {
    let n = units.len();
    for (r, rows) in rows.chunks(n * L).enumerate() {
        for (l, row) in rows.chunks_exact(n).enumerate() {
            for (unit, &value) in units.iter_mut().zip(row) {
                unit[r].0[l] = value;
            }
        }
    }
}

/// Units as rows of numbers: as many as there is room for.
pub(super) fn rows_of<T: Real, const L: usize, const R: usize>(
    units: &[Unit<T, L, R>],
    rows: &mut [T],
) {
    for (b, row) in rows.chunks_exact_mut(units.len()).enumerate() {
        for (value, unit) in row.iter_mut().zip(units) {
            *value = unit[b / L].0[b % L];
        }
    }
}

/// Rows of numbers, each padded to whole registers, and as many rows as a tile has.
pub(super) fn padded<T: Real, const L: usize>(
    rows: &[T],
    columns: usize,
    count: usize,
) -> Vec<Lanes<T, L>> {
    let width = columns.div_ceil(L);
    let mut out = vec![Lanes::zero(); count * width];
    for (row, out) in rows.chunks_exact(columns).zip(out.chunks_exact_mut(width)) {
        for (part, out) in row.chunks(L).zip(out) {
            out.0[..part.len()].copy_from_slice(part);
        }
    }
    out
}
