//! Networks over outputs: the label prior of a SPEN, and the input-convex networks of Amos et al. (2017).

mod difference;
mod layer;
mod weights;

pub use layer::Layer;

use tch::Tensor;

use self::layer::vector;
use super::coupling::{by_row, divides, times};
use crate::regularizer::softplus;
use crate::{Error, Result, shape};

/// $\Psi(p) = \langle w, z_L \rangle$ with $z_1 = \mathrm{sp}(W_1 p + b_1)$,
/// $z_l = \mathrm{sp}(W^z_l z_{l-1} + W_l p + b_l)$ and $\mathrm{sp}(t) = \log(1 + e^t)$.
///
/// Convex in p when all $W^z_l$, their gates and $w$ are nonnegative; $W_l$, $b_l$ and the gates of p
/// are free. Matrices may come in blocks, `[G, m, n]`, each for B/G rows that follow each other; then biases
/// and w are those of the rows, `[B, m]`. Nothing has to be declared: certificates look at the weights.
///
/// ```
/// use efy_core::energy::{Layer, Prior};
/// use tch::{Device, Kind, Tensor};
///
/// let options = (Kind::Float, Device::Cpu);
/// let (first, bias) = (Tensor::randn([16, 5], options), Tensor::zeros([16], options));
/// let second = Layer::next(
///     Tensor::rand([8, 16], options),
///     Tensor::randn([8, 5], options),
///     Tensor::zeros([8], options),
/// );
/// let prior = Prior::new(vec![Layer::first(first, bias), second], Tensor::rand([8], options))?;
/// assert_eq!(prior.value(&Tensor::zeros([3, 5], options)).size(), [3]);
/// # Ok::<(), efy_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Prior {
    layers: Vec<Layer>,
    output: Tensor,
    of_blocks: Option<Tensor>,
}

impl Prior {
    /// A network of these layers with the weights `output` of the last one's units, `[m]` or `[B, m]`.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::Kind`] or [`Error::Placement`] when the tensors do not fit together.
    pub fn new(layers: Vec<Layer>, output: Tensor) -> Result<Self> {
        let prior = Prior {
            layers,
            output,
            of_blocks: None,
        };
        let k = match prior.layers.first() {
            Some(first) if matches!(first.input.dim(), 2 | 3) => {
                first.input.size()[first.input.dim() - 1]
            }
            _ => {
                return Err(Error::Shape {
                    what: "W",
                    expected: "[m, k] in every layer, at least one layer".to_owned(),
                    found: prior
                        .layers
                        .first()
                        .map_or_else(Vec::new, |l| l.input.size()),
                });
            }
        };
        let first = &prior.layers[0].input;
        shape::float_matrix("W", &first.reshape([-1, k]))?;
        prior.check(None, k)?;
        Ok(prior)
    }

    /// The networks of G blocks of B/G rows side by side: matrices `[G, m, n]`, biases and w `[G, m]`, which
    /// the `rows` B rows of each block share.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of_blocks(mut layers: Vec<Layer>, output: Tensor, rows: i64) -> Result<Self> {
        let spread = |t: &Tensor| by_row(&t.unsqueeze(1), rows).squeeze_dim(1);
        let blocks = output.size().first().copied().unwrap_or(0);
        let biases = layers.iter().map(|layer| ("b", &layer.bias));
        for (what, t) in biases.chain([("w", &output)]) {
            if t.dim() != 2 || t.size()[0] != blocks || !divides(blocks, rows) {
                return Err(Error::Shape {
                    what,
                    expected: format!("[G, m] with G a divisor of {rows}"),
                    found: t.size(),
                });
            }
        }
        for layer in &mut layers {
            layer.bias = spread(&layer.bias);
        }
        let mut prior = Prior::new(layers, spread(&output))?;
        prior.of_blocks = Some(output);
        Ok(prior)
    }

    /// One hidden layer, $\langle w_2, \mathrm{sp}(W_1 p + b_1) \rangle$: W1 `[m, k]`, b1 and w2 `[m]`
    /// (Belanger and McCallum 2016).
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn shallow(w1: Tensor, b1: Tensor, w2: Tensor) -> Result<Self> {
        Prior::new(vec![Layer::first(w1, b1)], w2)
    }

    /// The layers, in order.
    pub(crate) fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// How many blocks of rows have their own matrices; `None` where all rows share them.
    pub(crate) fn blocks(&self) -> Option<i64> {
        self.layers[0].blocks()
    }

    /// The network of a block of `each` rows.
    pub(crate) fn block(&self, index: i64, each: i64) -> Prior {
        let layers = self.layers.iter().map(|layer| layer.block(index, each));
        Prior {
            layers: layers.collect(),
            output: self.output.narrow(0, index * each, each),
            of_blocks: None,
        }
    }

    /// w of each block, `[G, m]`, where its rows share it.
    pub(crate) fn output_of_blocks(&self) -> Option<&Tensor> {
        self.of_blocks.as_ref()
    }

    /// w, `[m]` or `[B, m]`.
    pub(crate) fn output(&self) -> &Tensor {
        &self.output
    }

    /// $\Psi(p)$ for `p` `[B, k]`, `[B]`.
    pub fn value(&self, p: &Tensor) -> Tensor {
        let z = self
            .preactivations(p)
            .pop()
            .map_or_else(|| p.shallow_clone(), |a| softplus(&a));
        if self.output.dim() == 1 {
            z.mv(&self.output)
        } else {
            shape::dot(&z, &self.output)
        }
    }

    /// $\nabla\Psi(p)$, `[B, k]`.
    pub fn gradient(&self, p: &Tensor) -> Tensor {
        let slopes: Vec<Tensor> = self.preactivations(p).iter().map(Tensor::sigmoid).collect();
        self.backward(&slopes)
    }

    /// $\nabla^2\Psi(p)\, q$, `[B, k]`: the derivative of the backward pass along q.
    pub(in crate::energy) fn hessian_product(&self, p: &Tensor, q: &Tensor) -> Tensor {
        let a = self.preactivations(p);
        let mut tangents: Vec<Tensor> = Vec::with_capacity(a.len());
        for (index, layer) in self.layers.iter().enumerate() {
            let z = index
                .checked_sub(1)
                .map(|before| a[before].sigmoid() * &tangents[before]);
            tangents.push(layer.linear(q, z.as_ref()));
        }
        let mut y = self.output.shallow_clone();
        let mut y_tangent: Option<Tensor> = None;
        let mut product: Option<Tensor> = None;
        for ((layer, a), tangent) in self.layers.iter().zip(&a).zip(&tangents).rev() {
            let slope = a.sigmoid();
            let bend = &slope * (1.0 - &slope) * tangent;
            let mut v_tangent = &y * bend;
            if let Some(y_tangent) = &y_tangent {
                v_tangent += y_tangent * &slope;
            }
            product = Some(add(product, layer.to_input(&v_tangent)));
            y_tangent = layer.to_hidden(&v_tangent);
            y = layer.to_hidden(&(&y * slope)).unwrap_or(y);
        }
        product.unwrap_or_else(|| q.zeros_like())
    }

    /// Whether the weights make $\Psi$ convex, Bool, a scalar or `[B]`, on the device.
    pub(crate) fn is_convex(&self) -> Tensor {
        let each_row = |t: &Tensor| t.detach().ge(0.0).all_dim(-1, false);
        let hidden = self.layers.iter().filter_map(|layer| layer.hidden.as_ref());
        let gates = self
            .layers
            .iter()
            .filter_map(|layer| layer.hidden_gate.as_ref());
        let of_weights = |weights: &Tensor| match self.blocks() {
            None => each_row(&weights.reshape([-1])),
            Some(blocks) => self.of_rows(&each_row(&weights.reshape([blocks, -1]))),
        };
        hidden
            .map(of_weights)
            .chain(gates.map(each_row))
            .fold(each_row(&self.output), |all, next| all.logical_and(&next))
    }

    /// A bound on the eigenvalues of $-\nabla^2\Psi$ whatever p, a scalar or `[B]`:
    /// $\frac14 \sum_j \max(-w_j, 0) \|W_j\|^2$ with one layer; `None` with more.
    pub(crate) fn negative_curvature(&self) -> Option<Tensor> {
        let [layer] = self.layers.as_slice() else {
            return None;
        };
        let squares = layer.input.detach().square();
        let norms = match &layer.input_gate {
            Some(gate) => times(&gate.detach().square(), &squares.transpose(-1, -2)),
            None if self.blocks().is_none() => shape::row_sum(&squares),
            None => self.of_rows(&shape::row_sum(&squares)),
        };
        let negative = self.output.detach().neg().clamp_min(0.0);
        Some(shape::dot(&negative, &norms) * 0.25)
    }

    /// What there is once a block, `[G, ...]`, for each row, `[B, ...]`.
    fn of_rows(&self, t: &Tensor) -> Tensor {
        let rows = self.output.size()[0];
        let flat = t.reshape([t.size()[0], -1, 1]);
        let mut size = t.size();
        size[0] = rows;
        by_row(&flat, rows).reshape(size)
    }

    /// Checks shapes; `rows` is not known before the prior is part of an energy.
    pub(in crate::energy) fn check(&self, rows: Option<i64>, k: i64) -> Result<()> {
        let first = &self.layers[0].input;
        let options = (first.kind(), first.device());
        let mut before = None;
        for layer in &self.layers {
            layer.check(before, (rows, k), options)?;
            before = Some(layer.width());
        }
        let by_rows = self.blocks().is_some();
        vector(
            "w",
            &self.output,
            (rows, before.unwrap_or(k)),
            by_rows,
            options,
        )
    }

    /// What goes into the activations of each layer.
    fn preactivations(&self, p: &Tensor) -> Vec<Tensor> {
        let mut all: Vec<Tensor> = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let z = all.last().map(softplus);
            all.push(layer.affine(p, z.as_ref()));
        }
        all
    }

    /// $\sum_l$ of the products of weights and slopes on all ways from w to p, `[B, k]`.
    fn backward(&self, slopes: &[Tensor]) -> Tensor {
        let mut y = self.output.shallow_clone();
        let mut gradient: Option<Tensor> = None;
        for (layer, slope) in self.layers.iter().zip(slopes).rev() {
            let v = y * slope;
            gradient = Some(add(gradient, layer.to_input(&v)));
            y = layer.to_hidden(&v).unwrap_or(v);
        }
        gradient.unwrap_or(y)
    }
}

fn add(sum: Option<Tensor>, term: Tensor) -> Tensor {
    match sum {
        Some(sum) => sum + term,
        None => term,
    }
}
