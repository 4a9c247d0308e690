//! First layers of several networks side by side.
//!
//! Networks that see the same input have their first layers in one product, forward and backward: their weights lie one after
//! the other at the beginning of the buffer, their biases behind them.

use efy_core::Result;
use efy_core::parameters::{Builder, Parameters};
use tch::Tensor;

use crate::{Network, Tape, network};

/// A network whose first layer is to lie beside those of others.
pub(super) struct First {
    /// Weights and biases of its maps of the input, one for most.
    maps: Vec<(usize, usize)>,
    /// The layers after it; none of a network that is not made of layers.
    rest: network::Places,
}

impl First {
    pub(super) fn of_network(places: &network::Places) -> Option<Self> {
        let (first, rest) = places.split()?;
        let maps = vec![first];
        Some(First { maps, rest })
    }

    /// Maps of the input that something else goes on with.
    pub(super) fn of_maps(maps: Vec<(usize, usize)>) -> Self {
        let rest = network::Places::default();
        First { maps, rest }
    }
}

/// The first layers of all networks on one input, and the layers after them.
#[derive(Debug)]
pub(super) struct Abreast {
    /// `[N, d]`.
    weight: Tensor,
    /// `[N]`.
    bias: Tensor,
    /// So many of the columns have a rectifier; they come first.
    rectified: i64,
    heads: Vec<Head>,
}

/// One of the networks.
#[derive(Debug)]
struct Head {
    /// Its first column and how many there are.
    columns: (i64, i64),
    rest: Network,
}

/// Rectified outputs of all first layers, `[B, N]`, and the input.
pub(super) struct Columns {
    x: Tensor,
    values: Tensor,
}

/// Where the tensors of networks on an input of this width come to lie.
pub(super) struct Layout {
    inputs: i64,
    /// Each with its first column and how many it has.
    networks: Vec<(First, (i64, i64))>,
    rectified: i64,
    columns: i64,
}

impl Layout {
    pub(super) fn new(builder: &Builder, inputs: i64, networks: Vec<First>) -> Self {
        let mut layout = Layout {
            inputs,
            networks: Vec::with_capacity(networks.len()),
            rectified: 0,
            columns: 0,
        };
        let width = |first: &First| -> i64 {
            let biases = first.maps.iter().map(|&(_, bias)| builder.numbers(bias));
            biases.sum()
        };
        let deep = networks.iter().filter(|first| !first.rest.is_empty());
        layout.rectified = deep.map(width).sum();
        let (mut next_deep, mut next_flat) = (0, layout.rectified);
        for first in networks {
            let next = match first.rest.is_empty() {
                true => &mut next_flat,
                false => &mut next_deep,
            };
            let columns = (*next, width(&first));
            *next += columns.1;
            layout.columns += columns.1;
            layout.networks.push((first, columns));
        }
        layout
    }

    /// The places of weights, and then of biases, in the order of the columns.
    pub(super) fn places(&self) -> Vec<usize> {
        let mut networks: Vec<&(First, (i64, i64))> = self.networks.iter().collect();
        networks.sort_by_key(|(_, columns)| columns.0);
        let maps = || networks.iter().flat_map(|(first, _)| &first.maps);
        let (weights, biases) = (maps().map(|map| map.0), maps().map(|map| map.1));
        weights.chain(biases).collect()
    }

    /// The networks once the buffer exists, of which they are so far from its beginning.
    pub(super) fn build(&self, parameters: &Parameters, from: i64) -> Result<Abreast> {
        let flat = parameters.flat();
        let weights = self.columns * self.inputs;
        let head = |(first, columns): &(First, (i64, i64))| Head {
            columns: *columns,
            rest: Network::new(parameters, &first.rest),
        };
        Ok(Abreast {
            weight: (flat.f_narrow(0, from, weights)?).f_view([self.columns, self.inputs])?,
            bias: flat.f_narrow(0, from + weights, self.columns)?,
            rectified: self.rectified,
            heads: self.networks.iter().map(head).collect(),
        })
    }
}

impl Abreast {
    /// All first layers, for x `[B, d]`.
    pub(super) fn pass(&self, x: &Tensor) -> Result<Columns> {
        let values = self.bias.f_addmm(x, &self.weight.f_tr()?)?;
        if self.rectified > 0 {
            let _ = values.f_narrow(1, 0, self.rectified)?.f_relu_()?;
        }
        let x = x.shallow_clone();
        Ok(Columns { x, values })
    }

    /// What the network of this number makes of its columns, and what its way back needs.
    pub(super) fn output(&self, columns: &Columns, number: usize) -> Result<(Tensor, Tape)> {
        let head = &self.heads[number];
        let (from, width) = head.columns;
        head.rest.pass(&columns.values.f_narrow(1, from, width)?)
    }

    /// How many numbers the layers after the first of a network are.
    pub(super) fn rest_len(&self, number: usize) -> i64 {
        self.heads[number].rest.len()
    }

    /// The gradient in the columns of a network from that in its output; those in its later layers are written to `place`.
    pub(super) fn through(
        &self,
        number: usize,
        (tape, output): (&Tape, &Tensor),
        place: &Tensor,
    ) -> Result<Tensor> {
        self.heads[number].rest.through_into(tape, output, place)
    }

    /// Writes the gradient in all first layers to its place, from those in the columns of each network, in the order of the
    /// networks.
    pub(super) fn backward(
        &self,
        columns: &Columns,
        gradients: Vec<Vec<Tensor>>,
        place: &Tensor,
    ) -> Result<()> {
        let mut parts: Vec<(i64, Vec<Tensor>)> = (self.heads.iter().map(|head| head.columns.0))
            .zip(gradients)
            .collect();
        parts.sort_by_key(|part| part.0);
        let mut parts: Vec<Tensor> = parts.into_iter().flat_map(|part| part.1).collect();
        let gradient = match parts.len() {
            1 => parts.remove(0),
            _ => Tensor::f_cat(&parts, 1)?,
        };
        if self.rectified > 0 {
            let (values, of_values) = (
                columns.values.f_narrow(1, 0, self.rectified)?,
                gradient.f_narrow(1, 0, self.rectified)?,
            );
            let _ = values.f_threshold_backward_grad_input(&of_values, &of_values, 0.0)?;
        }
        let weights = self.weight.numel() as i64;
        let of_weight = place.f_narrow(0, 0, weights)?;
        let of_weight = of_weight.f_view(self.weight.size().as_slice())?;
        let of_bias = place.f_narrow(0, weights, self.bias.numel() as i64)?;
        let _ = gradient.f_sum_intlist_out(&of_bias, 0, false, None)?;
        let _ = gradient.tr().f_mm_out(&of_weight, &columns.x)?;
        Ok(())
    }

    /// The number of the last network.
    pub(super) fn last(&self) -> usize {
        self.heads.len().saturating_sub(1)
    }

    /// The number of weights and biases of all first layers.
    pub(super) fn len(&self) -> i64 {
        (self.weight.numel() + self.bias.numel()) as i64
    }
}
