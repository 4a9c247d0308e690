//! Energies by name.

use efy_core::energy::{Coupling, Energy, Layer, Linear, LogSumExp, Prior, Quadratic, Spen};
use efy_core::{Error, Result};
use serde::Deserialize;
use tch::{Device, Kind, Tensor};

use super::numbers::Numbers;

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
        let u = rows(leaf("u", self.u().tensor("energy.u", options)?));
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
                check_layers(layers, u.size()[0])?;
                let mut built = Vec::with_capacity(layers.len());
                for (index, layer) in layers.iter().enumerate() {
                    let name = |part: &str| format!("layers.{index}.{part}");
                    let input = leaf(&name("W"), layer.input.tensor("energy.layers.W", options)?);
                    let bias = leaf(&name("b"), layer.b.tensor("energy.layers.b", options)?);
                    let mut next = match &layer.hidden {
                        None => Layer::first(input, bias),
                        Some(hidden) => {
                            let hidden = hidden.tensor("energy.layers.Wz", options)?;
                            Layer::next(leaf(&name("Wz"), hidden), input, bias)
                        }
                    };
                    if let Some(gate) = &layer.input_gate {
                        let gate = leaf(&name("g"), gate.tensor("energy.layers.g", options)?);
                        next = next.gate_input(rows(gate));
                    }
                    if let Some(gate) = &layer.hidden_gate {
                        let gate = leaf(&name("gz"), gate.tensor("energy.layers.gz", options)?);
                        next = next.gate_hidden(rows(gate));
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

/// Refuses networks without layers and gates that are not one number for each row and what they are factors of; all else
/// is refused where it is used.
fn check_layers(layers: &[LayerSpec], batch: i64) -> Result<()> {
    let wrong = |name, expected, found: String| {
        Err(Error::Parameter {
            name,
            expected,
            found,
        })
    };
    if layers.is_empty() {
        return wrong("energy.layers", "at least one layer", "none".to_owned());
    }
    let options = (Kind::Double, Device::Cpu);
    for layer in layers {
        for (name, gate, matrix) in [
            ("energy.layers.g", &layer.input_gate, Some(&layer.input)),
            (
                "energy.layers.gz",
                &layer.hidden_gate,
                layer.hidden.as_ref(),
            ),
        ] {
            let Some(gate) = gate else { continue };
            let Some(matrix) = matrix else {
                return wrong(name, "none in a layer without Wz", "one".to_owned());
            };
            let size = rows(gate.tensor(name, options)?).size();
            let columns = matrix.tensor(name, options)?.size().last().copied();
            if size != [batch, columns.unwrap_or(0)] {
                let expected = "a number for each column of its matrix, in as many rows as u has";
                return wrong(name, expected, format!("shape {size:?}"));
            }
        }
    }
    Ok(())
}

/// A vector as the only row.
fn rows(tensor: Tensor) -> Tensor {
    if tensor.dim() == 1 {
        tensor.unsqueeze(0)
    } else {
        tensor
    }
}
