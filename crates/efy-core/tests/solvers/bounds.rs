//! Certificates enclose the maximum, which is computed in f64 whatever the type of the test.

use super::*;

/// Four energies of the same numbers, in the type and on the device of the test or in f64 on the host:
/// linear, concave, not concave but less so than the regularizer is convex, and one without structure.
fn energies(rows: i64, gamma: f64, seed: u64, exactly: bool) -> [Box<dyn Energy>; 4] {
    let at = |t: Tensor| match exactly {
        true => t.to_device(Device::Cpu).to_kind(Kind::Double),
        false => t,
    };
    let k = 4;
    let m = at(uniform(&[rows, k, k], 0.1 * gamma, seed ^ 50));
    let u = at(uniform(&[rows, k], 2.0, seed ^ 51));
    let low_rank = Coupling::LowRank(at(uniform(&[rows, k, 3], 0.8, seed ^ 52)));
    let slopes = at(uniform(&[rows, k], 2.0, seed ^ 53));
    let cosh = Cosh::concave(rows, k, seed ^ 54);
    let indefinite = Coupling::Dense(&m + m.transpose(-1, -2));
    [
        Box::new(Linear::new(u.shallow_clone()).unwrap()),
        Box::new(Quadratic::new(slopes, low_rank).unwrap()),
        Box::new(Quadratic::new(u, indefinite).unwrap()),
        Box::new(Cosh {
            u: at(cosh.u),
            a: at(cosh.a),
            b: at(cosh.b),
            w: at(cosh.w),
        }),
    ]
}

/// The maximum of each row in f64.
fn exact_values(energy: &dyn Energy, regularizer: &dyn Regularizer, domain: &dyn Domain) -> Tensor {
    let problem = Problem {
        energy,
        regularizer,
        domain,
    };
    let options = Options {
        tolerance: 1e-10,
        ..options(0.0)
    };
    let exact = Auto { options }.solve(&problem, None).unwrap();
    let converged: Vec<bool> = read::to_vec(&exact.report.converged).unwrap();
    assert!(converged.into_iter().all(|c| c), "{}", regularizer.name());
    exact.certificate.unwrap().value
}

#[everywhere]
fn value_and_gap_enclose_the_maximum_of_ten_thousand_concave_problems() {
    let rows = by_device(150, 2);
    let (mut problems, mut finite) = (0, 0);
    for seed in 0..by_device(4, 1) {
        let gamma = [0.05, 0.4, 1.0, 6.0][seed as usize];
        each_setting(gamma, |domain, regularizer| {
            let exactly = energies(rows, gamma, seed, true);
            for (index, energy) in energies(rows, gamma, seed, false).iter().enumerate() {
                let exact = exact_values(exactly[index].as_ref(), regularizer, domain);
                let problem = Problem {
                    energy: energy.as_ref(),
                    regularizer,
                    domain,
                };
                let vertex = best_vertex(&problem);
                problems += rows;
                // Far from the maximum and, where entropies are saturated, near to it.
                let early = 1 + (seed as usize + index) % 4;
                for max_iterations in [early, 25].into_iter().take(if seed == 0 { 2 } else { 1 }) {
                    let options = Options {
                        max_iterations,
                        check_every: 0,
                        ..options(0.0)
                    };
                    for (context, solution) in solve_all(&problem, options) {
                        let context = format!("{context}, energy {index}, seed {seed}");
                        check_bounds(&context, &solution, &exact, vertex.as_ref());
                        let gap = values(&solution.certificate.unwrap().gap);
                        finite += gap.iter().filter(|gap| gap.is_finite()).count();
                    }
                }
            }
        });
    }
    assert!(problems >= by_device(10_000, 40), "{problems}");
    assert!(finite >= by_device(10 * 10_000 / 2, 150), "{finite}");
}
