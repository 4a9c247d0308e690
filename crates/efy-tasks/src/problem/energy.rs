//! Energies by name.

use efy_core::energy::{Coupling, Energy, Layer, Linear, LogSumExp, Prior, Quadratic, Spen};
use efy_core::{Error, Result};
use serde::Deserialize;
use tch::{Device, Kind, Tensor};

use super::numbers::{Numbers, as_rows};

/// An energy as the file gives it; capital letters are matrices, as in the documentation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum EnergySpec {
    Linear {
        u: Numbers,
    },
    Quadratic {
        u: Numbers,
        #[serde(rename = "U")]
        dense: Option<Numbers>,
        #[serde(rename = "A")]
        factor: Option<Numbers>,
    },
    Spen {
        u: Numbers,
        #[serde(rename = "W1")]
        weight: Numbers,
        b1: Numbers,
        w2: Numbers,
    },
    Icnn {
        u: Numbers,
        layers: Vec<LayerSpec>,
        w: Numbers,
    },
    LogSumExp {
        u: Numbers,
        #[serde(rename = "W")]
        pieces: Numbers,
        b: Numbers,
        #[serde(default = "one")]
        temperature: f64,
    },
}

fn one() -> f64 {
    1.0
}

/// $z_l = \mathrm{sp}(W^z_l (g^z_l \odot z_{l-1}) + W_l (g_l \odot p) + b_l)$; the first layer has neither `Wz` nor `gz`, and
/// gates that are not given are one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LayerSpec {
    #[serde(rename = "Wz")]
    hidden: Option<Numbers>,
    #[serde(rename = "W")]
    input: Numbers,
    b: Numbers,
    #[serde(rename = "gz")]
    hidden_gate: Option<Numbers>,
    #[serde(rename = "g")]
    input_gate: Option<Numbers>,
}

/// The tensors that gradients are taken in, by name and in the shape they were given in.
pub(super) type Leaves = Vec<(String, Tensor)>;

impl EnergySpec {
    /// The scores u.
    pub(super) fn u(&self) -> &Numbers {
        let (EnergySpec::Linear { u }
        | EnergySpec::Quadratic { u, .. }
        | EnergySpec::Spen { u, .. }
        | EnergySpec::Icnn { u, .. }
        | EnergySpec::LogSumExp { u, .. }) = self;
        u
    }

    pub(super) fn build(&self, options: (Kind, Device)) -> Result<(Box<dyn Energy>, Leaves)> {
        let mut leaves = Leaves::new();
        let mut leaf = |name: &str, tensor: Tensor| {
            let tensor = tensor.set_requires_grad(true);
            leaves.push((name.to_owned(), tensor.shallow_clone()));
            tensor
        };
        let u = as_rows(leaf("u", self.u().tensor("energy.u", options)?));
        let energy: Box<dyn Energy> = match self {
            EnergySpec::Linear { .. } => Box::new(Linear::new(u)?),
            EnergySpec::Quadratic { dense, factor, .. } => {
                let coupling = match (dense, factor) {
                    (Some(dense), None) => {
                        Coupling::Dense(leaf("U", dense.tensor("energy.U", options)?))
                    }
                    (None, Some(factor)) => {
                        Coupling::LowRank(leaf("A", factor.tensor("energy.A", options)?))
                    }
                    (both, _) => {
                        return Err(Error::Parameter {
                            name: "energy",
                            expected: "either U or A",
                            found: if both.is_some() { "both" } else { "neither" }.to_owned(),
                        });
                    }
                };
                Box::new(Quadratic::new(u, coupling)?)
            }
            EnergySpec::Spen { weight, b1, w2, .. } => {
                let weight = leaf("W1", weight.tensor("energy.W1", options)?);
                let bias = leaf("b1", b1.tensor("energy.b1", options)?);
                let output = leaf("w2", w2.tensor("energy.w2", options)?);
                Box::new(Spen::new(u, Prior::shallow(weight, bias, output)?)?)
            }
            EnergySpec::Icnn { layers, w, .. } => {
                if layers.is_empty() {
                    return Err(Error::Parameter {
                        name: "energy.layers",
                        expected: "at least one layer",
                        found: "none".to_owned(),
                    });
                }
                let batch = u.size()[0];
                let mut built = Vec::with_capacity(layers.len());
                for (index, layer) in layers.iter().enumerate() {
                    let name = |part: &str| format!("layers.{index}.{part}");
                    let input = leaf(&name("W"), layer.input.tensor("energy.layers.W", options)?);
                    let bias = leaf(&name("b"), layer.b.tensor("energy.layers.b", options)?);
                    let of_input = input.size();
                    let (mut next, of_hidden) = match &layer.hidden {
                        None => (Layer::first(input, bias), None),
                        Some(hidden) => {
                            let hidden = hidden.tensor("energy.layers.Wz", options)?;
                            let hidden = leaf(&name("Wz"), hidden);
                            let size = hidden.size();
                            (Layer::next(hidden, input, bias), Some(size))
                        }
                    };
                    if let Some(values) = &layer.input_gate {
                        let what = "energy.layers.g";
                        let values = leaf(&name("g"), values.tensor(what, options)?);
                        next = next.gate_input(gate(what, values, (batch, Some(&of_input)))?);
                    }
                    if let Some(values) = &layer.hidden_gate {
                        let what = "energy.layers.gz";
                        let values = leaf(&name("gz"), values.tensor(what, options)?);
                        next = next.gate_hidden(gate(what, values, (batch, of_hidden.as_deref()))?);
                    }
                    built.push(next);
                }
                let output = leaf("w", w.tensor("energy.w", options)?);
                Box::new(Spen::new(u, Prior::new(built, output)?)?)
            }
            EnergySpec::LogSumExp {
                pieces,
                b,
                temperature,
                ..
            } => {
                let pieces = leaf("W", pieces.tensor("energy.W", options)?);
                let offsets = leaf("b", b.tensor("energy.b", options)?);
                Box::new(LogSumExp::new(u, pieces, offsets, *temperature)?)
            }
        };
        Ok((energy, leaves))
    }
}

/// The gate of a layer as `[B, n]`; refuses one that is not a number for each row and each column of the matrix behind it.
fn gate(
    name: &'static str,
    gate: Tensor,
    (batch, matrix): (i64, Option<&[i64]>),
) -> Result<Tensor> {
    let gate = as_rows(gate);
    let columns = matrix.map(|size| size.last().copied().unwrap_or(0));
    let (expected, found) = match columns {
        Some(columns) if gate.size() == [batch, columns] => return Ok(gate),
        Some(_) => (
            "a number for each column of its matrix, in as many rows as u has",
            format!("shape {:?}", gate.size()),
        ),
        None => ("none in a layer without Wz", "one".to_owned()),
    };
    Err(Error::Parameter {
        name,
        expected,
        found,
    })
}
