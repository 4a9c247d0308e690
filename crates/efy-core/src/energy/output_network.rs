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

/// Derivatives of a weighted sum of values of an [`OutputNetwork`].
#[derive(Debug)]
pub struct OutputGradient {
    /// In the input's part, `[B, h]`.
    pub input: Tensor,
    /// In the outputs' weights, `[h, k]`.
    pub first: Tensor,
    /// In weights and biases of the layers after them.
    pub layers: Vec<(Tensor, Tensor)>,
}

impl OutputGradient {
    /// Adds another one.
    pub(crate) fn plus(self, other: Self) -> Self {
        let layers = self.layers.into_iter().zip(other.layers);
        OutputGradient {
            input: self.input + other.input,
            first: self.first + other.first,
            layers: layers.map(|(a, b)| (a.0 + b.0, a.1 + b.1)).collect(),
        }
    }
}

/// What comes out of the units of each layer but the last, `[N, h]`, for all N points of all rows.
pub(crate) struct Units(Vec<Tensor>);

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

    /// The input's part, the outputs' weights, and weights and biases of the layers after them.
    pub(crate) fn parts(&self) -> (&Tensor, &Tensor, &[(Tensor, Tensor)]) {
        (&self.input, &self.first, &self.layers)
    }

    /// The most numbers that a layer makes of a point.
    pub(crate) fn width(&self) -> i64 {
        let (h, k) = (self.first.size()[0], self.first.size()[1]);
        let layers = self.layers.iter().map(|(_, bias)| bias.numel() as i64);
        layers.fold(h.max(k), i64::max)
    }

    /// [`values`](Energy::values) at points `[B, m, k]` without a graph, and what [`pull`](Self::pull) needs.
    pub(crate) fn pass(&self, points: &Tensor) -> Result<(Tensor, Units)> {
        let _guard = tch::no_grad_guard();
        let size = points.size();
        let by_row = self.first.f_tr()?.f_unsqueeze(0)?;
        let by_row = by_row.f_expand([size[0], -1, -1], false)?;
        let mut a = (self.input.f_unsqueeze(1)?).f_baddbmm(points, &by_row, 1, 1)?;
        let _ = a.f_relu_()?;
        let mut units = vec![a.f_view([size[0] * size[1], -1])?];
        let (last, hidden) = match self.layers.split_last() {
            Some((last, hidden)) => (last, hidden),
            None => return Ok((a, Units(units))),
        };
        for (weight, bias) in hidden {
            let mut a = bias.f_addmm(&units[units.len() - 1], &weight.f_tr()?)?;
            let _ = a.f_relu_()?;
            units.push(a);
        }
        let (weight, bias) = last;
        let values = bias.f_addmv(&units[units.len() - 1], &weight.f_view([-1])?)?;
        Ok((values.f_view([size[0], size[1]])?, Units(units)))
    }

    /// The derivatives of $\alpha \sum_{ij} w_{ij} \Phi(a_i, p_{ij})$ in everything, for the points `[B, m, k]` of a pass
    /// and weights `[B, m]`. The derivative in the last bias, $\alpha \sum_{ij} w_{ij}$ `[1]`, is known.
    pub(crate) fn pull(
        &self,
        points: &Tensor,
        units: &Units,
        weights: &Tensor,
        (alpha, of_last): (f64, Tensor),
    ) -> Result<OutputGradient> {
        let _guard = tch::no_grad_guard();
        let mut slope = weights.f_reshape([-1, 1])?;
        let mut layers = Vec::with_capacity(self.layers.len());
        // The last layer's products scale, and with them all that follow.
        let mut last = Some(of_last);
        for ((weight, _), units) in self.layers.iter().zip(&units.0).rev() {
            let (of_weight, of_bias, of_units) = match last.take() {
                Some(of_last) => (
                    scaled_product(alpha, (&slope.f_tr()?, units), weight)?,
                    of_last,
                    scaled_product(alpha, (&slope, weight), units)?,
                ),
                None => (
                    slope.f_tr()?.f_mm(units)?,
                    slope.f_sum_dim_intlist([0_i64].as_slice(), false, None::<Kind>)?,
                    slope.f_mm(weight)?,
                ),
            };
            layers.push((of_weight, of_bias));
            slope = units.f_threshold_backward(&of_units, 0.0)?;
        }
        layers.reverse();
        let size = points.size();
        let by_row = slope.f_view([size[0], size[1], -1])?;
        let points = points.f_reshape([-1, size[2]])?;
        Ok(OutputGradient {
            input: by_row.f_sum_dim_intlist([1_i64].as_slice(), false, None::<Kind>)?,
            first: slope.f_tr()?.f_mm(&points)?,
            layers,
        })
    }
}

/// $\alpha A B$, of the shape of `like`.
fn scaled_product(alpha: f64, (a, b): (&Tensor, &Tensor), like: &Tensor) -> Result<Tensor> {
    let (a, b) = (a.f_unsqueeze(0)?, b.f_unsqueeze(0)?);
    let product = like.f_unsqueeze(0)?.f_baddbmm(&a, &b, 0.0, alpha)?;
    Ok(product.f_squeeze_dim(0)?)
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

    fn output_network(&self) -> Option<&OutputNetwork> {
        Some(self)
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
