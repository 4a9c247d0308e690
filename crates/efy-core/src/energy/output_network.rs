//! Rectifier networks over inputs and outputs together.

use tch::{Device, Kind, Tensor};

use super::Energy;
use crate::{Error, Result, shape};

/// $\Phi(a, p) = \langle w_L, z_L \rangle + b_L$ with $z_1 = \mathrm{relu}(a + W_1 p)$ and
/// $z_l = \mathrm{relu}(W_l z_{l-1} + b_l)$: a network on $[x; p]$ whose first layer is split, so that its
/// part of the input, $a = W_x x + b$ `[B, h]`, is computed once for all points of a row.
///
/// Neither concave nor of a [`Form`](super::Form) that a solver may exploit.
#[derive(Debug)]
pub struct OutputNetwork {
    input: Tensor,
    first: Tensor,
    layers: Vec<(Tensor, Tensor)>,
}

impl OutputNetwork {
    /// An energy from the input's part `input` `[B, h]`, the outputs' weights `first` `[h, k]`, and the
    /// layers after it, weights `[out, in]` and biases `[out]`, the last of which has one output.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::Kind`] or [`Error::Placement`] when the tensors do not fit together.
    pub fn new(input: Tensor, first: Tensor, layers: Vec<(Tensor, Tensor)>) -> Result<Self> {
        shape::float_matrix("input", &input)?;
        let options = (input.kind(), input.device());
        let mut width = input.size()[1];
        let k = first.size().last().copied().unwrap_or(0);
        shape::matrix_of("first", &first, (width, k), options)?;
        for (weight, bias) in &layers {
            let out = bias.size().first().copied().unwrap_or(0);
            shape::matrix_of("weight", weight, (out, width), options)?;
            width = out;
        }
        if width != 1 || layers.is_empty() {
            return Err(Error::Shape {
                what: "layers",
                expected: "at least one, the last with one output".to_owned(),
                found: vec![layers.len() as i64, width],
            });
        }
        Ok(OutputNetwork {
            input,
            first,
            layers,
        })
    }

    /// The layers after the first from what goes into its units, `[.., h]` to `[..]`.
    fn rest(&self, a: Tensor) -> Tensor {
        let mut a = a;
        for (weight, bias) in &self.layers {
            a = a.relu().matmul(&weight.tr()) + bias;
        }
        a.squeeze_dim(-1)
    }
}

impl Energy for OutputNetwork {
    fn size(&self) -> (i64, i64) {
        (self.input.size()[0], self.first.size()[1])
    }

    fn options(&self) -> (Kind, Device) {
        (self.input.kind(), self.input.device())
    }

    fn value(&self, p: &Tensor) -> Tensor {
        self.rest(self.input.addmm(p, &self.first.tr()))
    }

    fn values(&self, points: &Tensor) -> Tensor {
        self.rest(points.matmul(&self.first.tr()) + self.input.unsqueeze(1))
    }

    fn gradient(&self, p: &Tensor) -> Tensor {
        let mut a = vec![self.input.addmm(p, &self.first.tr())];
        for (weight, bias) in &self.layers {
            let last = &a[a.len() - 1];
            a.push(last.relu().matmul(&weight.tr()) + bias);
        }
        // The last is the value, whose derivative in itself is 1.
        let mut slope = a[a.len() - 1].ones_like();
        for ((weight, _), a) in self.layers.iter().zip(&a).rev() {
            slope = slope.matmul(weight) * a.gt(0.0).to_kind(a.kind());
        }
        slope.matmul(&self.first)
    }
}
