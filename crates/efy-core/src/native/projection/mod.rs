//! Euclidean projections of rows on the CPU, each row solved to the end while it is in cache.
//!
//! Every function takes `[B, k]` and gives a new tensor without a graph; `None` where there is no
//! native loop: on another device, for another kind, for rows of the wrong size. A row with a NaN
//! becomes NaN throughout.

mod assignment;
mod ball;
mod birkhoff;
mod isotonic;
mod order;
mod section;
mod simplex;

use tch::{Device, Kind, Tensor};

use super::chunks::wake;
use super::{Real, by_chunks};
use crate::Result;
use crate::device::read;

pub(crate) use assignment::assignment;

/// Numbers side by side in the loops over one row.
const LANES: usize = 16;
/// Work of one rayon task, in passed elements: some tens of microseconds.
const CHUNK: usize = 65_536;
/// Batches with less work than this, some tens of microseconds, are done by one thread before another one is awake.
const WORTH_THREADS: usize = 1 << 19;

/// Onto $\{p \ge 0 : \sum_i p_i = s\}$.
pub(crate) fn simplex(z: &Tensor, scale: f64) -> Option<Tensor> {
    map_rows(z, &simplex::Simplex { scale })
}

/// Onto $\{p \in [0, 1]^k : m_1 \le \sum_i p_i \le m_2\}$, for $0 \le m_1 \le m_2$ and $m_1 \le k$.
pub(crate) fn knapsack(z: &Tensor, min: f64, max: f64) -> Option<Tensor> {
    map_rows(z, &section::Knapsack { min, max })
}

/// Onto the convex hull of all permutations of `weights`, which decrease.
pub(crate) fn permutahedron(z: &Tensor, weights: &[f64]) -> Option<Tensor> {
    map_rows(z, &isotonic::Permutahedron { weights })
}

/// Onto $\{1 \ge p_1 \ge \dots \ge p_k \ge 0\}$.
pub(crate) fn order_simplex(z: &Tensor) -> Option<Tensor> {
    map_rows(z, &isotonic::OrderSimplex)
}

/// Onto the decreasing sequences: isotonic regression. Elements of a block have equal bits.
pub(crate) fn decreasing(z: &Tensor) -> Option<Tensor> {
    map_rows(z, &isotonic::Decreasing)
}

/// Onto the doubly stochastic n x n matrices.
pub(crate) fn birkhoff(z: &Tensor, n: usize) -> Option<Tensor> {
    map_rows(z, &birkhoff::Birkhoff { n })
}

/// Onto $\{p : \|p\|_2 \le r\}$.
pub(crate) fn ball(z: &Tensor, radius: f64) -> Option<Tensor> {
    let surface = false;
    map_rows(z, &ball::Ball { radius, surface })
}

/// Onto $\{p : \|p\|_2 = r\}$; 0 becomes $r e_1$.
pub(crate) fn sphere(z: &Tensor, radius: f64) -> Option<Tensor> {
    let surface = true;
    map_rows(z, &ball::Ball { radius, surface })
}

/// A map of each row that does not look at the others.
trait RowMap: Sync {
    /// Whether rows may have k elements.
    fn fits(&self, _k: usize) -> bool {
        true
    }

    /// What a row of k elements costs, in passed elements.
    fn work(&self, k: usize) -> usize;

    /// Maps rows of k elements in place. Scratch space is made once for all of them.
    fn apply<T: Real>(&self, rows: &mut [T], k: usize);
}

fn map_rows(z: &Tensor, map: &impl RowMap) -> Option<Tensor> {
    let k = usize::try_from(*z.size().last()?).ok()?;
    if z.device() != Device::Cpu || k == 0 || !map.fits(k) {
        return None;
    }
    match z.kind() {
        Kind::Double => run::<f64>(z, k, map).ok(),
        Kind::Float => run::<f32>(z, k, map).ok(),
        _ => None,
    }
}

fn run<T: Real>(z: &Tensor, k: usize, map: &impl RowMap) -> Result<Tensor> {
    let work = map.work(k).max(1);
    let threads = z.numel() / k * work >= WORTH_THREADS;
    if threads {
        wake();
    }
    let mut values: Vec<T> = read::to_vec(z)?;
    // Whole blocks of rows side by side.
    let chunk = (CHUNK / work).max(1).next_multiple_of(LANES) * k;
    by_chunks(&mut values, chunk, threads, |_, rows| map.apply(rows, k));
    Ok(Tensor::f_from_slice(&values)?.f_view(z.size().as_slice())?)
}

/// As f64, without loss.
fn wide<T: Real>(value: T) -> f64 {
    value.to_f64().unwrap_or(f64::NAN)
}

/// $x - c$, which is 0 for equal infinities: what is infinite is compared with its like.
#[inline(always)]
fn centred<T: Real>(x: T, centre: T) -> T {
    if x == centre { T::zero() } else { x - centre }
}

/// The largest element, and whether one is NaN.
#[inline(always)]
fn largest<T: Real>(lanes: &[[T; LANES]]) -> (T, bool) {
    let mut top = [T::neg_infinity(); LANES];
    let mut nan = [false; LANES];
    for x in lanes {
        for lane in 0..LANES {
            top[lane] = if x[lane] > top[lane] {
                x[lane]
            } else {
                top[lane]
            };
            nan[lane] |= x[lane].is_nan();
        }
    }
    // In halves: one after the other, each would wait for the last.
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            top[lane] = if top[lane + half] > top[lane] {
                top[lane + half]
            } else {
                top[lane]
            };
        }
        half /= 2;
    }
    (top[0], nan.contains(&true))
}

/// Room for a row of k elements, filled up with $-\infty$.
fn padded<T: Real>(k: usize) -> Vec<[T; LANES]> {
    vec![[T::neg_infinity(); LANES]; k.div_ceil(LANES)]
}
