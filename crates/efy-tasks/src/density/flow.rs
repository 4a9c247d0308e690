//! The two flows behind one face.

use efy_core::estimate::base_sample;
use efy_core::flow::{Gda, KernelFlow, KernelFlowSettings};
use efy_core::parallel::Collective;
use efy_core::shallow::{Kernel, Law, Shallow};
use tch::Tensor;

use crate::Result;
use crate::config::{Config, FlowKind, StartKind};

/// Particles and the network that goes with them.
pub(super) enum Flow {
    /// Neurons and particles move.
    Gda(Box<Gda>),
    /// Particles move; the network is read off them.
    Kernel(Box<Lazy>),
}

/// The lazy regime: neurons as they were drawn, and the amplitudes that are optimal for the particles.
pub(super) struct Lazy {
    flow: KernelFlow,
    network: Shallow,
    /// The mean of each feature over the data, `[m]`.
    data_features: Tensor,
}

impl Flow {
    /// A flow that begins, or goes on after `iteration` steps with these particles.
    pub(super) fn new(
        config: &Config,
        network: &Shallow,
        data: &Tensor,
        (particles, iteration): (&Tensor, u64),
    ) -> Result<Self> {
        let settings = config.flow.settings(config.train.seed);
        Ok(match config.flow.kind {
            FlowKind::Gda => {
                let flow = Gda::new(network, data, Some(particles), settings)?;
                Flow::Gda(Box::new(flow.continuing(iteration)))
            }
            FlowKind::Kernel => {
                let kernel = Kernel::arc_cosine(config.model.power, Law::Sphere)?;
                let settings = KernelFlowSettings {
                    step: settings.particle_step,
                    beta: settings.beta,
                    seed: settings.seed,
                };
                let flow = KernelFlow::new(kernel, network.space(), data, particles, settings)?;
                Flow::Kernel(Box::new(Lazy {
                    data_features: network
                        .features(data)?
                        .mean_dim([0].as_slice(), false, None),
                    flow: flow.continuing(iteration),
                    network: network.copy(),
                }))
            }
        })
    }

    /// Where particles are when it begins, `[N, d]`.
    pub(super) fn start(config: &Config, network: &Shallow, data: &Tensor) -> Result<Tensor> {
        let n = data.size()[0];
        let count = config.flow.particles.map_or(2 * n, i64::from);
        if config.flow.start == StartKind::Base {
            return Ok(base_sample(network, count, config.train.seed)?);
        }
        // Both halves begin at the same points: antithetic noise then cancels to first order.
        let half = (count + 1) / 2;
        let half = data.repeat([(half + n - 1) / n, 1]).narrow(0, 0, half);
        Ok(Tensor::cat(&[&half, &half], 0).narrow(0, 0, count))
    }

    /// One iteration.
    pub(super) fn advance(&mut self, collective: &mut dyn Collective) -> Result<()> {
        match self {
            Flow::Gda(flow) => flow.run_with(1, collective)?,
            Flow::Kernel(lazy) => lazy.flow.run_with(1, collective)?,
        }
        Ok(())
    }

    /// Brings the particles together that processes have moved. Of flow `kernel` all of them know all.
    pub(super) fn gather(&mut self, collective: &mut dyn Collective) -> Result<()> {
        match self {
            Flow::Gda(flow) => Ok(flow.gather(collective)?),
            Flow::Kernel(_) => Ok(()),
        }
    }

    /// The iterations so far.
    pub(super) fn iteration(&self) -> u64 {
        match self {
            Flow::Gda(flow) => flow.iteration(),
            Flow::Kernel(lazy) => lazy.flow.steps(),
        }
    }

    /// The particles as they are now.
    pub(super) fn particles(&self) -> Result<Tensor> {
        Ok(match self {
            Flow::Gda(flow) => flow.particles()?,
            Flow::Kernel(lazy) => lazy.flow.particles().shallow_clone(),
        })
    }

    /// The network as it is now.
    pub(super) fn network(&self) -> Result<Shallow> {
        match self {
            Flow::Gda(flow) => Ok(flow.network()?),
            Flow::Kernel(lazy) => lazy.network(),
        }
    }

    /// What becomes small, a scalar on the device: the duality gap as particles and neurons see it, with the cap or else the
    /// total variation itself as radius; of the lazy regime MMD, before the last step.
    pub(super) fn loss(&self, network: &Shallow) -> Result<Tensor> {
        match self {
            Flow::Gda(flow) => {
                let v = flow.discrepancy()?;
                let largest = v.abs().max();
                let bound = match flow.settings().cap {
                    Some(cap) => largest * cap,
                    None => largest * network.total_variation(),
                };
                Ok(bound + (v * network.amplitudes()).mean(None))
            }
            Flow::Kernel(lazy) => Ok(lazy.flow.last_mmd().shallow_clone()),
        }
    }
}

impl Lazy {
    /// With $V_j$ the mean of feature j over data minus that over particles, $h_j = -V_j/\sqrt{\mathrm{mean}\, V^2}$: the unit ball of
    /// the kernel's Hilbert space, on a sample of its features.
    fn network(&self) -> Result<Shallow> {
        let features = self.network.features(self.flow.particles())?;
        let v = &self.data_features - features.mean_dim([0].as_slice(), false, None);
        // Where particles and data are the same there is nothing to tell them apart by.
        let norm = v.square().mean(None).sqrt().clamp_min(1e-30);
        let amplitudes = v / -norm;
        let charges = amplitudes.ge(0.0).to_kind(amplitudes.kind()) * 2.0 - 1.0;
        Ok(Shallow::new(
            self.network.space(),
            self.network.activation(),
            self.network.neurons().copy(),
            amplitudes.abs(),
            charges,
        )?)
    }
}
