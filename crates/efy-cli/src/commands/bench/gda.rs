//! Iterations of gradient descent-ascent on made-up data.

use anyhow::{Result, anyhow};
use efy_core::flow::{Gda, Restart, Settings};
use efy_core::shallow::{Activation, Shallow, Space};
use efy_tasks::config::Dtype;
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use crate::exit::Usage;

/// The shape of the problem.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Workload {
    /// Entries of a point; the sphere is that of R^d.
    d: i64,
    /// Data points.
    n: usize,
    /// Particles; twice the data points where nothing is said.
    particles: Option<usize>,
    /// Neurons, the first half of them with negative charges.
    neurons: usize,
    /// a of the unit max(0, u)^a.
    power: u32,
    /// Whether all particles go back to the data before every iteration.
    restart: bool,
    /// Tensor operations in place of the native pass, as on a GPU.
    tensors: bool,
    /// Element type.
    dtype: Dtype,
    /// Seed of points, neurons and noise.
    seed: u64,
}

impl Default for Workload {
    fn default() -> Self {
        Workload {
            d: 3,
            n: 10_000,
            particles: None,
            neurons: 64,
            power: 1,
            restart: false,
            tensors: false,
            dtype: Dtype::F32,
            seed: 0,
        }
    }
}

/// A flow that goes on.
pub(super) struct Steps {
    flow: Gda,
}

impl Workload {
    /// Data and neurons are uniform on the sphere: what an iteration costs does not depend on where they are.
    pub(super) fn start(&self, device: Device) -> Result<Steps> {
        let particles = self.particles.unwrap_or(2 * self.n);
        for (name, value) in [
            ("d", usize::try_from(self.d).unwrap_or(0)),
            ("n", self.n),
            ("particles", particles),
            ("neurons", self.neurons),
        ] {
            if value == 0 {
                let message = format!("bench: {name}: expected a positive integer, found 0");
                return Err(anyhow!(Usage(message)));
            }
        }
        let usage = |error: efy_core::Error| anyhow!(Usage(format!("bench: {error}")));
        let place = (self.dtype.kind(), device);
        let uniform = |charges: &[f64], seed| {
            let activation = Activation::Relu { power: self.power };
            Shallow::random(Space::Sphere, activation, self.d, charges, seed, place)
        };
        let points = |count: usize, seed| -> Result<Tensor> {
            Ok(uniform(&vec![1.0; count], seed)
                .map_err(usage)?
                .neurons()
                .copy())
        };
        let charges: Vec<f64> = (0..self.neurons)
            .map(|j| if j < self.neurons / 2 { -1.0 } else { 1.0 })
            .collect();
        let student = uniform(&charges, self.seed).map_err(usage)?;
        let data = points(self.n, self.seed + 1)?;
        let start = points(particles, self.seed + 2)?;
        let settings = Settings {
            seed: self.seed,
            restart: if self.restart {
                Restart::Every(1)
            } else {
                Restart::Never
            },
            antithetic: particles.is_multiple_of(2),
            ..Settings::default()
        };
        let make = if self.tensors {
            Gda::in_tensors
        } else {
            Gda::new
        };
        let flow = make(&student, &data, Some(&start), settings).map_err(usage)?;
        Ok(Steps { flow })
    }

    /// The shape in words.
    pub(super) fn describe(&self) -> String {
        let Workload { d, n, neurons, .. } = self;
        let particles = self.particles.unwrap_or(2 * n);
        format!("d {d}, {n} data points, {particles} particles, {neurons} neurons")
    }

    /// Floating-point operations of an iteration's products of points with neurons: scores and pushes of the particles, then scores
    /// and moments of particles and data, each 2 d for a point and a neuron.
    pub(super) fn operations(&self) -> f64 {
        let particles = self.particles.unwrap_or(2 * self.n);
        let pairs = (4 * particles + 2 * self.n) * self.neurons;
        2.0 * pairs as f64 * self.d as f64
    }

    /// Operations a second of a product of large square matrices in libtorch, with this element type: a multiply-add is two.
    pub(super) fn product_rate(&self, device: Device) -> Result<f64> {
        const SIZE: i64 = 1024;
        let a = Tensor::f_ones([SIZE, SIZE], (self.dtype.kind(), device))?;
        let product = &mut || Ok(a.f_mm(&a)?);
        let measured = super::measure(product, device, (None, 0.5))?;
        Ok(measured.rate * 2.0 * (SIZE as f64).powi(3))
    }
}

impl Steps {
    /// One iteration; how data and particles differ, neuron by neuron.
    pub(super) fn step(&mut self) -> Result<Tensor> {
        self.flow.run(1)?;
        Ok(self.flow.discrepancy()?.abs())
    }
}
