//! Certificates enclose the maximum.

use super::*;

#[everywhere]
fn value_and_gap_enclose_the_maximum_of_ten_thousand_concave_problems() {
    let (rows, k) = (by_device(150, 2), 4);
    let mut problems = 0;
    let mut finite = 0;
    for seed in 0..by_device(4, 1) {
        let gamma = [0.05, 0.4, 1.0, 6.0][seed as usize];
        each_setting(gamma, |domain, regularizer| {
            // Indefinite, but less so than the regularizer is convex.
            let m = uniform(&[rows, k, k], 0.1 * gamma, seed ^ 50);
            let indefinite = Coupling::Dense(&m + m.transpose(-1, -2));
            let u = uniform(&[rows, k], 2.0, seed ^ 51);
            let energies: [Box<dyn Energy>; 4] = [
                Box::new(Linear::new(u.shallow_clone()).unwrap()),
                Box::new(concave(rows, k, 1.0, true, seed ^ 52)),
                Box::new(Quadratic::new(u, indefinite).unwrap()),
                Box::new(Cosh::concave(rows, k, seed ^ 53)),
            ];
            for (index, energy) in energies.iter().enumerate() {
                let problem = Problem {
                    energy: energy.as_ref(),
                    regularizer,
                    domain,
                };
                let exact = Auto {
                    options: options(by_device(1e-10, 1e-9)),
                };
                let exact = exact.solve(&problem, None).unwrap();
                assert!(flags(&exact.report.converged).into_iter().all(|c| c));
                let exact = exact.certificate.unwrap().value;
                let vertex = best_vertex(&problem);
                problems += rows;
                let early = Options {
                    max_iterations: 1 + (seed as usize + index) % 4,
                    ..options(0.0)
                };
                for (context, early) in solve_all(&problem, early) {
                    check_bounds(&context, &early, &exact, vertex.as_ref());
                    let gap = values(&early.certificate.unwrap().gap);
                    finite += gap.iter().filter(|gap| gap.is_finite()).count();
                }
            }
        });
    }
    assert!(problems >= by_device(10_000, 40), "{problems}");
    assert!(finite >= by_device(10 * 10_000 / 2, 150), "{finite}");
}
