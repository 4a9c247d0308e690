//! The unary model: scores from a network, no interaction between outputs.

use efy_core::Result;
use efy_core::energy::{Energy, Linear};
use efy_core::loss::MeanGradient;
use efy_core::parameters::Parameters;
use tch::{Device, Kind, Tensor};

use crate::network::gradient_of;
use crate::replicas::of_weights;
use crate::{Model, Network, Pass, Seeds};

/// $\Phi = \langle u, p\rangle$ with $u = g_w(x)$, g linear or a rectifier network.
#[derive(Debug)]
pub struct Unary {
    parameters: Parameters,
    network: Network,
}

impl Unary {
    /// A model of `inputs` features and `outputs` labels with the given hidden widths; none make it
    /// linear. Several seeds make [replicas](Seeds).
    ///
    /// # Errors
    /// [`efy_core::Error::Torch`] when there is no room for the weights.
    pub fn new(
        (inputs, outputs): (i64, i64),
        hidden: &[i64],
        seeds: impl Into<Seeds>,
        options: (Kind, Device),
    ) -> Result<Self> {
        let widths = [&[inputs], hidden, &[outputs]].concat();
        let (parameters, places) =
            seeds
                .into()
                .lay_out(options, of_weights, |builder, random| {
                    Network::add(builder, "unary", &widths, random)
                })?;
        Ok(Unary {
            network: Network::new(&parameters, &places),
            parameters,
        })
    }

    /// Makes the layers that compute the energy's parameters do so in `kind`, for instance
    /// [`Kind::BFloat16`]; weights, outputs and everything after them stay in the kind of the model.
    #[must_use]
    pub fn layers_in(mut self, kind: Kind) -> Self {
        self.network.compute_in(kind);
        self
    }
}

impl Model for Unary {
    fn name(&self) -> &'static str {
        "unary"
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn energy(&self, x: &Tensor) -> Result<Box<dyn Energy>> {
        Ok(Box::new(Linear::new(self.network.forward(x)?)?))
    }

    fn pass(&self, x: &Tensor) -> Result<Option<Pass>> {
        if self.network.replicas().is_some() {
            return Ok(None);
        }
        let (u, tape) = self.network.pass(x)?;
        Ok(Some(Pass {
            energy: Box::new(Linear::new(u)?),
            tape,
        }))
    }

    fn gradient(&self, pass: &Pass, loss: &MeanGradient) -> Result<Tensor> {
        gradient_of(&self.network, pass, loss)
    }
}
