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
    /// `[1]`.
    zero: Tensor,
}

/// What goes into the units of each layer of a pass and comes out of them.
pub(super) struct Tape {
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
    /// Weights and biases of the maps of x, as [`Icnn::pass`] takes them.
    pub(super) fn maps(&self) -> Vec<(usize, usize)> {
        let layers = self.layers.iter().map(|&(weight, _, bias)| (weight, bias));
        layers.chain([(self.skip, self.bias)]).collect()
    }

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
        let network = Icnn::from_weights(
            places.layers.iter().map(layer).collect(),
            (
                parameters.tensor(places.output),
                parameters.tensor(places.skip),
                parameters.tensor(places.bias),
            ),
        );
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
        let zero = bias.detach().zeros_like();
        Icnn {
            layers,
            output,
            skip,
            bias,
            zero,
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

    /// The number of weights but those of maps from x, which lie among the [first layers](super::abreast).
    pub(super) fn len(&self) -> i64 {
        let hidden = self.layers.iter().filter_map(|layer| layer.1.as_ref());
        let numbers = hidden.chain([&self.output]).map(Tensor::numel);
        numbers.sum::<usize>() as i64
    }

    /// [`forward`](Self::forward) without a graph, from the maps of x, `[B, n]`, those of the layers first and then
    /// $\langle w^x, x \rangle + b$; and what [`backward`](Self::backward) needs.
    pub(super) fn pass(&self, maps: &Tensor) -> Result<(Tensor, Tape)> {
        let _guard = tch::no_grad_guard();
        let mut units: Vec<(Tensor, Tensor)> = Vec::with_capacity(self.layers.len());
        let mut from = 0;
        for (_, hidden, bias) in &self.layers {
            let width = bias.numel() as i64;
            let mut a = maps.f_narrow(1, from, width)?;
            from += width;
            if let (Some(hidden), Some((_, z))) = (hidden, units.last()) {
                a = a.f_addmm(z, &hidden.tr())?;
            }
            // libtorch's own softplus is the identity from 20 on; this is log(e^a + e^0).
            let z = a.f_logaddexp(&self.zero)?;
            units.push((a, z));
        }
        let mut tau = maps.f_select(1, from)?;
        if let Some((_, z)) = units.last() {
            tau = tau.f_addmv(z, &self.output)?;
        }
        Ok((tau, Tape { units }))
    }

    /// The gradients in the maps of x, one after the other, from that in $\tau$ `[B]`; those in all other weights are
    /// written to their place, in their order.
    pub(super) fn backward(
        &self,
        tape: &Tape,
        gradient: &Tensor,
        place: &Tensor,
    ) -> Result<Vec<Tensor>> {
        let _guard = tch::no_grad_guard();
        let mut end = self.len();
        let mut next = |like: &Tensor| -> Result<Tensor> {
            let length = like.numel() as i64;
            end -= length;
            let place = place.f_narrow(0, end, length)?;
            Ok(place.f_view(like.size().as_slice())?)
        };
        let mut reversed = vec![gradient.f_unsqueeze(1)?];
        let Some((_, last)) = tape.units.last() else {
            return Ok(reversed);
        };
        let _ = last.tr().f_mv_out(&next(&self.output)?, gradient)?;
        let mut of_units = gradient.f_outer(&self.output)?;
        for (index, (_, hidden, _)) in self.layers.iter().enumerate().rev() {
            let (a, _) = &tape.units[index];
            // From 40 on the slope is 1 to the last digit.
            let of_sums = a.f_softplus_backward(&of_units, 1.0, 40.0)?;
            if let (Some(hidden), Some(before)) = (hidden, index.checked_sub(1)) {
                let _ = of_sums
                    .tr()
                    .f_mm_out(&next(hidden)?, &tape.units[before].1)?;
                of_units = of_sums.f_mm(hidden)?;
            }
            reversed.push(of_sums);
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
