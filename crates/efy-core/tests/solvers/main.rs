//! What every conjugate solver promises: the maximum, a bound on what is missing, rows that are
//! independent of each other, and an end.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "in a test, a panic is the report"
)]

#[path = "../support/plain.rs"]
mod plain;
#[path = "../support/mod.rs"]
mod support;

mod agreement;
mod blocks;
mod bounds;
mod couplings;
mod not_concave;
mod rows;

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
use efy_test::{
    assert_close, bits, by_device, by_kind, everywhere, flags, tensor, tolerance, uniform, values,
};
use plain::PlainQuadratic;
use support::Opaque;
use tch::{Device, Kind, Tensor};

/// Frank-Wolfe's gap is about the square of a distance.
const FRANK_WOLFE_GAP: f64 = 1e-8;

fn options(digits: f64) -> Options {
    // Tests run side by side, on matrices that are too small for threads of their own.
    tch::set_num_threads(1);
    Options {
        tolerance: tolerance(digits),
        max_iterations: 4000,
        check_every: 10,
        certify: true,
    }
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
        // Wherever it is: exact values are computed on the host.
        let weights: Vec<f64> = read::to_vec(&self.w).unwrap();
        if weights.iter().all(|&w| w <= 0.0) {
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

/// On a device, one regularizer on each domain: what they compute by themselves has its own tests.
fn each_setting(gamma: f64, mut f: impl FnMut(&dyn Domain, &dyn Regularizer)) {
    for (domain, regularizers) in settings(gamma) {
        let count = by_device(regularizers.len(), 1);
        for regularizer in regularizers.into_iter().take(count) {
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

/// $\max_i$ of F over the vertices of the domain, `[B]`.
fn best_vertex(problem: &Problem<'_>) -> Option<Tensor> {
    let (rows, k) = problem.energy.size();
    let vertices = support::vertices(problem.domain, k)?;
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
    let (value, gap) = (values(&certificate.value), values(&certificate.gap));
    let exact: Vec<f64> = read::to_vec(exact).unwrap();
    for (row, &exact) in exact.iter().enumerate() {
        let slack = tolerance(1e-9) * exact.abs().max(1.0);
        let (value, gap) = (value[row], gap[row]);
        assert!(value <= exact + slack, "{context} {row}: {value} > {exact}");
        let above = value + gap + slack;
        assert!(exact <= above, "{context} {row}: {exact} > {value} + {gap}");
        let vertex = vertex.map_or(f64::NEG_INFINITY, |v| values(&v.get(row as i64))[0]);
        assert!(
            vertex <= above,
            "{context} {row}: vertex {vertex} > {above}"
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
