//! Every domain: golden projections, optimality by brute force over vertices, and what projections and
//! linear maximizers promise, on easy and on hard rows.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "in a test, a panic is the report"
)]

#[path = "../support/mod.rs"]
mod support;

mod golden;
mod linear_argmax;
mod projections;
mod solving;

use efy_core::domain::{
    Ball, Birkhoff, BoxDomain, Cube, Domain, Knapsack, OrderSimplex, Permutahedron, Product, Reals,
    Simplex, Sphere,
};
use efy_core::energy::{Coupling, Energy, Linear, Quadratic};
use efy_core::loss::FenchelYoung;
use efy_core::regularizer::HalfSquaredNorm;
use efy_core::solver::{Auto, ClosedForm, Momentum, Options, ProjectedGradient, Solver, Step};
use efy_test::{
    assert_close, assert_same_row, by_device, everywhere, flags, indices, kind, place, tensor,
    tolerance, uniform, values,
};
use proptest::prelude::*;
use support::{check_linear, golden};
use tch::{Kind, Tensor};

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
    flags(condition).into_iter().all(|c| c)
}

fn dot(a: &Tensor, b: &Tensor) -> Tensor {
    (a * b).sum_dim_intlist(-1, false, None::<Kind>)
}

fn largest(t: &Tensor) -> f64 {
    values(t).into_iter().fold(f64::NEG_INFINITY, f64::max)
}

/// Rows of several sizes, with ties, in nine coordinates.
fn rows(seed: u64) -> Tensor {
    let mut parts: Vec<Tensor> = [0.3, 1.0, 4.0, 40.0, 1e4]
        .iter()
        .map(|&scale| uniform(&[40, 9], scale, seed))
        .collect();
    parts.push(uniform(&[40, 9], 2.5, seed ^ 1).round());
    parts.push(Tensor::zeros([1, 9], place()));
    Tensor::cat(&parts, 0)
}
