//! Weights of networks over outputs.

use efy_core::energy::{Layer, Prior};
use efy_core::parameters::{Builder, Parameters};
use efy_core::{Error, Result};
use rand::{Rng, RngExt};
use tch::Tensor;

/// Which sign weights between hidden units and from the last of them may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Any: the prior is not convex in general.
    Free,
    /// Nonnegative: the prior is convex.
    Nonnegative,
}

/// Weights shared by all inputs, with softplus units of the given widths.
#[derive(Debug)]
pub(crate) struct PriorWeights {
    layers: Vec<LayerWeights>,
    output: Tensor,
}

#[derive(Debug)]
struct LayerWeights {
    input: Tensor,
    hidden: Option<Tensor>,
    bias: Tensor,
}

/// Where the weights lie among the parameters.
pub(crate) struct Places {
    layers: Vec<(usize, Option<usize>, usize)>,
    output: usize,
}

impl PriorWeights {
    /// Adds the weights of a network over `outputs` labels under `prior`, all uniform in
    /// $\pm 1/\sqrt{\text{in}}$, nonnegative ones as their absolute values (Amos et al. 2017).
    pub(crate) fn add(
        builder: &mut Builder,
        outputs: i64,
        widths: &[i64],
        sign: Sign,
        random: &mut impl Rng,
    ) -> Result<Places> {
        check(widths)?;
        let mut layers = Vec::with_capacity(widths.len());
        let mut before = None;
        for (index, &width) in widths.iter().enumerate() {
            let name = |part: &str| format!("prior.{index}.{part}");
            let input = draw(width * outputs, outputs, Sign::Free, random);
            let input = builder.add(name("weight"), &[width, outputs], input, true)?;
            let hidden = match before {
                Some(n) => {
                    let values = draw(width * n, n, sign, random);
                    Some(builder.add(name("hidden"), &[width, n], values, true)?)
                }
                None => None,
            };
            let bias = draw(width, outputs, Sign::Free, random);
            let bias = builder.add(name("bias"), &[width], bias, false)?;
            layers.push((input, hidden, bias));
            before = Some(width);
        }
        let last = before.unwrap_or(1);
        let output = draw(last, last, sign, random);
        let output = builder.add("prior.output", &[last], output, true)?;
        Ok(Places { layers, output })
    }

    /// The weights once the buffer exists.
    pub(crate) fn new(parameters: &Parameters, places: &Places) -> Self {
        let layer = |&(input, hidden, bias): &(usize, Option<usize>, usize)| LayerWeights {
            input: parameters.tensor(input),
            hidden: hidden.map(|place| parameters.tensor(place)),
            bias: parameters.tensor(bias),
        };
        PriorWeights {
            layers: places.layers.iter().map(layer).collect(),
            output: parameters.tensor(places.output),
        }
    }

    /// The prior of so many rows, with its graph to the weights.
    pub(crate) fn prior(&self, rows: i64) -> Result<Prior> {
        let layer = |weights: &LayerWeights| {
            let (input, bias) = (weights.input.shallow_clone(), weights.bias.shallow_clone());
            match &weights.hidden {
                Some(hidden) => Layer::next(hidden.shallow_clone(), input, bias),
                None => Layer::first(input, bias),
            }
        };
        let layers = self.layers.iter().map(layer).collect();
        let output = self.output.shallow_clone();
        match output.dim() {
            1 => Prior::new(layers, output),
            _ => Prior::of_blocks(layers, output, rows),
        }
    }

    /// The weights that [`Sign::Nonnegative`] is about.
    pub(crate) fn signed(&self) -> impl Iterator<Item = &Tensor> {
        let hidden = self.layers.iter().filter_map(|layer| layer.hidden.as_ref());
        hidden.chain([&self.output])
    }
}

/// Refuses a prior without units.
pub(crate) fn check(widths: &[i64]) -> Result<()> {
    if widths.is_empty() || widths.iter().any(|&width| width < 1) {
        return Err(Error::Parameter {
            name: "model.prior_hidden",
            expected: "at least one width, all positive",
            found: format!("{widths:?}"),
        });
    }
    Ok(())
}

/// Numbers uniform in $\pm 1/\sqrt{\text{in}}$.
pub(crate) fn draw(count: i64, input: i64, sign: Sign, random: &mut impl Rng) -> Vec<f64> {
    let bound = 1.0 / (input.max(1) as f64).sqrt();
    let low = match sign {
        Sign::Free => -bound,
        Sign::Nonnegative => 0.0,
    };
    (0..count)
        .map(|_| random.random_range(low..=bound))
        .collect()
}

/// Sets negative weights to 0 in place.
pub(crate) fn clamp<'a>(weights: impl Iterator<Item = &'a Tensor>) -> Result<()> {
    let _guard = tch::no_grad_guard();
    for weight in weights {
        let _ = weight.shallow_clone().f_clamp_min_(0.0)?;
    }
    Ok(())
}
