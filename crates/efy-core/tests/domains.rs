//! Every domain: golden projections, optimality by brute force over vertices, and what projections and
//! linear maximizers promise, on easy and on hard rows.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "in a test, a panic is the report"
)]

#[path = "support/mod.rs"]
mod support;

use efy_core::device::read;
use efy_core::domain::{
    Ball, Birkhoff, BoxDomain, Cube, Domain, Knapsack, OrderSimplex, Permutahedron, Product, Reals,
    Simplex, Sphere,
};
use efy_core::energy::{Coupling, Energy, Linear, Quadratic};
use efy_core::loss::FenchelYoung;
use efy_core::regularizer::HalfSquaredNorm;
use efy_core::solver::{Auto, ClosedForm, Momentum, Options, ProjectedGradient, Solver, Step};
use proptest::prelude::*;
use support::{assert_close, check_linear, golden, uniform};
use tch::{Device, Kind, Tensor};

const F64: (Kind, Device) = (Kind::Double, Device::Cpu);

fn knapsack(min: f64, max: f64) -> Box<dyn Domain> {
    Box::new(Knapsack::new(min, max).unwrap())
}

fn product() -> Product {
    let parts: Vec<(Box<dyn Domain>, usize)> = vec![
        (Box::new(Simplex::new(2.0).unwrap()), 2),
        (Box::new(BoxDomain::new(-1.0, 0.5).unwrap()), 1),
        (Box::new(Permutahedron::ranking(3).unwrap()), 3),
        (Box::new(OrderSimplex), 3),
    ];
    Product::new(parts).unwrap()
}

/// Polytopes in nine dimensions.
fn polytopes() -> Vec<Box<dyn Domain>> {
    let weights = vec![-0.5, 2.0, 1.5, 1.5, 1.5, 2.0, 2.0, 3.0, 9.0];
    vec![
        Box::new(Cube),
        Box::new(Simplex::default()),
        Box::new(Simplex::new(7.5).unwrap()),
        knapsack(0.0, 2.0),
        knapsack(2.5, 4.25),
        knapsack(3.0, 3.0),
        knapsack(0.0, 0.0),
        knapsack(9.0, 11.0),
        Box::new(Permutahedron::new(weights).unwrap()),
        Box::new(Permutahedron::new(vec![1.5; 9]).unwrap()),
        Box::new(Birkhoff::new(3).unwrap()),
        Box::new(OrderSimplex),
        Box::new(product()),
    ]
}

/// All domains with a projection that fit nine coordinates; the last one is not convex.
fn domains() -> Vec<Box<dyn Domain>> {
    let mut all = polytopes();
    all.push(Box::new(Ball::new(1.5).unwrap()));
    all.push(Box::new(Sphere::new(1.5).unwrap()));
    all
}

fn all(condition: &Tensor) -> bool {
    read::to_vec::<bool>(condition)
        .unwrap()
        .into_iter()
        .all(|c| c)
}

fn dot(a: &Tensor, b: &Tensor) -> Tensor {
    (a * b).sum_dim_intlist(-1, false, None::<Kind>)
}

fn largest(t: &Tensor) -> f64 {
    read::to_vec::<f64>(t)
        .unwrap()
        .into_iter()
        .fold(f64::NEG_INFINITY, f64::max)
}

/// Rows of several sizes, with ties, in nine coordinates.
fn rows(seed: u64) -> Tensor {
    let mut parts: Vec<Tensor> = [0.3, 1.0, 4.0, 40.0, 1e4]
        .iter()
        .map(|&scale| uniform(&[40, 9], scale, seed))
        .collect();
    parts.push(uniform(&[40, 9], 2.5, seed ^ 1).round());
    parts.push(Tensor::zeros([1, 9], F64));
    Tensor::cat(&parts, 0)
}

#[test]
fn golden_fenchel_young_losses_that_are_projections() {
    for id in ["B08", "B10", "B11", "B13", "B15", "R03"] {
        let case = golden(id);
        for kind in [Kind::Double, Kind::Float] {
            let fista = ProjectedGradient::fista();
            let options = Options {
                tolerance: if kind == Kind::Double { 1e-12 } else { 1e-6 },
                ..Options::default()
            };
            let solvers: [Box<dyn Solver>; 4] = [
                Box::new(ClosedForm::default()),
                Box::new(Auto::default()),
                Box::new(ProjectedGradient { options, ..fista }),
                Box::new(ProjectedGradient {
                    step: Step::Curvature,
                    momentum: Momentum::None,
                    options,
                }),
            ];
            for solver in solvers {
                check_linear(&case, solver, kind);
            }
        }
    }
}

#[test]
fn golden_pairwise_energy_on_the_simplex() {
    let case = golden("P09");
    for (kind, tolerance) in [(Kind::Double, case.tolerance), (Kind::Float, 1e-4)] {
        let options = Options {
            tolerance: if kind == Kind::Double { 1e-12 } else { 1e-6 },
            ..Options::default()
        };
        let steps = [Step::Backtracking { initial: 1.0 }, Step::Curvature];
        let gradients = steps.map(|step| ProjectedGradient {
            step,
            options,
            ..ProjectedGradient::fista()
        });
        let mut solvers: Vec<Box<dyn Solver>> = vec![Box::new(Auto { options })];
        solvers.extend(gradients.map(|solver| Box::new(solver) as Box<dyn Solver>));
        for solver in solvers {
            let u = case.matrix("u", kind).set_requires_grad(true);
            let matrix = case.tensor("U", kind).set_requires_grad(true);
            let coupling = Coupling::Dense(matrix.shallow_clone());
            let energy = Quadratic::new(u.shallow_clone(), coupling).unwrap();
            let loss = case.loss(solver);
            let value = loss.loss(&energy, &case.matrix("y", kind), None).unwrap();
            let gradients =
                Tensor::run_backward(&[value.per_row.sum(kind)], &[&u, &matrix], false, false);
            let certificate = value.solution.certificate.unwrap();
            for (key, found) in [
                ("p_hat", &value.solution.argmax),
                ("conjugate", &certificate.value),
                ("loss", &value.per_row),
                ("grad_u", &gradients[0]),
                ("grad_U", &gradients[1]),
            ] {
                assert_close(key, found, &case.expected(key).unwrap(), tolerance);
            }
            assert!(largest(&certificate.gap) <= tolerance);
        }
    }
}

/// $\langle z - P(z), v - P(z) \rangle \le 0$ for every vertex v, which is optimality.
#[test]
fn projections_satisfy_the_variational_inequality_at_every_vertex() {
    let z = rows(2);
    for domain in polytopes() {
        let p = domain.project(&z);
        let vertices = domain.vertices(9).unwrap();
        let residual = &z - &p;
        let ahead = residual.matmul(&vertices.tr()) - dot(&residual, &p).unsqueeze(-1);
        let scale = residual.abs().amax([-1].as_slice(), true) + 1.0;
        let worst = largest(&(ahead / scale));
        assert!(worst <= 1e-11, "{}: {worst}", domain.name());
        assert!(all(&domain.contains(&p, 1e-13)), "{}", domain.name());
    }
}

#[test]
fn large_projections_satisfy_the_variational_inequality() {
    let domains: Vec<(Box<dyn Domain>, i64)> = vec![
        (Box::new(Simplex::new(3.0).unwrap()), 1000),
        (knapsack(10.0, 200.5), 1000),
        (Box::new(Permutahedron::ranking(500).unwrap()), 500),
        (Box::new(Birkhoff::new(13).unwrap()), 169),
        (Box::new(OrderSimplex), 1000),
        (Box::new(Ball::new(2.0).unwrap()), 1000),
    ];
    for (domain, k) in domains {
        for scale in [1e-3, 0.5, 20.0, 1e5] {
            let z = uniform(&[20, k], scale, 3);
            let p = domain.project(&z);
            let residual = &z - &p;
            let best = domain.linear_argmax(&residual).unwrap();
            let size = (dot(&residual, &residual) * dot(&p, &p)).sqrt();
            let ahead = dot(&residual, &(best - &p)) / (size + 1.0);
            let worst = largest(&ahead);
            assert!(worst <= 1e-11, "{} {scale}: {worst}", domain.name());
            assert!(all(&domain.contains(&p, 1e-12)), "{}", domain.name());
        }
    }
}

#[test]
fn linear_argmax_is_the_best_vertex() {
    let theta = rows(4);
    for domain in polytopes() {
        let vertices = domain.vertices(9).unwrap();
        let brute = theta.matmul(&vertices.tr()).amax([-1].as_slice(), false);
        for kind in [Kind::Double, Kind::Float] {
            let best = domain.linear_argmax(&theta.to_kind(kind)).unwrap();
            assert_eq!(best.kind(), kind);
            assert!(all(&domain.contains(&best, 1e-6)), "{}", domain.name());
            if kind == Kind::Double {
                assert_close(domain.name(), &dot(&theta, &best), &brute, 1e-12);
            }
        }
    }
    for domain in [
        Box::new(Ball::new(2.0).unwrap()) as Box<dyn Domain>,
        Box::new(Sphere::new(2.0).unwrap()),
    ] {
        let best = domain.linear_argmax(&theta).unwrap();
        let norm = theta
            .square()
            .sum_dim_intlist(-1, false, None::<Kind>)
            .sqrt();
        assert_close(domain.name(), &dot(&theta, &best), &(norm * 2.0), 1e-12);
    }
}

#[test]
fn ties_of_linear_argmax_go_to_small_sums_and_early_coordinates() {
    let check = |domain: &dyn Domain, theta: &[f64], expected: &[f64]| {
        let theta = Tensor::from_slice(theta).unsqueeze(0);
        let found = domain.linear_argmax(&theta).unwrap();
        assert_close(domain.name(), &found, &Tensor::from_slice(expected), 0.0);
    };
    check(&Simplex::default(), &[1.0, 2.0, 2.0], &[0.0, 1.0, 0.0]);
    check(&*knapsack(0.0, 2.0), &[0.0, 0.0, 0.0], &[0.0, 0.0, 0.0]);
    check(&*knapsack(1.0, 2.5), &[0.0, 0.0, 0.0], &[1.0, 0.0, 0.0]);
    check(&*knapsack(1.0, 2.5), &[3.0, 3.0, 3.0], &[1.0, 1.0, 0.5]);
    let ranking = Permutahedron::ranking(3).unwrap();
    check(&ranking, &[1.0, 4.0, 1.0], &[1.0, 2.0, 0.0]);
    check(&OrderSimplex, &[1.0, 0.0, -1.0], &[1.0, 0.0, 0.0]);
    check(&Birkhoff::new(2).unwrap(), &[5.0; 4], &[1.0, 0.0, 0.0, 1.0]);
    check(&Ball::new(1.0).unwrap(), &[0.0, 0.0], &[0.0, 0.0]);
    check(&Sphere::new(1.0).unwrap(), &[0.0, 0.0], &[1.0, 0.0]);
}

#[test]
fn vertices_are_distinct_sorted_and_extreme() {
    let expected: [(Box<dyn Domain>, i64); 7] = [
        (Box::new(Simplex::default()), 4),
        // One empty set, four singles, six pairs.
        (knapsack(0.0, 2.0), 11),
        // Six pairs; three free places for half a label beside each of four ones or six pairs.
        (knapsack(1.5, 2.5), 4 * 3 + 6 + 6 * 2),
        (Box::new(Permutahedron::ranking(4).unwrap()), 24),
        (
            Box::new(Permutahedron::new(vec![1.0, 1.0, 0.0, 0.0]).unwrap()),
            6,
        ),
        (Box::new(Birkhoff::new(2).unwrap()), 2),
        (Box::new(OrderSimplex), 5),
    ];
    for (domain, count) in expected {
        let vertices = domain.vertices(4).unwrap();
        assert_eq!(vertices.size(), [count, 4], "{}", domain.name());
        assert!(all(&domain.contains(&vertices, 1e-15)), "{}", domain.name());
        let list: Vec<f64> = read::to_vec(&vertices).unwrap();
        assert!(
            list.chunks(4).is_sorted_by(|a, b| a < b),
            "{}",
            domain.name()
        );
        // A vertex is no mean of others: it is the projection of itself pushed outwards.
        let centre = vertices.mean_dim([0].as_slice(), true, None::<Kind>);
        let pushed = &vertices + (&vertices - centre) * 50.0;
        assert_close(domain.name(), &domain.project(&pushed), &vertices, 1e-11);
    }
    assert!(Simplex::default().vertices(100_000).is_none());
    assert!(Permutahedron::ranking(20).unwrap().vertices(20).is_none());
    assert!(Ball::new(1.0).unwrap().vertices(2).is_none());
    assert_eq!(product().vertices(9).unwrap().size(), [2 * 2 * 6 * 4, 9]);
}

#[test]
fn starts_lie_inside_and_points_outside_are_told() {
    for domain in domains() {
        for kind in [Kind::Double, Kind::Float] {
            let like = Tensor::empty([2, 9], (kind, Device::Cpu));
            let start = domain.start(&like);
            assert_eq!((start.size(), start.kind()), (vec![2, 9], kind));
            assert!(all(&domain.contains(&start, 1e-6)), "{}", domain.name());
        }
        let outside = Tensor::full([1, 9], 1.6, F64) + Tensor::arange(9, F64) * 0.4;
        let inside = all(&domain.contains(&outside, 1e-3));
        assert!(!inside, "{}", domain.name());
        let projected = domain.project(&outside);
        let moved = projected.copy();
        let _ = moved.get(0).get(4).g_add_scalar_(0.5);
        let still_inside = all(&domain.contains(&moved, 1e-3));
        let full_dimensional = ["ball", "order_simplex"].contains(&domain.name());
        assert!(!still_inside || full_dimensional, "{}", domain.name());
    }
}

#[test]
fn offsets_cost_no_digits() {
    // Eighths and their sums with these offsets are exact in f32.
    let z = (uniform(&[200, 9], 4.0, 5) * 8.0).round() / 8.0;
    for domain in domains() {
        let invariant = ["simplex", "permutahedron", "birkhoff"].contains(&domain.name());
        for offset in [1e3, 1e6, -1e6] {
            let moved: Tensor = &z + offset;
            for (kind, tolerance) in [(Kind::Double, 1e-12), (Kind::Float, 2e-6)] {
                let found = domain.project(&moved.to_kind(kind));
                assert!(
                    all(&domain.contains(&found, 2.0 * tolerance)),
                    "{} {offset}",
                    domain.name()
                );
                if invariant {
                    let plain = domain.project(&z);
                    assert_close(domain.name(), &found, &plain, tolerance);
                }
            }
        }
    }
    // A knapsack whose bound is met is invariant, too.
    let tight = Knapsack::new(3.0, 3.0).unwrap();
    let moved = tight.project(&(&z + 1e6).to_kind(Kind::Float));
    assert_close("knapsack", &moved, &tight.project(&z), 2e-6);
}

#[test]
fn single_precision_is_as_good_as_its_digits() {
    for domain in domains() {
        let z = rows(6).narrow(0, 0, 160).to_kind(Kind::Float);
        let exact = domain.project(&z.to_kind(Kind::Double));
        assert_close(domain.name(), &domain.project(&z), &exact, 4e-6);
    }
}

#[test]
fn infinite_elements_get_the_least_or_the_most() {
    let inf = f64::INFINITY;
    let check = |domain: &dyn Domain, z: &[f64], expected: &[f64]| {
        for kind in [Kind::Double, Kind::Float] {
            let z = Tensor::from_slice(z).unsqueeze(0).to_kind(kind);
            let found: Vec<f64> = read::to_vec(&domain.project(&z)).unwrap();
            let same = |(f, e): (&f64, &f64)| (f - e).abs() < 1e-6;
            assert!(
                found.iter().zip(expected).all(same),
                "{} {z:?} {found:?}",
                domain.name()
            );
        }
    };
    let simplex = Simplex::default();
    check(&simplex, &[0.2, -inf, 0.4], &[0.4, 0.0, 0.6]);
    check(&simplex, &[0.2, inf, inf], &[0.0, 0.5, 0.5]);
    check(&simplex, &[-inf, -inf], &[0.5, 0.5]);
    check(
        &*knapsack(2.0, 2.0),
        &[0.5, -inf, 0.3, 0.1],
        &[2.6 / 3.0, 0.0, 2.0 / 3.0, 1.4 / 3.0],
    );
    check(&*knapsack(2.0, 2.0), &[0.5, -inf, -inf], &[1.0, 0.5, 0.5]);
    check(&*knapsack(0.0, 1.0), &[inf, inf, 5.0], &[0.5, 0.5, 0.0]);
    let ranking = Permutahedron::ranking(3).unwrap();
    check(&ranking, &[-inf, 0.0, inf], &[0.0, 1.0, 2.0]);
    check(&ranking, &[inf, 0.0, inf], &[1.5, 0.0, 1.5]);
    let birkhoff = Birkhoff::new(2).unwrap();
    check(&birkhoff, &[-inf, 0.0, 0.0, 0.0], &[0.0, 1.0, 1.0, 0.0]);
    check(&OrderSimplex, &[0.7, inf, -inf], &[1.0, 1.0, 0.0]);
}

#[test]
fn a_row_with_nan_becomes_nan_and_hangs_nothing() {
    for domain in domains() {
        let z = rows(12).narrow(0, 0, 3);
        let calm = domain.project(&z);
        let _ = z.get(1).get(4).fill_(f64::NAN);
        let p = domain.project(&z);
        for row in [0, 2] {
            assert!(p.get(row).equal(&calm.get(row)), "{}", domain.name());
        }
        let nan = p.get(1).isnan();
        // Coordinates that have nothing to do with it keep their values.
        let separate = ["cube", "product"].contains(&domain.name());
        assert!(
            all(&if separate { nan.get(4) } else { nan }),
            "{}",
            domain.name()
        );
        assert!(!all(&domain.contains(&p, 1.0)), "{}", domain.name());
        assert_eq!(domain.linear_argmax(&z).unwrap().size(), [3, 9]);
    }
}

#[test]
fn one_output_and_no_rows() {
    let weights = vec![2.0];
    let domains: Vec<(Box<dyn Domain>, [f64; 2])> = vec![
        (Box::new(Simplex::new(2.0).unwrap()), [2.0, 2.0]),
        (knapsack(0.25, 0.5), [0.25, 0.5]),
        (Box::new(Permutahedron::new(weights).unwrap()), [2.0, 2.0]),
        (Box::new(Birkhoff::new(1).unwrap()), [1.0, 1.0]),
        (Box::new(OrderSimplex), [0.0, 1.0]),
        (Box::new(Ball::new(3.0).unwrap()), [-3.0, 3.0]),
        (Box::new(Sphere::new(3.0).unwrap()), [-3.0, 3.0]),
    ];
    for (domain, ends) in domains {
        let z = Tensor::from_slice(&[-10.0, 10.0]).reshape([2, 1]);
        let expected = Tensor::from_slice(&ends);
        assert_close(domain.name(), &domain.project(&z), &expected, 1e-15);
        assert_close(
            domain.name(),
            &domain.linear_argmax(&z).unwrap(),
            &expected,
            1e-15,
        );
    }
    for domain in crate::domains() {
        let empty = Tensor::empty([0, 9], F64);
        assert_eq!(domain.project(&empty).size(), [0, 9]);
        assert_eq!(domain.linear_argmax(&empty).unwrap().size(), [0, 9]);
        assert_eq!(domain.contains(&empty, 0.0).size(), [0]);
    }
}

#[test]
fn rows_are_independent_to_the_last_bit() {
    for kind in [Kind::Double, Kind::Float] {
        let z = rows(7).repeat([40, 1]).to_kind(kind);
        for domain in domains() {
            let together = domain.project(&z);
            for row in [0, 17, 100, 239, 3001] {
                let alone = domain.project(&z.narrow(0, row, 1));
                assert!(
                    together.narrow(0, row, 1).equal(&alone),
                    "{}",
                    domain.name()
                );
            }
            let strided = domain.project(&z.tr().contiguous().tr());
            assert!(strided.equal(&together), "{}", domain.name());
        }
    }
}

/// $\Omega^*(u) \ge \langle u, y \rangle - \Omega(y)$ for every y of C, with equality at the projection.
#[test]
fn closed_form_fenchel_young_losses_on_every_domain() {
    let u = uniform(&[12, 9], 3.0, 8);
    for domain in domains() {
        let name = domain.name();
        let target = domain.project(&uniform(&[12, 9], 3.0, 9));
        let argmax = domain.project(&(&u / 2.0));
        let regularizer = Box::new(HalfSquaredNorm::new(2.0).unwrap());
        let loss = FenchelYoung::from_parts(regularizer, domain, Box::new(ClosedForm::default()));
        let leaf = u.copy().set_requires_grad(true);
        let energy = Linear::new(leaf.shallow_clone()).unwrap();
        let value = loss.loss(&energy, &target, None).unwrap();
        assert_close(name, &value.solution.argmax, &argmax, 0.0);
        let conjugate = value.solution.certificate.unwrap().value;
        assert_close(
            name,
            &conjugate,
            &(dot(&u, &argmax) - dot(&argmax, &argmax)),
            1e-12,
        );
        let expected = conjugate + dot(&target, &target) - dot(&u, &target);
        assert_close(name, &value.per_row, &expected, 1e-11);
        assert!(largest(&value.per_row.neg()) <= 1e-13, "{name}");
        let mean = loss.mean_loss(&energy, &target, None).unwrap().mean;
        mean.backward();
        assert_close(name, &leaf.grad(), &((&argmax - &target) / 12.0), 1e-14);
        let zero = loss.loss(&energy, &argmax, None).unwrap().per_row;
        assert_close(name, &zero, &zero.zeros_like(), 1e-13);
    }
}

#[test]
fn concave_pairwise_energies_are_solved_and_certified_on_every_convex_domain() {
    let u = uniform(&[5, 9], 3.0, 10);
    let loss_domain = |index: usize| domains().swap_remove(index);
    // The last one is not convex.
    for index in 0..domains().len() - 1 {
        let domain = loss_domain(index);
        let name = domain.name();
        let coupling = Coupling::LowRank(uniform(&[9, 3], 0.7, 11));
        let energy = Quadratic::new(u.shallow_clone(), coupling).unwrap();
        let regularizer = Box::new(HalfSquaredNorm::new(1.0).unwrap());
        let options = Options {
            tolerance: 1e-11,
            ..Options::default()
        };
        let solver = Box::new(Auto { options });
        let loss = FenchelYoung::from_parts(regularizer, domain, solver);
        let solution = loss.predict(&energy, None).unwrap();
        assert!(all(&solution.report.converged), "{name}");
        assert!(
            largest(&solution.certificate.unwrap().gap) <= 1e-9,
            "{name}"
        );
        let objective = |p: &Tensor| energy.value(p) - dot(p, p) * 0.5;
        let best = objective(&solution.argmax);
        for seed in 0..20 {
            let other = loss_domain(index).project(&uniform(&[5, 9], 3.0, seed));
            assert!(largest(&(objective(&other) - &best)) <= 1e-10, "{name}");
        }
    }
}

#[test]
fn misfits_and_bad_parameters_are_named() {
    let message = |result: efy_core::Result<()>| result.unwrap_err().to_string();
    for (result, expected) in [
        (
            Simplex::new(0.0).map(|_| ()),
            "simplex.scale: expected a positive number, found 0",
        ),
        (
            Knapsack::new(2.0, 1.0).map(|_| ()),
            "knapsack: expected finite bounds with 0 <= min <= max, found min 2, max 1",
        ),
        (
            Permutahedron::new(vec![1.0, f64::NAN]).map(|_| ()),
            "permutahedron.weights: expected a list of finite numbers, not empty, found [1.0, NaN]",
        ),
        (
            Birkhoff::new(0).map(|_| ()),
            "birkhoff.n: expected at least 1, found 0",
        ),
        (
            Ball::new(f64::INFINITY).map(|_| ()),
            "ball.radius: expected a positive number, found inf",
        ),
        (
            Sphere::new(-1.0).map(|_| ()),
            "sphere.radius: expected a positive number, found -1",
        ),
        (
            Product::new(vec![]).map(|_| ()),
            "product: expected factors with at least one coordinate each, found sizes []",
        ),
        (
            Product::new(vec![(Box::new(Birkhoff::new(2).unwrap()), 3)]).map(|_| ()),
            "birkhoff.n: expected n^2 = k, found n = 2 with k = 3",
        ),
        (
            Permutahedron::ranking(4).unwrap().check(3),
            "permutahedron.weights: expected one weight an output, found 4 weights with k = 3",
        ),
        (
            Knapsack::new(2.5, 9.0).unwrap().check(2),
            "knapsack.min: expected at most k >= 1, found 2.5 with k = 2",
        ),
        (
            product().check(8),
            "product: expected factors with k coordinates in all, found 9 coordinates with k = 8",
        ),
    ] {
        assert_eq!(message(result), expected);
    }
    assert!(Reals.check(5).is_ok() && Cube.check(1).is_ok());
}

#[test]
fn solvers_refuse_a_domain_that_does_not_fit() {
    let u = Tensor::zeros([2, 8], F64);
    let coupling = Coupling::LowRank(Tensor::ones([8, 1], F64));
    let energies: [Box<dyn Energy>; 2] = [
        Box::new(Linear::new(u.shallow_clone()).unwrap()),
        Box::new(Quadratic::new(u, coupling).unwrap()),
    ];
    for energy in energies {
        for solver in [
            Box::new(Auto::default()) as Box<dyn Solver>,
            Box::new(ClosedForm::default()),
            Box::new(ProjectedGradient::default()),
        ] {
            let name = solver.name();
            let regularizer = Box::new(HalfSquaredNorm::new(1.0).unwrap());
            let loss = FenchelYoung::from_parts(regularizer, Box::new(product()), solver);
            let message = loss.predict(energy.as_ref(), None).unwrap_err().to_string();
            assert!(
                message.starts_with("product: expected"),
                "{name}: {message}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// $P(P(z)) = P(z)$, and $\|P(z) - P(z')\|^2 \le \langle P(z) - P(z'), z - z' \rangle$ on convex sets.
    #[test]
    fn projections_are_idempotent_and_firmly_nonexpansive(seed in any::<u64>(), exponent in -2.0..4.0_f64) {
        let scale = 10_f64.powf(exponent);
        let (z, other) = (uniform(&[8, 9], scale, seed), uniform(&[8, 9], scale, seed ^ 1));
        let near = &z + uniform(&[8, 9], 0.1, seed ^ 2);
        for domain in domains() {
            let p = domain.project(&z);
            support::assert_close(domain.name(), &domain.project(&p), &p, 1e-12);
            if domain.name() == "sphere" {
                continue;
            }
            for other in [&other, &near] {
                let d = &p - domain.project(other);
                let excess = largest(&(dot(&d, &d) - dot(&d, &(&z - other))));
                prop_assert!(excess <= 1e-11 * (1.0 + scale), "{} {excess}", domain.name());
            }
        }
    }

    /// Reordering the outputs (rows and columns of a matrix) reorders the answer.
    #[test]
    fn projections_commute_with_the_symmetries_of_the_domain(seed in any::<u64>(), ties in any::<bool>()) {
        let z = uniform(&[6, 9], 2.0, seed);
        let z = if ties { z.round() } else { z };
        for domain in domains() {
            let order: [i64; 9] = match domain.name() {
                "product" | "order_simplex" => continue,
                // Columns turned, rows 0 and 2 swapped.
                "birkhoff" => [7, 8, 6, 4, 5, 3, 1, 2, 0],
                _ => [3, 0, 8, 5, 1, 4, 2, 7, 6],
            };
            let order = Tensor::from_slice(&order);
            let shuffled = domain.project(&z.index_select(1, &order));
            let expected = domain.project(&z).index_select(1, &order);
            support::assert_close(domain.name(), &shuffled, &expected, 1e-12);
        }
    }

    /// Any bounds, any size: the sum is met and nothing hangs.
    #[test]
    fn knapsacks_of_any_size(
        seed in any::<u64>(), k in 1..70_i64, exponent in -6.0..8.0_f64, low in 0.0..1.0_f64, width in 0.0..0.3_f64,
    ) {
        let (min, max) = (low * k as f64, (low + width) * k as f64);
        let domain = Knapsack::new(min, max).unwrap();
        let z = uniform(&[4, k], 10_f64.powf(exponent), seed);
        for (kind, tolerance) in [(Kind::Double, 1e-14), (Kind::Float, 4e-7)] {
            prop_assert!(all(&domain.contains(&domain.project(&z.to_kind(kind)), tolerance)));
        }
        let p = domain.project(&z);
        let residual = &z - &p;
        let best = domain.linear_argmax(&residual).unwrap();
        let size = largest(&residual.abs()) * k as f64 + 1.0;
        prop_assert!(largest(&dot(&residual, &(best - &p))) <= 1e-13 * size);
    }
}
