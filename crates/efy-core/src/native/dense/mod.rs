//! Rectifier networks on slices, forward and back.
//!
//! Rows of a batch come in tiles of up to 64, which lie side by side in the lanes of vector registers: what a row gets does
//! not depend on the others. Gradients are summed over tiles in their order.

mod kernels;

use std::borrow::Cow;

use crate::dense::Layer;
use crate::native::Real;
use crate::native::lanes::Lanes;
use kernels::{Unit, add_totals, add_weighted, affine, padded, rows_of, transposed, units_of};

/// What the way back needs.
#[derive(Debug)]
pub(crate) struct Tape<T, const L: usize> {
    /// All weights.
    weights: Vec<T>,
    tiles: Vec<Tile<T, L>>,
}

/// Rows side by side.
#[derive(Debug)]
struct Tile<T, const L: usize> {
    /// The first of them, and how many there are.
    first: usize,
    count: usize,
    /// Of each network what its layers put out, but that of the last: units of so many registers.
    hidden: Vec<Vec<Vec<Lanes<T, L>>>>,
    registers: usize,
    /// Inputs row by row, each padded to whole registers.
    inputs: Vec<Lanes<T, L>>,
}

/// Calls a function with a tile's number of registers as its parameter.
macro_rules! with_registers {
    ($registers:expr, $function:ident($($argument:expr),*)) => {
        match $registers {
            1 => $function::<T, L, 1>($($argument),*),
            2 => $function::<T, L, 2>($($argument),*),
            _ => $function::<T, L, 4>($($argument),*),
        }
    };
}

/// The outputs `[B, n]` of all networks for B inputs `[B, d]`.
pub(crate) fn forward<T: Real, const L: usize>(
    networks: &[Vec<Layer>],
    weights: Vec<T>,
    x: &[T],
    rows: usize,
) -> (Vec<Vec<T>>, Tape<T, L>) {
    let zeros = |layers: &Vec<Layer>| vec![T::zero(); rows * outputs_of(layers)];
    let mut outputs: Vec<Vec<T>> = networks.iter().map(zeros).collect();
    let mut tiles = Vec::with_capacity(rows.div_ceil(4 * L));
    let mut first = 0;
    while first < rows {
        // As many registers as are full, or the fewest that hold what is left.
        let registers = match rows - first {
            left if left <= L => 1,
            left if left <= 2 * L => 2,
            _ => 4,
        };
        let count = (rows - first).min(registers * L);
        let place = (first, count);
        let found = with_registers!(
            registers,
            forward_tile(networks, &weights, x, place, &mut outputs)
        );
        let (inputs, hidden) = found;
        tiles.push(Tile {
            first,
            count,
            registers,
            inputs,
            hidden,
        });
        first += count;
    }
    (outputs, Tape { weights, tiles })
}

/// Inputs and hidden units of a tile.
type Found<T, const L: usize> = (Vec<Lanes<T, L>>, Vec<Vec<Vec<Lanes<T, L>>>>);

fn forward_tile<T: Real, const L: usize, const R: usize>(
    networks: &[Vec<Layer>],
    weights: &[T],
    x: &[T],
    (first, count): (usize, usize),
    outputs: &mut [Vec<T>],
) -> Found<T, L> {
    let inputs_of = |layers: &Vec<Layer>| layers.first().map_or(0, |layer| layer.inputs);
    let d = networks.first().map_or(0, inputs_of);
    let x = &x[first * d..(first + count) * d];
    let mut inputs = vec![[Lanes::zero(); R]; d];
    units_of(x, &mut inputs);
    let mut hidden = Vec::with_capacity(networks.len());
    for (layers, output) in networks.iter().zip(outputs) {
        let mut of_network: Vec<Vec<Unit<T, L, R>>> = Vec::with_capacity(layers.len());
        for (index, layer) in layers.iter().enumerate() {
            let h = of_network.last().unwrap_or(&inputs);
            let mut next = vec![[Lanes::zero(); R]; layer.outputs];
            affine(layer.of(weights), h, index + 1 < layers.len(), &mut next);
            of_network.push(next);
        }
        if let Some(last) = of_network.pop() {
            let n = last.len();
            rows_of(&last, &mut output[first * n..(first + count) * n]);
        }
        hidden.push(of_network.into_iter().map(Vec::into_flattened).collect());
    }
    (padded(x, d, R * L), hidden)
}

/// Adds the gradients in the weights of all networks to their places from those in their outputs, `[B, n]` each.
pub(crate) fn add_gradients<T: Real, const L: usize>(
    networks: &[Vec<Layer>],
    tape: &Tape<T, L>,
    gradients: &[Vec<T>],
    flat: &mut [T],
) {
    for tile in &tape.tiles {
        for ((layers, gradient), hidden) in networks.iter().zip(gradients).zip(&tile.hidden) {
            let n = outputs_of(layers);
            let gradient = &gradient[tile.first * n..(tile.first + tile.count) * n];
            with_registers!(
                tile.registers,
                backward_tile(layers, (&tape.weights, tile), hidden, gradient, flat)
            );
        }
    }
}

fn backward_tile<T: Real, const L: usize, const R: usize>(
    layers: &[Layer],
    (weights, tile): (&[T], &Tile<T, L>),
    hidden: &[Vec<Lanes<T, L>>],
    gradient: &[T],
    flat: &mut [T],
) {
    let mut g = vec![[Lanes::zero(); R]; outputs_of(layers)];
    units_of(gradient, &mut g);
    let mut rows = Cow::Borrowed(gradient);
    let count = R * L;
    for (index, layer) in layers.iter().enumerate().rev() {
        add_totals(&g, &mut flat[layer.bias..][..layer.outputs]);
        let of_weight = &mut flat[layer.weight..][..layer.outputs * layer.inputs];
        let Some(h) = index.checked_sub(1).map(|before| &hidden[before]) else {
            add_weighted(&g, &tile.inputs, layer.inputs, of_weight);
            return;
        };
        let (h, _) = h.as_chunks::<R>();
        // The columns of the gradient, in which units that are not active are skipped.
        let mut columns = vec![T::zero(); of_weight.len()];
        let padded = padded(&rows, layer.outputs, count);
        add_weighted(h, &padded, layer.outputs, &mut columns);
        for (i, column) in columns.chunks_exact(layer.outputs).enumerate() {
            let places = of_weight[i..].iter_mut().step_by(layer.inputs);
            places.zip(column).for_each(|(place, &sum)| *place += sum);
        }
        let mut before = vec![[Lanes::zero(); R]; layer.inputs];
        transposed(layer.of(weights).0, &g, h, &mut before);
        g = before;
        if index > 1 {
            let mut next = vec![T::zero(); tile.count * layer.inputs];
            rows_of(&g, &mut next);
            rows = Cow::Owned(next);
        }
    }
}

fn outputs_of(layers: &[Layer]) -> usize {
    layers.last().map_or(0, |layer| layer.outputs)
}
