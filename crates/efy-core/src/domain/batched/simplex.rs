//! The scaled simplex.

use tch::Tensor;

use super::{centred, columns};

/// $\max(z - \tau, 0)$ with $\tau = \max_j \frac1j (\sum_{i \le j} z_{(i)} - s)$ over the sorted row: each
/// j gives a lower bound, the size of the support the root itself. Ten launches.
pub(in crate::domain) fn simplex(z: &Tensor, scale: f64) -> Tensor {
    let _guard = tch::no_grad_guard();
    let top = z.amax([-1].as_slice(), true);
    // What lies below -s is 0 in any case; cut, it costs no digits.
    let y = centred(z, &top).clamp_min(-scale);
    let (sorted, _) = y.sort(-1, true);
    let count = Tensor::arange_start(1, columns(z) + 1, (z.kind(), z.device()));
    let tau = ((sorted.cumsum(-1, None) - scale) / count).amax([-1].as_slice(), true);
    (y - tau).clamp_min(0.0)
}
