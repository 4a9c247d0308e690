//! Divided differences $(\omega(p) - \omega(q)) / (p - q)$, elementwise and accurate however near p and q
//! are: what discrete gradients are made of.
//!
//! With $M = \max(p, q)$, $m = \min(p, q)$ and $\delta = (M - m) / M \in [0, 1]$, which subtraction leaves
//! exact when p and q are near, $\log(m / M) = \mathrm{log1p}(-\delta)$ has no cancellation.

use tch::{Kind, Tensor};

/// M, $m / M$ and $-\delta$; the last two are NaN where p = q = 0.
fn ratio(p: &Tensor, q: &Tensor) -> (Tensor, Tensor, Tensor) {
    let larger = p.maximum(q);
    let smaller = p.minimum(q);
    let negative = (&smaller - &larger) / &larger;
    let rest = smaller / &larger;
    (larger, rest, negative)
}

/// Of $x \log x$: $\log M - \frac{m}{M} \frac{\log(1 - \delta)}{\delta}$, and 0 where p = q = 0.
pub(super) fn x_log_x(p: &Tensor, q: &Tensor) -> Tensor {
    let (larger, rest, negative) = ratio(p, q);
    // In f32 delta rounds to 1 while m / M is still positive, and the logarithm would be infinite.
    let unit = match p.kind() {
        Kind::Double => f64::EPSILON,
        _ => f64::from(f32::EPSILON),
    };
    let negative = negative.clamp_min(0.5 * unit - 1.0);
    // 1 in the limit p = q, where it is 0 / 0.
    let slope = (rest.special_xlog1py(&negative) / negative).nan_to_num(1.0, None, None);
    // The logarithm is minus infinity where p = q = 0; what is not a number stays so.
    (larger.log() + slope).nan_to_num(f64::NAN, f64::INFINITY, 0.0)
}

/// Of $x^\alpha$: $M^{\alpha - 1} (1 - (1 - \delta)^\alpha) / \delta$, and 0 where p = q = 0.
pub(super) fn power(p: &Tensor, q: &Tensor, alpha: f64) -> Tensor {
    let (larger, _, negative) = ratio(p, q);
    let slope = (negative.log1p() * alpha).expm1() / &negative;
    let slope = slope.nan_to_num(alpha, None, None);
    (larger.pow_tensor_scalar(alpha - 1.0) * slope).masked_fill(&larger.le(0.0), 0.0)
}
