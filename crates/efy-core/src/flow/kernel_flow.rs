//! The particle flow of the lazy regime.

use tch::Tensor;

use super::noise::Noise;
use crate::Result;
use crate::error::positive;
use crate::parallel::{Alone, Collective, own};
use crate::random::Stream;
use crate::shallow::{Kernel, Space};

/// Step size, temperature and seed of a [`KernelFlow`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KernelFlowSettings {
    /// dt, of the time that MMD has been multiplied out of.
    pub step: f64,
    /// $\beta$.
    pub beta: f64,
    /// Of the noise.
    pub seed: u64,
}

/// Wasserstein gradient flow of $\mathrm{KL}(\nu \| \tau)/\beta + \mathrm{MMD}(\nu, \nu_n)$, the dual of the lazy
/// regime, with time multiplied by MMD:
///
/// ```text
/// (50) x_i ← P(x_i - dt (mean_j ∇₁k(x_i, x_j) - mean_j ∇₁k(x_i, y_j)) - dt M/β ∇U(x_i) + √(2 dt M/β) ξ_i),  M = MMD
/// ```
///
/// The rescaling keeps the drift bounded where MMD goes to 0. The energy that goes with the particles is
/// [`Kernel::dual_energy`]. A step costs $O(N(N + n)d)$ in tensor operations, and nothing is read.
#[derive(Debug)]
pub struct KernelFlow {
    kernel: Kernel,
    space: Space,
    settings: KernelFlowSettings,
    data: Tensor,
    /// As the kernel sees the data.
    embedded: Tensor,
    /// $E k(Y, Y')$ of the data.
    within_data: Tensor,
    particles: Tensor,
    noise: Noise,
    /// MMD before the last step; not a number before the first.
    last: Tensor,
    steps: u64,
}

impl KernelFlow {
    /// From data `[n, d]` and particles `[N, d]`.
    ///
    /// # Errors
    /// Matrices of different width, kind or device; settings out of range.
    pub fn new(
        kernel: Kernel,
        space: Space,
        data: &Tensor,
        particles: &Tensor,
        settings: KernelFlowSettings,
    ) -> Result<Self> {
        positive("kernel_flow.step", settings.step)?;
        positive("kernel_flow.beta", settings.beta)?;
        crate::shape::float_matrix("data", data)?;
        let d = data.size()[1];
        space.check("particles", particles, d, (data.kind(), data.device()))?;
        let embedded = space.embed(data).detach();
        Ok(KernelFlow {
            within_data: kernel.within(&embedded)?,
            kernel,
            space,
            settings,
            data: data.detach(),
            embedded,
            particles: particles.detach().contiguous().copy(),
            noise: Noise::new(
                (particles.size()[0], d),
                false,
                (data.kind(), data.device()),
            ),
            last: Tensor::f_full([], f64::NAN, (data.kind(), data.device()))?,
            steps: 0,
        })
    }

    /// As if so many steps had been made: the noise of the next is that of step + 1.
    pub fn continuing(mut self, steps: u64) -> Self {
        self.steps = steps;
        self
    }

    /// The number of steps so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// MMD of embedded particles `[N, e]` and the data.
    fn distance(&self, z: &Tensor) -> Result<Tensor> {
        let square = self
            .kernel
            .mmd_squared_from(z, &self.embedded, &self.within_data)?;
        Ok(square.sqrt())
    }

    /// Makes steps.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] when libtorch fails.
    pub fn run(&mut self, steps: u64) -> Result<()> {
        self.run_with(steps, &mut Alone)
    }

    /// [`run`](Self::run) together with other processes: each looks at the pairs of its own particles, and one sum a step
    /// tells all of them where all particles are.
    ///
    /// # Errors
    /// As [`run`](Self::run), and those of the sum.
    pub fn run_with(&mut self, steps: u64, collective: &mut dyn Collective) -> Result<()> {
        let _guard = tch::no_grad_guard();
        let KernelFlowSettings { step, beta, seed } = self.settings;
        for _ in 0..steps {
            let x = &self.particles;
            let z = self.space.embed(x);
            let (mmd, mut drift) = match collective.world() {
                1 => {
                    let gradient = self.kernel.witness_gradient(&z, &z, &self.embedded)?;
                    (self.distance(&z)?, self.space.pull_back(x, &gradient))
                }
                _ => self.drift_of_all(&z, collective)?,
            };
            if let Some(base) = self.space.base_gradient(x) {
                drift += base * (&mmd / beta);
            }
            let noise = self.noise.at((seed, Stream::Particles, self.steps))?;
            let moved = x - drift * step + noise * (&mmd * (2.0 * step / beta)).sqrt();
            self.particles = self.space.project(&moved);
            self.last = mmd;
            self.steps += 1;
        }
        Ok(())
    }

    /// MMD and the drift `[N, d]`, of which each process computes its rows.
    fn drift_of_all(
        &self,
        z: &Tensor,
        collective: &mut dyn Collective,
    ) -> Result<(Tensor, Tensor)> {
        let x = &self.particles;
        let (count, n) = (x.size()[0], self.embedded.size()[0]);
        let range = own(count as usize, collective);
        let (from, rows) = (range.start as i64, range.len() as i64);
        let own = z.f_narrow(0, from, rows)?;
        let pairs = |points: &Tensor, all: i64| -> Result<Tensor> {
            let sum = self.kernel.matrix(&own, points)?.sum(None);
            Ok(sum / (count * all) as f64)
        };
        let square = pairs(z, count)? - pairs(&self.embedded, n)? * 2.0;
        let gradient = self.kernel.witness_gradient(&own, z, &self.embedded)?;
        let drift = x.f_zeros_like()?;
        let pulled = self.space.pull_back(&x.f_narrow(0, from, rows)?, &gradient);
        drift.f_narrow(0, from, rows)?.f_copy_(&pulled)?;
        let flat = Tensor::f_cat(&[drift.f_reshape([-1])?, square.f_reshape([1])?], 0)?;
        let all = collective.sum(flat)?;
        let numbers = x.numel() as i64;
        let square = all.f_get(numbers)? + &self.within_data;
        let drift = all.f_narrow(0, 0, numbers)?.f_view_as(x)?;
        Ok((square.clamp_min(0.0).sqrt(), drift))
    }

    /// The particles as they are now, `[N, d]`.
    pub fn particles(&self) -> &Tensor {
        &self.particles
    }

    /// MMD where the last step began, a scalar on the device: known without a further pass over all pairs. Not a number
    /// before the first step.
    pub fn last_mmd(&self) -> &Tensor {
        &self.last
    }

    /// $\mathrm{MMD}(\nu, \nu_n)$, a scalar on the device.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] when libtorch fails.
    pub fn mmd(&self) -> Result<Tensor> {
        let z = self.space.embed(&self.particles);
        self.distance(&z)
    }

    /// The best energy for the particles as they are now at points `[p, d]`, `[p]`.
    ///
    /// # Errors
    /// Points of another width, kind or device.
    pub fn energy(&self, points: &Tensor) -> Result<Tensor> {
        let place = (self.data.kind(), self.data.device());
        self.space
            .check("points", points, self.data.size()[1], place)?;
        let z = self.space.embed(&self.particles);
        self.kernel
            .dual_energy(&self.space.embed(points), &z, &self.embedded)
    }
}
