//! Projections of made-up points.

use std::fmt;

use anyhow::{Result, anyhow};
use efy_core::domain::{
    Ball, Birkhoff, Cube, Domain, Knapsack, OrderSimplex, Permutahedron, Simplex,
};
use efy_core::random::{Stream, generator};
use efy_tasks::config::Dtype;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use crate::exit::Usage;

/// The shape of the problem.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Workload {
    /// The domain.
    domain: Name,
    /// Coordinates; n^2 for the Birkhoff polytope.
    k: usize,
    /// Points a step.
    batch: usize,
    /// Element type.
    dtype: Dtype,
    /// Seed of the points.
    seed: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Name {
    Cube,
    Simplex,
    /// At most k / 8.
    Knapsack,
    /// Of the rankings.
    Permutahedron,
    Birkhoff,
    OrderSimplex,
    /// Of radius 1.
    Ball,
}

impl Default for Workload {
    fn default() -> Self {
        Workload {
            domain: Name::Simplex,
            k: 64,
            batch: 1024,
            dtype: Dtype::F32,
            seed: 0,
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Workload {
            domain, k, batch, ..
        } = self;
        write!(f, "{domain:?}, k {k}, batch {batch}")
    }
}

/// Points and where they are projected.
pub(super) struct Steps {
    points: Tensor,
    domain: Box<dyn Domain>,
}

impl Workload {
    pub(super) fn start(&self, device: Device) -> Result<Steps> {
        for (name, value) in [("k", self.k), ("batch", self.batch)] {
            if value == 0 {
                let message = format!("bench: {name}: expected a positive integer, found 0");
                return Err(anyhow!(Usage(message)));
            }
        }
        let usage = |error: efy_core::Error| anyhow!(Usage(format!("bench: {error}")));
        let domain: Box<dyn Domain> = match self.domain {
            Name::Cube => Box::new(Cube),
            Name::Simplex => Box::new(Simplex::new(1.0).map_err(usage)?),
            Name::Knapsack => Box::new(Knapsack::new(0.0, self.k as f64 / 8.0).map_err(usage)?),
            Name::Permutahedron => Box::new(Permutahedron::ranking(self.k).map_err(usage)?),
            Name::Birkhoff => Box::new(Birkhoff::new(self.k.isqrt()).map_err(usage)?),
            Name::OrderSimplex => Box::new(OrderSimplex),
            Name::Ball => Box::new(Ball::new(1.0).map_err(usage)?),
        };
        domain.check(self.k as i64).map_err(usage)?;
        let mut random = generator(self.seed, Stream::MadeUp, 0);
        let count = self.batch * self.k;
        let points: Vec<f64> = (0..count)
            .map(|_| random.random_range(-2.0..=2.0))
            .collect();
        let points = Tensor::f_from_slice(&points)?
            .f_reshape([self.batch as i64, self.k as i64])?
            .f_to_kind(self.dtype.kind())?
            .f_to_device(device)?;
        Ok(Steps { points, domain })
    }
}

impl Steps {
    /// The projections of all points.
    pub(super) fn step(&mut self) -> Tensor {
        self.domain.project(&self.points)
    }
}
