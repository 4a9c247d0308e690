//! Rows are independent, and no row gets more than its share.

use super::*;

#[everywhere]
fn a_stiff_or_broken_row_leaves_the_other_rows_their_bits_and_is_not_called_converged() {
    let (rows, k) = (7, 5);
    for (scale, hidden) in [(f64::NAN, false), (1e4, true)] {
        let energy = |changed: bool| -> Box<dyn Energy> {
            let u = uniform(&[rows, k], 2.0, 70);
            let a = uniform(&[rows, k, 3], 0.8, 71);
            if changed {
                let _ = u.get(3).g_mul_scalar_(scale);
            }
            let energy = Quadratic::new(u, Coupling::LowRank(a)).unwrap();
            if hidden {
                Box::new(Opaque(Box::new(energy)))
            } else {
                Box::new(energy)
            }
        };
        let (calm, changed) = (energy(false), energy(true));
        each_setting(0.7, |domain, regularizer| {
            let solve = |energy: &dyn Energy| {
                let problem = Problem {
                    energy,
                    regularizer,
                    domain,
                };
                let options = Options {
                    max_iterations: by_device(20, 2),
                    ..options(1e-5)
                };
                solve_all(&problem, options)
            };
            for ((context, calm), (_, changed)) in
                solve(calm.as_ref()).iter().zip(solve(changed.as_ref()))
            {
                for row in (0..rows).filter(|&row| row != 3) {
                    let row_of = |s: &Solution| bits(&s.argmax.get(row));
                    assert_eq!(
                        row_of(calm),
                        row_of(&changed),
                        "{context} {scale} row {row}"
                    );
                }
                if scale.is_nan() {
                    let converged = flags(&changed.report.converged);
                    assert!(!converged[3], "{context} {converged:?}");
                }
            }
        });
    }
}

#[everywhere]
fn no_row_gets_more_iterations_than_allowed() {
    each_setting(0.3, |domain, regularizer| {
        for energy in [
            Box::new(concave(3, 6, 3.0, true, 80)) as Box<dyn Energy>,
            Box::new(Cosh::concave(3, 6, 81)),
        ] {
            for max_iterations in [0, 1, 7].into_iter().take(by_device(3, 2)) {
                let options = Options {
                    max_iterations,
                    ..options(0.0)
                };
                let problem = Problem {
                    energy: energy.as_ref(),
                    regularizer,
                    domain,
                };
                for (context, solution) in solve_all(&problem, options) {
                    let iterations = read::to_vec::<i64>(&solution.report.iterations).unwrap();
                    let most = max_iterations as i64;
                    assert!(
                        iterations.iter().all(|&i| i <= most),
                        "{context} {iterations:?}"
                    );
                    let inside = domain.contains(&solution.argmax, tolerance(1e-12));
                    assert!(flags(&inside).into_iter().all(|i| i), "{context}");
                }
            }
        }
    });
}
