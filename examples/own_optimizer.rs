//! The generalized Fenchel-Young loss in a tch program that has its own weights and its own optimizer.
#![allow(clippy::disallowed_methods, reason = "an example prints what it gets")]

use efy_core::energy::{Coupling, Quadratic};
use efy_core::{domain::Cube, loss::FenchelYoung, regularizer::Gini, solver::Auto};
use tch::nn::{self, Module, OptimizerConfig};
use tch::{Device, Kind, Tensor};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tch::manual_seed(0);
    let (rows, features, labels, rank) = (256, 20, 6, 3);
    let weights = nn::VarStore::new(Device::cuda_if_available());
    let options = (Kind::Float, weights.device());
    let scores = nn::linear(
        weights.root() / "scores",
        features,
        labels,
        Default::default(),
    );
    let small = nn::Init::Randn {
        mean: 0.0,
        stdev: 0.1,
    };
    let factor = weights.root().var("factor", &[labels, rank], small);
    let mut optimizer = nn::Adam::default().build(&weights, 1e-2)?;

    // Made-up labels: two of them exclude each other, which scores alone cannot say.
    let x = Tensor::randn([rows, features], options);
    let y = x.narrow(1, 0, labels).gt(0.5).to_kind(Kind::Float);
    let free: Tensor = 1.0 - y.select(1, 0);
    y.select(1, 1).copy_(&(y.select(1, 1) * free));

    let loss = FenchelYoung::new(Gini::new(1.0)?, Cube, Auto::default());
    for epoch in 0..200 {
        let coupling = Coupling::LowRank(factor.shallow_clone());
        let energy = Quadratic::new(scores.forward(&x), coupling)?;
        let value = loss.mean_loss(&energy, &y, None)?;
        optimizer.backward_step(&value.mean);
        if epoch % 50 == 49 {
            let predicted = value.solution.argmax.gt(0.5).to_kind(Kind::Float);
            let correct = predicted
                .eq_tensor(&y)
                .to_kind(Kind::Float)
                .mean(Kind::Float);
            println!(
                "epoch {:3}  loss {:.4}  correct labels {:.1} %",
                epoch + 1,
                value.mean.double_value(&[]),
                100.0 * correct.double_value(&[])
            );
        }
    }
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap();
}
