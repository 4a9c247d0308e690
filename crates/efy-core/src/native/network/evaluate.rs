//! Value, gradient and curvature of a network at the points of a block of rows.

use super::input::{Network, Shared, Weights};
use crate::native::elementary::softplus_lanes;
use crate::native::matrix::{add_outer, dot_lanes};
use crate::native::{Real, gather};

/// Buffers of one thread; what is in them belongs to one block.
pub(super) struct State<T, const L: usize> {
    /// u, `[k]`.
    pub(super) u: Vec<[T; L]>,
    /// $-\nabla\Psi(p)$, `[k]`.
    pub(super) product: Vec<[T; L]>,
    /// The p before a sweep, and what `product` was there.
    pub(super) old: Vec<[T; L]>,
    pub(super) old_product: Vec<[T; L]>,
    pub(super) layers: Vec<LayerState<T, L>>,
    output: Vec<[T; L]>,
    /// As long as the widest layer.
    buffer: Vec<[T; L]>,
}

/// Of one layer with m units after n.
pub(super) struct LayerState<T, const L: usize> {
    bias: Vec<[T; L]>,
    input_gate: Vec<[T; L]>,
    hidden_gate: Vec<[T; L]>,
    /// Activations, their slopes and second derivatives, `[m]`.
    value: Vec<[T; L]>,
    slope: Vec<[T; L]>,
    second: Vec<[T; L]>,
    /// $\partial\Psi / \partial z$, `[m]`.
    adjoint: Vec<[T; L]>,
    /// D, the curvature of $\Psi$ along each unit where it is positive, `[m]`.
    pub(super) curvature: Vec<[T; L]>,
    /// What a sweep has added to the gradient along each unit, `[m]`.
    pub(super) moved: Vec<[T; L]>,
    /// J, k x m; empty where it is W itself.
    pub(super) jacobian: Vec<[T; L]>,
}

impl<T: Real, const L: usize> State<T, L> {
    pub(super) fn new(network: &Network<T>) -> Self {
        let zeros = |count: usize| vec![[T::zero(); L]; count];
        let k = network.k;
        let layer = |weights: &Weights<T>| {
            let m = weights.width;
            let gate = |gate: &Option<Vec<T>>, width| zeros(gate.as_ref().map_or(0, |_| width));
            let before = weights.hidden.as_ref().map_or(0, |hidden| hidden.len() / m);
            LayerState {
                bias: zeros(m),
                input_gate: gate(&weights.input_gate, k),
                hidden_gate: gate(&weights.hidden_gate, before),
                value: zeros(m),
                slope: zeros(m),
                second: zeros(m),
                adjoint: zeros(m),
                curvature: zeros(m),
                moved: zeros(m),
                jacobian: zeros(if network.is_plain() { 0 } else { k * m }),
            }
        };
        let widest = network.layers.iter().map(|layer| layer.width).max();
        let widest = widest.unwrap_or(0);
        State {
            u: zeros(k),
            product: zeros(k),
            old: zeros(k),
            old_product: zeros(k),
            layers: network.layers.iter().map(layer).collect(),
            output: zeros(network.layers.last().map_or(0, |last| last.width)),
            buffer: zeros(widest),
        }
    }

    /// Takes over what rows have of their own.
    pub(super) fn load(&mut self, network: &Network<T>, first: usize, live: usize) {
        let take = |values: &[T], lanes: &mut Vec<[T; L]>| {
            let width = lanes.len();
            gather(&values[first * width..(first + live) * width], lanes);
        };
        let shared = |from: &Shared<T>, lanes: &mut Vec<[T; L]>| {
            if from.per_row {
                take(&from.values, lanes);
            } else {
                let all = lanes.iter_mut().zip(&from.values);
                all.for_each(|(lanes, &value)| *lanes = [value; L]);
            }
        };
        take(&network.u, &mut self.u);
        shared(&network.output, &mut self.output);
        for (weights, layer) in network.layers.iter().zip(&mut self.layers) {
            shared(&weights.bias, &mut layer.bias);
            if let Some(gate) = &weights.input_gate {
                take(gate, &mut layer.input_gate);
            }
            if let Some(gate) = &weights.hidden_gate {
                take(gate, &mut layer.hidden_gate);
            }
        }
    }

    /// Sets `product` to $-\nabla\Psi(p)$ and returns $\Psi(p)$.
    #[inline(always)]
    pub(super) fn evaluate(&mut self, network: &Network<T>, p: &[[T; L]]) -> [T; L] {
        for index in 0..self.layers.len() {
            self.forward(&network.layers[index], index, p);
        }
        let mut psi = [T::zero(); L];
        if let Some(last) = self.layers.last() {
            for (weight, value) in self.output.iter().zip(&last.value) {
                for lane in 0..L {
                    psi[lane] += weight[lane] * value[lane];
                }
            }
        }
        self.product.fill([T::zero(); L]);
        for index in (0..self.layers.len()).rev() {
            self.backward(&network.layers[index], index);
        }
        psi
    }

    /// Activations of one layer.
    #[inline(always)]
    fn forward(&mut self, weights: &Weights<T>, index: usize, p: &[[T; L]]) {
        let (before, rest) = self.layers.split_at_mut(index);
        let layer = &mut rest[0];
        layer.value.copy_from_slice(&layer.bias);
        for (i, (p, row)) in p
            .iter()
            .zip(weights.input.chunks_exact(weights.width))
            .enumerate()
        {
            let p = gated(p, &layer.input_gate, i);
            add_outer(&mut layer.value, row, &p);
        }
        if let (Some(hidden), Some(before)) = (&weights.hidden, before.last()) {
            let z = &mut self.buffer[..before.value.len()];
            for (j, (z, value)) in z.iter_mut().zip(&before.value).enumerate() {
                *z = gated(value, &layer.hidden_gate, j);
            }
            for (sum, row) in layer.value.iter_mut().zip(hidden.chunks_exact(z.len())) {
                let product = dot_lanes(row, z);
                for lane in 0..L {
                    sum[lane] += product[lane];
                }
            }
        }
        let derivatives = layer.slope.iter_mut().zip(&mut layer.second);
        for (value, (slope, second)) in layer.value.iter_mut().zip(derivatives) {
            let unit = softplus_lanes(value);
            (*value, *slope, *second) = (unit.value, unit.slope, unit.bend);
        }
    }

    /// Adds one layer's part to `product` and sets the adjoint of the layer before.
    #[inline(always)]
    fn backward(&mut self, weights: &Weights<T>, index: usize) {
        let (before, rest) = self.layers.split_at_mut(index);
        let is_last = rest.len() == 1;
        let layer = &mut rest[0];
        if is_last {
            layer.adjoint.copy_from_slice(&self.output);
        }
        let v = &mut self.buffer[..weights.width];
        for (v, (y, slope)) in v.iter_mut().zip(layer.adjoint.iter().zip(&layer.slope)) {
            *v = times(y, slope);
        }
        let rows = weights.input.chunks_exact(weights.width);
        for (i, (product, row)) in self.product.iter_mut().zip(rows).enumerate() {
            let part = gated(&dot_lanes(row, v), &layer.input_gate, i);
            for lane in 0..L {
                product[lane] -= part[lane];
            }
        }
        if let (Some(hidden), Some(before)) = (&weights.hidden, before.last_mut()) {
            let y = &mut before.adjoint;
            y.fill([T::zero(); L]);
            for (v, row) in v.iter().zip(hidden.chunks_exact(y.len())) {
                add_outer(y, row, v);
            }
            for (j, y) in y.iter_mut().enumerate() {
                *y = gated(y, &layer.hidden_gate, j);
            }
        }
    }

    /// Curvatures and Jacobians where the state was last evaluated, and nothing moved.
    #[inline(always)]
    pub(super) fn bend(&mut self, network: &Network<T>) {
        for index in 0..self.layers.len() {
            let (before, rest) = self.layers.split_at_mut(index);
            let layer = &mut rest[0];
            let bends = layer.adjoint.iter().zip(&layer.second);
            for (curvature, (adjoint, second)) in layer.curvature.iter_mut().zip(bends) {
                *curvature = positive_part(times(adjoint, second));
            }
            layer.moved.fill([T::zero(); L]);
            if !layer.jacobian.is_empty() {
                jacobian(
                    &network.layers[index],
                    before.last(),
                    layer,
                    &mut self.buffer,
                );
            }
        }
    }
}

/// $J = W g + W^z (g^z \sigma' J')$ with the Jacobian $J'$ of the layer before.
#[inline(always)]
fn jacobian<T: Real, const L: usize>(
    weights: &Weights<T>,
    before: Option<&LayerState<T, L>>,
    layer: &mut LayerState<T, L>,
    buffer: &mut [[T; L]],
) {
    let m = weights.width;
    let columns = layer.jacobian.chunks_exact_mut(m);
    for (i, (column, row)) in columns.zip(weights.input.chunks_exact(m)).enumerate() {
        let gate = gated(&[T::one(); L], &layer.input_gate, i);
        for (entry, &weight) in column.iter_mut().zip(row) {
            for lane in 0..L {
                entry[lane] = weight * gate[lane];
            }
        }
        let (Some(hidden), Some(before)) = (&weights.hidden, before) else {
            continue;
        };
        let n = before.slope.len();
        let inner = before.slope.iter().zip(&before.jacobian[i * n..]);
        for (j, (t, (slope, inner))) in buffer.iter_mut().zip(inner).enumerate() {
            *t = gated(&times(slope, inner), &layer.hidden_gate, j);
        }
        for (entry, row) in column.iter_mut().zip(hidden.chunks_exact(n)) {
            let product = dot_lanes(row, &buffer[..n]);
            for lane in 0..L {
                entry[lane] += product[lane];
            }
        }
    }
}

/// x times its gate, if there are gates.
#[inline(always)]
fn gated<T: Real, const L: usize>(x: &[T; L], gates: &[[T; L]], index: usize) -> [T; L] {
    match gates.get(index) {
        Some(gate) => times(x, gate),
        None => *x,
    }
}

/// A unit that bends the wrong way is taken as linear.
#[inline(always)]
fn positive_part<T: Real, const L: usize>(mut x: [T; L]) -> [T; L] {
    for x in &mut x {
        *x = if *x > T::zero() { *x } else { T::zero() };
    }
    x
}

#[inline(always)]
fn times<T: Real, const L: usize>(a: &[T; L], b: &[T; L]) -> [T; L] {
    let mut product = *a;
    for lane in 0..L {
        product[lane] *= b[lane];
    }
    product
}
