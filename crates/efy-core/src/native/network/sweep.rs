//! One sweep of coordinate ascent on Newton's model of a network.

use super::evaluate::{LayerState, State};
use super::input::Network;
use crate::native::Real;
use crate::native::input::Block;

/// The Jacobian of a layer, row after row of $J^\top$.
trait Jacobian<T, const L: usize>: Copy {
    /// $J_{ji}$ in every lane.
    fn entry(self, index: usize) -> [T; L];
}

/// The same in every lane.
impl<T: Real, const L: usize> Jacobian<T, L> for &[T] {
    #[inline(always)]
    fn entry(self, index: usize) -> [T; L] {
        [self[index]; L]
    }
}

impl<T: Real, const L: usize> Jacobian<T, L> for &[[T; L]] {
    #[inline(always)]
    fn entry(self, index: usize) -> [T; L] {
        self[index]
    }
}

/// Maximizes model minus regularizer over one coordinate of `p` after the other in the active lanes.
#[inline(always)]
pub(super) fn sweep<T: Real, const L: usize>(
    network: &Network<T>,
    state: &mut State<T, L>,
    block: &Block<'_, T, L>,
    p: &mut [[T; L]],
    active: &[bool; L],
) {
    let product = &state.product;
    for i in 0..p.len() {
        let mut gradient = [T::zero(); L];
        for lane in 0..L {
            gradient[lane] = block.u[i][lane] + product[i][lane];
        }
        let mut curvature = [T::zero(); L];
        for (layer, weights) in state.layers.iter().zip(&network.layers) {
            let columns = i * weights.width..(i + 1) * weights.width;
            if layer.jacobian.is_empty() {
                look(
                    layer,
                    &weights.input[columns],
                    &mut gradient,
                    &mut curvature,
                );
            } else {
                look(
                    layer,
                    &layer.jacobian[columns],
                    &mut gradient,
                    &mut curvature,
                );
            }
        }
        let old = p[i];
        let mut linear = [T::zero(); L];
        for lane in 0..L {
            linear[lane] = gradient[lane] + curvature[lane] * old[lane];
        }
        let new = block.omega.maximize_below(&linear, &curvature);
        let mut change = [T::zero(); L];
        for lane in 0..L {
            if active[lane] {
                change[lane] = new[lane] - old[lane];
                p[i][lane] = new[lane];
            }
        }
        if change.iter().all(|&change| change == T::zero()) {
            continue;
        }
        for (layer, weights) in state.layers.iter_mut().zip(&network.layers) {
            let columns = i * weights.width..(i + 1) * weights.width;
            let LayerState {
                curvature,
                moved,
                jacobian,
                ..
            } = layer;
            if jacobian.is_empty() {
                go(curvature, moved, &weights.input[columns], &change);
            } else {
                go(curvature, moved, &jacobian[columns], &change);
            }
        }
    }
}

/// Subtracts $\langle J_i, D J (p - p_0) \rangle$ from the gradient and adds $\langle J_i, D J_i \rangle$ to
/// the curvature.
#[inline(always)]
fn look<T: Real, const L: usize>(
    layer: &LayerState<T, L>,
    column: impl Jacobian<T, L>,
    gradient: &mut [T; L],
    curvature: &mut [T; L],
) {
    for (j, (d, moved)) in layer.curvature.iter().zip(&layer.moved).enumerate() {
        let entry = column.entry(j);
        for lane in 0..L {
            gradient[lane] -= entry[lane] * moved[lane];
            curvature[lane] += entry[lane] * entry[lane] * d[lane];
        }
    }
}

/// Moves along coordinate i.
#[inline(always)]
fn go<T: Real, const L: usize>(
    curvature: &[[T; L]],
    moved: &mut [[T; L]],
    column: impl Jacobian<T, L>,
    change: &[T; L],
) {
    for (j, (d, moved)) in curvature.iter().zip(moved).enumerate() {
        let entry = column.entry(j);
        for lane in 0..L {
            moved[lane] += d[lane] * (entry[lane] * change[lane]);
        }
    }
}
