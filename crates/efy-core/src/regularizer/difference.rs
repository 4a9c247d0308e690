//! Divided differences $(\omega(p) - \omega(q)) / (p - q)$, elementwise and accurate however near p and q
//! are: what discrete gradients are made of.
//!
//! With $M = \max(p, q)$, $m = \min(p, q)$ and $\delta = (M - m) / M \in [0, 1]$, which subtraction leaves
//! exact when p and q are near, $\log(m / M) = \mathrm{log1p}(-\delta)$ has no cancellation.

use tch::{Kind, Tensor};

/// M, $m / M$ and $\delta$; the last two are NaN where p = q = 0.
fn ratio(p: &Tensor, q: &Tensor) -> (Tensor, Tensor, Tensor) {
    let larger = p.maximum(q);
    let smaller = p.minimum(q);
    let delta = (&larger - &smaller) / &larger;
    let rest = smaller / &larger;
    (larger, rest, delta)
}

/// Of $x \log x$: $\log M - \frac{m}{M} \frac{\log(1 - \delta)}{\delta}$, and 0 where p = q = 0.
pub(super) fn x_log_x(p: &Tensor, q: &Tensor) -> Tensor {
    let (larger, rest, delta) = ratio(p, q);
    // In f32 delta rounds to 1 while m / M is still positive, and the logarithm would be infinite.
    let unit = match p.kind() {
        Kind::Double => f64::EPSILON,
        _ => f64::from(f32::EPSILON),
    };
    let negative = delta.neg().clamp_min(0.5 * unit - 1.0);
    let slope = rest.special_xlog1py(&negative) / &negative;
    let slope = slope.where_self(&delta.gt(0.0), &delta.ones_like());
    (larger.log() + slope).masked_fill(&larger.le(0.0), 0.0)
}

/// Of $x^\alpha$: $M^{\alpha - 1} (1 - (1 - \delta)^\alpha) / \delta$, and 0 where p = q = 0.
pub(super) fn power(p: &Tensor, q: &Tensor, alpha: f64) -> Tensor {
    let (larger, _, delta) = ratio(p, q);
    let slope = (delta.neg().log1p() * alpha).expm1().neg() / &delta;
    let slope = slope.where_self(&delta.gt(0.0), &delta.full_like(alpha));
    (larger.pow_tensor_scalar(alpha - 1.0) * slope).masked_fill(&larger.le(0.0), 0.0)
}
