//! Models with networks over labels: true gradients, concavity, and weights that stay where they belong.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "in a test, a panic is the report"
)]

use efy_core::domain::Cube;
use efy_core::loss::FenchelYoung;
use efy_core::parameters::Parameters;
use efy_core::regularizer::Gini;
use efy_core::solver::{Auto, Options};
use efy_models::{Model, Picnn, Sign, Spen};
use efy_test::{by_device, by_kind, everywhere, kind, number, place, tolerance, uniform, values};
use tch::Tensor;

const SIZE: (i64, i64) = (5, 4);

/// The models and whether their energies are concave.
fn models(seed: u64) -> Vec<(Box<dyn Model>, bool)> {
    let spen = |prior: &[i64], sign| {
        Box::new(Spen::new(SIZE, &[6], (prior, sign), seed, place()).unwrap())
    };
    vec![
        (spen(&[7], Sign::Free), false),
        (spen(&[7], Sign::Nonnegative), true),
        (spen(&[7, 3], Sign::Nonnegative), true),
        (
            Box::new(Picnn::new(SIZE, &[], &[7], seed, place()).unwrap()),
            true,
        ),
        (
            Box::new(Picnn::new(SIZE, &[6, 5], &[7, 3, 2], seed, place()).unwrap()),
            true,
        ),
    ]
}

fn loss() -> FenchelYoung {
    let options = Options {
        tolerance: tolerance(by_device(by_kind(1e-13, 1e-11), 1e-12)),
        ..Options::default()
    };
    FenchelYoung::new(Gini::new(1.0).unwrap(), Cube, Auto { options })
}

fn batch(rows: i64) -> (Tensor, Tensor) {
    let x = uniform(&[rows, SIZE.0], 2.0, 3);
    let y = uniform(&[rows, SIZE.1], 1.0, 4).gt(0.0).to_kind(kind());
    (x, y)
}

/// Weights whose names say that they must not be negative.
fn smallest(parameters: &Parameters, sign: &str) -> f64 {
    let named = parameters.named().iter();
    let signed = named.filter(|(name, _)| match sign {
        "label" => {
            name.starts_with("label") && name.ends_with(".hidden") || *name == "output.weight"
        }
        _ => name.starts_with("prior") && name.ends_with(".hidden") || *name == "prior.output",
    });
    let all: Vec<f64> = signed.map(|(_, t)| number(&t.min())).collect();
    assert!(!all.is_empty());
    all.into_iter().fold(f64::INFINITY, f64::min)
}

#[everywhere(f64)]
fn eq_gradients_in_all_weights_equal_central_differences_of_the_resolved_loss() {
    let (x, y) = batch(6);
    for (model, _) in models(1) {
        let parameters = model.parameters();
        let mean = || {
            let energy = model.energy(&x).unwrap();
            loss().mean_loss(energy.as_ref(), &y, None).unwrap().mean
        };
        let found = values(&parameters.gradient(&mean()).unwrap());
        let (weights, h) = (parameters.flat().copy(), 1e-5);
        // Every seventh weight, or fewer on a device: all layers, and the test stays short.
        for i in (0..found.len()).step_by(by_device(7, 41)) {
            let at = |step: f64| {
                let moved = weights.copy();
                let _ = moved.get(i as i64).g_add_scalar_(step);
                parameters.assign(&moved).unwrap();
                number(&mean())
            };
            let slope = (at(h) - at(-h)) / (2.0 * h);
            let name = model.name();
            assert!(
                (slope - found[i]).abs() < 1e-7,
                "{name} {i}: {slope} {}",
                found[i]
            );
        }
    }
}

#[everywhere]
fn energies_with_signed_weights_are_concave_and_certified_for_every_input() {
    let (x, _) = batch(50);
    for seed in 0..by_device(5, 1) {
        for (model, concave) in models(seed) {
            let energy = model.energy(&x).unwrap();
            let (p, q) = (
                uniform(&[50, SIZE.1], 4.0, seed),
                uniform(&[50, SIZE.1], 4.0, 100 + seed),
            );
            let chord = (energy.value(&p) + energy.value(&q)) * 0.5;
            let bulge = (energy.value(&((p + q) * 0.5)) - chord).min();
            let certificate = loss().predict(energy.as_ref(), None).unwrap().certificate;
            let gap = number(&certificate.unwrap().gap.max());
            if concave {
                assert!(number(&bulge) >= -tolerance(1e-12), "{}", model.name());
                assert!(gap < by_kind(1e-11, 1e-3), "{}: {gap}", model.name());
            }
        }
    }
}

#[everywhere]
fn constrain_projects_signed_weights_and_leaves_the_others_alone() {
    for (model, concave) in models(2) {
        let parameters = model.parameters();
        let sign = if model.name() == "picnn" {
            "label"
        } else {
            "prior"
        };
        if concave {
            assert!(smallest(parameters, sign) >= 0.0, "{}", model.name());
        }
        let before = parameters.flat().copy();
        model.constrain().unwrap();
        assert_eq!(parameters.flat(), &before, "{} at its start", model.name());
        parameters.assign(&(&before - 0.2)).unwrap();
        let moved = parameters.flat().copy();
        model.constrain().unwrap();
        assert_eq!(
            smallest(parameters, sign) >= 0.0,
            concave,
            "{}",
            model.name()
        );
        // What was changed was negative and is zero.
        let changed = parameters.flat().ne_tensor(&moved);
        let wrong = changed.logical_and(&moved.ge(0.0).logical_or(&parameters.flat().ne(0.0)));
        assert_eq!(number(&wrong.any()), 0.0, "{}", model.name());
        assert_eq!(number(&changed.any()) == 1.0, concave);
    }
}

#[everywhere]
fn a_prior_without_units_is_refused() {
    for widths in [&[][..], &[4, 0]] {
        let message = Picnn::new(SIZE, &[], widths, 0, place())
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("model.prior_hidden: expected at least one width"),
            "{message}"
        );
        assert!(Spen::new(SIZE, &[], (widths, Sign::Free), 0, place()).is_err());
    }
}
