//! Energies, losses and numbers for tests.

use std::cell::Cell;

use efy_core::device::read;
use efy_core::domain::Cube;
use efy_core::energy::{Coupling, Energy, Form, Quadratic};
use efy_core::loss::{Cost, FenchelYoung, Margin, Perceptron};
use efy_core::regularizer::{BinaryEntropy, Gini, HalfSquaredNorm, OneSidedShannon, Regularizer};
use efy_core::solver::{Auto, Options};
use efy_test::{kind, place, tolerance, uniform, values};
use tch::{Device, Kind, Tensor};

pub use crate::support::central_differences;

/// Zeros and ones.
pub fn labels(shape: &[i64], seed: u64) -> Tensor {
    uniform(shape, 1.0, seed).gt(0.0).to_kind(kind())
}

/// The maximum to rounding.
pub fn precise() -> Auto {
    Auto {
        options: Options {
            tolerance: tolerance(1e-13),
            max_iterations: 5000,
            check_every: 10,
            certify: true,
        },
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
    FenchelYoung::from_parts(regularizer(index), Box::new(Cube), Box::new(precise()))
}

pub fn perceptron() -> Perceptron {
    Perceptron::new(Cube, precise())
}

pub fn margin() -> Margin {
    Margin::new(Cost::Hamming, Cube, precise())
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
            let eye = Tensor::eye(k, place()) * 0.05;
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

/// The sum over rows as a number.
pub fn total(rows: &Tensor) -> f64 {
    read::scalar(&rows.sum(None::<Kind>)).unwrap()
}

/// Whether all entries are at least `least`.
pub fn at_least(t: &Tensor, least: f64) -> bool {
    let values = values(t);
    values.iter().all(|&value| value >= least)
}
