//! The unary model: scores from a network, no interaction between outputs.

use efy_core::Result;
use efy_core::energy::{Energy, Linear};
use efy_core::loss::MeanGradient;
use efy_core::parameters::{Builder, Parameters};
use efy_core::random::{Stream, generator};
use tch::{Device, Kind, Tensor};

use crate::{Model, Network, Pass};

/// $\Phi = \langle u, p\rangle$ with $u = g_w(x)$, g linear or a rectifier network.
#[derive(Debug)]
pub struct Unary {
    parameters: Parameters,
    network: Network,
}

impl Unary {
    /// A model of `inputs` features and `outputs` labels with the given hidden widths; none make it
    /// linear.
    ///
    /// # Errors
    /// [`efy_core::Error::Torch`] when there is no room for the weights.
    pub fn new(
        (inputs, outputs): (i64, i64),
        hidden: &[i64],
        seed: u64,
        (kind, device): (Kind, Device),
    ) -> Result<Self> {
        let mut builder = Builder::default();
        let widths = [&[inputs], hidden, &[outputs]].concat();
        let random = &mut generator(seed, Stream::Weights, 0);
        let places = Network::add(&mut builder, "unary", &widths, random)?;
        let parameters = builder.build(kind, device)?;
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
        let (u, tape) = self.network.pass(x)?;
        Ok(Some(Pass {
            energy: Box::new(Linear::new(u)?),
            tape,
        }))
    }

    fn gradient(&self, pass: &Pass, loss: &MeanGradient) -> Result<Tensor> {
        Ok(Tensor::f_cat(
            &self.network.backward(&pass.tape, &loss.u)?,
            0,
        )?)
    }
}
