//! Energies, losses and numbers for tests.

use std::cell::Cell;

use efy_core::device::read;
use efy_core::domain::{Cube, Domain, Geometry};
use efy_core::energy::{Coupling, Energy, Form, Quadratic};
use efy_core::loss::{Cost, FenchelYoung, Margin, Perceptron};
use efy_core::random::{Stream, generator};
use efy_core::regularizer::{BinaryEntropy, Gini, HalfSquaredNorm, OneSidedShannon, Regularizer};
use efy_core::solver::{
    Auto, Momentum, Options, Problem, ProjectedGradient, Report, Solution, Solver, Step,
};
use rand::RngExt;
use tch::{Device, Kind, Tensor};

pub const F64: (Kind, Device) = (Kind::Double, Device::Cpu);

/// Numbers uniform in ±scale.
pub fn uniform(shape: &[i64], scale: f64, seed: u64) -> Tensor {
    let mut random = generator(seed, Stream::MadeUp, 0);
    let count = shape.iter().product::<i64>();
    let values: Vec<f64> = (0..count)
        .map(|_| random.random_range(-scale..=scale))
        .collect();
    Tensor::from_slice(&values).reshape(shape)
}

/// Zeros and ones.
pub fn labels(shape: &[i64], seed: u64) -> Tensor {
    uniform(shape, 1.0, seed).gt(0.0).to_kind(Kind::Double)
}

/// The maximum to rounding: `Auto` for linear and quadratic energies on boxes, for everything else a
/// gradient method whose fixed step fits the energies of these tests and that does not look at forms.
pub struct Precise;

const OPTIONS: Options = Options {
    tolerance: 1e-13,
    max_iterations: 5000,
    check_every: 10,
    certify: true,
};

impl Solver for Precise {
    fn name(&self) -> &'static str {
        "precise"
    }

    fn solve(&self, problem: &Problem<'_>, start: Option<&Tensor>) -> efy_core::Result<Solution> {
        let formed = matches!(
            problem.energy.form(),
            Form::Linear { .. } | Form::Quadratic { .. }
        );
        if formed && problem.domain.bounds().is_some() {
            return Auto { options: OPTIONS }.solve(problem, start);
        }
        let hidden = Hidden(problem.energy);
        let problem = Problem {
            energy: &hidden,
            ..*problem
        };
        if problem.regularizer.is_steep() {
            return Ok(fixed_point(&problem));
        }
        let solver = ProjectedGradient {
            step: Step::Fixed(0.3),
            momentum: Momentum::None,
            options: OPTIONS,
        };
        solver.solve(&problem, start)
    }
}

/// Damped iterations of $p = \nabla\Omega^*(\nabla\Phi(p))$.
fn fixed_point(problem: &Problem<'_>) -> Solution {
    let _guard = tch::no_grad_guard();
    let (rows, k) = problem.energy.size();
    let mut theta = Tensor::zeros([rows, k], F64);
    let argmax = |theta: &Tensor| problem.regularizer.argmax(theta, problem.domain).unwrap();
    for _ in 0..80 {
        let target = problem.energy.gradient(&argmax(&theta));
        theta = theta.lerp(&target, 0.6);
    }
    let residual = (problem.energy.gradient(&argmax(&theta)) - &theta).abs();
    let residual = residual.amax([-1].as_slice(), false);
    let converged = residual.le(1e-12);
    assert!(read::scalar(&converged.all()).unwrap() == 1.0);
    let report = Report {
        solver: "fixed_point",
        iterations: Tensor::full([rows], 80, (Kind::Int64, Device::Cpu)),
        residual,
        converged,
    };
    Solution {
        argmax: argmax(&theta),
        report,
        certificate: None,
    }
}

pub fn regularizer(index: usize) -> Box<dyn Regularizer> {
    match index {
        0 => Box::new(HalfSquaredNorm::new(0.7).unwrap()),
        1 => Box::new(Gini::new(1.3).unwrap()),
        2 => Box::new(BinaryEntropy::new(0.6).unwrap()),
        _ => Box::new(OneSidedShannon::new(0.9).unwrap()),
    }
}

pub fn fenchel_young(index: usize) -> FenchelYoung {
    FenchelYoung::from_parts(regularizer(index), Box::new(Cube), Box::new(Precise))
}

pub fn perceptron() -> Perceptron {
    Perceptron::new(Cube, Precise)
}

pub fn margin() -> Margin {
    Margin::new(Cost::Hamming, Cube, Precise)
}

/// How a coupling comes from its parameter: dense or of low rank, shared or one a row.
#[derive(Debug, Clone, Copy)]
pub struct Kinds {
    pub dense: bool,
    pub per_row: bool,
}

const fn kinds(dense: bool, per_row: bool) -> Kinds {
    Kinds { dense, per_row }
}

pub const KINDS: [Kinds; 4] = [
    kinds(true, false),
    kinds(true, true),
    kinds(false, false),
    kinds(false, true),
];

impl Kinds {
    /// A parameter whose coupling is negative definite.
    pub fn parameter(self, rows: i64, k: i64, seed: u64) -> Tensor {
        let a = uniform(&[rows, k, k - 1], 0.8, seed);
        let a = if self.per_row { a } else { a.get(0) };
        if self.dense {
            let eye = Tensor::eye(k, F64) * 0.05;
            (a.matmul(&a.transpose(-1, -2)) + eye).neg()
        } else {
            a
        }
    }

    /// The symmetric part of a dense parameter, so that central differences stay symmetric.
    pub fn energy(self, u: &Tensor, parameter: &Tensor) -> Box<dyn Energy> {
        let coupling = if self.dense {
            Coupling::Dense((parameter + parameter.transpose(-1, -2)) * 0.5)
        } else {
            Coupling::LowRank(parameter.shallow_clone())
        };
        Box::new(Quadratic::new(u.shallow_clone(), coupling).unwrap())
    }
}

/// $\langle u, p \rangle - \sum_j \mathrm{sp}((W p)_j + b_j)$: a small network, concave in p, that counts
/// how often its gradient is computed with a graph.
pub struct Soft {
    pub u: Tensor,
    pub w: Tensor,
    pub with_graph: Cell<usize>,
}

impl Soft {
    pub fn new(u: &Tensor, w: &Tensor) -> Self {
        Soft {
            u: u.shallow_clone(),
            w: w.shallow_clone(),
            with_graph: Cell::new(0),
        }
    }

    fn activation(&self, p: &Tensor) -> Tensor {
        p.matmul(&self.w.tr()) - 0.3
    }
}

impl Energy for Soft {
    fn size(&self) -> (i64, i64) {
        (self.u.size()[0], self.u.size()[1])
    }
    fn options(&self) -> (Kind, Device) {
        (self.u.kind(), self.u.device())
    }
    fn value(&self, p: &Tensor) -> Tensor {
        let softplus = self.activation(p).neg().log_sigmoid().neg();
        (&self.u * p).sum_dim_intlist(-1, false, None::<Kind>)
            - softplus.sum_dim_intlist(-1, false, None::<Kind>)
    }
    fn gradient(&self, p: &Tensor) -> Tensor {
        let gradient = &self.u - self.activation(p).sigmoid().matmul(&self.w);
        if gradient.requires_grad() {
            self.with_graph.set(self.with_graph.get() + 1);
        }
        gradient
    }
    fn form(&self) -> Form<'_> {
        Form::Concave
    }
}

/// The probability simplex, by sorting.
pub struct Simplex;

impl Domain for Simplex {
    fn name(&self) -> &'static str {
        "simplex"
    }
    fn project(&self, z: &Tensor) -> Tensor {
        let (sorted, _) = z.sort(-1, true);
        let k = z.size()[1];
        let ranks = Tensor::arange_start(1, k + 1, (z.kind(), z.device()));
        let candidates = (sorted.cumsum(-1, z.kind()) - 1.0) / ranks;
        let support = sorted
            .gt_tensor(&candidates)
            .sum_dim_intlist(-1, true, Kind::Int64);
        (z - candidates.gather(-1, &(support - 1), false)).clamp_min(0.0)
    }
    fn linear_argmax(&self, theta: &Tensor) -> Option<Tensor> {
        let best = theta.argmax(-1, false);
        Some(best.one_hot(theta.size()[1]).to_kind(theta.kind()))
    }
    fn contains(&self, p: &Tensor, tolerance: f64) -> Tensor {
        p.ge(-tolerance).all_dim(-1, false)
    }
    fn start(&self, like: &Tensor) -> Tensor {
        like.full_like(1.0 / like.size()[1] as f64)
    }
    fn geometry(&self) -> Geometry<'_> {
        Geometry::Simplex { scale: 1.0 }
    }
}

/// A concave energy whose form is not told.
pub struct Hidden<'a>(pub &'a dyn Energy);

impl Energy for Hidden<'_> {
    fn size(&self) -> (i64, i64) {
        self.0.size()
    }
    fn options(&self) -> (Kind, Device) {
        self.0.options()
    }
    fn value(&self, p: &Tensor) -> Tensor {
        self.0.value(p)
    }
    fn gradient(&self, p: &Tensor) -> Tensor {
        self.0.gradient(p)
    }
    fn form(&self) -> Form<'_> {
        Form::Concave
    }
}

/// Central differences of `loss` in every entry of `parameter`.
pub fn central_differences(parameter: &Tensor, loss: impl Fn(&Tensor) -> f64) -> Tensor {
    let h = 1e-5;
    let flat: Vec<f64> = read::to_vec(&parameter.detach()).unwrap();
    let at = |i: usize, step: f64| {
        let mut moved = flat.clone();
        moved[i] += step;
        loss(&Tensor::from_slice(&moved).reshape(parameter.size()))
    };
    let differences: Vec<f64> = (0..flat.len())
        .map(|i| (at(i, h) - at(i, -h)) / (2.0 * h))
        .collect();
    Tensor::from_slice(&differences).reshape(parameter.size())
}

/// The sum over rows as a number.
pub fn total(rows: &Tensor) -> f64 {
    read::scalar(&rows.sum(None::<Kind>)).unwrap()
}

/// Whether all entries are at least `least`.
pub fn at_least(t: &Tensor, least: f64) -> bool {
    let values: Vec<f64> = read::to_vec(t).unwrap();
    values.iter().all(|&value| value >= least)
}
