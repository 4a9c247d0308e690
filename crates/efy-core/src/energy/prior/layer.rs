//! A layer of a network over outputs.

use tch::{Device, Kind, Tensor};

use crate::energy::coupling::{add_times, divides, times};
use crate::{Error, Result, shape};

/// One layer, $W^z (g^z \odot z) + W (g \odot p) + b$ before its activation.
///
/// With a gate or bias of its own for every row the network is conditional on the input, which has
/// been worked in: the partially input-convex network of Amos et al. (2017).
#[derive(Debug)]
pub struct Layer {
    pub(crate) input: Tensor,
    pub(crate) input_gate: Option<Tensor>,
    pub(crate) hidden: Option<Tensor>,
    pub(crate) hidden_gate: Option<Tensor>,
    pub(crate) bias: Tensor,
}

impl Layer {
    /// The first layer: W `[m, k]` and b, `[m]` or `[B, m]`.
    pub fn first(input: Tensor, bias: Tensor) -> Self {
        Layer {
            input,
            input_gate: None,
            hidden: None,
            hidden_gate: None,
            bias,
        }
    }

    /// Another layer: $W^z$ `[m, n]` for the n units before it, W `[m, k]` and b, `[m]` or `[B, m]`.
    pub fn next(hidden: Tensor, input: Tensor, bias: Tensor) -> Self {
        Layer {
            hidden: Some(hidden),
            ..Layer::first(input, bias)
        }
    }

    /// Multiplies p by g `[B, k]` on its way in.
    #[must_use]
    pub fn gate_input(mut self, gate: Tensor) -> Self {
        self.input_gate = Some(gate);
        self
    }

    /// Multiplies the units of the layer before by $g^z$ `[B, n]`.
    #[must_use]
    pub fn gate_hidden(mut self, gate: Tensor) -> Self {
        self.hidden_gate = Some(gate);
        self
    }

    /// The number of units.
    pub(crate) fn width(&self) -> i64 {
        self.input.size()[self.input.dim() - 2]
    }

    /// How many blocks of rows have their own matrices; `None` where all rows share them.
    pub(super) fn blocks(&self) -> Option<i64> {
        (self.input.dim() == 3).then(|| self.input.size()[0])
    }

    /// The layer for a block of `each` rows.
    pub(super) fn block(&self, index: i64, each: i64) -> Layer {
        let rows = |t: &Option<Tensor>| t.as_ref().map(|t| t.narrow(0, index * each, each));
        Layer {
            input: self.input.get(index),
            input_gate: rows(&self.input_gate),
            hidden: self.hidden.as_ref().map(|hidden| hidden.get(index)),
            hidden_gate: rows(&self.hidden_gate),
            bias: self.bias.narrow(0, index * each, each),
        }
    }

    /// The layer's linear part: of `p` `[B, k]` and `z` `[B, n]`, `[B, m]`.
    pub(super) fn linear(&self, p: &Tensor, z: Option<&Tensor>) -> Tensor {
        let p = gated(p, self.input_gate.as_ref());
        self.add_hidden(times(&p, &transposed(&self.input)), z)
    }

    /// [`linear`](Self::linear) and the bias: what goes into the activation.
    pub(crate) fn affine(&self, p: &Tensor, z: Option<&Tensor>) -> Tensor {
        let p = gated(p, self.input_gate.as_ref());
        self.add_hidden(add_times(&self.bias, &p, &transposed(&self.input)), z)
    }

    fn add_hidden(&self, a: Tensor, z: Option<&Tensor>) -> Tensor {
        match (&self.hidden, z) {
            (Some(hidden), Some(z)) => {
                let z = gated(z, self.hidden_gate.as_ref());
                add_times(&a, &z, &transposed(hidden))
            }
            _ => a,
        }
    }

    /// Its transpose for the units before it, `[B, n]`.
    pub(crate) fn to_hidden(&self, v: &Tensor) -> Option<Tensor> {
        let hidden = self.hidden.as_ref()?;
        Some(gated(&times(v, hidden), self.hidden_gate.as_ref()))
    }

    /// Its transpose for the outputs, `[B, k]`.
    pub(crate) fn to_input(&self, v: &Tensor) -> Tensor {
        gated(&times(v, &self.input), self.input_gate.as_ref())
    }

    /// `sum` and its transpose for the outputs.
    pub(crate) fn add_to_input(&self, sum: &Tensor, v: &Tensor) -> Tensor {
        match &self.input_gate {
            Some(gate) => sum.addcmul(&times(v, &self.input), gate),
            None => add_times(sum, v, &self.input),
        }
    }

    /// Checks shapes against the B rows of k outputs and the units before.
    pub(super) fn check(
        &self,
        before: Option<i64>,
        (rows, k): (Option<i64>, i64),
        options: (Kind, Device),
    ) -> Result<()> {
        let m = self.width();
        let blocks = self.blocks();
        let matrix = |what, t: &Tensor, columns| match (blocks, rows) {
            (None, _) => shape::matrix_of(what, t, (m, columns), options),
            (Some(blocks), rows) if rows.is_none_or(|rows| divides(blocks, rows)) => {
                shape::tensor_of(what, t, &[blocks, m, columns], options)
            }
            (Some(_), _) => Err(Error::Shape {
                what,
                expected: format!("[{m}, {columns}] or [G, {m}, {columns}] with G a divisor of B"),
                found: t.size(),
            }),
        };
        matrix("W", &self.input, k)?;
        match (&self.hidden, before) {
            (Some(hidden), Some(n)) => matrix("Wz", hidden, n)?,
            (None, None) => {}
            (found, _) => {
                return Err(Error::Shape {
                    what: "Wz",
                    expected: "none in the first layer, [m, n] in all others".to_owned(),
                    found: found.as_ref().map_or_else(Vec::new, Tensor::size),
                });
            }
        }
        vector("b", &self.bias, (rows, m), blocks.is_some(), options)?;
        for (what, gate, width) in [
            ("gate of p", &self.input_gate, Some(k)),
            ("gate of z", &self.hidden_gate, before),
        ] {
            if let Some(gate) = gate {
                let rows = rows.unwrap_or_else(|| gate.size().first().copied().unwrap_or(0));
                shape::matrix_of(what, gate, (rows, width.unwrap_or(0)), options)?;
            }
        }
        Ok(())
    }
}

fn transposed(matrix: &Tensor) -> Tensor {
    matrix.transpose(-1, -2)
}

fn gated(t: &Tensor, gate: Option<&Tensor>) -> Tensor {
    gate.map_or_else(|| t.shallow_clone(), |gate| t * gate)
}

/// Refuses a tensor that is neither `[m]`, unless it has to be given `by_rows`, nor `[B, m]`.
pub(super) fn vector(
    what: &'static str,
    t: &Tensor,
    (rows, m): (Option<i64>, i64),
    by_rows: bool,
    options: (Kind, Device),
) -> Result<()> {
    if t.dim() == 2 {
        let rows = rows.unwrap_or_else(|| t.size()[0]);
        return shape::matrix_of(what, t, (rows, m), options);
    }
    if by_rows || t.size() != [m] {
        let shared = if by_rows { "" } else { &format!("[{m}] or ") };
        return Err(Error::Shape {
            what,
            expected: format!("{shared}[B, {m}]"),
            found: t.size(),
        });
    }
    shape::matrix_of(what, &t.unsqueeze(0), (1, m), options)
}
