//! Rows with a coupling each: what is found is the maximum, for every size and form of the coupling.

use efy_core::device::read;
use efy_core::domain::BoxDomain;
use efy_core::energy::{Coupling, Quadratic};
use efy_core::regularizer::HalfSquaredNorm;
use efy_core::solver::{CoordinateAscent, Options, Problem, Solver};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tch::{Kind, Tensor};

fn values(tensor: &Tensor) -> Vec<f64> {
    read::to_vec(tensor).unwrap()
}

const GAMMA: f64 = 0.8;
const BOUND: f64 = 0.9;
/// More than one block of lanes, the last one in part.
const ROWS: usize = 21;

/// Random scores, and A of $U = -AA^\top$, `[ROWS, k, rank]`.
fn random(k: usize, rank: usize) -> (Vec<f64>, Vec<f64>) {
    let mut random = StdRng::seed_from_u64((1000 * k + rank) as u64);
    let mut draw = |count: usize, scale: f64| -> Vec<f64> {
        (0..count)
            .map(|_| random.random_range(-scale..=scale))
            .collect()
    };
    (draw(ROWS * k, 2.5), draw(ROWS * k * rank, 1.0))
}

/// $-AA^\top$ of a row.
fn product(a: &[f64], k: usize, rank: usize) -> Vec<f64> {
    let element = |i: usize, j: usize| -> f64 {
        -(0..rank)
            .map(|l| a[i * rank + l] * a[j * rank + l])
            .sum::<f64>()
    };
    (0..k * k).map(|at| element(at / k, at % k)).collect()
}

/// $\nabla F(p)$ of a row.
fn slope(u: &[f64], matrix: &[f64], p: &[f64]) -> Vec<f64> {
    let k = u.len();
    let coupled = |i: usize| (0..k).map(|j| matrix[i * k + j] * p[j]).sum::<f64>();
    (0..k).map(|i| u[i] + coupled(i) - GAMMA * p[i]).collect()
}

/// How far p is from the maximum at most: F is strongly concave with modulus gamma, so no farther than
/// $(1 + \ell) / \gamma$ times the length of $P(p + \nabla F) - p$, where $\ell$ bounds the curvature.
fn distance(u: &[f64], matrix: &[f64], p: &[f64]) -> f64 {
    let step = slope(u, matrix, p).into_iter().zip(p);
    let residual = step.map(|(slope, p)| (p + slope).clamp(-BOUND, BOUND) - p);
    let length = residual.map(|r| r * r).sum::<f64>().sqrt();
    let curvature = GAMMA + matrix.iter().map(|u| u * u).sum::<f64>().sqrt();
    length * (1.0 + curvature) / GAMMA
}

fn argmax(u: Vec<f64>, coupling: Coupling, kind: Kind, start: Option<&Tensor>) -> Vec<f64> {
    let k = u.len() / ROWS;
    let u = Tensor::from_slice(&u)
        .reshape([ROWS as i64, k as i64])
        .to_kind(kind);
    let energy = Quadratic::new(u, coupling).unwrap();
    let regularizer = HalfSquaredNorm::new(GAMMA).unwrap();
    let domain = BoxDomain::new(-BOUND, BOUND).unwrap();
    let problem = Problem {
        energy: &energy,
        regularizer: &regularizer,
        domain: &domain,
    };
    let options = Options {
        tolerance: if kind == Kind::Double { 1e-13 } else { 1e-5 },
        max_iterations: 20_000,
        ..Options::default()
    };
    let solution = CoordinateAscent { options }.solve(&problem, start).unwrap();
    let residuals = values(&solution.report.residual);
    // Measured afresh, which can be a rounding error more than what the solver stopped by.
    let most = 2.0 * options.tolerance;
    assert!(
        residuals.iter().all(|&residual| residual <= most),
        "{k}, {kind:?}: {residuals:?}"
    );
    let certificate = solution.certificate.unwrap();
    assert!(
        values(&certificate.gap).iter().all(|&gap| gap < 1e-4),
        "{k}: {:?}",
        values(&certificate.gap)
    );
    values(&solution.argmax)
}

#[test]
fn the_maximum_is_found_for_every_size_and_form() {
    // Multiplied out, thin, and too large to be solved side by side, in either form.
    for (k, rank) in [
        (1, 1),
        (2, 1),
        (5, 1),
        (6, 4),
        (9, 2),
        (13, 3),
        (16, 4),
        (17, 5),
        (40, 6),
        (70, 4),
    ] {
        let (u, a) = random(k, rank);
        let matrices: Vec<Vec<f64>> = a.chunks(k * rank).map(|a| product(a, k, rank)).collect();
        let dense = matrices.concat();
        let couplings = |kind: Kind| {
            let tensor = |numbers: &[f64], columns: usize| {
                let size = [ROWS as i64, k as i64, columns as i64];
                Tensor::from_slice(numbers).reshape(size).to_kind(kind)
            };
            [
                Coupling::LowRank(tensor(&a, rank)),
                Coupling::Dense(tensor(&dense, k)),
            ]
        };
        let pairs = couplings(Kind::Double)
            .into_iter()
            .zip(couplings(Kind::Float));
        for (double, float) in pairs {
            let found = argmax(u.clone(), double, Kind::Double, None);
            for row in 0..ROWS {
                let (u, p) = (&u[row * k..][..k], &found[row * k..][..k]);
                let far = distance(u, &matrices[row], p);
                assert!(far <= 1e-9, "k {k}, rank {rank}, row {row}: {far}");
            }
            let rounded = argmax(u.clone(), float, Kind::Float, None);
            for (place, (a, b)) in rounded.iter().zip(&found).enumerate() {
                assert!(
                    (a - b).abs() <= 1e-4,
                    "k {k}, rank {rank}, {place}: {a}, {b}"
                );
            }
        }
    }
}

/// Among all $3^k$ faces of the box there is one on which the stationary point satisfies the conditions of the maximum.
fn by_faces(u: &[f64], matrix: &[f64]) -> Vec<f64> {
    let k = u.len();
    for face in 0..3_usize.pow(k as u32) {
        let side: Vec<usize> = (0..k).map(|i| face / 3_usize.pow(i as u32) % 3).collect();
        let mut p: Vec<f64> = side
            .iter()
            .map(|&side| (side as f64 - 1.0) * BOUND)
            .collect();
        let free: Vec<usize> = (0..k).filter(|&i| side[i] == 1).collect();
        let at = slope(u, matrix, &p);
        // Gauss's elimination of (gamma I - U) x = slope on the free coordinates; it is positive definite.
        let mut rows: Vec<Vec<f64>> = (free.iter())
            .map(|&i| {
                let own = |&j: &usize| f64::from(i == j) * GAMMA - matrix[i * k + j];
                free.iter().map(own).chain([at[i]]).collect()
            })
            .collect();
        let n = free.len();
        for pivot in 0..n {
            for other in (0..n).filter(|&other| other != pivot) {
                let factor = rows[other][pivot] / rows[pivot][pivot];
                let from = rows[pivot].clone();
                for (value, from) in rows[other].iter_mut().zip(&from) {
                    *value -= factor * from;
                }
            }
        }
        for (row, &i) in free.iter().enumerate() {
            p[i] = rows[row][n] / rows[row][row];
        }
        let inside = p.iter().all(|p| p.abs() <= BOUND);
        let slopes = slope(u, matrix, &p);
        let outward = (0..k).all(|i| match side[i] {
            0 => slopes[i] <= 0.0,
            1 => true,
            _ => slopes[i] >= 0.0,
        });
        if inside && outward {
            return p;
        }
    }
    panic!("no face has the maximum");
}

#[test]
fn the_maximum_is_that_of_all_faces() {
    let (k, rank) = (6, 4);
    let (u, a) = random(k, rank);
    for kind in [Kind::Double, Kind::Float] {
        let size = [ROWS as i64, k as i64, rank as i64];
        let coupling = || Coupling::LowRank(Tensor::from_slice(&a).reshape(size).to_kind(kind));
        let bound = if kind == Kind::Double { 1e-9 } else { 1e-4 };
        // A start outside of the box is projected onto it.
        let start = Tensor::full([ROWS as i64, k as i64], 3.0, (kind, tch::Device::Cpu));
        for start in [None, Some(&start)] {
            let found = argmax(u.clone(), coupling(), kind, start);
            for row in 0..ROWS {
                let own = product(&a[row * k * rank..][..k * rank], k, rank);
                let expected = by_faces(&u[row * k..][..k], &own);
                for (found, expected) in found[row * k..][..k].iter().zip(&expected) {
                    assert!(
                        (found - expected).abs() <= bound,
                        "row {row}: {found}, {expected}"
                    );
                }
            }
        }
    }
}
