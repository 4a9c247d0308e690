//! Layers in bf16: the same model to a few of its 8 bits, with weights and everything else in f32.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "in a test, a panic is the report"
)]

use efy_core::domain::Cube;
use efy_core::energy::Energy;
use efy_core::loss::FenchelYoung;
use efy_core::regularizer::Gini;
use efy_core::solver::Auto;
use efy_models::{CouplingSource, Model, Pairwise, Picnn, Sign, Spen, Unary};
use efy_test::{device, everywhere, number, uniform};
use tch::{Kind, Tensor};

const SIZE: (i64, i64) = (7, 5);
const ROWS: i64 = 12;

/// Every model, with its weights in `kind` and its layers in `layers`.
fn models(kind: Kind, layers: Kind) -> Vec<Box<dyn Model>> {
    let options = (kind, device());
    let pairwise = |source| Pairwise::new(SIZE, &[16], (2, source), 3, options).unwrap();
    let spen = |sign| Spen::new(SIZE, &[16], (&[6, 4], sign), 3, options).unwrap();
    vec![
        Box::new(Unary::new(SIZE, &[], 3, options).unwrap().layers_in(layers)),
        Box::new(
            Unary::new(SIZE, &[16, 8], 3, options)
                .unwrap()
                .layers_in(layers),
        ),
        Box::new(pairwise(CouplingSource::Shared).layers_in(layers)),
        Box::new(pairwise(CouplingSource::Predicted).layers_in(layers)),
        Box::new(spen(Sign::Free).layers_in(layers)),
        Box::new(spen(Sign::Nonnegative).layers_in(layers)),
        Box::new(
            Picnn::new(SIZE, &[16], &[6, 4], 3, options)
                .unwrap()
                .layers_in(layers),
        ),
    ]
}

fn data(kind: Kind) -> (Tensor, Tensor) {
    let (x, y) = (
        uniform(&[ROWS, SIZE.0], 2.0, 8),
        uniform(&[ROWS, SIZE.1], 1.0, 9),
    );
    (x.to_kind(kind), y.gt(0.0).to_kind(kind))
}

fn loss() -> FenchelYoung {
    FenchelYoung::new(Gini::new(1.0).unwrap(), Cube, Auto::default())
}

fn gradient(model: &dyn Model, x: &Tensor, y: &Tensor) -> Tensor {
    let energy = model.energy(x).unwrap();
    let mean = loss().mean_loss(energy.as_ref(), y, None).unwrap().mean;
    model
        .parameters()
        .gradient(&mean)
        .unwrap()
        .to_kind(Kind::Double)
}

#[everywhere(f32)]
fn energies_differ_by_the_rounding_of_bf16() {
    let (x, _) = data(Kind::Float);
    let half = Tensor::full([ROWS, SIZE.1], 0.5, (Kind::Float, device()));
    let pairs = models(Kind::Float, Kind::Float)
        .into_iter()
        .zip(models(Kind::Float, Kind::BFloat16));
    for (exact, rounded) in pairs {
        assert_eq!(exact.parameters().flat(), rounded.parameters().flat());
        let slope = |model: &dyn Model| {
            let energy: Box<dyn Energy> = model.energy(&x).unwrap();
            assert_eq!(energy.options().0, Kind::Float);
            energy.gradient(&half)
        };
        let (exact_slope, slope) = (slope(exact.as_ref()), slope(rounded.as_ref()));
        let off = number(&(&slope - &exact_slope).abs().max());
        let size = number(&exact_slope.abs().max());
        // Half a unit in the 8th bit is 0.002; a few of them add up.
        assert!(
            off > 0.0 && off < 0.02 * size,
            "{}: {off} of {size}",
            exact.name()
        );
    }
}

#[everywhere(f32)]
fn gradients_are_slopes_of_the_loss_in_full_precision() {
    let ((x, y), (x64, y64)) = (data(Kind::Float), data(Kind::Double));
    let pairs = models(Kind::Double, Kind::Double)
        .into_iter()
        .zip(models(Kind::Float, Kind::BFloat16));
    for (exact, rounded) in pairs {
        let gradient = gradient(rounded.as_ref(), &x, &y);
        let size = number(&gradient.norm());
        let flat = exact.parameters().flat().copy();
        let at = |along: &Tensor, step: f64| {
            exact.parameters().assign(&(&flat + along * step)).unwrap();
            let energy = exact.energy(&x64).unwrap();
            let mean = loss().mean_loss(energy.as_ref(), &y64, None).unwrap().mean;
            exact.parameters().assign(&flat).unwrap();
            number(&mean)
        };
        let other = uniform(&gradient.size(), 1.0, 10).to_kind(Kind::Double);
        for along in [&gradient / size, &other / other.norm()] {
            let slope = (at(&along, 1e-5) - at(&along, -1e-5)) / 2e-5;
            let found = number(&gradient.dot(&along));
            let off = (slope - found).abs();
            assert!(off < 0.03 * size, "{}: {slope} {found}", exact.name());
        }
    }
}

#[everywhere(f32)]
fn the_backward_pass_written_out_is_that_of_autograd() {
    let (x, y) = data(Kind::Float);
    for model in models(Kind::Float, Kind::BFloat16) {
        let Some(pass) = model.pass(&x).unwrap() else {
            continue;
        };
        let native = loss().mean_gradient(pass.energy.as_ref(), &y, None);
        let ours = model.gradient(&pass, &native.unwrap().unwrap()).unwrap();
        assert_eq!(ours.kind(), Kind::Float);
        let autograd = gradient(model.as_ref(), &x, &y);
        let off = number(&(ours - &autograd).abs().max());
        let size = number(&autograd.abs().max());
        assert!(off < 0.01 * size, "{}: {off} of {size}", model.name());
    }
}
