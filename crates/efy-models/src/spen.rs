//! Structured prediction energy networks with a prior shared by all inputs.

use efy_core::Result;
use efy_core::energy::{self, Energy};
use efy_core::loss::MeanGradient;
use efy_core::parameters::Parameters;
use tch::{Device, Kind, Tensor};

use crate::network::gradient_of;
use crate::prior::{PriorWeights, clamp};
use crate::replicas::of_weights;
use crate::{Model, Network, Pass, Seeds, Sign};

/// $\Phi = \langle u, p\rangle - \Psi(p)$ with $u = g_w(x)$ and a softplus network $\Psi$ over labels.
///
/// With free weights and one hidden layer it is the SPEN of Belanger and McCallum (2016); with
/// nonnegative weights behind the first layer $\Psi$ is an input-convex network (Amos et al. 2017) and
/// the energy concave. Names of the two and the rectifier network for u follow Blondel et al. 2022;
/// widths and depth are our choice.
#[derive(Debug)]
pub struct Spen {
    parameters: Parameters,
    unary: Network,
    prior: PriorWeights,
    sign: Sign,
}

impl Spen {
    /// A model of `inputs` features and `outputs` labels with the given hidden widths for the scores
    /// and for the prior. Several seeds make [replicas](Seeds).
    ///
    /// # Errors
    /// [`efy_core::Error::Parameter`] for a prior without units; [`efy_core::Error::Torch`] when there
    /// is no room for the weights.
    pub fn new(
        (inputs, outputs): (i64, i64),
        hidden: &[i64],
        (prior, sign): (&[i64], Sign),
        seeds: impl Into<Seeds>,
        options: (Kind, Device),
    ) -> Result<Self> {
        let widths = [&[inputs], hidden, &[outputs]].concat();
        let (parameters, (unary, prior)) =
            seeds
                .into()
                .lay_out(options, of_weights, |builder, random| {
                    let unary = Network::add(builder, "unary", &widths, random)?;
                    let prior = PriorWeights::add(builder, outputs, prior, sign, random)?;
                    Ok((unary, prior))
                })?;
        Ok(Spen {
            unary: Network::new(&parameters, &unary),
            prior: PriorWeights::new(&parameters, &prior),
            parameters,
            sign,
        })
    }

    /// Makes the layers that compute the energy's parameters do so in `kind`, for instance
    /// [`Kind::BFloat16`]; weights, outputs and everything after them stay in the kind of the model.
    #[must_use]
    pub fn layers_in(mut self, kind: Kind) -> Self {
        self.unary.compute_in(kind);
        self
    }
}

impl Model for Spen {
    fn name(&self) -> &'static str {
        match self.sign {
            Sign::Free => "spen",
            Sign::Nonnegative => "input_concave",
        }
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn energy(&self, x: &Tensor) -> Result<Box<dyn Energy>> {
        let u = self.unary.forward(x)?;
        Ok(Box::new(energy::Spen::new(
            u,
            self.prior.prior(x.size()[0])?,
        )?))
    }

    fn pass(&self, x: &Tensor) -> Result<Option<Pass>> {
        if self.unary.replicas().is_some() {
            return Ok(None);
        }
        let (u, tape) = self.unary.pass(x)?;
        let _guard = tch::no_grad_guard();
        let energy = energy::Spen::new(u, self.prior.prior(x.size()[0])?)?;
        Ok(Some(Pass {
            energy: Box::new(energy),
            tape,
        }))
    }

    fn gradient(&self, pass: &Pass, loss: &MeanGradient) -> Result<Tensor> {
        gradient_of(&self.unary, pass, loss)
    }

    fn constrain(&self) -> Result<()> {
        match self.sign {
            Sign::Free => Ok(()),
            Sign::Nonnegative => clamp(self.prior.signed()),
        }
    }
}
