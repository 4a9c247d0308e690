//! Feed-forward rectifier networks.

use efy_core::Result;
use efy_core::dense::Layer as DenseLayer;
use efy_core::loss::MeanGradient;
use efy_core::parameters::{Builder, Parameters};
use rand::{Rng, RngExt};
use tch::{Kind, Tensor};

use crate::Pass;
use crate::replicas::{apart, together};

/// $W_L\,\mathrm{relu}(\dots \mathrm{relu}(W_1 x + b_1)) + b_L$; without hidden layers the linear map
/// $Wx + b$.
///
/// Layers are laid out and initialized as `torch.nn.Linear`: weights `[out, in]`, everything uniform
/// in $\pm 1/\sqrt{\text{in}}$. Those of R replicas are `[R, out, in]`.
///
/// They may compute in another kind than the weights are kept in (`layers_in` of a model): bf16
/// layers with f32 weights, inputs and outputs.
#[derive(Debug)]
pub struct Network {
    /// (weight, bias) of each layer, views of the buffer made once.
    layers: Vec<Layer>,
    /// All of them as they lie in the buffer of a single model, `[n]`.
    flat: Tensor,
    /// What layers compute in, where that is not the kind of the weights.
    kind: Option<Kind>,
}

/// Weight and bias.
type Layer = (Tensor, Tensor);

/// Where the layers of a network lie among the parameters.
#[derive(Default)]
pub(crate) struct Places(Vec<(usize, usize)>);

impl Places {
    /// Whether there are no layers.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The layers as native passes take them, of a single model.
    pub(crate) fn dense(&self, parameters: &Parameters) -> Vec<DenseLayer> {
        let layer = |&(weight, bias): &(usize, usize)| {
            let size = parameters.tensor(weight).size();
            DenseLayer {
                weight: parameters.offset(weight),
                bias: parameters.offset(bias),
                inputs: size[1] as usize,
                outputs: size[0] as usize,
            }
        };
        self.0.iter().map(layer).collect()
    }

    /// The first layer and the network of those after it.
    pub(crate) fn split(&self) -> Option<((usize, usize), Places)> {
        let (&first, rest) = self.0.split_first()?;
        Some((first, Places(rest.to_vec())))
    }
}

impl Network {
    /// Adds layers of the given widths (input first, output last) under `prefix`, numbered as in a
    /// `torch.nn.Sequential` with activations between them.
    pub(crate) fn add(
        builder: &mut Builder,
        prefix: &str,
        widths: &[i64],
        random: &mut impl Rng,
    ) -> Result<Places> {
        let mut places = Vec::new();
        let deep = widths.len() > 2;
        for (index, pair) in widths.windows(2).enumerate() {
            let (input, output) = (pair[0], pair[1]);
            let bound = 1.0 / (input.max(1) as f64).sqrt();
            let mut draw = |count: i64| -> Vec<f64> {
                (0..count)
                    .map(|_| random.random_range(-bound..=bound))
                    .collect()
            };
            let name = if deep {
                format!("{prefix}.{}", 2 * index)
            } else {
                prefix.to_owned()
            };
            let weight = draw(output * input);
            let weight = builder.add(format!("{name}.weight"), &[output, input], weight, true)?;
            let bias = builder.add(format!("{name}.bias"), &[output], draw(output), false)?;
            places.push((weight, bias));
        }
        Ok(Places(places))
    }

    /// The network once the buffer exists.
    pub(crate) fn new(parameters: &Parameters, places: &Places) -> Self {
        let layer = |&(weight, bias)| (parameters.tensor(weight), parameters.tensor(bias));
        let numbers = |places: &[(String, Tensor)]| -> i64 {
            places.iter().map(|(_, tensor)| tensor.numel() as i64).sum()
        };
        let positions = || (places.0.iter()).flat_map(|&(weight, bias)| [weight, bias]);
        let mut positions = positions().map(|place| parameters.position(place));
        let first = positions.next().unwrap_or(0);
        let end = positions.try_fold(first + 1, |end, at| (at == end).then_some(end + 1));
        // Where the first layer lies elsewhere (of a joint model), nothing is done to all of them at once.
        let end = end.filter(|_| !places.0.is_empty()).unwrap_or(first);
        let named = parameters.named();
        let (offset, length) = (numbers(&named[..first]), numbers(&named[first..end]));
        Network {
            layers: places.0.iter().map(layer).collect(),
            flat: parameters.flat().narrow(0, offset, length),
            kind: None,
        }
    }

    /// Makes layers compute in `kind`: inputs and weights are cast before them, what comes out is cast back.
    /// The weights themselves, which an optimizer sees, stay as they are.
    pub(crate) fn compute_in(&mut self, kind: Kind) {
        self.kind = (kind != self.flat.kind()).then_some(kind);
    }

    /// The layers in `kind` with the graph to the weights: two casts each.
    fn cast(&self, kind: Kind) -> Result<Vec<Layer>> {
        let cast = |(weight, bias): &Layer| Ok((weight.f_to_kind(kind)?, bias.f_to_kind(kind)?));
        self.layers.iter().map(cast).collect()
    }

    /// The layers in `kind` without a graph: one cast for all of them.
    fn cast_at_once(&self, kind: Kind) -> Result<Vec<Layer>> {
        let flat = self.flat.f_to_kind(kind)?;
        let mut offset = 0;
        let mut next = |like: &Tensor| -> Result<Tensor> {
            let length = like.numel() as i64;
            let view = flat
                .f_narrow(0, offset, length)?
                .f_view(like.size().as_slice())?;
            offset += length;
            Ok(view)
        };
        self.layers
            .iter()
            .map(|(weight, bias)| Ok((next(weight)?, next(bias)?)))
            .collect()
    }

    /// The output for `x` `[B, d]`.
    ///
    /// # Errors
    /// [`efy_core::Error::Torch`] when `x` does not fit the first layer.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self.kind {
            None => self.through(&self.layers, x),
            Some(kind) => {
                let out = self.through(&self.cast(kind)?, &x.f_to_kind(kind)?)?;
                Ok(out.f_to_kind(x.kind())?)
            }
        }
    }

    /// How many models lie side by side, if there are several.
    pub(crate) fn replicas(&self) -> Option<i64> {
        let (weight, _) = self.layers.first()?;
        (weight.dim() == 3).then(|| weight.size()[0])
    }

    /// The output of layers of one model or of replicas.
    fn through(&self, layers: &[Layer], x: &Tensor) -> Result<Tensor> {
        match self.replicas() {
            None => through(layers, x.shallow_clone()),
            Some(replicas) => together(&through(layers, apart(x, replicas)?)?),
        }
    }

    /// Sets the last layer to zero, and so the output.
    pub(crate) fn start_at_zero(&self) -> Result<()> {
        let _guard = tch::no_grad_guard();
        if let Some((weight, bias)) = self.layers.last() {
            let _ = weight.shallow_clone().f_zero_()?;
            let _ = bias.shallow_clone().f_zero_()?;
        }
        Ok(())
    }

    /// Weight and bias of each layer.
    pub(crate) fn layers(&self) -> Vec<(Tensor, Tensor)> {
        let shared =
            |(weight, bias): &(Tensor, Tensor)| (weight.shallow_clone(), bias.shallow_clone());
        self.layers.iter().map(shared).collect()
    }

    /// [`forward`](Self::forward) of a single model without a graph, and what
    /// [`backward`](Self::backward) needs.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn pass(&self, x: &Tensor) -> Result<(Tensor, Tape)> {
        let _guard = tch::no_grad_guard();
        let Some(kind) = self.kind else {
            let (out, inputs) = rectified(&self.layers, x.shallow_clone())?;
            return Ok((out, Tape { inputs, cast: None }));
        };
        let layers = self.cast_at_once(kind)?;
        let (out, inputs) = rectified(&layers, x.f_to_kind(kind)?)?;
        let cast = Some(layers);
        Ok((out.f_to_kind(x.kind())?, Tape { inputs, cast }))
    }

    /// The gradient in the weights and biases as they lie in the buffer, `[n]`, from the gradient in the
    /// output `[B, k]`.
    ///
    /// # Errors
    /// [`efy_core::Error::Torch`] when the gradient does not fit the pass.
    pub fn backward(&self, tape: &Tape, output: &Tensor) -> Result<Tensor> {
        let options = (output.kind(), output.device());
        let flat = Tensor::f_empty(self.flat.size(), options)?;
        self.backward_into(tape, output, &flat)?;
        Ok(flat)
    }

    /// The gradient in the input of a network of one layer, `[B, d]`, from that in its output.
    pub(crate) fn through_affine(&self, output: &Tensor) -> Result<Tensor> {
        match self.layers.as_slice() {
            [(weight, _)] => Ok(output.f_mm(weight)?),
            layers => Err(efy_core::Error::Parameter {
                name: "layers",
                expected: "one",
                found: layers.len().to_string(),
            }),
        }
    }

    /// The number of weights and biases.
    pub(crate) fn len(&self) -> i64 {
        self.flat.numel() as i64
    }

    /// [`backward`](Self::backward) to a place of the gradient in all weights of a model.
    pub(crate) fn backward_into(&self, tape: &Tape, output: &Tensor, place: &Tensor) -> Result<()> {
        let _guard = tch::no_grad_guard();
        let Some(kind) = self.kind else {
            let _ = self.parts_into(tape, output.shallow_clone(), place)?;
            return Ok(());
        };
        let flat = Tensor::f_empty(self.flat.size(), (kind, output.device()))?;
        let _ = self.parts_into(tape, output.f_to_kind(kind)?, &flat)?;
        place.shallow_clone().f_copy_(&flat)?;
        Ok(())
    }

    /// [`backward_into`](Self::backward_into), and on to the gradient in the input, `[B, d]`: that in the output where there are
    /// no layers.
    pub(crate) fn through_into(
        &self,
        tape: &Tape,
        output: &Tensor,
        place: &Tensor,
    ) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let gradient = self.parts_into(tape, output.shallow_clone(), place)?;
        match self.layers.first() {
            Some((weight, _)) => Ok(gradient.f_mm(weight)?),
            None => Ok(gradient),
        }
    }

    /// Each part is computed where it belongs; returns the gradient in what the first layer puts out.
    fn parts_into(&self, tape: &Tape, mut gradient: Tensor, flat: &Tensor) -> Result<Tensor> {
        let layers = tape.cast.as_ref().unwrap_or(&self.layers);
        let mut end = self.flat.numel() as i64;
        let mut place = |like: &Tensor| -> Result<Tensor> {
            let length = like.numel() as i64;
            end -= length;
            Ok(flat
                .f_narrow(0, end, length)?
                .f_view(like.size().as_slice())?)
        };
        for (index, (input, (weight, bias))) in tape.inputs.iter().zip(layers).enumerate().rev() {
            let _ = gradient.f_sum_intlist_out(&place(bias)?, 0, false, None)?;
            let _ = gradient.tr().f_mm_out(&place(weight)?, input)?;
            if index > 0 {
                gradient = input.f_threshold_backward(&gradient.f_matmul(weight)?, 0.0)?;
            }
        }
        Ok(gradient)
    }
}

/// The gradient in all weights of a model that has those of the network for u first and then what all rows
/// share, `[P]`.
///
/// # Errors
/// As [`Network::backward`].
pub(crate) fn gradient_of(network: &Network, pass: &Pass, loss: &MeanGradient) -> Result<Tensor> {
    let mut parts = vec![network.backward(&pass.tape, &loss.u)?];
    if loss.shared.is_empty() {
        return Ok(parts.remove(0));
    }
    parts.extend(loss.shared.iter().map(|gradient| gradient.reshape([-1])));
    Ok(Tensor::f_cat(&parts, 0)?)
}

/// The output of layers of a single model without a graph, rectified where they are, and the input of each.
fn rectified(layers: &[Layer], x: Tensor) -> Result<(Tensor, Vec<Tensor>)> {
    let mut inputs = Vec::with_capacity(layers.len());
    let mut h = x;
    for (index, (weight, bias)) in layers.iter().enumerate() {
        let mut next = bias.f_addmm(&h, &weight.f_tr()?)?;
        if index + 1 < layers.len() {
            let _ = next.f_relu_()?;
        }
        inputs.push(h);
        h = next;
    }
    Ok((h, inputs))
}

/// The output of layers with rectifiers between them, with the graph.
fn through(layers: &[Layer], x: Tensor) -> Result<Tensor> {
    let mut h = x;
    for (index, (weight, bias)) in layers.iter().enumerate() {
        let input = if index == 0 { h } else { h.f_relu()? };
        let weight = weight.f_transpose(-2, -1)?;
        h = match weight.dim() {
            2 => bias.f_addmm(&input, &weight)?,
            _ => bias.f_unsqueeze(1)?.f_baddbmm(&input, &weight, 1, 1)?,
        };
    }
    Ok(h)
}

/// The inputs of every layer of a forward pass, and the layers where they were cast.
#[derive(Debug)]
pub struct Tape {
    inputs: Vec<Tensor>,
    cast: Option<Vec<Layer>>,
}
