//! What every regularizer promises: the golden vectors of the generalized Fenchel-Young paper
//! (assets/golden/fy), and the mathematics of conjugates and proximal maps.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "in a test, a panic is the report"
)]

#[path = "../support/mod.rs"]
mod support;

mod closed_forms;
mod golden;
mod invariance;
mod optimality;

use efy_core::domain::{Birkhoff, BoxDomain, Cube, Domain, Knapsack, Reals, Simplex};
use efy_core::energy::{Coupling, Linear, Quadratic};
use efy_core::loss::FenchelYoung;
use efy_core::regularizer::{
    BinaryEntropy, BinaryTsallis, Gini, HalfSquaredNorm, NoRegularizer, OneSidedShannon,
    Regularizer, Shannon, Tsallis,
};
use efy_core::solver::{Auto, ClosedForm, CoordinateAscent, Options, Solver};
use efy_test::{
    assert_close, assert_same_row, by_device, by_kind, everywhere, indices, number, place, tensor,
    tolerance, uniform, values,
};
use proptest::prelude::*;
use support::{check_linear, golden};
use tch::{Kind, Tensor};

type Parts = (Box<dyn Regularizer>, Box<dyn Domain>);

fn boxed(regularizer: impl Regularizer + 'static, domain: impl Domain + 'static) -> Parts {
    (Box::new(regularizer), Box::new(domain))
}

/// Every regularizer with every domain that it has a formula for, for rows of 9.
fn catalogue(gamma: f64) -> Vec<Parts> {
    let action = || BoxDomain::new(-1.5, 0.5).unwrap();
    let mut all = vec![
        boxed(HalfSquaredNorm::new(gamma).unwrap(), Cube),
        boxed(
            HalfSquaredNorm::new(gamma).unwrap(),
            Simplex::new(1.0).unwrap(),
        ),
        boxed(Gini::new(gamma).unwrap(), action()),
        boxed(BinaryEntropy::new(gamma).unwrap(), Cube),
        boxed(BinaryEntropy::on_box(gamma, -1.5, 0.5).unwrap(), action()),
        boxed(OneSidedShannon::new(gamma).unwrap(), Cube),
        boxed(Shannon::new(gamma).unwrap(), Simplex::new(1.0).unwrap()),
        boxed(Shannon::new(gamma).unwrap(), Simplex::new(2.5).unwrap()),
        boxed(Shannon::new(gamma).unwrap(), Birkhoff::new(3).unwrap()),
    ];
    for (min, max) in [(0.0, 2.0), (4.0, 4.0), (6.0, 8.0)] {
        all.push(boxed(
            BinaryEntropy::new(gamma).unwrap(),
            Knapsack::new(min, max).unwrap(),
        ));
    }
    for alpha in [1.1, 1.5, 2.0, 3.0] {
        all.push(boxed(
            Tsallis::new(alpha, gamma).unwrap(),
            Simplex::new(1.0).unwrap(),
        ));
        all.push(boxed(
            Tsallis::new(alpha, gamma).unwrap(),
            Simplex::new(0.4).unwrap(),
        ));
        all.push(boxed(BinaryTsallis::new(alpha, gamma).unwrap(), Cube));
    }
    all
}

fn describe((regularizer, domain): &Parts) -> String {
    format!("{} on {}", regularizer.name(), domain.name())
}

/// Points of a domain: its centre, and mixtures of it with answers of regularizers to random questions.
fn points(domain: &dyn Domain, k: i64, seed: u64) -> Vec<Tensor> {
    let centre = domain.start(&Tensor::zeros([1, k], place()));
    let mut all = vec![centre.shallow_clone()];
    for (regularizer, set) in catalogue(0.3) {
        if set.name() != domain.name() {
            continue;
        }
        let theta = uniform(&[1, k], 3.0, seed + all.len() as u64);
        let p = regularizer.argmax(&theta, domain);
        if let Some(p) = p {
            all.push(p.lerp(&centre, 0.3));
            all.push(p);
        }
    }
    all
}

/// $\langle\theta, p\rangle - \Omega(p)$.
fn objective(regularizer: &dyn Regularizer, theta: &Tensor, p: &Tensor) -> f64 {
    let inner = (theta * p).sum_dim_intlist(-1, false, None::<Kind>);
    number(&(inner - regularizer.value(p)))
}
