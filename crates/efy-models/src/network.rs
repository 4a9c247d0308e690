//! Feed-forward rectifier networks.

use efy_core::Result;
use efy_core::parameters::{Builder, Parameters};
use rand::{Rng, RngExt};
use tch::Tensor;

/// $W_L\,\mathrm{relu}(\dots \mathrm{relu}(W_1 x + b_1)) + b_L$; without hidden layers the linear map
/// $Wx + b$.
///
/// Layers are laid out and initialized as `torch.nn.Linear`: weights `[out, in]`, everything uniform
/// in $\pm 1/\sqrt{\text{in}}$.
#[derive(Debug)]
pub struct Network {
    /// (weight, bias) of each layer, transposed views included, made once.
    layers: Vec<(Tensor, Tensor)>,
}

/// Where the layers of a network lie among the parameters.
pub(crate) struct Places(Vec<(usize, usize)>);

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
        Network {
            layers: places.0.iter().map(layer).collect(),
        }
    }

    /// The output for `x` `[B, d]`.
    ///
    /// # Errors
    /// [`efy_core::Error::Torch`] when `x` does not fit the first layer.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut h = x.shallow_clone();
        for (index, (weight, bias)) in self.layers.iter().enumerate() {
            let input = if index == 0 { h } else { h.f_relu()? };
            h = bias.f_addmm(&input, &weight.tr())?;
        }
        Ok(h)
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

    /// [`forward`](Self::forward) without a graph, and what [`backward`](Self::backward) needs.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn pass(&self, x: &Tensor) -> Result<(Tensor, Tape)> {
        let _guard = tch::no_grad_guard();
        let mut inputs = Vec::with_capacity(self.layers.len());
        let mut h = x.shallow_clone();
        for (index, (weight, bias)) in self.layers.iter().enumerate() {
            let input = if index == 0 { h } else { h.f_relu()? };
            h = bias.f_addmm(&input, &weight.tr())?;
            inputs.push(input);
        }
        Ok((h, Tape(inputs)))
    }

    /// Gradients in the weights and biases, flattened, in the order of the layers, from the gradient
    /// in the output `[B, k]`.
    ///
    /// # Errors
    /// [`efy_core::Error::Torch`] when the gradient does not fit the pass.
    pub fn backward(&self, tape: &Tape, output: &Tensor) -> Result<Vec<Tensor>> {
        let _guard = tch::no_grad_guard();
        let mut gradient = output.shallow_clone();
        let mut reversed = Vec::with_capacity(2 * self.layers.len());
        for (index, (input, (weight, _))) in tape.0.iter().zip(&self.layers).enumerate().rev() {
            reversed.push(gradient.f_sum_dim_intlist(0, false, None)?);
            reversed.push(gradient.tr().f_matmul(input)?.reshape([-1]));
            if index > 0 {
                gradient = input.f_threshold_backward(&gradient.f_matmul(weight)?, 0.0)?;
            }
        }
        reversed.reverse();
        Ok(reversed)
    }
}

/// The inputs of every layer of a forward pass.
#[derive(Debug)]
pub struct Tape(Vec<Tensor>);
