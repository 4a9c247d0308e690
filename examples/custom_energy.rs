//! An energy of one's own from a closure: autograd writes its gradient, and the certificate still says
//! how far the maximum may be away.
#![allow(clippy::disallowed_methods, reason = "an example prints what it gets")]

use efy_core::energy::Custom;
use efy_core::regularizer::HalfSquaredNorm;
use efy_core::{domain::Simplex, loss::FenchelYoung, solver::Auto};
use tch::{Device, Kind, Tensor};

fn main() -> efy_core::Result<()> {
    tch::manual_seed(0);
    let options = (Kind::Double, Device::Cpu);
    let scores = Tensor::randn([4, 5], options).set_requires_grad(true);
    let scale = Tensor::from(0.5).set_requires_grad(true);

    // <u, p> - s sum_i sqrt(1 + p_i^2), concave in p for s >= 0.
    let (u, s) = (scores.shallow_clone(), scale.shallow_clone());
    let value = move |p: &Tensor| {
        let bend = (p.square() + 1.0).sqrt().sum_dim_intlist(-1, false, None);
        (&u * p).sum_dim_intlist(-1, false, None) - &s * bend
    };
    let energy = Custom::new(&scores, value)?.concave();

    let loss = FenchelYoung::new(
        HalfSquaredNorm::new(1.0)?,
        Simplex::new(1.0)?,
        Auto::default(),
    );
    let target = Tensor::eye(5, options).narrow(0, 0, 4);
    let value = loss.loss(&energy, &target, None)?;
    value.per_row.mean(Kind::Double).backward();

    println!("predictions\n{:.3}", value.solution.argmax);
    println!("solver {}", value.solution.report.solver);
    if let Some(certificate) = &value.solution.certificate {
        println!(
            "the losses are at most {:.1e} too small",
            certificate.gap.max().double_value(&[])
        );
    }
    println!("gradient in s {:.4}", scale.grad().double_value(&[]));
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap();
}
