//! Learning to rank with the permutahedron: the prediction is a soft ranking, the loss needs no
//! derivative of it.
#![allow(clippy::disallowed_methods, reason = "an example prints what it gets")]

use efy_core::domain::Permutahedron;
use efy_core::energy::Linear;
use efy_core::regularizer::HalfSquaredNorm;
use efy_core::{loss::FenchelYoung, solver::Auto};
use tch::nn::{self, Module, OptimizerConfig};
use tch::{Device, Kind, Tensor};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tch::manual_seed(0);
    let (rows, features, items) = (200, 8, 5);
    let weights = nn::VarStore::new(Device::Cpu);
    let options = (Kind::Float, weights.device());
    let scores = nn::linear(weights.root(), features, items, Default::default());
    let mut optimizer = nn::Adam::default().build(&weights, 3e-2)?;

    // Items are ranked by hidden linear scores; the best one has rank k - 1.
    let x = Tensor::randn([rows, features], options);
    let hidden = x.matmul(&Tensor::randn([features, items], options));
    let ranks = hidden
        .argsort(1, false)
        .argsort(1, false)
        .to_kind(Kind::Float);

    let domain = Permutahedron::ranking(items as usize)?;
    let loss = FenchelYoung::new(HalfSquaredNorm::new(1.0)?, domain, Auto::default());
    for epoch in 0..200 {
        let energy = Linear::new(scores.forward(&x))?;
        let value = loss.mean_loss(&energy, &ranks, None)?;
        optimizer.backward_step(&value.mean);
        if epoch % 50 == 49 {
            let predicted = value.solution.argmax.argsort(1, false).argsort(1, false);
            let right = predicted
                .to_kind(Kind::Float)
                .eq_tensor(&ranks)
                .all_dim(1, false);
            println!(
                "epoch {:3}  loss {:.4}  rankings all right {:.1} %",
                epoch + 1,
                value.mean.double_value(&[]),
                100.0
                    * right
                        .to_kind(Kind::Float)
                        .mean(Kind::Float)
                        .double_value(&[])
            );
        }
    }
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap();
}
