//! Partially input-convex networks: concave in the labels, anything in the features.

use efy_core::Result;
use efy_core::energy::{Energy, Layer, Prior, Spen};
use efy_core::parameters::{Builder, Parameters};
use rand::Rng;
use tch::{Device, Kind, Tensor};

use crate::prior::{Sign, check, clamp, draw};
use crate::replicas::{apart, of_weights, together};
use crate::{Model, Network, Seeds};

/// $\Phi = -f(x, p)$ with a network f that is convex in p (Amos et al. 2017, partially input-convex).
///
/// The context $h_0 = x$, $h_{l+1} = \mathrm{relu}(\tilde W_l h_l + \tilde b_l)$ sees the features only.
/// Layers over labels are
/// $z_{l+1} = \mathrm{sp}(W^z_l (z_l \odot [W^{zu}_l h_l + b]_+) + W_l (p \odot (W^{yu}_l h_l + b)) + W^u_l h_l + b)$
/// with $W^z_l \ge 0$, and $f = \langle w \odot [W^{zu} h + b]_+, z_L\rangle - \langle u, p\rangle$ with
/// $w \ge 0$ and u affine in h.
///
/// Softplus units instead of rectifiers keep the energy smooth, there is no batch normalization, and
/// the constant in p that the last layer of the paper has is left out, as the loss does not see it: our
/// choices. All that depends on x is computed once a batch.
#[derive(Debug)]
pub struct Picnn {
    parameters: Parameters,
    context: Vec<Affine>,
    layers: Vec<LayerWeights>,
    output: Tensor,
    output_gate: Affine,
    scores: Affine,
}

/// What one layer over labels is made of, given its context.
#[derive(Debug)]
struct LayerWeights {
    input: Tensor,
    input_gate: Affine,
    hidden: Option<(Tensor, Affine)>,
    bias: Affine,
}

/// $W h + b$.
type Affine = Network;

impl Picnn {
    /// A model of `inputs` features and `outputs` labels with the given widths of the context and of
    /// the layers over labels. Layer l sees context l, or the last one. Several seeds make
    /// [replicas](Seeds).
    ///
    /// # Errors
    /// [`efy_core::Error::Parameter`] when there is no layer over labels; [`efy_core::Error::Torch`]
    /// when there is no room for the weights.
    pub fn new(
        (inputs, outputs): (i64, i64),
        context: &[i64],
        widths: &[i64],
        seeds: impl Into<Seeds>,
        options: (Kind, Device),
    ) -> Result<Self> {
        check(widths)?;
        let sizes = [&[inputs], context].concat();
        let seen = |layer: usize| sizes[layer.min(context.len())];
        let (parameters, places) =
            seeds
                .into()
                .lay_out(options, of_weights, |builder, random| {
                    let contexts = sizes
                        .windows(2)
                        .enumerate()
                        .map(|(index, pair)| {
                            Network::add(builder, &format!("context.{index}"), pair, random)
                        })
                        .collect::<Result<Vec<_>>>()?;
                    let mut places = Vec::with_capacity(widths.len());
                    let mut before = None;
                    for (index, &width) in widths.iter().enumerate() {
                        let mut add = Adder {
                            builder,
                            prefix: format!("label.{index}"),
                            seen: seen(index),
                        };
                        let input = add.matrix("weight", (width, outputs), Sign::Free, random)?;
                        let input_gate = add.affine("weight_gate", outputs, random)?;
                        let hidden = match before {
                            Some(n) => Some((
                                add.matrix("hidden", (width, n), Sign::Nonnegative, random)?,
                                add.affine("hidden_gate", n, random)?,
                            )),
                            None => None,
                        };
                        let bias = add.affine("bias", width, random)?;
                        places.push((input, input_gate, hidden, bias));
                        before = Some(width);
                    }
                    let last = before.unwrap_or(1);
                    let mut add = Adder {
                        builder,
                        prefix: "output".to_owned(),
                        seen: seen(widths.len()),
                    };
                    let output = add.matrix("weight", (1, last), Sign::Nonnegative, random)?;
                    let output_gate = add.affine("gate", last, random)?;
                    let scores = add.affine("unary", outputs, random)?;

                    Ok((contexts, places, (output, output_gate, scores)))
                })?;
        let (contexts, places, (output, output_gate, scores)) = places;
        let affine = |places| Network::new(&parameters, places);
        let layers = places.iter().map(|(input, input_gate, hidden, bias)| {
            let hidden = hidden.as_ref();
            LayerWeights {
                input: parameters.tensor(*input),
                input_gate: affine(input_gate),
                hidden: hidden.map(|(place, gate)| (parameters.tensor(*place), affine(gate))),
                bias: affine(bias),
            }
        });
        Ok(Picnn {
            context: contexts.iter().map(affine).collect(),
            layers: layers.collect(),
            output: parameters.tensor(output),
            output_gate: affine(&output_gate),
            scores: affine(&scores),
            parameters,
        })
    }

    /// Makes the layers that compute the energy's parameters do so in `kind`, for instance
    /// [`Kind::BFloat16`]; weights, outputs and everything after them stay in the kind of the model.
    #[must_use]
    pub fn layers_in(mut self, kind: Kind) -> Self {
        let gates = self.layers.iter_mut().flat_map(|layer| {
            let hidden = layer.hidden.as_mut().map(|(_, gate)| gate);
            [&mut layer.input_gate, &mut layer.bias]
                .into_iter()
                .chain(hidden)
        });
        let ends = [&mut self.output_gate, &mut self.scores];
        for network in self.context.iter_mut().chain(gates).chain(ends) {
            network.compute_in(kind);
        }
        self
    }
}

/// Adds the weights of one layer, whose context has `seen` units.
struct Adder<'a> {
    builder: &'a mut Builder,
    prefix: String,
    seen: i64,
}

impl Adder<'_> {
    fn matrix(
        &mut self,
        name: &str,
        (rows, columns): (i64, i64),
        sign: Sign,
        random: &mut impl Rng,
    ) -> Result<usize> {
        let values = draw(rows * columns, columns, sign, random);
        let name = format!("{}.{name}", self.prefix);
        self.builder.add(name, &[rows, columns], values, true)
    }

    fn affine(
        &mut self,
        name: &str,
        width: i64,
        random: &mut impl Rng,
    ) -> Result<crate::network::Places> {
        let name = format!("{}.{name}", self.prefix);
        Network::add(self.builder, &name, &[self.seen, width], random)
    }
}

impl Model for Picnn {
    fn name(&self) -> &'static str {
        "picnn"
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn energy(&self, x: &Tensor) -> Result<Box<dyn Energy>> {
        let mut h = x.shallow_clone();
        let mut context = self.context.iter();
        let mut layers = Vec::with_capacity(self.layers.len());
        for weights in &self.layers {
            let (input, bias) = (weights.input.shallow_clone(), weights.bias.forward(&h)?);
            let layer = match &weights.hidden {
                Some((hidden, gate)) => Layer::next(hidden.shallow_clone(), input, bias)
                    .gate_hidden(gate.forward(&h)?.f_relu()?),
                None => Layer::first(input, bias),
            };
            layers.push(layer.gate_input(weights.input_gate.forward(&h)?));
            if let Some(next) = context.next() {
                h = next.forward(&h)?.f_relu()?;
            }
        }
        let gate = self.output_gate.forward(&h)?.f_relu()?;
        let output = match self.parameters.replicas() {
            1 => gate * &self.output,
            replicas => together(&(apart(&gate, replicas)? * &self.output))?,
        };
        let prior = Prior::new(layers, output)?;
        Ok(Box::new(Spen::new(self.scores.forward(&h)?, prior)?))
    }

    fn constrain(&self) -> Result<()> {
        let hidden = self.layers.iter().filter_map(|layer| layer.hidden.as_ref());
        clamp(hidden.map(|(weights, _)| weights).chain([&self.output]))
    }
}
