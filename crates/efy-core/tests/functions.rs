//! The named functions: values, derivatives, and the inputs that break implementations of entmax.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "in a test, a panic is the report"
)]

#[path = "support/mod.rs"]
mod support;

use efy_core::Result;
use efy_core::device::read;
use efy_core::domain::{Domain, Permutahedron};
use efy_core::functions::{
    binary_entmax15, entmax, entmax15, sigmoid, sinkhorn, soft_rank, soft_sort, softmax, sparsemax,
};
use efy_test::{
    assert_close, by_device, everywhere, indices, kind, place, tensor, tolerance, uniform, values,
};
use proptest::prelude::*;
use support::on_host;
use tch::{Kind, Tensor};

type Function = (&'static str, fn(&Tensor) -> Result<Tensor>);

/// Functions onto the simplex.
const SIMPLEX: [Function; 5] = [
    ("softmax", softmax),
    ("sparsemax", sparsemax),
    ("entmax15", entmax15),
    ("entmax 1.2", |theta| entmax(theta, 1.2)),
    ("entmax 2.5", |theta| entmax(theta, 2.5)),
];
/// Ranks and sorting, soft enough to have blocks.
const RANKS: [Function; 2] = [
    ("soft_rank", |theta| soft_rank(theta, 0.7)),
    ("soft_sort", |theta| soft_sort(theta, 1.5)),
];
const LABELS: [Function; 2] = [("sigmoid", sigmoid), ("binary_entmax15", binary_entmax15)];

/// The gradient of $\langle w, f(\theta) \rangle$.
fn gradient(f: impl Fn(&Tensor) -> Result<Tensor>, theta: &Tensor, weights: &Tensor) -> Tensor {
    let theta = theta.detach().copy().set_requires_grad(true);
    let inner = (f(&theta).unwrap() * weights).sum(weights.kind());
    Tensor::run_backward(&[inner], &[&theta], false, false).remove(0)
}

/// The same by central differences on the CPU, one row of shifted copies for each element.
fn differences(f: impl Fn(&Tensor) -> Result<Tensor>, theta: &Tensor, weights: &Tensor) -> Tensor {
    let step = 1e-6;
    let (theta, weights) = (on_host(theta), on_host(weights));
    let slopes: Vec<f64> = (0..theta.numel() as i64)
        .map(|i| {
            let shift = Tensor::zeros([theta.numel() as i64], (theta.kind(), theta.device()));
            let _ = shift.get(i).fill_(step);
            let shift = shift.reshape(theta.size());
            let at = |theta: &Tensor| {
                read::scalar(&(f(theta).unwrap() * &weights).sum(None::<Kind>)).unwrap()
            };
            (at(&(&theta + &shift)) - at(&(&theta - &shift))) / (2.0 * step)
        })
        .collect();
    tensor(&slopes).reshape(theta.size())
}

#[everywhere(f64)]
fn derivatives_are_those_of_central_differences() {
    let theta = uniform(&[2, 3, 5], 1.0, 1);
    let weights = uniform(&[2, 3, 5], 1.0, 2);
    for (name, f) in SIMPLEX.into_iter().chain(LABELS).chain(RANKS) {
        let found = gradient(f, &theta, &weights);
        assert_close(name, &found, &differences(f, &theta, &weights), 1e-7);
    }
    let scores = uniform(&[2, 4, 4], 1.0, 3);
    let weights = uniform(&[2, 4, 4], 1.0, 4);
    for gamma in [1.0, 0.3] {
        let f = |scores: &Tensor| sinkhorn(scores, gamma);
        let found = gradient(f, &scores, &weights);
        assert_close("sinkhorn", &found, &differences(f, &scores, &weights), 1e-7);
    }
}

#[everywhere]
fn entmax_has_the_derivative_of_its_support() {
    // diag(s) - s s' / sum s with s = p^(2 - alpha) on the support.
    let theta = uniform(&[4, 6], 1.5, 5);
    let weights = uniform(&[4, 6], 1.0, 6);
    for alpha in [1.3, 1.5, 2.0, 2.5] {
        let p = entmax(&theta, alpha).unwrap();
        let support = p.gt(0.0).to_kind(kind());
        let s = (&p + 1.0 - &support).pow_tensor_scalar(2.0 - alpha) * support;
        let sum = |t: &Tensor| t.sum_dim_intlist(-1, true, None::<Kind>);
        let expected = &s * &weights - &s * (sum(&(&s * &weights)) / sum(&s));
        let found = gradient(|theta| entmax(theta, alpha), &theta, &weights);
        assert_close("entmax", &found, &expected, 1e-13);
    }
}

#[everywhere]
fn adding_a_thousand_to_all_logits_changes_nothing() {
    // Numbers that stay exact.
    let theta = uniform(&[20, 7], 64.0, 7).round() / 32.0;
    let weights = uniform(&[20, 7], 1.0, 8);
    let tolerance = 1e-13;
    for (name, f) in SIMPLEX {
        for shift in [1e3, -1e3] {
            let moved = &theta + shift;
            let (p, q) = (f(&theta).unwrap(), f(&moved).unwrap());
            assert_close(name, &q, &p, tolerance);
            let (g, h) = (gradient(f, &theta, &weights), gradient(f, &moved, &weights));
            assert_close(name, &h, &g, tolerance);
        }
    }
}

#[everywhere]
fn masked_entries_have_probability_and_gradient_zero() {
    let mask = [f64::NEG_INFINITY, 0.3, -0.2, f64::NEG_INFINITY, 0.1];
    let weights = uniform(&[2, 5], 1.0, 9);
    let theta = tensor(&[mask, [0.0, f64::NEG_INFINITY, -5.0, 2.0, 1.0]].concat());
    let theta = theta.reshape([2, 5]);
    for (name, f) in SIMPLEX.into_iter().chain(LABELS) {
        let p = values(&f(&theta).unwrap());
        let g = values(&gradient(f, &theta, &weights));
        assert!(
            p.iter().chain(&g).all(|x| x.is_finite()),
            "{name} {p:?} {g:?}"
        );
        for masked in [0, 3, 6] {
            assert_eq!((p[masked], g[masked]), (0.0, 0.0), "{name}");
        }
        // As if they were not there.
        let rest = tensor(&[0.3, -0.2, 0.1]);
        let expected = values(&f(&rest).unwrap());
        for (found, expected) in [p[1], p[2], p[4]].into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{name} {found} {expected}");
        }
    }
    // A forbidden assignment.
    let scores = tensor(&[f64::NEG_INFINITY, 1.0, 0.5, 0.0, 0.3, 0.9, 1.0, 0.0, 0.0]);
    let scores = scores.reshape([3, 3]);
    let weights = uniform(&[3, 3], 1.0, 10);
    let p = sinkhorn(&scores, 0.5).unwrap();
    assert_eq!(values(&p)[0], 0.0);
    for dim in [0, 1] {
        let sums = p.sum_dim_intlist(dim as i64, false, None::<Kind>);
        assert_close("sinkhorn", &sums, &sums.ones_like(), 1e-13);
    }
    let g = values(&gradient(|s| sinkhorn(s, 0.5), &scores, &weights));
    assert!(g[0] == 0.0 && g.iter().all(|g| g.is_finite()), "{g:?}");
}

#[everywhere]
fn ties_share_alike() {
    for (name, f) in SIMPLEX {
        for k in [1, 2, 9, 1000] {
            let p = f(&Tensor::full([3, k], 0.7, place())).unwrap();
            assert_close(name, &p, &p.full_like(1.0 / k as f64), 1e-14);
        }
        let p = values(&f(&tensor(&[0.5, 0.1, 0.5, -0.3, 0.1])).unwrap());
        assert!(p[0] == p[2] && p[1] == p[4], "{name} {p:?}");
    }
    let p = sinkhorn(&Tensor::full([4, 4], 3.0, place()), 0.01).unwrap();
    assert_close("sinkhorn", &p, &p.full_like(0.25), 1e-14);
}

#[everywhere]
fn every_shape_and_kind_comes_back_as_it_went_in() {
    for (name, f) in SIMPLEX.into_iter().chain(LABELS).chain(RANKS) {
        for shape in [
            vec![5],
            vec![1, 5],
            vec![2, 3, 5],
            vec![0, 5],
            vec![2, 0, 5],
            vec![3, 1],
        ] {
            for (kind, limit) in [
                (kind(), tolerance(1e-12)),
                (Kind::Half, 1e-3),
                (Kind::BFloat16, 4e-3),
            ] {
                let exact = uniform(&shape, 2.0, 11).to_kind(kind);
                let p = f(&exact).unwrap();
                assert_eq!((p.size(), p.kind()), (shape.clone(), kind), "{name}");
                let expected = f(&exact.to_kind(Kind::Double)).unwrap();
                let error = (p.to_kind(Kind::Double) - &expected).abs();
                let error = values(&(error / expected.abs().clamp_min(1.0)));
                assert!(
                    error.iter().all(|&e| e <= limit),
                    "{name} {kind:?}: {error:?}"
                );
                let weights = exact.ones_like();
                let g = gradient(f, &exact, &weights);
                assert_eq!((g.size(), g.kind()), (shape.clone(), kind), "{name}");
            }
        }
        let error = f(&indices(&[1, 2])).unwrap_err().to_string();
        assert!(error.contains("expected elements of kind"), "{error}");
        assert!(f(&tensor(&[1.0]).squeeze()).is_err());
    }
    for shape in [vec![3, 3], vec![2, 1, 3, 3], vec![0, 3, 3], vec![2, 1, 1]] {
        for kind in [kind(), Kind::BFloat16] {
            let scores = uniform(&shape, 1.0, 12).to_kind(kind);
            let p = sinkhorn(&scores, 0.5).unwrap();
            assert_eq!((p.size(), p.kind()), (shape.clone(), kind));
            let g = gradient(|s| sinkhorn(s, 0.5), &scores, &scores.ones_like());
            assert_eq!((g.size(), g.kind()), (shape.clone(), kind));
        }
    }
    assert!(sinkhorn(&Tensor::zeros([2, 3], place()), 1.0).is_err());
    assert!(sinkhorn(&Tensor::zeros([3, 3], place()), 0.0).is_err());
    let error = entmax(&Tensor::zeros([3], place()), 1.0)
        .unwrap_err()
        .to_string();
    assert!(error.contains("alpha: expected a number > 1"), "{error}");
}

#[everywhere]
fn sinkhorn_reaches_assignments_and_averages() {
    let scores = tensor(&[1.0, 0.2, -0.6, 0.4, 1.8, 0.8, -1.2, 0.6, 0.7]).reshape([3, 3]);
    let weights = uniform(&[3, 3], 1.0, 13);
    let assignment = sinkhorn(&scores, 1e-3).unwrap();
    assert_close("assignment", &assignment, &Tensor::eye(3, place()), 1e-6);
    let average = sinkhorn(&scores, 1e6).unwrap();
    assert_close(
        "average",
        &average,
        &Tensor::full([3, 3], 1.0 / 3.0, place()),
        1e-5,
    );
    let g = values(&gradient(|s| sinkhorn(s, 1e-3), &scores, &weights));
    assert!(g.iter().all(|g| g.abs() < 1e-2), "{g:?}");
}

#[everywhere]
fn soft_ranks_and_soft_sorting_are_projections_onto_permutahedra() {
    let theta = uniform(&[30, 6], 2.0, 14);
    let ranks: Vec<f64> = (1..=6).rev().map(f64::from).collect();
    let rho = tensor(&ranks).reshape([1, 6]);
    for strength in [1e-6, 0.1, 0.5, 1.0, 3.0, 100.0] {
        let domain = Permutahedron::new(ranks.clone()).unwrap();
        let expected = domain.project(&(&theta / -strength));
        let found = soft_rank(&theta, strength).unwrap();
        assert_close("soft_rank", &found, &expected, 1e-9);
        let found = soft_sort(&theta, strength).unwrap();
        for row in 0..30 {
            let domain = Permutahedron::new(values(&theta.get(row))).unwrap();
            let expected = domain.project(&(&rho / strength));
            assert_close("soft_sort", &found.get(row), &expected, 1e-9);
        }
    }
    assert!(soft_rank(&theta, 0.0).is_err() && soft_sort(&theta, f64::NAN).is_err());
}

#[everywhere]
fn weak_ranks_and_sorting_are_exact_and_strong_ones_all_alike() {
    let theta = tensor(&[1003.0, 1001.0, 1007.0, 1004.0]);
    let weights = uniform(&[4], 1.0, 15);
    let weak = |theta: &Tensor| soft_rank(theta, 1e-3);
    assert_eq!(values(&weak(&theta).unwrap()), [3.0, 4.0, 1.0, 2.0]);
    assert_eq!(values(&gradient(weak, &theta, &weights)), [0.0; 4]);
    let sorted = soft_sort(&theta, 1e-3).unwrap();
    assert_eq!(values(&sorted), [1007.0, 1004.0, 1003.0, 1001.0]);
    let strong = soft_rank(&theta, 1e7).unwrap();
    assert_close("strong", &strong, &strong.full_like(2.5), 1e-5);
    let tied = soft_rank(&theta.full_like(3.0), 1e-3).unwrap();
    assert_close("tied", &tied, &tied.full_like(2.5), 1e-6);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(by_device(100, 10)))]

    /// Probabilities sum to 1, derivatives to 0, and the order of the logits is kept.
    #[everywhere]
    fn functions_onto_the_simplex_keep_their_promises(
        theta in prop::collection::vec(-30.0..30.0_f64, 1..40),
        index in 0..SIMPLEX.len(),
        seed in 0..1000_u64,
    ) {
        let (_, f) = SIMPLEX[index];
        let k = theta.len() as i64;
        let logits = tensor(&theta);
        let p = values(&f(&logits).unwrap());
        prop_assert!((p.iter().sum::<f64>() - 1.0).abs() < tolerance(1e-13));
        for i in 0..theta.len() {
            for j in 0..theta.len() {
                prop_assert!(theta[i] <= theta[j] || p[i] >= p[j]);
            }
        }
        let g = values(&gradient(f, &logits, &uniform(&[k], 1.0, seed)));
        let size: f64 = g.iter().map(|g| g.abs()).sum();
        prop_assert!(g.iter().sum::<f64>().abs() <= tolerance(1e-12) * size.max(1.0), "{g:?}");
    }
}
