//! Couplings $g(x, y)$ of inputs and outputs.

use efy_core::energy::{Coupling, Energy, Linear, OutputNetwork, Quadratic};
use efy_core::parameters::{Builder, Parameters};
use efy_core::{Error, Result};
use rand::Rng;
use tch::Tensor;

use super::check_widths;
use crate::Network;
use crate::network;
use crate::prior::{Sign, draw};

/// The form of g.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CouplingKind {
    /// $\langle h(x), y \rangle$, h a rectifier network: the unary model over sets, the permutahedron and
    /// Birkhoff models over permutations, as the base measure writes its outputs.
    Linear {
        /// Hidden widths of h; none make it linear.
        hidden: Vec<i64>,
    },
    /// $\langle u(x), y \rangle + \frac12 \langle y, U y \rangle$ over sets.
    Pairwise {
        /// Hidden widths of u.
        hidden: Vec<i64>,
        /// U.
        matrix: PairwiseMatrix,
    },
    /// A rectifier network on $[x; y]$.
    Network {
        /// Hidden widths, at least one.
        hidden: Vec<i64>,
    },
    /// A rectifier network on $[h(x); y]$.
    FeatureNetwork {
        /// Widths of h, the last of which is that of its output; at least one.
        features: Vec<i64>,
        /// Hidden widths, at least one.
        hidden: Vec<i64>,
    },
}

/// The matrix U of a pairwise coupling. Full ones are symmetric with a diagonal of zeros; which matrices the
/// paper has is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairwiseMatrix {
    /// $U(x)$, an affine function of the input: k times k outputs.
    Predicted,
    /// One U for all inputs.
    Shared,
    /// $U = -A(x) A(x)^\top$ of this rank, A an affine function of the input.
    PredictedLowRank(i64),
    /// $U = -A A^\top$ of this rank for all inputs.
    SharedLowRank(i64),
}

impl PairwiseMatrix {
    /// Whether U itself is held, and not a factor of it.
    pub(super) fn is_dense(self) -> bool {
        matches!(self, PairwiseMatrix::Predicted | PairwiseMatrix::Shared)
    }
}

impl CouplingKind {
    /// Width of what a log-partition on logits sees, for n columns of outputs.
    pub(super) fn logits(&self, outputs: i64) -> Option<i64> {
        match self {
            CouplingKind::Linear { .. } | CouplingKind::Pairwise { .. } => Some(outputs),
            CouplingKind::FeatureNetwork { features, .. } => features.last().copied(),
            CouplingKind::Network { .. } => None,
        }
    }

    fn check(&self) -> Result<()> {
        let some = |name, widths: &[i64]| {
            if widths.is_empty() {
                return Err(Error::Parameter {
                    name,
                    expected: "at least one width",
                    found: "none".to_owned(),
                });
            }
            check_widths(name, widths)
        };
        match self {
            CouplingKind::Linear { hidden } => check_widths("coupling.hidden", hidden),
            CouplingKind::Pairwise { hidden, matrix } => {
                if let PairwiseMatrix::PredictedLowRank(rank)
                | PairwiseMatrix::SharedLowRank(rank) = matrix
                {
                    check_widths("coupling.rank", &[*rank])?;
                }
                check_widths("coupling.hidden", hidden)
            }
            CouplingKind::Network { hidden } => some("coupling.hidden", hidden),
            CouplingKind::FeatureNetwork { features, hidden } => {
                some("coupling.features", features)?;
                some("coupling.hidden", hidden)
            }
        }
    }
}

/// Where the weights lie among the parameters.
pub(super) enum Places {
    Linear(network::Places),
    Pairwise(network::Places, MatrixPlaces, PairwiseMatrix),
    Network {
        features: Option<network::Places>,
        input: network::Places,
        output: usize,
        rest: network::Places,
    },
}

pub(super) enum MatrixPlaces {
    Shared(usize),
    Predicted(network::Places),
}

impl Places {
    pub(super) fn add(
        builder: &mut Builder,
        inputs: i64,
        outputs: i64,
        kind: &CouplingKind,
        random: &mut impl Rng,
    ) -> Result<Self> {
        kind.check()?;
        let scores = |hidden: &[i64]| [&[inputs], hidden, &[outputs]].concat();
        match kind {
            CouplingKind::Linear { hidden } => {
                let places = Network::add(builder, "coupling", &scores(hidden), random)?;
                Ok(Places::Linear(places))
            }
            CouplingKind::Pairwise { hidden, matrix } => {
                let unary = Network::add(builder, "coupling.unary", &scores(hidden), random)?;
                let columns = match *matrix {
                    PairwiseMatrix::Predicted | PairwiseMatrix::Shared => outputs,
                    PairwiseMatrix::PredictedLowRank(rank)
                    | PairwiseMatrix::SharedLowRank(rank) => rank,
                };
                let size = outputs * columns;
                let places = match matrix {
                    PairwiseMatrix::Predicted | PairwiseMatrix::PredictedLowRank(_) => {
                        let widths = [inputs, size];
                        let name = "coupling.matrix";
                        MatrixPlaces::Predicted(Network::add(builder, name, &widths, random)?)
                    }
                    // A matrix decays towards no interaction; at A = 0 a factor would have no gradient.
                    PairwiseMatrix::Shared | PairwiseMatrix::SharedLowRank(_) => {
                        let values = draw(size, size, Sign::Free, random);
                        let decays = *matrix == PairwiseMatrix::Shared;
                        let shape = [outputs, columns];
                        MatrixPlaces::Shared(builder.add(
                            "coupling.matrix",
                            &shape,
                            values,
                            decays,
                        )?)
                    }
                };
                Ok(Places::Pairwise(unary, places, *matrix))
            }
            CouplingKind::Network { hidden } => {
                Self::network(builder, None, (inputs, outputs), hidden, random)
            }
            CouplingKind::FeatureNetwork { features, hidden } => {
                let widths = [&[inputs], features.as_slice()].concat();
                let places = Network::add(builder, "coupling.features", &widths, random)?;
                let width = features.last().copied().unwrap_or(inputs);
                Self::network(builder, Some(places), (width, outputs), hidden, random)
            }
        }
    }

    /// The split first layer and those after it.
    fn network(
        builder: &mut Builder,
        features: Option<network::Places>,
        (inputs, outputs): (i64, i64),
        hidden: &[i64],
        random: &mut impl Rng,
    ) -> Result<Self> {
        let first = hidden[0];
        let input = Network::add(builder, "coupling.input", &[inputs, first], random)?;
        let weights = draw(first * outputs, inputs + outputs, Sign::Free, random);
        let output = builder.add("coupling.output.weight", &[first, outputs], weights, true)?;
        let widths = [hidden, &[1]].concat();
        let rest = Network::add(builder, "coupling.rest", &widths, random)?;
        Ok(Places::Network {
            features,
            input,
            output,
            rest,
        })
    }
}

/// The weights of a coupling.
#[derive(Debug)]
pub(super) enum CouplingNetwork {
    Linear(Network),
    Pairwise(Network, Matrix, PairwiseMatrix),
    Network {
        features: Option<Network>,
        input: Network,
        output: Tensor,
        rest: Network,
    },
}

#[derive(Debug)]
pub(super) enum Matrix {
    Shared(Tensor),
    Predicted(Network),
}

impl CouplingNetwork {
    pub(super) fn new(parameters: &Parameters, places: Places) -> Result<Self> {
        let network = |places: &network::Places| Network::new(parameters, places);
        Ok(match places {
            Places::Linear(places) => {
                let scores = network(&places);
                scores.start_at_zero()?;
                CouplingNetwork::Linear(scores)
            }
            Places::Pairwise(unary, matrix, kind) => {
                let unary = network(&unary);
                unary.start_at_zero()?;
                let matrix = match matrix {
                    MatrixPlaces::Shared(place) => Matrix::Shared(parameters.tensor(place)),
                    MatrixPlaces::Predicted(places) => Matrix::Predicted(network(&places)),
                };
                CouplingNetwork::Pairwise(unary, matrix, kind)
            }
            Places::Network {
                features,
                input,
                output,
                rest,
            } => {
                let rest = network(&rest);
                rest.start_at_zero()?;
                CouplingNetwork::Network {
                    features: features.as_ref().map(network),
                    input: network(&input),
                    output: parameters.tensor(output),
                    rest,
                }
            }
        })
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            CouplingNetwork::Linear(_) => "linear",
            CouplingNetwork::Pairwise(..) => "pairwise",
            CouplingNetwork::Network { features: None, .. } => "network",
            CouplingNetwork::Network { .. } => "feature_network",
        }
    }

    /// $\langle u, y \rangle + \frac12 \langle y, U y \rangle$ from u and from the shared matrix or, flat in
    /// each row, the predicted ones.
    pub(super) fn quadratic(
        u: Tensor,
        matrix: &Tensor,
        kind: PairwiseMatrix,
    ) -> Result<Box<dyn Energy>> {
        let (rows, k) = (u.size()[0], u.size()[1]);
        let matrix = match kind {
            PairwiseMatrix::Shared | PairwiseMatrix::SharedLowRank(_) => matrix.shallow_clone(),
            // Scaled so that U starts small whatever k and rank.
            _ => matrix.f_reshape([rows, k, -1])? / (k as f64),
        };
        let coupling = match kind.is_dense() {
            true => Coupling::zero_diagonal(&matrix),
            false => Coupling::LowRank(matrix),
        };
        Ok(Box::new(Quadratic::new(u, coupling)?))
    }

    /// g for `x` `[B, d]`, and its logits, `[B, n]` or `[B, h]`, where it has some.
    pub(super) fn energy(&self, x: &Tensor) -> Result<(Box<dyn Energy>, Option<Tensor>)> {
        match self {
            CouplingNetwork::Linear(network) => {
                let scores = network.forward(x)?;
                let logits = scores.shallow_clone();
                Ok((Box::new(Linear::new(scores)?), Some(logits)))
            }
            CouplingNetwork::Pairwise(unary, matrix, kind) => {
                let u = unary.forward(x)?;
                let matrix = match matrix {
                    Matrix::Shared(matrix) => matrix.shallow_clone(),
                    Matrix::Predicted(network) => network.forward(x)?,
                };
                let logits = u.shallow_clone();
                Ok((Self::quadratic(u, &matrix, *kind)?, Some(logits)))
            }
            CouplingNetwork::Network {
                features,
                input,
                output,
                rest,
            } => {
                let features = features.as_ref().map(|network| network.forward(x));
                let features = features.transpose()?;
                let first = input.forward(features.as_ref().unwrap_or(x))?;
                let layers = rest.layers();
                let energy = OutputNetwork::new(first, output.shallow_clone(), layers)?;
                Ok((Box::new(energy), features))
            }
        }
    }
}
