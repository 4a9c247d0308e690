//! Couplings $g(x, y)$ of inputs and outputs.

use efy_core::energy::{Coupling, Energy, Linear, OutputNetwork, Quadratic};
use efy_core::parameters::{Builder, Parameters};
use efy_core::{Error, Result};
use rand::Rng;
use tch::{Device, Kind, Tensor};

use super::abreast::First;
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
    /// The networks that see x, as [`CouplingNetwork::pass`] takes them.
    pub(super) fn on_inputs(&self) -> Vec<First> {
        let networks = match self {
            Places::Linear(scores) | Places::Pairwise(scores, MatrixPlaces::Shared(_), _) => {
                vec![scores]
            }
            Places::Pairwise(scores, MatrixPlaces::Predicted(matrix), _) => vec![scores, matrix],
            Places::Network {
                features: Some(network),
                ..
            }
            | Places::Network { input: network, .. } => vec![network],
        };
        networks.into_iter().filter_map(First::of_network).collect()
    }

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
    Pairwise(Network, Matrix, Form),
    Network {
        features: Option<Network>,
        input: Network,
        output: Tensor,
        rest: Network,
    },
}

/// How the numbers of a pairwise matrix make a coupling.
#[derive(Debug)]
pub(super) enum Form {
    /// $U = (M + M^\top) \circ H$, H being 0 on the diagonal and elsewhere ½, over k where M is predicted, so that U
    /// starts small whatever k. Beside it 2 H, which leads from the gradient in U, which is symmetric, to that in M.
    Dense { hollow: Tensor, twice: Tensor },
    /// A, of predicted ones a kth of what is predicted, whatever the rank.
    LowRank,
}

impl Form {
    fn new(kind: PairwiseMatrix, outputs: i64, options: (Kind, Device)) -> Result<Self> {
        let scale = match kind {
            PairwiseMatrix::Predicted => 1.0 / outputs as f64,
            PairwiseMatrix::Shared => 1.0,
            _ => return Ok(Form::LowRank),
        };
        let _guard = tch::no_grad_guard();
        let mut twice = Tensor::f_full([outputs, outputs], scale, options)?;
        let _ = twice.f_fill_diagonal_(0.0, false)?;
        let hollow = twice.f_mul_scalar(0.5)?;
        Ok(Form::Dense { hollow, twice })
    }
}

#[derive(Debug)]
pub(super) enum Matrix {
    Shared(Tensor),
    Predicted(Network),
}

impl Matrix {
    /// The shared matrix as it is; of predicted numbers, which are flat in each row of u, `[B, k, columns]`.
    fn shaped(&self, numbers: &Tensor, u: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Matrix::Predicted(_) => numbers.f_reshape([u.size()[0], u.size()[1], -1])?,
            Matrix::Shared(_) => numbers.shallow_clone(),
        })
    }
}

impl CouplingNetwork {
    pub(super) fn new(parameters: &Parameters, places: Places, outputs: i64) -> Result<Self> {
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
                let flat = parameters.flat();
                let form = Form::new(kind, outputs, (flat.kind(), flat.device()))?;
                let matrix = match matrix {
                    MatrixPlaces::Shared(place) => Matrix::Shared(parameters.tensor(place)),
                    MatrixPlaces::Predicted(places) => Matrix::Predicted(network(&places)),
                };
                CouplingNetwork::Pairwise(unary, matrix, form)
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
        numbers: &Tensor,
        (matrix, form): (&Matrix, &Form),
    ) -> Result<Box<dyn Energy>> {
        let (numbers, k) = (matrix.shaped(numbers, &u)?, u.size()[1]);
        let predicted = matches!(matrix, Matrix::Predicted(_));
        let coupling = match form {
            Form::Dense { hollow, .. } => {
                let both = numbers.f_add(&numbers.f_transpose(-1, -2)?)?;
                Coupling::Dense(both.f_mul(hollow)?)
            }
            Form::LowRank if predicted => Coupling::LowRank(numbers.f_div_scalar(k as f64)?),
            Form::LowRank => Coupling::LowRank(numbers),
        };
        Ok(Box::new(Quadratic::new(u, coupling)?))
    }

    /// [`quadratic`](Self::quadratic) for values alone: $\langle y, M y \rangle$ is what it is of the symmetric part, which
    /// is not computed.
    pub(super) fn values_only(
        u: Tensor,
        numbers: &Tensor,
        (matrix, form): (&Matrix, &Form),
    ) -> Result<Box<dyn Energy>> {
        let Form::Dense { twice, .. } = form else {
            return Self::quadratic(u, numbers, (matrix, form));
        };
        let coupling = Coupling::Dense(matrix.shaped(numbers, &u)?.f_mul(twice)?);
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
            CouplingNetwork::Pairwise(unary, matrix, form) => {
                let u = unary.forward(x)?;
                let numbers = match matrix {
                    Matrix::Shared(matrix) => matrix.shallow_clone(),
                    Matrix::Predicted(network) => network.forward(x)?,
                };
                let logits = u.shallow_clone();
                Ok((Self::quadratic(u, &numbers, (matrix, form))?, Some(logits)))
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
