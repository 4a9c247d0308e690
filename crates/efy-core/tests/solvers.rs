//! What every conjugate solver promises: the maximum, a bound on what is missing, rows that are
//! independent of each other, and an end.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "in a test, a panic is the report"
)]

#[path = "support/plain.rs"]
mod plain;
#[path = "support/mod.rs"]
mod support;

use efy_core::device::read;
use efy_core::domain::{
    Ball, Birkhoff, BoxDomain, Cube, Domain, Knapsack, OrderSimplex, Permutahedron, Reals, Simplex,
};
use efy_core::energy::{Coupling, Energy, Form, Linear, Quadratic};
use efy_core::regularizer::{
    BinaryEntropy, BinaryTsallis, Gini, HalfSquaredNorm, NoRegularizer, OneSidedShannon,
    Regularizer, Shannon, Tsallis,
};
use efy_core::solver::{
    Auto, CoordinateAscent, FrankWolfe, LbfgsB, Mirror, MultiStart, Newton, Options, Problem,
    ProjectedGradient, ProximalGradient, Solution, Solver, Step,
};
use plain::PlainQuadratic;
use support::{Opaque, uniform};
use tch::{Device, Kind, Tensor};

/// Frank-Wolfe's gap is about the square of a distance.
const FRANK_WOLFE_GAP: f64 = 1e-8;

fn options(tolerance: f64) -> Options {
    // Tests run side by side, on matrices that are too small for threads of their own.
    tch::set_num_threads(1);
    Options {
        tolerance,
        max_iterations: 4000,
        check_every: 10,
        certify: true,
    }
}

fn flags(t: &Tensor) -> Vec<bool> {
    read::to_vec(t).unwrap()
}

fn numbers(t: &Tensor) -> Vec<f64> {
    read::to_vec(t).unwrap()
}

/// A concave quadratic energy, U one a row or shared.
fn concave(rows: i64, k: i64, scale: f64, per_row: bool, seed: u64) -> Quadratic {
    let a = uniform(&[rows, k, 3], 0.8 * scale.sqrt(), seed ^ 1);
    let a = if per_row { a } else { a.get(0) };
    Quadratic::new(uniform(&[rows, k], 2.0 * scale, seed), Coupling::LowRank(a)).unwrap()
}

/// $\langle u, p \rangle + \sum_j w_j \log\cosh(\langle a_j, p \rangle + b_j)$: concave for $w \le 0$.
struct Cosh {
    u: Tensor,
    a: Tensor,
    b: Tensor,
    w: Tensor,
}

impl Cosh {
    fn new(rows: i64, k: i64, weight: impl Fn(Tensor) -> Tensor, seed: u64) -> Self {
        Cosh {
            u: uniform(&[rows, k], 1.0, seed),
            a: uniform(&[k, 6], 1.5, seed ^ 1),
            b: uniform(&[6], 0.5, seed ^ 2),
            w: weight(uniform(&[6], 1.0, seed ^ 3)),
        }
    }

    fn concave(rows: i64, k: i64, seed: u64) -> Self {
        Cosh::new(rows, k, |w| w.abs().neg(), seed)
    }
}

impl Energy for Cosh {
    fn size(&self) -> (i64, i64) {
        let size = self.u.size();
        (size[0], size[1])
    }

    fn options(&self) -> (Kind, Device) {
        (self.u.kind(), self.u.device())
    }

    fn value(&self, p: &Tensor) -> Tensor {
        let t = p.matmul(&self.a) + &self.b;
        let log_cosh = t.abs() + (t.abs() * -2.0).exp().log1p();
        (p * &self.u).sum_dim_intlist([-1].as_slice(), false, None::<Kind>) + log_cosh.mv(&self.w)
    }

    fn gradient(&self, p: &Tensor) -> Tensor {
        let t = p.matmul(&self.a) + &self.b;
        (t.tanh() * &self.w).matmul(&self.a.tr()) + &self.u
    }

    fn form(&self) -> Form<'_> {
        if numbers(&self.w).iter().all(|&w| w <= 0.0) {
            Form::Concave
        } else {
            Form::General
        }
    }
}

/// Every solver, whether it applies or not.
fn all(options: Options) -> Vec<Box<dyn Solver>> {
    let mut solvers: Vec<Box<dyn Solver>> = vec![
        Box::new(Auto { options }),
        Box::new(CoordinateAscent { options }),
        Box::new(Newton { options }),
        Box::new(LbfgsB { options }),
        Box::new(FrankWolfe {
            options: Options {
                tolerance: options.tolerance.max(FRANK_WOLFE_GAP),
                ..options
            },
            ..FrankWolfe::default()
        }),
    ];
    for step in [Step::Automatic, Step::Backtracking { initial: 1.0 }] {
        let fista = ProjectedGradient::fista();
        let mirror = Mirror::default();
        let proximal = ProximalGradient::default();
        solvers.push(Box::new(ProjectedGradient {
            step,
            options,
            ..fista
        }));
        solvers.push(Box::new(Mirror {
            step,
            options,
            ..mirror
        }));
        solvers.push(Box::new(ProximalGradient {
            step,
            options,
            ..proximal
        }));
    }
    solvers
}

/// Regularizers on a domain.
type Setting = (Box<dyn Domain>, Vec<Box<dyn Regularizer>>);

/// Domains, each with the regularizers that live on it.
fn settings(gamma: f64) -> Vec<Setting> {
    let quadratic = || {
        Box::new(PlainQuadratic {
            curvature: gamma,
            slope: 0.3,
        })
    };
    vec![
        (
            Box::new(Cube),
            vec![
                Box::new(Gini::new(gamma).unwrap()) as Box<dyn Regularizer>,
                Box::new(BinaryEntropy::new(gamma).unwrap()),
                Box::new(OneSidedShannon::new(gamma).unwrap()),
                Box::new(BinaryTsallis::new(1.5, gamma).unwrap()),
                quadratic(),
            ],
        ),
        (
            Box::new(BoxDomain::new(-0.7, 1.1).unwrap()),
            vec![
                Box::new(HalfSquaredNorm::new(gamma).unwrap()),
                Box::new(BinaryEntropy::on_box(gamma, -0.7, 1.1).unwrap()),
            ],
        ),
        (
            Box::new(Simplex::new(1.0).unwrap()),
            vec![
                Box::new(Shannon::new(gamma).unwrap()),
                Box::new(Tsallis::new(1.5, gamma).unwrap()),
                quadratic(),
            ],
        ),
        (
            Box::new(Knapsack::new(1.0, 2.0).unwrap()),
            vec![Box::new(BinaryEntropy::new(gamma).unwrap())],
        ),
        (Box::new(Reals), vec![quadratic()]),
    ]
}

fn each_setting(gamma: f64, mut f: impl FnMut(&dyn Domain, &dyn Regularizer)) {
    for (domain, regularizers) in settings(gamma) {
        for regularizer in regularizers {
            f(domain.as_ref(), regularizer.as_ref());
        }
    }
}

/// The solutions of every solver that applies.
fn solve_all(problem: &Problem<'_>, options: Options) -> Vec<(String, Solution)> {
    all(options)
        .into_iter()
        .filter_map(|solver| {
            let solution = match solver.solve(problem, None) {
                Ok(solution) => solution,
                Err(efy_core::Error::Unsupported { .. }) => return None,
                Err(error) => panic!("{}: {error}", solver.name()),
            };
            let context = format!(
                "{} {} {}",
                solution.report.solver,
                problem.regularizer.name(),
                problem.domain.name()
            );
            Some((context, solution))
        })
        .collect()
}

#[test]
fn every_solver_that_applies_finds_the_same_maximum() {
    let mut solved = 0;
    each_setting(0.8, |domain, regularizer| {
        let energies: [Box<dyn Energy>; 4] = [
            Box::new(concave(6, 5, 1.0, false, 3)),
            Box::new(concave(6, 5, 1.0, true, 4)),
            Box::new(Opaque(Box::new(concave(6, 5, 1.0, true, 5)))),
            Box::new(Cosh::concave(6, 5, 6)),
        ];
        for (index, energy) in energies.iter().enumerate() {
            let problem = Problem {
                energy: energy.as_ref(),
                regularizer,
                domain,
            };
            let solutions = solve_all(&problem, options(1e-11));
            let exact = &solutions[0].1.argmax;
            for (context, solution) in &solutions {
                let context = format!("{context}, energy {index}");
                let residual = &solution.report.residual;
                assert!(
                    flags(&solution.report.converged).into_iter().all(|c| c),
                    "{context}: residual {:?} after {:?}",
                    numbers(residual),
                    numbers(&solution.report.iterations)
                );
                let frank_wolfe = solution.report.solver == "frank_wolfe";
                let distance = (2.0 * FRANK_WOLFE_GAP / 0.8).sqrt();
                let tolerance = if frank_wolfe { distance } else { 1e-9 };
                support::assert_close(&context, &solution.argmax, exact, tolerance);
                solved += 1;
            }
        }
    });
    assert!(solved >= 150, "{solved}");
}

#[test]
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
    for domain in &domains {
        let regularizer = PlainQuadratic {
            curvature: 0.8,
            slope: 0.1,
        };
        for energy in [
            Box::new(concave(rows, k, 1.0, false, 20)) as Box<dyn Energy>,
            Box::new(Cosh::concave(rows, k, 21)),
        ] {
            let problem = Problem {
                energy: energy.as_ref(),
                regularizer: &regularizer,
                domain: domain.as_ref(),
            };
            let solutions = solve_all(&problem, options(1e-10));
            assert!(solutions.len() >= 8, "{}", domain.name());
            let exact = &solutions[0].1;
            let value = &exact.certificate.as_ref().unwrap().value;
            for (context, solution) in &solutions {
                let converged = flags(&solution.report.converged);
                let residual = numbers(&solution.report.residual);
                assert!(converged.into_iter().all(|c| c), "{context} {residual:?}");
                check_bounds(context, solution, value, best_vertex(&problem).as_ref());
                if solution.report.solver != "frank_wolfe" {
                    support::assert_close(context, &solution.argmax, &exact.argmax, 1e-8);
                }
            }
        }
    }
}

#[test]
fn newton_and_lbfgsb_are_references() {
    each_setting(0.5, |domain, regularizer| {
        let energies: [Box<dyn Energy>; 2] = [
            Box::new(concave(8, 12, 1.5, false, 7)),
            Box::new(Cosh::concave(8, 12, 8)),
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
                for residual in numbers(&solution.report.residual) {
                    let name = regularizer.name();
                    assert!(residual <= tolerance, "{} {name} {residual}", solver.name());
                }
            }
        }
    });
}

/// $\max_i$ of F over the vertices of the domain, `[B]`.
fn best_vertex(problem: &Problem<'_>) -> Option<Tensor> {
    let (rows, k) = problem.energy.size();
    let vertices = problem.domain.vertices(k as usize)?;
    let values: Vec<Tensor> = (0..vertices.size()[0])
        .map(|i| {
            let p = vertices.get(i).expand([rows, k], false).contiguous();
            problem.energy.value(&p) - problem.regularizer.value(&p)
        })
        .collect();
    Some(Tensor::stack(&values, 0).amax([0].as_slice(), false))
}

/// Asserts value <= exact <= value + gap, and that no vertex is above value + gap.
fn check_bounds(context: &str, early: &Solution, exact: &Tensor, vertex: Option<&Tensor>) {
    let certificate = early.certificate.as_ref().unwrap();
    let (value, gap) = (numbers(&certificate.value), numbers(&certificate.gap));
    for (row, &exact) in numbers(exact).iter().enumerate() {
        let slack = 1e-9 * exact.abs().max(1.0);
        let (value, gap) = (value[row], gap[row]);
        assert!(value <= exact + slack, "{context} {row}: {value} > {exact}");
        let above = value + gap + slack;
        assert!(exact <= above, "{context} {row}: {exact} > {value} + {gap}");
        let vertex = vertex.map_or(f64::NEG_INFINITY, |v| numbers(&v.get(row as i64))[0]);
        assert!(
            vertex <= above,
            "{context} {row}: vertex {vertex} > {above}"
        );
    }
}

#[test]
fn value_and_gap_enclose_the_maximum_of_ten_thousand_concave_problems() {
    let (rows, k) = (150, 4);
    let mut problems = 0;
    let mut finite = 0;
    for seed in 0..4_u64 {
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
                    options: options(1e-10),
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
                    let gap = numbers(&early.certificate.unwrap().gap);
                    finite += gap.iter().filter(|gap| gap.is_finite()).count();
                }
            }
        });
    }
    assert!(problems >= 10_000, "{problems}");
    assert!(finite >= 10 * 10_000 / 2, "{finite}");
}

#[test]
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
            support::assert_close(&context, value, &brute, 1e-6);
            check_bounds(&context, &solution, &brute, Some(&brute));
        }
    }
}

#[test]
fn without_a_regularizer_auto_maximizes_concave_quadratics() {
    let domains: [(Box<dyn Domain>, &str); 2] = [
        (Box::new(Cube), "coordinate_ascent"),
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
        assert!(numbers(&certificate.gap).into_iter().all(|gap| gap < 1e-8));
        check_bounds(
            solver,
            &fista(&problem),
            &certificate.value,
            best_vertex(&problem).as_ref(),
        );
    }
}

fn fista(problem: &Problem<'_>) -> Solution {
    let solver = ProjectedGradient {
        options: options(1e-9),
        ..ProjectedGradient::fista()
    };
    solver.solve(problem, None).unwrap()
}

#[test]
fn a_stiff_or_broken_row_leaves_the_other_rows_their_bits_and_is_not_called_converged() {
    let (rows, k) = (7, 5);
    for (kind, scale, hidden) in [(Kind::Double, f64::NAN, false), (Kind::Float, 1e4, true)] {
        let energy = |changed: bool| -> Box<dyn Energy> {
            let u = uniform(&[rows, k], 2.0, 70).to_kind(kind);
            let a = uniform(&[rows, k, 3], 0.8, 71).to_kind(kind);
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
                    max_iterations: 20,
                    ..options(1e-5)
                };
                solve_all(&problem, options)
            };
            for ((context, calm), (_, changed)) in
                solve(calm.as_ref()).iter().zip(solve(changed.as_ref()))
            {
                for row in (0..rows).filter(|&row| row != 3) {
                    let bits = |s: &Solution| -> Vec<u64> {
                        let p = numbers(&s.argmax.get(row));
                        p.into_iter().map(f64::to_bits).collect()
                    };
                    assert_eq!(bits(calm), bits(&changed), "{context} {scale} row {row}");
                }
                if scale.is_nan() {
                    let converged = flags(&changed.report.converged);
                    assert!(!converged[3], "{context} {converged:?}");
                }
            }
        });
    }
}

#[test]
fn no_row_gets_more_iterations_than_allowed() {
    each_setting(0.3, |domain, regularizer| {
        for energy in [
            Box::new(concave(3, 6, 3.0, true, 80)) as Box<dyn Energy>,
            Box::new(Cosh::concave(3, 6, 81)),
        ] {
            for max_iterations in [0, 1, 7] {
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
                    let inside = domain.contains(&solution.argmax, 1e-12);
                    assert!(flags(&inside).into_iter().all(|i| i), "{context}");
                }
            }
        }
    });
}

#[test]
fn a_solution_is_where_every_solver_starts_from_and_stays() {
    each_setting(0.6, |domain, regularizer| {
        let energy = Cosh::concave(4, 5, 90);
        let problem = Problem {
            energy: &energy,
            regularizer,
            domain,
        };
        let exact = Auto {
            options: options(1e-12),
        };
        let exact = exact.solve(&problem, None).unwrap().argmax;
        for solver in all(Options {
            max_iterations: 10,
            ..options(1e-9)
        }) {
            let Ok(solution) = solver.solve(&problem, Some(&exact)) else {
                continue;
            };
            let context = format!("{} {}", solver.name(), regularizer.name());
            support::assert_close(&context, &solution.argmax, &exact, 1e-6);
        }
    });
}

#[test]
fn several_starts_find_what_one_does_not_and_say_nothing_of_a_bound() {
    let (rows, k) = (12, 4);
    let energy = Cosh::new(rows, k, |w| w.abs() * 1.5, 100);
    let regularizer = HalfSquaredNorm::new(0.3).unwrap();
    let problem = Problem {
        energy: &energy,
        regularizer: &regularizer,
        domain: &Cube,
    };
    let single = ProjectedGradient {
        options: options(1e-8),
        ..ProjectedGradient::fista()
    };
    let value = |s: &Solution| numbers(&s.certificate.as_ref().unwrap().value);
    let one = single.solve(&problem, None).unwrap();
    let many = |seed| {
        MultiStart::new(single, 24, seed)
            .unwrap()
            .solve(&problem, None)
            .unwrap()
    };
    let best = many(1);
    // A convex F is largest at a vertex; this one nearly is.
    let vertex = numbers(&best_vertex(&problem).unwrap());
    let mut improved = 0;
    for ((one, best), vertex) in value(&one).iter().zip(value(&best)).zip(vertex) {
        assert!(
            best >= *one && best >= vertex - 1e-9,
            "{one} {best} {vertex}"
        );
        improved += usize::from(best > one + 1e-3);
    }
    assert!(improved > 0);
    let gap = numbers(&best.certificate.as_ref().unwrap().gap);
    assert!(gap.into_iter().all(f64::is_infinite));
    assert_eq!(numbers(&many(1).argmax), numbers(&best.argmax));
    // Where a start leads nowhere, the best start is the answer: it depends on the seed.
    let still = ProjectedGradient {
        step: Step::Fixed(1e-9),
        ..single
    };
    let start = |seed| {
        let solver = MultiStart::new(still, 8, seed).unwrap();
        numbers(&solver.solve(&problem, None).unwrap().argmax)
    };
    assert_ne!(start(2), start(3));
    assert!(MultiStart::new(single, 0, 1).is_err());
}

#[test]
fn newton_and_lbfgsb_ascend_where_the_energy_is_not_concave() {
    let (rows, k) = (10, 5);
    let dense = uniform(&[rows, k, k], 1.0, 110);
    let dense = Coupling::Dense(&dense + dense.transpose(-1, -2));
    let energies: [Box<dyn Energy>; 2] = [
        Box::new(Quadratic::new(uniform(&[rows, k], 1.0, 111), dense).unwrap()),
        Box::new(Cosh::new(rows, k, |w| w * 2.0, 112)),
    ];
    for energy in &energies {
        each_setting(0.4, |domain, regularizer| {
            if domain.name() == "reals" {
                return; // Nothing need bound F.
            }
            let problem = Problem {
                energy: energy.as_ref(),
                regularizer,
                domain,
            };
            for solver in [
                Box::new(Newton {
                    options: options(1e-9),
                }) as Box<dyn Solver>,
                Box::new(LbfgsB {
                    options: options(1e-9),
                }),
                Box::new(Mirror {
                    options: options(1e-9),
                    ..Mirror::default()
                }),
            ] {
                let Ok(solution) = solver.solve(&problem, None) else {
                    continue;
                };
                let (name, residual) = (solver.name(), numbers(&solution.report.residual));
                let converged = flags(&solution.report.converged);
                let context = format!("{name} {} {residual:?}", regularizer.name());
                assert!(converged.into_iter().all(|c| c), "{context}");
                let gap = numbers(&solution.certificate.unwrap().gap);
                assert!(gap.into_iter().all(|gap| gap > 1e-9), "{context}");
            }
        });
    }
}

#[test]
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
        numbers(&solver.solve(&problem, None).unwrap().report.residual)
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

#[test]
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
            let solution = Auto::default().solve(&problem, None).unwrap();
            picked.push(solution.report.solver);
        }
    });
    for solver in ["coordinate_ascent", "mirror", "fista", "closed_form"] {
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
