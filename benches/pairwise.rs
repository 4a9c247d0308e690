//! Made-up pairwise problems, to be solved with or without the gradient of the loss.

use efy_core::domain::Cube;
use efy_core::energy::{Coupling, Quadratic};
use efy_core::loss::{FenchelYoung, MeanGradient};
use efy_core::random::{Stream, generator};
use efy_core::regularizer::Gini;
use efy_core::solver::{Auto, Options, Solution};
use rand::RngExt;
use tch::Tensor;

/// Of the residual for efy, of jaxopt's own measures for jaxopt.
pub const TOLERANCE: f64 = 1e-5;

/// Uniform numbers of the given standard deviation.
fn noise(shape: [usize; 2], deviation: f64, step: u64) -> Tensor {
    let mut random = generator(0, Stream::MadeUp, step);
    let bound = deviation * 3.0_f64.sqrt();
    let values: Vec<f32> = (0..shape[0] * shape[1])
        .map(|_| random.random_range(-bound..=bound) as f32)
        .collect();
    Tensor::from_slice(&values).reshape(shape.map(|size| size as i64))
}

/// One solve and gradient of a batch with entries of u of variance 1 and of A A^T of the size of 1/4.
pub struct Work {
    loss: FenchelYoung,
    energy: Quadratic,
    target: Tensor,
}

impl Work {
    pub fn new([k, rank, batch]: [usize; 3]) -> efy_core::Result<Self> {
        let options = Options {
            tolerance: TOLERANCE,
            max_iterations: 1000,
            check_every: 10,
            certify: false,
        };
        let factor = noise([k, rank], 0.5 / (rank as f64).sqrt(), 1);
        let u = noise([batch, k], 1.0, 2);
        Ok(Work {
            loss: FenchelYoung::new(Gini::new(1.0)?, Cube, Auto { options }),
            energy: Quadratic::new(u, Coupling::LowRank(factor))?,
            target: noise([batch, k], 1.0, 3).gt(0.5).to_kind(tch::Kind::Float),
        })
    }

    #[allow(dead_code, reason = "not every bench solves alone")]
    pub fn solve(&self) -> efy_core::Result<Solution> {
        self.loss.predict(&self.energy, None)
    }

    pub fn run(&self) -> efy_core::Result<Option<MeanGradient>> {
        self.loss.mean_gradient(&self.energy, &self.target, None)
    }
}
