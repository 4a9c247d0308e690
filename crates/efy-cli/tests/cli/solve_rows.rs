//! `efy solve` on a batch: every row gets, to the last bit, what it gets alone.

use serde_json::{Value, json};

use crate::support::Place;

const ROWS: usize = 9;
const LABELS: usize = 6;
const RANK: usize = 3;

/// Numbers between -1 and 1 that look random and are always the same.
fn numbers(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1_u32 << 30) - 1.0
    }
}

fn matrix(rows: usize, columns: usize, next: &mut impl FnMut() -> f64) -> Vec<Vec<f64>> {
    let mut row = || (0..columns).map(|_| next()).collect();
    (0..rows).map(|_| row()).collect()
}

/// A batch: scores of which one row, `stiff`, is a million times as large, and targets.
struct Batch {
    u: Vec<Vec<f64>>,
    target: Vec<Vec<f64>>,
    stiff: usize,
}

impl Batch {
    fn new(stiff: usize) -> Self {
        let mut next = numbers(7);
        let mut u = matrix(ROWS, LABELS, &mut next);
        u[stiff].iter_mut().for_each(|u| *u *= 1e6);
        let mut target = matrix(ROWS, LABELS, &mut next);
        let labels = target.iter_mut().flatten();
        labels.for_each(|y| *y = f64::from(*y > 0.0));
        Batch { u, target, stiff }
    }
}

/// Solves the rows together and each alone, as a batch of one, and compares. `coupling` gives the
/// factor for all rows, or for the one of an index.
fn assert_rows_are_independent(
    batch: &Batch,
    coupling: &dyn Fn(Option<usize>) -> Value,
    rest: &Value,
) {
    let place = Place::new();
    let solve = |row: Option<usize>| {
        let (u, target) = match row {
            None => (json!(batch.u), json!(batch.target)),
            Some(row) => (json!([batch.u[row]]), json!([batch.target[row]])),
        };
        let mut problem = rest.clone();
        problem["energy"] = json!({"kind": "quadratic", "u": u, "A": coupling(row)});
        problem["target"] = target;
        place.write("problem.json", &problem.to_string());
        place.efy("solve problem.json").ok().json()
    };
    let together = solve(None);
    let per_row = coupling(None)[0][0].is_array();
    for row in 0..ROWS {
        let alone = solve(Some(row));
        let mut pointers = vec!["/argmax", "/conjugate", "/loss", "/gradient/u"];
        pointers.extend(["/report/iterations", "/report/residual", "/report/gap"]);
        pointers.push("/report/converged");
        for pointer in pointers {
            let [all, one] = [&together, &alone].map(|answer| answer.pointer(pointer).unwrap());
            assert_eq!(all[row], one[0], "{rest} row {row} {pointer}");
        }
        if per_row {
            let [all, one] = [&together, &alone].map(|answer| &answer["gradient"]["A"]);
            assert_eq!(all[row], one[0], "{rest} row {row} gradient A");
        }
        let gap = alone["report"]["gap"][0].as_f64().unwrap();
        assert!(gap >= 0.0, "{rest} row {row}: {gap}");
        let loss = alone["loss"][0].as_f64().unwrap();
        assert!(loss >= 0.0, "{rest} row {row}: {loss}");
        assert_eq!(alone["report"]["converged"][0], true, "{rest} row {row}");
    }
    let loss = |row: usize| together["loss"][row].as_f64().unwrap();
    assert!(loss(batch.stiff) > 1e5, "the stiff row is one");
}

fn rest(regularizer: &str, dtype: &str) -> Value {
    let tol = if dtype == "f32" { 1e-5 } else { 1e-9 };
    json!({
        "energy": null,
        "regularizer": {"kind": regularizer, "gamma": 0.8},
        "domain": {"kind": "cube"},
        "solver": {"tol": tol},
        "dtype": dtype,
    })
}

fn shared_factor() -> Value {
    json!(matrix(LABELS, RANK, &mut numbers(3)))
}

#[test]
fn rows_with_one_coupling_are_independent_under_gini() {
    let factor = shared_factor();
    assert_rows_are_independent(&Batch::new(4), &|_| factor.clone(), &rest("gini", "f64"));
}

#[test]
fn rows_with_one_coupling_are_independent_under_the_binary_entropy() {
    let factor = shared_factor();
    let rest = rest("binary_entropy", "f64");
    assert_rows_are_independent(&Batch::new(0), &|_| factor.clone(), &rest);
}

#[test]
fn rows_are_independent_in_single_precision() {
    let factor = shared_factor();
    assert_rows_are_independent(&Batch::new(8), &|_| factor.clone(), &rest("gini", "f32"));
}

#[test]
fn rows_with_couplings_of_their_own_are_independent() {
    let mut next = numbers(11);
    let factors: Vec<_> = (0..ROWS).map(|_| matrix(LABELS, RANK, &mut next)).collect();
    let coupling = |row: Option<usize>| match row {
        None => json!(factors),
        Some(row) => json!([factors[row]]),
    };
    assert_rows_are_independent(&Batch::new(2), &coupling, &rest("gini", "f64"));
}
