//! Matrices that serve blocks of rows give what the same matrices give when every row has its own.

use efy_core::energy::{Layer, Prior, Spen};
use efy_core::loss::FenchelYoung;
use efy_core::solver::{Auto, CoordinateNewton};
use efy_test::kind;

use super::*;

/// Rows, outputs and blocks.
const SIZE: (i64, i64, i64) = (6, 5, 3);

/// What there is once a block, for each row.
fn by_row(t: &Tensor) -> Tensor {
    t.repeat_interleave_self_int(SIZE.0 / SIZE.2, 0, None)
}

#[everywhere(cpu)]
fn blocks_of_couplings_are_couplings_of_rows_for_every_solver() {
    let (rows, k, blocks) = SIZE;
    let u = uniform(&[rows, k], 1.0, 1);
    let factor = uniform(&[blocks, k, 3], 0.6, 2);
    let dense = factor.matmul(&factor.transpose(1, 2)).neg();
    let couplings: [fn(Tensor) -> Coupling; 2] = [Coupling::Dense, Coupling::LowRank];
    let mut solved = 0;
    each_setting(0.8, |domain, regularizer| {
        for (coupling, tensor) in couplings.iter().zip([&dense, &factor]) {
            let energy = |tensor: Tensor| Quadratic::new(u.shallow_clone(), coupling(tensor));
            let [found, expected] = [tensor.shallow_clone(), by_row(tensor)].map(|tensor| {
                let energy = energy(tensor).unwrap();
                let problem = Problem {
                    energy: &energy,
                    regularizer,
                    domain,
                };
                solve_all(&problem, options(1e-10))
            });
            assert_eq!(found.len(), expected.len());
            for ((context, found), (_, expected)) in found.iter().zip(&expected) {
                assert_eq!(found.report.solver, expected.report.solver);
                assert_close(context, &found.argmax, &expected.argmax, 1e-7);
                let [gap, expected] =
                    [found, expected].map(|solution| &solution.certificate.as_ref().unwrap().gap);
                assert_close(context, &gap.isfinite(), &expected.isfinite(), 0.0);
                solved += 1;
            }
        }
    });
    assert!(solved > 60, "{solved}");
}

#[everywhere]
fn the_gradient_of_a_loss_in_blocks_is_that_of_their_rows_together() {
    let (rows, k, blocks) = SIZE;
    let loss = FenchelYoung::new(Gini::new(1.0).unwrap(), Cube, Auto::default());
    let target = uniform(&[rows, k], 1.0, 3).gt(0.0).to_kind(kind());
    let u = uniform(&[rows, k], 1.0, 1);
    let factor = uniform(&[blocks, k, 3], 0.6, 2);
    let gradient = |spread: bool| {
        let a = factor.copy().set_requires_grad(true);
        let tensor = if spread {
            by_row(&a)
        } else {
            a.shallow_clone()
        };
        let energy = Quadratic::new(u.shallow_clone(), Coupling::LowRank(tensor)).unwrap();
        let mean = loss.mean_loss(&energy, &target, None).unwrap().mean;
        mean.backward();
        (mean.detach(), a.grad())
    };
    let (found, expected) = (gradient(false), gradient(true));
    assert_close("mean", &found.0, &expected.0, 1e-9);
    assert_close("gradient", &found.1, &expected.1, 1e-6);
}

/// A network of two layers over outputs, gated if `gates` says so.
fn prior(blocks: &[i64], (rows, from): (i64, i64), gates: bool) -> Prior {
    let k = SIZE.1;
    let stack = |shape: [i64; 2], seed| {
        let all: Vec<Tensor> = (blocks.iter())
            .map(|&block| uniform(&shape, 0.7, seed + 10 * block as u64))
            .collect();
        match all.as_slice() {
            [one] => one.shallow_clone(),
            all => Tensor::stack(all, 0),
        }
    };
    let of_rows = |width, seed| uniform(&[SIZE.0, width], 0.7, seed).narrow(0, from, rows);
    let mut first = Layer::first(stack([4, k], 101), of_rows(4, 102));
    let mut second = Layer::next(
        stack([3, 4], 103).abs(),
        stack([3, k], 104),
        of_rows(3, 105),
    );
    if gates {
        first = first.gate_input(of_rows(k, 106));
        second = second.gate_hidden(of_rows(4, 107).abs());
    }
    Prior::new(vec![first, second], of_rows(3, 108).abs()).unwrap()
}

#[everywhere(cpu)]
fn blocks_of_networks_are_networks_of_their_own() {
    let (rows, k, blocks) = SIZE;
    let (each, regularizer) = (rows / blocks, Gini::new(1.0).unwrap());
    let u = uniform(&[rows, k], 2.0, 1);
    let p = uniform(&[rows, k], 1.0, 4).abs();
    for gates in [false, true] {
        let all: Vec<i64> = (0..blocks).collect();
        let together = Spen::new(u.shallow_clone(), prior(&all, (rows, 0), gates)).unwrap();
        let newton = CoordinateNewton {
            options: options(1e-10),
        };
        let gradient = ProjectedGradient {
            options: options(1e-10),
            ..ProjectedGradient::fista()
        };
        let solve = |solver: &dyn Solver, energy: &Spen| {
            let problem = Problem {
                energy,
                regularizer: &regularizer,
                domain: &Cube,
            };
            solver.solve(&problem, None).unwrap()
        };
        let solvers: [&dyn Solver; 2] = [&newton, &gradient];
        let solutions = solvers.map(|solver| solve(solver, &together));
        for block in 0..blocks {
            let of = |t: &Tensor| t.narrow(0, block * each, each);
            let own = prior(&[block], (each, block * each), gates);
            let own = Spen::new(of(&u), own).unwrap();
            let p = of(&p);
            let context = format!("block {block}, gates {gates}");
            let compare = |found: &Tensor, expected: &Tensor, tolerance: f64| {
                assert_close(&context, &of(found), expected, tolerance);
            };
            let everywhere = together.value(&p.repeat([blocks, 1]));
            compare(&everywhere, &own.value(&p), 1e-12);
            let everywhere = together.gradient(&p.repeat([blocks, 1]));
            compare(&everywhere, &own.gradient(&p), 1e-12);
            for (solver, solution) in solvers.iter().zip(&solutions) {
                let expected = solve(*solver, &own);
                compare(&solution.argmax, &expected.argmax, 1e-8);
                let [found, expected] =
                    [solution, &expected].map(|solution| solution.certificate.as_ref().unwrap());
                compare(&found.value, &expected.value, 1e-9);
                compare(&found.gap.isfinite(), &expected.gap.isfinite(), 0.0);
            }
        }
    }
}

#[everywhere]
fn rows_that_do_not_fall_into_blocks_are_refused() {
    let u = uniform(&[6, 5], 1.0, 1);
    for blocks in [0, 4, 5] {
        let a = Coupling::LowRank(uniform(&[blocks, 5, 2], 1.0, 2));
        let message = Quadratic::new(u.shallow_clone(), a)
            .unwrap_err()
            .to_string();
        assert!(message.contains("a divisor of 6"), "{message}");
    }
    let prior = prior(&[0, 1, 2], (6, 0), false);
    let message = Spen::new(u.narrow(0, 0, 5), prior).unwrap_err().to_string();
    assert!(
        message.contains("[G, 4, 5] with G a divisor of"),
        "{message}"
    );
}
