//! A regularizer of one's own: a squared norm with a weight for every coordinate.
#![allow(clippy::disallowed_methods, reason = "an example prints what it gets")]

use efy_core::domain::{Cube, Domain};
use efy_core::energy::{Coupling, Quadratic};
use efy_core::regularizer::Regularizer;
use efy_core::{loss::FenchelYoung, solver::Auto};
use tch::{Device, Kind, Tensor};

/// 1/2 sum_i w_i p_i^2 with weights w > 0, `[k]`.
struct Weighted {
    weights: Tensor,
    least: f64,
}

impl Regularizer for Weighted {
    fn name(&self) -> &'static str {
        "weighted"
    }

    fn value(&self, p: &Tensor) -> Tensor {
        p.square().matmul(&self.weights) * 0.5
    }

    fn gradient(&self, p: &Tensor) -> Tensor {
        p * &self.weights
    }

    fn curvature(&self, p: &Tensor) -> Tensor {
        self.weights.expand_as(p)
    }

    /// Coordinates are independent on a box: there, the maximum is the projected stationary point.
    fn argmax(&self, theta: &Tensor, domain: &dyn Domain) -> Option<Tensor> {
        domain
            .bounds()
            .map(|_| domain.project(&(theta / &self.weights)))
    }

    fn modulus(&self, _domain: &dyn Domain) -> f64 {
        self.least
    }
}

fn main() -> efy_core::Result<()> {
    tch::manual_seed(0);
    let options = (Kind::Double, Device::Cpu);
    let weighted = Weighted {
        weights: Tensor::from_slice(&[0.5, 1.0, 2.0, 4.0]),
        least: 0.5,
    };
    let u = Tensor::randn([3, 4], options);
    let coupling = Coupling::LowRank(Tensor::randn([4, 2], options) * 0.5);
    let loss = FenchelYoung::new(weighted, Cube, Auto::default());
    let solution = loss.predict(&Quadratic::new(u, coupling)?, None)?;

    println!("solver {}", solution.report.solver);
    println!("predictions\n{:.3}", solution.argmax);
    if let Some(certificate) = &solution.certificate {
        println!(
            "gap at most {:.1e}",
            certificate.gap.max().double_value(&[])
        );
    }
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap();
}
