//! What a policy takes beyond its network: the maximum of a batch of energies over a box.

use anyhow::{Result, anyhow};
use efy_core::domain::BoxDomain;
use efy_core::energy::{Coupling, Energy, Linear, Quadratic};
use efy_core::loss::FenchelYoung;
use efy_core::random::{Stream, generator};
use efy_core::solver::{Auto, Options};
use efy_tasks::config::{Dtype, RegularizerKind};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use crate::exit::Usage;

/// The shape of the problem.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Workload {
    /// States a step.
    states: usize,
    /// Numbers of an action.
    pub(super) k: usize,
    /// Rank of the coupling; 0: unary.
    rank: usize,
    /// Whether each state has a coupling of its own.
    own: bool,
    regularizer: RegularizerKind,
    /// How exactly problems are solved.
    tolerance: f64,
    dtype: Dtype,
    seed: u64,
}

impl Default for Workload {
    fn default() -> Self {
        Workload {
            states: 64,
            k: 6,
            rank: 4,
            own: false,
            regularizer: RegularizerKind::HalfSquaredNorm,
            tolerance: 1e-6,
            dtype: Dtype::F32,
            seed: 0,
        }
    }
}

/// Energies, as a network gives them, and what finds their maxima.
pub(super) struct Steps {
    energy: Box<dyn Energy>,
    predictor: FenchelYoung,
}

impl Workload {
    pub(super) fn start(&self, device: Device) -> Result<Steps> {
        for (name, value) in [("states", self.states), ("k", self.k)] {
            if value == 0 {
                let message = format!("bench: {name}: expected a positive integer, found 0");
                return Err(anyhow!(Usage(message)));
            }
        }
        let usage = |error: efy_core::Error| anyhow!(Usage(format!("bench: {error}")));
        let mut random = generator(self.seed, Stream::MadeUp, 0);
        let mut draw = |size: &[usize], scale: f64| -> Result<Tensor> {
            let count: usize = size.iter().product();
            let numbers: Vec<f64> = (0..count)
                .map(|_| random.random_range(-scale..=scale))
                .collect();
            let size: Vec<i64> = size.iter().map(|&size| size as i64).collect();
            let tensor = Tensor::f_from_slice(&numbers)?.f_reshape(size)?;
            Ok(tensor.f_to_kind(self.dtype.kind())?.f_to_device(device)?)
        };
        // Scores beyond the bounds and within them.
        let u = draw(&[self.states, self.k], 2.0)?;
        let energy: Box<dyn Energy> = match (self.rank, self.own) {
            (0, _) => Box::new(Linear::new(u).map_err(usage)?),
            (rank, own) => {
                let size = match own {
                    true => vec![self.states, self.k, rank],
                    false => vec![self.k, rank],
                };
                let coupling = Coupling::LowRank(draw(&size, 1.0)?);
                Box::new(Quadratic::new(u, coupling).map_err(usage)?)
            }
        };
        let domain = BoxDomain::new(-1.0, 1.0).map_err(usage)?;
        let regularizer = self.regularizer.on(&domain, 1.0).map_err(usage)?;
        let options = Options {
            tolerance: self.tolerance,
            certify: false,
            ..Options::default()
        };
        let solver = Box::new(Auto { options });
        Ok(Steps {
            energy,
            predictor: FenchelYoung::from_parts(regularizer, Box::new(domain), solver),
        })
    }

    pub(super) fn describe(&self) -> String {
        let Workload {
            states, k, rank, ..
        } = self;
        format!("{states} states, k {k}, rank {rank}")
    }
}

impl Steps {
    pub(super) fn step(&self) -> Result<Tensor> {
        let found = self.predictor.predict(self.energy.as_ref(), None)?;
        Ok(found.argmax)
    }
}
