//! Replicas side by side are the models that their seeds make alone.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "in a test, a panic is the report"
)]

use efy_core::Result;
use efy_core::domain::Cube;
use efy_core::loss::FenchelYoung;
use efy_core::regularizer::Gini;
use efy_core::solver::{Auto, Options};
use efy_models::{CouplingSource, Model, Pairwise, Picnn, Seeds, Sign, Spen, Unary};
use efy_test::{everywhere, kind, number, place, tolerance, uniform};
use tch::Tensor;

const SIZE: (i64, i64) = (5, 4);
const SEEDS: [u64; 3] = [1, 8, 5];
/// Rows of each replica.
const ROWS: i64 = 7;

type Make = Box<dyn Fn(Seeds) -> Result<Box<dyn Model>>>;

fn models() -> Vec<Make> {
    fn boxed(model: Result<impl Model + 'static>) -> Result<Box<dyn Model>> {
        Ok(Box::new(model?))
    }
    let pairwise = |source| -> Make {
        Box::new(move |seeds| boxed(Pairwise::new(SIZE, &[6], (2, source), seeds, place())))
    };
    let spen = |prior: &'static [i64], sign| -> Make {
        Box::new(move |seeds| boxed(Spen::new(SIZE, &[6], (prior, sign), seeds, place())))
    };
    vec![
        Box::new(|seeds| boxed(Unary::new(SIZE, &[], seeds, place()))),
        Box::new(|seeds| boxed(Unary::new(SIZE, &[6, 3], seeds, place()))),
        pairwise(CouplingSource::Shared),
        pairwise(CouplingSource::Predicted),
        spen(&[7], Sign::Free),
        spen(&[7, 3], Sign::Nonnegative),
        Box::new(|seeds| boxed(Picnn::new(SIZE, &[6, 5], &[7, 3, 2], seeds, place()))),
    ]
}

/// The largest difference.
fn distance(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    number(&(a - b).abs().max())
}

#[everywhere]
fn replicas_have_the_values_losses_and_gradients_of_their_seeds_alone() {
    let rows = ROWS * SEEDS.len() as i64;
    let x = uniform(&[rows, SIZE.0], 2.0, 3);
    let y = uniform(&[rows, SIZE.1], 1.0, 4).gt(0.0).to_kind(kind());
    let options = Options {
        tolerance: tolerance(1e-12),
        max_iterations: 2000,
        ..Options::default()
    };
    let loss = FenchelYoung::new(Gini::new(1.0).unwrap(), Cube, Auto { options });
    for make in models() {
        let all = make(Seeds::from(SEEDS.to_vec())).unwrap();
        let name = all.name();
        let energy = all.energy(&x).unwrap();
        let losses = loss.loss(energy.as_ref(), &y, None).unwrap().per_row;
        // The sum over replicas of the mean over their rows.
        let total = losses.sum(kind()) / ROWS as f64;
        let gradient = all.parameters().gradient(&total).unwrap();
        let gradient = gradient.view([SEEDS.len() as i64, -1]);
        for (index, &seed) in (0..).zip(&SEEDS) {
            let own = |t: &Tensor| t.narrow(0, index * ROWS, ROWS);
            let single = make(Seeds::from(seed)).unwrap();
            assert_eq!(&all.parameters().replica(index), single.parameters().flat());
            let alone = single.energy(&own(&x)).unwrap();
            let context = format!("{name}, replica {index}");
            for (found, expected) in [
                (energy.value(&y), alone.value(&own(&y))),
                (energy.gradient(&y), alone.gradient(&own(&y))),
            ] {
                assert!(
                    distance(&own(&found), &expected) < tolerance(1e-12),
                    "{context}"
                );
            }
            let expected = loss.loss(alone.as_ref(), &own(&y), None).unwrap().per_row;
            assert!(
                distance(&own(&losses), &expected) < tolerance(1e-9),
                "{context}"
            );
            let mean = expected.mean(kind());
            let expected = single.parameters().gradient(&mean).unwrap();
            let difference = distance(&gradient.get(index), &expected);
            assert!(
                difference < tolerance(1e-6),
                "{context}: gradient off by {difference}"
            );
        }
    }
}

#[everywhere]
fn constraints_hold_in_every_replica() {
    for make in models() {
        let all = make(Seeds::from(SEEDS.to_vec())).unwrap();
        let singles = SEEDS.map(|seed| make(Seeds::from(seed)).unwrap());
        let _guard = tch::no_grad_guard();
        for model in singles.iter().chain([&all]) {
            let _ = model.parameters().flat().shallow_clone().f_neg_().unwrap();
            model.constrain().unwrap();
        }
        for (index, single) in (0..).zip(&singles) {
            let found = all.parameters().replica(index);
            assert_eq!(&found, single.parameters().flat(), "{}", all.name());
        }
    }
}

#[everywhere]
fn rows_that_no_number_a_replica_makes_are_refused() {
    for make in models() {
        let all = make(Seeds::from(SEEDS.to_vec())).unwrap();
        let x = Tensor::zeros([7, SIZE.0], place());
        let message = all.energy(&x).err().unwrap().to_string();
        assert!(message.contains("a multiple of 3"), "{message}");
        assert!(make(Seeds::from(Vec::new())).is_err());
    }
}
