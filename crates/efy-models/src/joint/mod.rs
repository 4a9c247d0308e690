//! Models that are trained by likelihood: a coupling of inputs and outputs, and beside it a log-partition
//! network or a sampler, with all weights in one buffer.

mod abreast;
mod coupling;
mod icnn;
mod log_partition;
mod native;
mod pass;

pub use coupling::{CouplingKind, PairwiseMatrix};
pub use icnn::Icnn;
pub use log_partition::{LogPartitionInput, LogPartitionKind};
pub use pass::JointPass;

use efy_core::energy::Energy;
use efy_core::joint::{Auxiliary, BaseMeasure};
use efy_core::parameters::{Builder, Parameters};
use efy_core::random::{Stream, generator};
use efy_core::{Error, Result};
use tch::{Device, Kind, Tensor};

use crate::{Model, Network};
use abreast::{Abreast, Layout};
use coupling::CouplingNetwork;
use log_partition::LogPartitionNetwork;
use native::Native;

/// g and what its loss wants beside it ([`Auxiliary`]).
///
/// The last layers of all networks start at zero, so that training starts at the prior,
/// $g = \tau = 0$, which is normalized: a $\tau$ below the log-partition is the dangerous side, since the
/// objective is exponential there. (Our choice. A shared or predicted pairwise matrix starts small, an
/// input-convex $\tau$ at 0 for x = 0.)
#[derive(Debug)]
pub struct JointModel {
    parameters: Parameters,
    coupling: CouplingNetwork,
    auxiliary: AuxiliaryNetwork,
    /// For passes without a graph; of models with a log-partition.
    first_layers: Option<FirstLayers>,
    /// For passes on the CPU, where the networks are all there is to it.
    native: Option<Native>,
}

/// First layers by what they see.
#[derive(Debug)]
struct FirstLayers {
    /// Those of the coupling, and then that of a log-partition on inputs.
    on_inputs: Abreast,
    /// That of a log-partition on logits.
    on_logits: Option<Abreast>,
}

/// The second network.
#[derive(Debug, Clone, PartialEq)]
pub enum AuxiliaryKind {
    /// There is none: exact likelihood, Markov chains.
    Nothing,
    /// $\tau(x)$, `[B]`: the joint and the noise-contrastive loss.
    LogPartition(LogPartitionKind, LogPartitionInput),
    /// Scores of a sampler, `[B, k]`, by a rectifier network: the min-max game.
    Sampler {
        /// Hidden widths; none make it linear.
        hidden: Vec<i64>,
    },
}

#[derive(Debug)]
enum AuxiliaryNetwork {
    Nothing,
    LogPartition(LogPartitionNetwork, LogPartitionInput),
    Sampler(Network),
}

/// What a loss is computed from.
pub struct JointOutput {
    /// g, over the outputs of the base measure.
    pub energy: Box<dyn Energy>,
    /// $\tau$ `[B]` or a sampler's scores `[B, k]`, with the graph.
    pub auxiliary: Option<Tensor>,
}

impl JointModel {
    /// A model of `inputs` features for the outputs of `base`.
    ///
    /// # Errors
    /// [`Error::Parameter`] for widths, ranks or tables that are not positive, and for a log-partition on
    /// logits where the coupling has none; [`Error::Torch`] when there is no room for the weights.
    pub fn new(
        inputs: i64,
        base: &BaseMeasure,
        (coupling, auxiliary): (&CouplingKind, &AuxiliaryKind),
        seed: u64,
        (kind, device): (Kind, Device),
    ) -> Result<Self> {
        let mut builder = Builder::default();
        let random = &mut generator(seed, Stream::Weights, 0);
        let coupling_places =
            coupling::Places::add(&mut builder, inputs, base.outputs(), coupling, random)?;
        enum Places {
            Nothing,
            LogPartition(log_partition::Places, LogPartitionInput),
            Sampler(crate::network::Places),
        }
        let auxiliary_places = match auxiliary {
            AuxiliaryKind::Nothing => Places::Nothing,
            AuxiliaryKind::LogPartition(kind, input) => {
                let width = match input {
                    LogPartitionInput::Inputs => inputs,
                    LogPartitionInput::Logits => coupling
                        .logits(base.outputs())
                        .ok_or_else(|| no_logits(coupling))?,
                };
                let places = log_partition::Places::add(&mut builder, width, kind, random)?;
                Places::LogPartition(places, *input)
            }
            AuxiliaryKind::Sampler { hidden } => {
                check_widths("sampler.hidden", hidden)?;
                let widths = [&[inputs], hidden.as_slice(), &[base.items()]].concat();
                Places::Sampler(Network::add(&mut builder, "sampler", &widths, random)?)
            }
        };
        let first = match &auxiliary_places {
            Places::LogPartition(places, input) => {
                let mut on_inputs = coupling_places.on_inputs();
                let mut on_logits = None;
                match input {
                    LogPartitionInput::Inputs => on_inputs.extend(places.first()),
                    LogPartitionInput::Logits => on_logits = places.first(),
                }
                let width = coupling.logits(base.outputs()).unwrap_or(inputs);
                let on_inputs = Layout::new(&builder, inputs, on_inputs);
                let on_logits = on_logits.map(|first| Layout::new(&builder, width, vec![first]));
                let mut places = on_inputs.places();
                places.extend(on_logits.iter().flat_map(Layout::places));
                builder.lead(&places);
                Some((on_inputs, on_logits))
            }
            _ => None,
        };
        let parameters = builder.build(kind, device)?;
        let first_layers = match first {
            Some((on_inputs, on_logits)) => {
                let on_inputs = on_inputs.build(&parameters, 0)?;
                let on_logits = on_logits
                    .map(|layout| layout.build(&parameters, on_inputs.len()))
                    .transpose()?;
                Some(FirstLayers {
                    on_inputs,
                    on_logits,
                })
            }
            None => None,
        };
        let native = match &auxiliary_places {
            Places::LogPartition(tau, input) => {
                Native::new(&parameters, &coupling_places, (tau, *input))?
            }
            _ => None,
        };
        let coupling = CouplingNetwork::new(&parameters, coupling_places, base.outputs())?;
        let auxiliary = match auxiliary_places {
            Places::Nothing => AuxiliaryNetwork::Nothing,
            Places::LogPartition(places, input) => {
                let network = LogPartitionNetwork::new(&parameters, places)?;
                AuxiliaryNetwork::LogPartition(network, input)
            }
            Places::Sampler(places) => {
                let network = Network::new(&parameters, &places);
                network.start_at_zero()?;
                AuxiliaryNetwork::Sampler(network)
            }
        };
        Ok(JointModel {
            parameters,
            coupling,
            auxiliary,
            first_layers,
            native,
        })
    }

    /// Which losses the model is for.
    pub fn auxiliary(&self) -> Auxiliary {
        match self.auxiliary {
            AuxiliaryNetwork::Nothing => Auxiliary::Nothing,
            AuxiliaryNetwork::LogPartition(..) => Auxiliary::LogPartition,
            AuxiliaryNetwork::Sampler(_) => Auxiliary::SamplerScores,
        }
    }

    /// g and $\tau$ for `x` `[B, d]`, with the graph; one pass through what they share. `rows` are the numbers
    /// of the examples, Int64 `[B]`, which a free table of $\tau$ is indexed by and nothing else looks at.
    ///
    /// # Errors
    /// [`Error::Torch`] when `x` does not fit; [`Error::Parameter`] for a free table without `rows`.
    pub fn forward(&self, x: &Tensor, rows: Option<&Tensor>) -> Result<JointOutput> {
        let (energy, logits) = self.coupling.energy(x)?;
        let auxiliary = match &self.auxiliary {
            AuxiliaryNetwork::Nothing => None,
            AuxiliaryNetwork::Sampler(network) => Some(network.forward(x)?),
            AuxiliaryNetwork::LogPartition(network, input) => {
                let input = match (input, logits) {
                    (LogPartitionInput::Logits, Some(logits)) => logits.detach(),
                    _ => x.shallow_clone(),
                };
                Some(network.forward(&input, rows)?)
            }
        };
        Ok(JointOutput { energy, auxiliary })
    }
}

impl Model for JointModel {
    fn name(&self) -> &'static str {
        self.coupling.name()
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn energy(&self, x: &Tensor) -> Result<Box<dyn Energy>> {
        Ok(self.coupling.energy(x)?.0)
    }

    fn constrain(&self) -> Result<()> {
        match &self.auxiliary {
            AuxiliaryNetwork::LogPartition(network, _) => network.constrain(),
            _ => Ok(()),
        }
    }
}

/// Refuses widths that are not positive.
fn check_widths(name: &'static str, widths: &[i64]) -> Result<()> {
    if widths.iter().all(|&width| width > 0) {
        return Ok(());
    }
    Err(Error::Parameter {
        name,
        expected: "positive widths",
        found: format!("{widths:?}"),
    })
}

fn no_logits(coupling: &CouplingKind) -> Error {
    Error::Parameter {
        name: "log_partition.input",
        expected: "inputs, since this coupling has no logits",
        found: format!("logits of {coupling:?}"),
    }
}
