//! Networks for the log-partition function.

use efy_core::parameters::{Builder, Parameters};
use efy_core::{Error, Result};
use rand::Rng;
use tch::Tensor;

use super::abreast::First;
use super::check_widths;
use super::icnn::{self, Icnn};
use crate::Network;
use crate::network;

/// The form of $\tau$, `[B, d]` to `[B]`. That the paper compares constants, rectifier networks and
/// input-convex ones is hearsay; the free table is its objective over a finite sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPartitionKind {
    /// One number for each training example: nothing is said of unseen inputs.
    Free {
        /// The number of examples.
        examples: i64,
    },
    /// One number.
    Constant,
    /// $\langle v, x \rangle + b$.
    Linear,
    /// A rectifier network.
    Mlp {
        /// Hidden widths, at least one.
        hidden: Vec<i64>,
    },
    /// An input-convex network, see [`Icnn`].
    Icnn {
        /// Hidden widths, at least one.
        hidden: Vec<i64>,
    },
}

/// What $\tau$ sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogPartitionInput {
    /// x.
    Inputs,
    /// The scores of the coupling, as constants: gradients of $\tau$ do not reach them. (Our choice; a log-partition is
    /// a function of the scores alone where the coupling is linear, and convex in them.)
    Logits,
}

pub(super) enum Places {
    Free(usize),
    Constant(usize),
    Network(network::Places),
    Icnn(icnn::Places),
}

impl Places {
    /// The network, if it is one.
    pub(super) fn first(&self) -> Option<First> {
        match self {
            Places::Network(places) => First::of_network(places),
            Places::Icnn(places) => Some(First::of_maps(places.maps())),
            _ => None,
        }
    }

    pub(super) fn add(
        builder: &mut Builder,
        inputs: i64,
        kind: &LogPartitionKind,
        random: &mut impl Rng,
    ) -> Result<Self> {
        let some = |widths: &[i64]| {
            if widths.is_empty() {
                return Err(parameter(
                    "log_partition.hidden",
                    "at least one width",
                    "none",
                ));
            }
            check_widths("log_partition.hidden", widths)
        };
        let name = "log_partition";
        Ok(match kind {
            LogPartitionKind::Free { examples } => {
                check_widths("log_partition.examples", &[*examples])?;
                let values = vec![0.0; *examples as usize];
                Places::Free(builder.add("log_partition.table", &[*examples], values, false)?)
            }
            LogPartitionKind::Constant => {
                Places::Constant(builder.add("log_partition.bias", &[1], vec![0.0], false)?)
            }
            LogPartitionKind::Linear => {
                Places::Network(Network::add(builder, name, &[inputs, 1], random)?)
            }
            LogPartitionKind::Mlp { hidden } => {
                some(hidden)?;
                let widths = [&[inputs], hidden.as_slice(), &[1]].concat();
                Places::Network(Network::add(builder, name, &widths, random)?)
            }
            LogPartitionKind::Icnn { hidden } => {
                some(hidden)?;
                Places::Icnn(icnn::Places::add(builder, inputs, hidden, random)?)
            }
        })
    }
}

/// The weights of $\tau$.
#[derive(Debug)]
pub(super) enum LogPartitionNetwork {
    Free(Tensor),
    Constant(Tensor),
    Network(Network),
    Icnn(Icnn),
}

impl LogPartitionNetwork {
    pub(super) fn new(parameters: &Parameters, places: Places) -> Result<Self> {
        Ok(match places {
            Places::Free(place) => LogPartitionNetwork::Free(parameters.tensor(place)),
            Places::Constant(place) => LogPartitionNetwork::Constant(parameters.tensor(place)),
            Places::Network(places) => {
                let network = Network::new(parameters, &places);
                network.start_at_zero()?;
                LogPartitionNetwork::Network(network)
            }
            Places::Icnn(places) => LogPartitionNetwork::Icnn(Icnn::new(parameters, &places)?),
        })
    }

    /// $\tau$, `[B]`.
    pub(super) fn forward(&self, x: &Tensor, rows: Option<&Tensor>) -> Result<Tensor> {
        match (self, rows) {
            (LogPartitionNetwork::Free(table), Some(rows)) => Ok(table.f_index_select(0, rows)?),
            (LogPartitionNetwork::Free(_), None) => Err(parameter(
                "rows",
                "the numbers of the examples, which a free log-partition is a table of",
                "none",
            )),
            (LogPartitionNetwork::Constant(bias), _) => Ok(bias.f_expand([x.size()[0]], false)?),
            (LogPartitionNetwork::Network(network), _) => {
                Ok(network.forward(x)?.f_squeeze_dim(1)?)
            }
            (LogPartitionNetwork::Icnn(network), _) => network.forward(x),
        }
    }

    /// Puts weights back where they have to be.
    pub(super) fn constrain(&self) -> Result<()> {
        match self {
            LogPartitionNetwork::Icnn(network) => network.constrain(),
            _ => Ok(()),
        }
    }
}

/// Adds the gradient in $\tau$, `[B]`, to that in a table, given the examples' numbers, or writes that in one number.
pub(super) fn gradient_in_numbers(
    place: &mut Tensor,
    rows: Option<&Tensor>,
    gradient: &Tensor,
) -> Result<()> {
    let _ = match rows {
        Some(rows) => place.f_index_add_(0, rows, gradient)?,
        None => gradient.f_sum_intlist_out(place, 0, true, None)?,
    };
    Ok(())
}

fn parameter(name: &'static str, expected: &'static str, found: &str) -> Error {
    Error::Parameter {
        name,
        expected,
        found: found.to_owned(),
    }
}
