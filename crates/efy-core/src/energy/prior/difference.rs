//! Differences of a network's values that lose no digits where points are close.

use tch::{Kind, Tensor};

use super::Prior;
use crate::regularizer::softplus;

impl Prior {
    /// g with $\Psi(p) - \Psi(q) = \langle g, p - q \rangle$, `[B, k]`: the backward pass through the
    /// divided differences of the activations.
    pub(in crate::energy) fn discrete_gradient(&self, p: &Tensor, q: &Tensor) -> Tensor {
        let step = p - q;
        let mut slopes: Vec<Tensor> = Vec::with_capacity(self.layers.len());
        let mut moved: Option<Tensor> = None;
        for (layer, b) in self.layers.iter().zip(self.preactivations(q)) {
            let delta = layer.linear(&step, moved.as_ref());
            let slope = divided_difference(&b, &delta);
            moved = Some(&slope * delta);
            slopes.push(slope);
        }
        self.backward(&slopes)
    }
}

/// $(\mathrm{sp}(b + \delta) - \mathrm{sp}(b)) / \delta$ to full relative accuracy, and a graph without
/// infinities.
fn divided_difference(b: &Tensor, delta: &Tensor) -> Tensor {
    let epsilon = if b.kind() == Kind::Double {
        f64::EPSILON
    } else {
        f64::from(f32::EPSILON)
    };
    // Where the step is tiny the slope at the midpoint is exact, elsewhere nothing is divided by 0.
    let size = delta.abs();
    let tiny = size.le(epsilon.sqrt());
    let divisor = delta.masked_fill(&tiny, 1.0);
    // sp(b + d) - sp(b) = log(1 + (e^d - 1) sigmoid(b)), which loses digits only for large d.
    let near = (delta.clamp(-1.0, 1.0).expm1() * b.sigmoid()).log1p();
    let far = softplus(&(b + delta)) - softplus(b);
    let quotient = near.where_self(&size.le(1.0), &far) / divisor;
    (b + delta * 0.5).sigmoid().where_self(&tiny, &quotient)
}
