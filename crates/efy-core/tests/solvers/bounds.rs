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

/// Many rows of strong couplings, on which entropies of little strength are at the ends of the box in f32 and not
/// quite in f64; from one iteration to more than enough.
#[everywhere]
fn no_gap_is_too_small_where_entropies_are_saturated() {
    let (rows, k) = (by_device(400, 4), 6);
    for gamma in [0.01, 0.05, 0.3].into_iter().take(by_device(3, 1)) {
        let u = uniform(&[rows, k], 3.0, 71);
        let a = uniform(&[rows, k, 3], 1.2, 72);
        let double = |t: &Tensor| t.to_device(Device::Cpu).to_kind(Kind::Double);
        let exactly = Coupling::LowRank(double(&a));
        let exactly = Quadratic::new(double(&u), exactly).unwrap();
        let dense = a.matmul(&a.transpose(-1, -2)).neg();
        let energies = [Coupling::LowRank(a), Coupling::Dense(dense)]
            .map(|coupling| Quadratic::new(u.shallow_clone(), coupling).unwrap());
        let (domain, regularizers) = settings(gamma).remove(0);
        for regularizer in regularizers.iter().take(by_device(4, 2)) {
            let exact = exact_values(&exactly, regularizer.as_ref(), domain.as_ref());
            for energy in &energies {
                let problem = Problem {
                    energy,
                    regularizer: regularizer.as_ref(),
                    domain: domain.as_ref(),
                };
                for max_iterations in [1, 2, 3, 5, 8, 13].into_iter().take(by_device(6, 3)) {
                    let options = Options {
                        max_iterations,
                        check_every: 0,
                        ..options(0.0)
                    };
                    let solvers: [Box<dyn Solver>; 3] = [
                        Box::new(Newton { options }),
                        Box::new(CoordinateAscent { options }),
                        Box::new(Mirror {
                            options,
                            ..Mirror::default()
                        }),
                    ];
                    for solver in solvers {
                        let Ok(solution) = solver.solve(&problem, None) else {
                            continue;
                        };
                        let (name, omega) = (solver.name(), regularizer.name());
                        let context = format!("{name} {omega} {gamma} after {max_iterations}");
                        check_bounds(&context, &solution, &exact, None);
                    }
                }
            }
        }
    }
}

/// Points where logarithms end: at the ends of the interval, next to them, and as small as numbers get.
fn hard_points(rows: i64, k: i64, seed: u64) -> Tensor {
    let special = tensor(&[0.0, 1.0, 1e-37, 1e-20, 1e-8, 1.0 - 1.2e-7, 1e-4, 0.5]);
    let plain = uniform(&[rows, k], 0.5, seed) + 0.5;
    let choice = (uniform(&[rows, k], 0.5, seed ^ 1) + 0.5) * 12.0;
    let which = choice.floor().clamp(0.0, 7.0).to_kind(Kind::Int64);
    let special = special
        .index_select(0, &which.reshape([-1]))
        .reshape([rows, k]);
    special.where_self(&choice.lt(8.0), &plain)
}

/// What is certified of a point that nobody optimized.
#[everywhere]
fn a_gap_bounds_the_error_at_any_point_however_near_to_the_end() {
    let (rows, k) = (by_device(600, 40), 4);
    let start = hard_points(rows, k, 81);
    for gamma in [0.02, 0.3, 2.0] {
        let (domain, mut regularizers) = settings(gamma).remove(0);
        regularizers.push(Box::new(BinaryTsallis::new(1.1, gamma).unwrap()));
        let exactly = energies(rows, gamma, 82, true);
        for (index, energy) in energies(rows, gamma, 82, false).iter().enumerate() {
            for regularizer in &regularizers {
                let (regularizer, domain) = (regularizer.as_ref(), domain.as_ref());
                let exact = exact_values(exactly[index].as_ref(), regularizer, domain);
                let problem = Problem {
                    energy: energy.as_ref(),
                    regularizer,
                    domain,
                };
                let options = Options {
                    max_iterations: 0,
                    ..options(0.0)
                };
                let solvers: [Box<dyn Solver>; 2] = [
                    Box::new(CoordinateAscent { options }),
                    Box::new(Mirror {
                        options,
                        ..Mirror::default()
                    }),
                ];
                for solver in solvers {
                    let Ok(solution) = solver.solve(&problem, Some(&start)) else {
                        continue;
                    };
                    assert_close("start", &solution.argmax, &start, 0.0);
                    let (name, omega) = (solver.name(), regularizer.name());
                    let context = format!("{name} {omega} {gamma}, energy {index}");
                    check_bounds(&context, &solution, &exact, None);
                }
            }
        }
    }
}
