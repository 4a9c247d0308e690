//! The pairwise model: scores from a network and a low-rank coupling between outputs.

use efy_core::Result;
use efy_core::energy::{Coupling, Energy, Quadratic};
use efy_core::loss::MeanGradient;
use efy_core::parameters::Parameters;
use rand::RngExt;
use tch::{Device, Kind, Tensor};

use crate::network::gradient_of;
use crate::replicas::of_weights;
use crate::{Model, Network, Pass, Seeds};

/// $\Phi = \langle u, p\rangle + \frac12\langle p, U p\rangle$ with $u = g_w(x)$ and $U = -AA^\top$, A of
/// shape `[k, m]`.
///
/// That the paper constrains U to be semidefinite is recalled, its sign and rank are our choice
/// (negative semidefinite, so that the energy is concave).
#[derive(Debug)]
pub struct Pairwise {
    parameters: Parameters,
    unary: Network,
    coupling: Factor,
    rank: i64,
    outputs: i64,
}

/// Where A comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CouplingSource {
    /// One A for all inputs, a parameter.
    Shared,
    /// $A = A(x)$, an affine function of the input.
    Predicted,
    /// $(u, A) = g_w(x)$: the network of the scores has outputs for A as well.
    Network,
}

#[derive(Debug)]
enum Factor {
    Shared(Tensor),
    Predicted(Network),
    /// The last outputs of the network of the scores.
    Joined,
}

/// Where the weights of A are laid out.
enum Parts<S, P> {
    Shared(S),
    Predicted(P),
    Joined,
}

impl Pairwise {
    /// A model of `inputs` features and `outputs` labels with the given hidden widths for the scores
    /// and a coupling of rank `rank`. Several seeds make [replicas](Seeds).
    ///
    /// # Errors
    /// [`efy_core::Error::Parameter`] for a rank below 1; [`efy_core::Error::Torch`] when there is no
    /// room for the weights.
    pub fn new(
        (inputs, outputs): (i64, i64),
        hidden: &[i64],
        (rank, source): (i64, CouplingSource),
        seeds: impl Into<Seeds>,
        options: (Kind, Device),
    ) -> Result<Self> {
        if rank < 1 {
            let (name, expected) = ("model.rank", "a positive integer");
            return Err(efy_core::Error::Parameter {
                name,
                expected,
                found: rank.to_string(),
            });
        }
        let last = match source {
            CouplingSource::Network => outputs * (rank + 1),
            CouplingSource::Shared | CouplingSource::Predicted => outputs,
        };
        let widths = [&[inputs], hidden, &[last]].concat();
        let (parameters, (unary, parts)) =
            seeds
                .into()
                .lay_out(options, of_weights, |builder, random| {
                    let unary = Network::add(builder, "unary", &widths, random)?;
                    let parts = match source {
                        CouplingSource::Shared => {
                            // At A = 0 the gradient in A is zero: it starts small, not at zero, and weight
                            // decay, which would drive it there, does not apply.
                            let bound = 1.0 / ((outputs * rank) as f64).sqrt();
                            let values = (0..outputs * rank)
                                .map(|_| random.random_range(-bound..=bound))
                                .collect();
                            Parts::Shared(builder.add(
                                "coupling.A",
                                &[outputs, rank],
                                values,
                                false,
                            )?)
                        }
                        CouplingSource::Predicted => {
                            let widths = [inputs, outputs * rank];
                            Parts::Predicted(Network::add(builder, "coupling", &widths, random)?)
                        }
                        CouplingSource::Network => Parts::Joined,
                    };
                    Ok((unary, parts))
                })?;
        let coupling = match parts {
            Parts::Shared(place) => Factor::Shared(parameters.tensor(place)),
            Parts::Predicted(places) => Factor::Predicted(Network::new(&parameters, &places)),
            Parts::Joined => Factor::Joined,
        };
        Ok(Pairwise {
            unary: Network::new(&parameters, &unary),
            parameters,
            coupling,
            rank,
            outputs,
        })
    }

    /// Makes the layers that compute the energy's parameters do so in `kind`, for instance
    /// [`Kind::BFloat16`]; weights, outputs and everything after them stay in the kind of the model.
    #[must_use]
    pub fn layers_in(mut self, kind: Kind) -> Self {
        self.unary.compute_in(kind);
        if let Factor::Predicted(network) = &mut self.coupling {
            network.compute_in(kind);
        }
        self
    }
}

impl Model for Pairwise {
    fn name(&self) -> &'static str {
        "pairwise"
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn energy(&self, x: &Tensor) -> Result<Box<dyn Energy>> {
        let scores = self.unary.forward(x)?;
        // A view of all scores would be copied in the backward pass.
        let u = match self.coupling {
            Factor::Joined => scores.f_narrow(1, 0, self.outputs)?,
            Factor::Shared(_) | Factor::Predicted(_) => scores.shallow_clone(),
        };
        let factor = |numbers: Tensor| -> Result<Tensor> {
            let shape = [u.size()[0], self.outputs, self.rank];
            // Scaled so that U starts small whatever the rank.
            Ok(numbers.f_reshape(shape)? / (self.rank as f64).sqrt())
        };
        let a = match &self.coupling {
            Factor::Shared(a) => a.shallow_clone(),
            Factor::Predicted(network) => factor(network.forward(x)?)?,
            Factor::Joined => {
                factor(scores.f_narrow(1, self.outputs, self.outputs * self.rank)?)?
            }
        };
        Ok(Box::new(Quadratic::new(u, Coupling::LowRank(a))?))
    }

    fn pass(&self, x: &Tensor) -> Result<Option<Pass>> {
        let Factor::Shared(a) = &self.coupling else {
            return Ok(None);
        };
        if self.unary.replicas().is_some() {
            return Ok(None);
        }
        let (u, tape) = self.unary.pass(x)?;
        let energy = Quadratic::new(u, Coupling::LowRank(a.detach()))?;
        Ok(Some(Pass {
            energy: Box::new(energy),
            tape,
        }))
    }

    fn gradient(&self, pass: &Pass, loss: &MeanGradient) -> Result<Tensor> {
        gradient_of(&self.unary, pass, loss)
    }
}

#[cfg(test)]
mod tests {
    use efy_core::domain::Cube;
    use efy_core::loss::FenchelYoung;
    use efy_core::regularizer::Gini;
    use efy_core::solver::Auto;
    use efy_test::{everywhere, number, place, tolerance, uniform};

    use super::*;
    use crate::{Sign, Spen, Unary};

    #[everywhere]
    fn the_backward_pass_written_out_is_that_of_autograd() {
        let options = place();
        let x = uniform(&[9, 5], 2.0, 3);
        let y = uniform(&[9, 4], 1.0, 4).gt(0.0).to_kind(options.0);
        let loss = FenchelYoung::new(Gini::new(1.0).unwrap(), Cube, Auto::default());
        for hidden in [&[][..], &[7], &[7, 6]] {
            let shared = (3, CouplingSource::Shared);
            let spen =
                |prior: &[i64], sign| Spen::new((5, 4), hidden, (prior, sign), 1, options).unwrap();
            let models: [Box<dyn Model>; 4] = [
                Box::new(Unary::new((5, 4), hidden, 1, options).unwrap()),
                Box::new(Pairwise::new((5, 4), hidden, shared, 1, options).unwrap()),
                Box::new(spen(&[6], Sign::Free)),
                Box::new(spen(&[6, 3], Sign::Nonnegative)),
            ];
            for model in models {
                let energy = model.energy(&x).unwrap();
                let mean = loss.mean_loss(energy.as_ref(), &y, None).unwrap().mean;
                let autograd = model.parameters().gradient(&mean).unwrap();
                let pass = model.pass(&x).unwrap().unwrap();
                let native = loss
                    .mean_gradient(pass.energy.as_ref(), &y, None)
                    .unwrap()
                    .unwrap();
                let ours = model.gradient(&pass, &native).unwrap();
                let difference = number(&(&ours - &autograd).abs().max());
                assert!(
                    difference < tolerance(1e-12),
                    "{} {hidden:?}: {difference}",
                    model.name()
                );
                assert!(number(&(native.mean - mean)).abs() < tolerance(1e-12));
            }
        }
    }
}
