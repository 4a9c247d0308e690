//! Against all sets of up to twelve labels.

use efy_test::{everywhere, kind, place, tensor, uniform};
use tch::Kind;

use super::*;
use crate::energy::{Coupling, Linear, Quadratic};

/// All sets of k labels, `[2^k, k]`.
fn all_sets(k: i64) -> Tensor {
    let sets = (0..1_i64 << k).flat_map(|set| (0..k).map(move |i| (set >> i & 1) as f64));
    tensor(&sets.collect::<Vec<f64>>()).reshape([-1, k])
}

/// The energy of every set for every row, `[2^k, B]`, from the matrices themselves.
fn values(u: &Tensor, coupling: &Coupling) -> Tensor {
    let all = all_sets(u.size()[1]);
    let matrices = coupling.dense();
    let of = |row: i64| {
        let matrix = match !coupling.shared() {
            true => matrices.get(row),
            false => matrices.shallow_clone(),
        };
        let pairs = (all.matmul(&matrix) * &all).sum_dim_intlist(1, false, None::<Kind>);
        all.mv(&u.get(row)) + pairs * 0.5
    };
    Tensor::stack(&(0..u.size()[0]).map(of).collect::<Vec<_>>(), 1)
}

fn couplings(k: i64, rows: i64) -> Vec<Coupling> {
    vec![
        Coupling::zero_diagonal(&uniform(&[k, k], 1.0, 2)),
        Coupling::symmetric(&uniform(&[rows, k, k], 1.0, 3)),
        Coupling::LowRank(uniform(&[k, 2], 1.0, 4)),
    ]
}

#[everywhere]
fn no_single_label_makes_it_better_and_it_is_mostly_the_best_set() {
    let rows = 24;
    let (mut best, mut all) = (0, 0);
    for k in [1, 2, 5, 8, 12] {
        for coupling in couplings(k, rows) {
            let u = uniform(&[rows, k], 1.0, 1);
            let values = values(&u, &coupling);
            let energy = Quadratic::new(u, coupling).unwrap();
            let sets = LocalSearch::default().best_sets(&energy).unwrap();
            assert_eq!((sets.size(), sets.kind()), (vec![rows, k], kind()));
            let found = efy_test::values(&energy.value(&sets));
            for i in 0..k {
                let flipped = sets.copy();
                let mut label = flipped.select(1, i);
                label.copy_(&(1.0 - sets.select(1, i)));
                let others = efy_test::values(&energy.value(&flipped));
                for (found, other) in found.iter().zip(others) {
                    assert!(*found >= other - 1e-5, "{found} {other}");
                }
            }
            let maxima = efy_test::values(&values.amax([0].as_slice(), false));
            for (found, maximum) in found.iter().zip(maxima) {
                assert!(*found <= maximum + 1e-5);
                best += usize::from(*found >= maximum - 1e-5);
                all += 1;
            }
        }
    }
    assert!(best * 100 >= all * 97, "{best} of {all}");
}

#[everywhere]
fn nonnegative_couplings_are_solved_from_the_two_extremes_where_one_start_is_not_enough() {
    // Two labels that are good together only: from the empty set no single label helps.
    let u = tensor(&[-1.0, -1.0, -3.0, 1.0]).reshape([2, 2]);
    let coupling = Coupling::Dense(tensor(&[0.0, 3.0, 3.0, 0.0]).reshape([2, 2]));
    let energy = Quadratic::new(u, coupling).unwrap();
    let search = LocalSearch { starts: 0, seed: 0 };
    let sets = efy_test::values(&search.best_sets(&energy).unwrap());
    assert_eq!(sets, [1.0, 1.0, 1.0, 1.0]);
}

#[everywhere]
fn more_starts_never_find_less_and_rows_do_not_depend_on_each_other() {
    let (rows, k) = (40, 12);
    let coupling = || Coupling::zero_diagonal(&(uniform(&[k, k], 1.0, 6) * 3.0));
    let u = uniform(&[rows, k], 1.0, 7);
    let energy = Quadratic::new(u.shallow_clone(), coupling()).unwrap();
    let found = |starts| {
        let sets = LocalSearch { starts, seed: 1 }.best_sets(&energy).unwrap();
        efy_test::values(&energy.value(&sets))
    };
    let (few, many) = (found(0), found(32));
    assert!(few.iter().zip(&many).all(|(few, many)| many >= few));
    let search = LocalSearch::default();
    let together = search.best_sets(&energy).unwrap();
    for row in 0..rows {
        let alone = Quadratic::new(u.narrow(0, row, 1), coupling()).unwrap();
        assert_eq!(
            search.best_sets(&alone).unwrap(),
            together.narrow(0, row, 1)
        );
    }
}

#[everywhere]
fn linear_energies_are_thresholded_and_zero_is_a_label() {
    let u = tensor(&[0.0, -0.5, 2.0]).reshape([1, 3]);
    let energy = Linear::new(u.shallow_clone()).unwrap();
    let linear = LocalSearch::default().best_sets(&energy).unwrap();
    let none = Coupling::Dense(Tensor::zeros([3, 3], place()));
    let quadratic = Quadratic::new(u, none).unwrap();
    let uncoupled = LocalSearch::default().best_sets(&quadratic).unwrap();
    let expected = [1.0, 0.0, 1.0];
    assert_eq!(efy_test::values(&linear), expected);
    assert_eq!(efy_test::values(&uncoupled), expected);
}

#[everywhere]
fn no_rows_have_no_sets() {
    let u = Tensor::zeros([0, 3], place());
    let coupling = Coupling::Dense(Tensor::zeros([3, 3], place()));
    let energy = Quadratic::new(u, coupling).unwrap();
    assert_eq!(
        LocalSearch::default().best_sets(&energy).unwrap().size(),
        [0, 3]
    );
}

#[everywhere]
fn what_it_cannot_do_is_refused() {
    let energy = Linear::new(Tensor::zeros([1, 3], place())).unwrap();
    let search = LocalSearch {
        starts: MOST_STARTS + 1,
        seed: 0,
    };
    assert!(search.best_sets(&energy).is_err());
}
