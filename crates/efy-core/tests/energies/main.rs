//! Energies beyond the quadratic: golden vectors, derivatives, concavity, and the native inference in
//! network energies beside the tensor path.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "in a test, a panic is the report"
)]

#[path = "../support/mod.rs"]
mod support;

mod derivatives;
mod golden;
mod made_by_users;
mod native;

use efy_core::device::read;
use efy_core::domain::{BoxDomain, Cube, Domain};
use efy_core::energy::{
    Coupling, Custom, Energy, Features, Form, Layer, LinearConcave, LogSumExp, Prior, Quadratic,
    Spen,
};
use efy_core::loss::FenchelYoung;
use efy_core::regularizer::{BinaryEntropy, Gini, HalfSquaredNorm, OneSidedShannon, Regularizer};
use efy_core::solver::{Auto, CoordinateNewton, Options, ProjectedGradient, Solution, Solver};
use efy_test::{
    assert_close, bits, by_device, everywhere, flags, kind, number, on_cpu, place, tensor,
    tolerance, uniform, values,
};
use support::{Case, Opaque, golden};
use tch::{Kind, Tensor};

fn options(digits: f64) -> Options {
    Options {
        tolerance: tolerance(digits),
        max_iterations: 5000,
        check_every: 10,
        certify: true,
    }
}

fn newton(tolerance: f64) -> CoordinateNewton {
    CoordinateNewton {
        options: options(tolerance),
    }
}

/// Its line search makes fifteen trials an iteration on every batch: not many iterations, then.
fn fista(tolerance: f64) -> ProjectedGradient {
    ProjectedGradient {
        options: Options {
            max_iterations: 60,
            check_every: 5,
            ..options(tolerance)
        },
        ..ProjectedGradient::fista()
    }
}

/// The networks that tests run on.
const NETWORKS: [&str; 5] = ["shallow", "mixed signs", "deep", "gated", "gated shallow"];

/// A network energy for rows `from..from + count` of a batch of 11, weights times `scale`.
fn network(name: &str, scale: f64, (from, count): (i64, i64)) -> Spen {
    let (rows, k) = (11, 5);
    let free = |shape: &[i64], seed| uniform(shape, 1.5, seed) * scale;
    let positive = |shape: &[i64], seed| free(shape, seed).abs();
    let own = |t: Tensor| t.narrow(0, from, count);
    let u = own(uniform(&[rows, k], 3.0, 1) * scale.max(1.0));
    let (w1, b1) = (free(&[7, k], 2), free(&[7], 3));
    let second = || Layer::next(positive(&[6, 7], 5), free(&[6, k], 6), free(&[6], 7));
    let third = || {
        Layer::next(
            positive(&[4, 6], 8),
            free(&[4, k], 9),
            own(free(&[rows, 4], 10)),
        )
    };
    let prior = match name {
        "shallow" => Prior::shallow(w1, b1, positive(&[7], 4)),
        "mixed signs" => Prior::shallow(w1, b1, free(&[7], 4)),
        "deep" => Prior::new(
            vec![Layer::first(w1, b1), second(), third()],
            positive(&[4], 11),
        ),
        "gated" => Prior::new(
            vec![
                Layer::first(w1, own(free(&[rows, 7], 3))).gate_input(own(free(&[rows, k], 12))),
                second()
                    .gate_input(own(free(&[rows, k], 13)))
                    .gate_hidden(own(positive(&[rows, 7], 14))),
                third().gate_hidden(own(positive(&[rows, 6], 15))),
            ],
            own(positive(&[rows, 4], 16)),
        ),
        _ => Prior::new(
            vec![Layer::first(w1, b1).gate_input(own(free(&[rows, k], 12)))],
            own(positive(&[rows, 7], 17)),
        ),
    };
    Spen::new(u, prior.unwrap()).unwrap()
}

fn whole(name: &str) -> Spen {
    network(name, 1.0, (0, 11))
}

/// U(p) = (-p^2, -e^p): concave features.
struct Bowls(i64);

impl Features for Bowls {
    fn outputs(&self) -> i64 {
        self.0
    }
    fn value(&self, p: &Tensor) -> Tensor {
        Tensor::cat(&[p.square().neg(), p.exp().neg()], 1)
    }
    fn transposed_jacobian(&self, p: &Tensor, v: &Tensor) -> Tensor {
        let parts = v.chunk(2, 1);
        p * &parts[0] * -2.0 - p.exp() * &parts[1]
    }
}

/// Every energy of this file on 11 rows of 5 outputs, and whether it is concave.
fn energies() -> Vec<(&'static str, Box<dyn Energy>, bool)> {
    let k = 5;
    let mut all: Vec<(&'static str, Box<dyn Energy>, bool)> = NETWORKS
        .into_iter()
        .map(|name| {
            (
                name,
                Box::new(whole(name)) as Box<dyn Energy>,
                name != "mixed signs",
            )
        })
        .collect();
    let (u, w, b) = (
        uniform(&[11, k], 2.0, 20),
        uniform(&[6, k], 2.0, 21),
        uniform(&[6], 1.0, 22),
    );
    let soft = LogSumExp::new(u.shallow_clone(), w, b, 0.7).unwrap();
    all.push(("log sum exp", Box::new(soft), true));
    let v = uniform(&[11, 2 * k], 1.0, 23).abs();
    all.push((
        "linear-concave",
        Box::new(LinearConcave::new(v, Bowls(k)).unwrap()),
        true,
    ));
    let custom = Custom::new(&u.shallow_clone(), move |p| {
        (&u * p - p.pow_tensor_scalar(4)).sum_dim_intlist(-1, false, None::<Kind>)
    });
    all.push(("custom", Box::new(custom.unwrap().concave()), true));
    all
}

/// The energy of a golden case from weights that require gradients.
fn spen(case: &Case, u: &Tensor, weights: &[(&str, Tensor)]) -> Spen {
    let get = |name: &str| {
        let found = weights.iter().find(|(key, _)| *key == name);
        found.unwrap().1.shallow_clone()
    };
    let prior = if case.id == "S03" {
        let second = Layer::next(get("Wz"), get("Wp"), get("b"));
        Prior::new(vec![Layer::first(get("W0"), get("b0")), second], get("wo"))
    } else {
        Prior::shallow(get("W1"), get("b1"), get("w2"))
    };
    Spen::new(u.shallow_clone(), prior.unwrap()).unwrap()
}

fn regularizers() -> [Box<dyn Regularizer>; 4] {
    [
        Box::new(HalfSquaredNorm::new(0.7).unwrap()),
        Box::new(Gini::new(1.3).unwrap()),
        Box::new(BinaryEntropy::new(0.6).unwrap()),
        Box::new(OneSidedShannon::new(0.9).unwrap()),
    ]
}

fn solve(
    energy: &dyn Energy,
    regularizer: Box<dyn Regularizer>,
    domain: impl Domain + 'static,
    solver: impl Solver + 'static,
) -> Solution {
    FenchelYoung::from_parts(regularizer, Box::new(domain), Box::new(solver))
        .predict(energy, None)
        .unwrap()
}
