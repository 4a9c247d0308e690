//! Input-convex networks from inputs to a number.

use efy_core::Result;
use efy_core::energy::{Layer, Prior};
use efy_core::parameters::{Builder, Parameters};
use rand::Rng;
use tch::Tensor;

use crate::prior::{Sign, clamp, draw};

/// $\tau(x) = \langle w^z, z_L \rangle + \langle w^x, x \rangle + b$ with
/// $z_1 = \mathrm{sp}(W_1 x + b_1)$, $z_l = \mathrm{sp}(W^z_l z_{l-1} + W_l x + b_l)$, $W^z, w^z \ge 0$ and
/// $\mathrm{sp}(t) = \log(1 + e^t)$ (Amos et al. 2017): convex in x, as the log-partition of a linear coupling
/// is in its scores.
#[derive(Debug)]
pub struct Icnn {
    /// W, $W^z$ and b of each layer.
    layers: Vec<(Tensor, Option<Tensor>, Tensor)>,
    output: Tensor,
    skip: Tensor,
    bias: Tensor,
}

/// The inputs of a pass, and what goes into the units of each layer and comes out of them.
pub(super) struct Tape {
    x: Tensor,
    units: Vec<(Tensor, Tensor)>,
}

/// Where the weights lie among the parameters.
pub(super) struct Places {
    layers: Vec<(usize, Option<usize>, usize)>,
    output: usize,
    skip: usize,
    bias: usize,
}

impl Places {
    /// Layers of the given widths; weights that must not be negative are drawn so (Amos et al. 2017).
    pub(super) fn add(
        builder: &mut Builder,
        inputs: i64,
        widths: &[i64],
        random: &mut impl Rng,
    ) -> Result<Self> {
        let mut layers = Vec::with_capacity(widths.len());
        let mut before = None;
        for (index, &width) in widths.iter().enumerate() {
            let name = |part: &str| format!("log_partition.{index}.{part}");
            let weight = draw(width * inputs, inputs, Sign::Free, random);
            let weight = builder.add(name("weight"), &[width, inputs], weight, true)?;
            let hidden = match before {
                Some(n) => {
                    let values = draw(width * n, n, Sign::Nonnegative, random);
                    Some(builder.add(name("hidden"), &[width, n], values, true)?)
                }
                None => None,
            };
            let bias = draw(width, inputs, Sign::Free, random);
            let bias = builder.add(name("bias"), &[width], bias, false)?;
            layers.push((weight, hidden, bias));
            before = Some(width);
        }
        let last = before.unwrap_or(1);
        let output = draw(last, last, Sign::Nonnegative, random);
        let skip = vec![0.0; inputs as usize];
        Ok(Places {
            layers,
            output: builder.add("log_partition.output", &[last], output, true)?,
            skip: builder.add("log_partition.skip", &[inputs], skip, true)?,
            bias: builder.add("log_partition.bias", &[1], vec![0.0], false)?,
        })
    }
}

impl Icnn {
    /// The network once the buffer exists, with $\tau(0) = 0$.
    pub(super) fn new(parameters: &Parameters, places: &Places) -> Result<Self> {
        let layer = |&(weight, hidden, bias): &(usize, Option<usize>, usize)| {
            let hidden = hidden.map(|place| parameters.tensor(place));
            (parameters.tensor(weight), hidden, parameters.tensor(bias))
        };
        let network = Icnn {
            layers: places.layers.iter().map(layer).collect(),
            output: parameters.tensor(places.output),
            skip: parameters.tensor(places.skip),
            bias: parameters.tensor(places.bias),
        };
        let _guard = tch::no_grad_guard();
        let origin = network.skip.zeros_like().unsqueeze(0);
        let offset = network.forward(&origin)?.neg();
        network.bias.shallow_clone().f_copy_(&offset)?;
        Ok(network)
    }

    /// From weights of your own: W `[m, d]`, $W^z$ `[m, n]` in every layer but the first, b `[m]`; $w^z$
    /// `[m]`, $w^x$ `[d]`, b `[1]`.
    pub fn from_weights(
        layers: Vec<(Tensor, Option<Tensor>, Tensor)>,
        (output, skip, bias): (Tensor, Tensor, Tensor),
    ) -> Self {
        Icnn {
            layers,
            output,
            skip,
            bias,
        }
    }

    /// $\tau(x)$ for `x` `[B, d]`, `[B]`.
    ///
    /// # Errors
    /// [`efy_core::Error::Shape`] when the weights do not fit together; [`efy_core::Error::Torch`] when `x`
    /// does not fit them.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let layer = |(weight, hidden, bias): &(Tensor, Option<Tensor>, Tensor)| {
            let (weight, bias) = (weight.shallow_clone(), bias.shallow_clone());
            match hidden {
                Some(hidden) => Layer::next(hidden.shallow_clone(), weight, bias),
                None => Layer::first(weight, bias),
            }
        };
        let layers = self.layers.iter().map(layer).collect();
        let convex = Prior::new(layers, self.output.shallow_clone())?.value(x);
        Ok(convex + x.f_mv(&self.skip)? + &self.bias)
    }

    /// The number of weights.
    pub(super) fn len(&self) -> i64 {
        let layers = self.layers.iter();
        let of_layers = layers.map(|(weight, hidden, bias)| {
            weight.numel() + hidden.as_ref().map_or(0, Tensor::numel) + bias.numel()
        });
        let rest = [&self.output, &self.skip, &self.bias].map(Tensor::numel);
        (of_layers.sum::<usize>() + rest.iter().sum::<usize>()) as i64
    }

    /// [`forward`](Self::forward) without a graph, and what [`backward`](Self::backward) needs.
    pub(super) fn pass(&self, x: &Tensor) -> Result<(Tensor, Tape)> {
        let _guard = tch::no_grad_guard();
        let mut units: Vec<(Tensor, Tensor)> = Vec::with_capacity(self.layers.len());
        for (weight, hidden, bias) in &self.layers {
            let mut a = bias.f_addmm(x, &weight.tr())?;
            if let (Some(hidden), Some((_, z))) = (hidden, units.last()) {
                a = a.f_addmm(z, &hidden.tr())?;
            }
            // libtorch's own softplus is the identity from 20 on.
            let z = a.f_neg()?.f_log_sigmoid()?.f_neg()?;
            units.push((a, z));
        }
        let mut tau = self.bias.f_addmv(x, &self.skip)?;
        if let Some((_, z)) = units.last() {
            tau = tau.f_addmv(z, &self.output)?;
        }
        let x = x.shallow_clone();
        Ok((tau, Tape { x, units }))
    }

    /// Gradients in all weights, flattened, in their order, from that in $\tau$ `[B]`.
    pub(super) fn backward(&self, tape: &Tape, gradient: &Tensor) -> Result<Vec<Tensor>> {
        let _guard = tch::no_grad_guard();
        let Some((_, last)) = tape.units.last() else {
            return Ok(Vec::new());
        };
        let mut reversed = vec![
            gradient.f_sum_dim_intlist(0, true, None)?,
            tape.x.tr().f_mv(gradient)?,
            last.tr().f_mv(gradient)?,
        ];
        let mut of_units = gradient.f_outer(&self.output)?;
        for (index, (_, hidden, _)) in self.layers.iter().enumerate().rev() {
            let (a, _) = &tape.units[index];
            let of_sums = of_units.f_mul(&a.f_sigmoid()?)?;
            reversed.push(of_sums.f_sum_dim_intlist(0, false, None)?);
            if let (Some(hidden), Some(before)) = (hidden, index.checked_sub(1)) {
                reversed.push(of_sums.tr().f_mm(&tape.units[before].1)?.f_reshape([-1])?);
                of_units = of_sums.f_mm(hidden)?;
            }
            reversed.push(of_sums.tr().f_mm(&tape.x)?.f_reshape([-1])?);
        }
        reversed.reverse();
        Ok(reversed)
    }

    /// Sets the weights that have to be nonnegative to 0 where they are not.
    pub(super) fn constrain(&self) -> Result<()> {
        let hidden = self.layers.iter().filter_map(|layer| layer.1.as_ref());
        clamp(hidden.chain([&self.output]))
    }
}
