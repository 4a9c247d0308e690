//! Every solver finds the same maximum, wherever it applies.

use super::*;

#[everywhere]
fn every_solver_that_applies_finds_the_same_maximum() {
    let mut solved = 0;
    each_setting(0.8, |domain, regularizer| {
        let energies: [Box<dyn Energy>; 4] = [
            Box::new(concave(6, 5, 1.0, false, 3)),
            Box::new(concave(6, 5, 1.0, true, 4)),
            Box::new(Opaque(Box::new(concave(6, 5, 1.0, true, 5)))),
            Box::new(Cosh::concave(6, 5, 6)),
        ];
        // On a device, a quadratic one and one that is not.
        for (index, energy) in energies.iter().enumerate().step_by(by_device(1, 3)) {
            let problem = Problem {
                energy: energy.as_ref(),
                regularizer,
                domain,
            };
            let solutions = solve_all(&problem, options(by_device(by_kind(1e-11, 1e-9), 1e-7)));
            let exact = &solutions[0].1.argmax;
            for (context, solution) in &solutions {
                let context = format!("{context}, energy {index}");
                let residual = &solution.report.residual;
                assert!(
                    flags(&solution.report.converged).into_iter().all(|c| c),
                    "{context}: residual {:?} after {:?}",
                    values(residual),
                    values(&solution.report.iterations)
                );
                let frank_wolfe = solution.report.solver == "frank_wolfe";
                let distance = (2.0 * FRANK_WOLFE_GAP / 0.8).sqrt();
                let tolerance = if frank_wolfe {
                    distance
                } else {
                    by_device(by_kind(1e-9, 1e-7), 1e-5)
                };
                assert_close(&context, &solution.argmax, exact, tolerance);
                solved += 1;
            }
        }
    });
    assert!(solved >= by_device(150, 25), "{solved}");
}

#[everywhere]
fn every_domain_is_served_by_projections_and_by_its_linear_oracle() {
    let (rows, k) = (6, 4);
    let domains: [Box<dyn Domain>; 7] = [
        Box::new(Simplex::new(2.0).unwrap()),
        Box::new(Knapsack::new(1.0, 2.0).unwrap()),
        Box::new(Permutahedron::new(vec![3.0, 2.0, 1.0, 0.0]).unwrap()),
        Box::new(Birkhoff::new(2).unwrap()),
        Box::new(OrderSimplex),
        Box::new(Ball::new(0.7).unwrap()),
        Box::new(Cube),
    ];
    for (place, domain) in domains.iter().enumerate() {
        let regularizer = PlainQuadratic {
            curvature: 0.8,
            slope: 0.1,
        };
        for energy in [
            Box::new(concave(rows, k, 1.0, false, 20)) as Box<dyn Energy>,
            Box::new(Cosh::concave(rows, k, 21)),
        ]
        .into_iter()
        // On a device, each domain has one of them.
        .skip(by_device(0, place % 2))
        .take(by_device(2, 1))
        {
            let problem = Problem {
                energy: energy.as_ref(),
                regularizer: &regularizer,
                domain: domain.as_ref(),
            };
            let solutions = solve_all(&problem, options(by_device(by_kind(1e-10, 1e-9), 1e-7)));
            assert!(solutions.len() >= 8, "{}", domain.name());
            let exact = &solutions[0].1;
            let value = &exact.certificate.as_ref().unwrap().value;
            for (context, solution) in &solutions {
                let converged = flags(&solution.report.converged);
                let residual = values(&solution.report.residual);
                assert!(converged.into_iter().all(|c| c), "{context} {residual:?}");
                check_bounds(context, solution, value, best_vertex(&problem).as_ref());
                if solution.report.solver != "frank_wolfe" {
                    assert_close(
                        context,
                        &solution.argmax,
                        &exact.argmax,
                        by_device(1e-8, 1e-5),
                    );
                }
            }
        }
    }
}

#[everywhere]
fn newton_and_lbfgsb_are_references() {
    each_setting(0.5, |domain, regularizer| {
        let energies: [Box<dyn Energy>; 2] = [
            Box::new(concave(by_device(8, 2), 12, 1.5, false, 7)),
            Box::new(Cosh::concave(by_device(8, 2), 12, 8)),
        ];
        for energy in &energies {
            let problem = Problem {
                energy: energy.as_ref(),
                regularizer,
                domain,
            };
            for (solver, tolerance) in [
                (
                    Box::new(Newton {
                        options: options(1e-13),
                    }) as Box<dyn Solver>,
                    1e-13,
                ),
                (
                    Box::new(LbfgsB {
                        options: options(1e-10),
                    }),
                    1e-10,
                ),
            ] {
                let Ok(solution) = solver.solve(&problem, None) else {
                    continue;
                };
                for residual in values(&solution.report.residual) {
                    let name = regularizer.name();
                    assert!(
                        residual <= efy_test::tolerance(tolerance),
                        "{} {name} {residual}",
                        solver.name()
                    );
                }
            }
        }
    });
}

#[everywhere]
fn without_a_regularizer_linear_energies_peak_at_a_vertex() {
    let (rows, k) = (40, 8);
    for curvature in [0.0, 1e-7] {
        let regularizer = PlainQuadratic {
            curvature,
            slope: 0.0,
        };
        let energy = Linear::new(uniform(&[rows, k], 1.0, 60)).unwrap();
        let problem = Problem {
            energy: &energy,
            regularizer: &regularizer,
            domain: &Cube,
        };
        let brute = best_vertex(&problem).unwrap();
        for (context, solution) in solve_all(&problem, options(1e-9)) {
            if solution.report.solver == "mirror" && curvature == 0.0 {
                // Its map from the dual space is not continuous.
                continue;
            }
            let value = &solution.certificate.as_ref().unwrap().value;
            assert_close(&context, value, &brute, 1e-6);
            check_bounds(&context, &solution, &brute, Some(&brute));
        }
    }
}

#[everywhere]
fn without_a_regularizer_auto_maximizes_concave_quadratics() {
    let domains: [(Box<dyn Domain>, &str); 2] = [
        (Box::new(Cube), by_device("coordinate_ascent", "fista")),
        (Box::new(Simplex::new(1.0).unwrap()), "fista"),
    ];
    for (domain, solver) in &domains {
        let energy = concave(20, 3, 1.0, false, 61);
        let problem = Problem {
            energy: &energy,
            regularizer: &NoRegularizer,
            domain: domain.as_ref(),
        };
        let auto = Auto {
            options: options(1e-10),
        };
        let solution = auto.solve(&problem, None).unwrap();
        assert_eq!(solution.report.solver, *solver);
        let certificate = solution.certificate.unwrap();
        assert!(
            values(&certificate.gap)
                .into_iter()
                .all(|gap| gap < tolerance(1e-8))
        );
        check_bounds(
            solver,
            &fista(&problem),
            &certificate.value,
            best_vertex(&problem).as_ref(),
        );
    }
}

#[everywhere]
fn a_solution_is_where_every_solver_starts_from_and_stays() {
    each_setting(0.6, |domain, regularizer| {
        let energy = Cosh::concave(4, 5, 90);
        let problem = Problem {
            energy: &energy,
            regularizer,
            domain,
        };
        let exact = Auto {
            options: options(by_device(1e-12, 1e-9)),
        };
        let exact = exact.solve(&problem, None).unwrap().argmax;
        for solver in all(Options {
            max_iterations: by_device(10, 2),
            ..options(1e-9)
        }) {
            let Ok(solution) = solver.solve(&problem, Some(&exact)) else {
                continue;
            };
            let context = format!("{} {}", solver.name(), regularizer.name());
            assert_close(&context, &solution.argmax, &exact, by_device(1e-6, 1e-4));
        }
    });
}

#[everywhere]
fn frank_wolfe_with_harmonic_steps_converges_at_its_own_pace() {
    use efy_core::solver::FrankWolfeStep;
    let energy = concave(5, 4, 1.0, true, 120);
    let regularizer = HalfSquaredNorm::new(1.0).unwrap();
    let problem = Problem {
        energy: &energy,
        regularizer: &regularizer,
        domain: &Simplex::new(1.0).unwrap(),
    };
    let gap_after = |max_iterations| {
        let solver = FrankWolfe {
            step: FrankWolfeStep::Harmonic,
            away: false,
            options: Options {
                max_iterations,
                check_every: 0,
                ..options(0.0)
            },
        };
        values(&solver.solve(&problem, None).unwrap().report.residual)
    };
    let (early, late) = (gap_after(50), gap_after(2000));
    let slower = early.iter().zip(&late).all(|(early, late)| late <= early);
    assert!(slower && late.iter().all(|&gap| gap < 2e-3), "{late:?}");
    let both = FrankWolfe {
        step: FrankWolfeStep::Harmonic,
        ..FrankWolfe::default()
    };
    let message = both.solve(&problem, None).unwrap_err().to_string();
    assert!(message.contains("line search"), "{message}");
}

#[everywhere]
fn auto_picks_a_method_for_every_setting_or_says_why_not() {
    let energy = concave(2, 4, 1.0, false, 130);
    let general = Cosh::concave(2, 4, 131);
    let mut picked = Vec::new();
    each_setting(1.0, |domain, regularizer| {
        for energy in [&energy as &dyn Energy, &general] {
            let problem = Problem {
                energy,
                regularizer,
                domain,
            };
            let options = Options {
                max_iterations: 2,
                ..Options::default()
            };
            let solution = Auto { options }.solve(&problem, None).unwrap();
            picked.push(solution.report.solver);
        }
    });
    // Coordinate by coordinate is for native loops.
    let by_coordinates = by_device("coordinate_ascent", "fista");
    for solver in [by_coordinates, "mirror", "fista", "closed_form"] {
        assert!(picked.contains(&solver), "{solver} {picked:?}");
    }
    let entropy = BinaryEntropy::new(1.0).unwrap();
    let problem = Problem {
        energy: &general,
        regularizer: &entropy,
        domain: &Simplex::new(1.0).unwrap(),
    };
    let message = Auto::default()
        .solve(&problem, None)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("cannot solve a concave energy with binary_entropy"),
        "{message}"
    );
}
