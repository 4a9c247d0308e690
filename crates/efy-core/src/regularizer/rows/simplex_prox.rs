//! Proximal maps of entropies on the simplex.

use tch::Tensor;

use super::coordinates::{STEPS, root as batched_root};
use crate::native::{Real, RowKernel, real, root};

/// Newton steps of the batched solution for each element.
const INNER_STEPS: usize = 8;

/// $\omega$ in $\Omega(p) = \sum_i \omega(p_i)$, with $\gamma = 1$.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Entropy {
    /// $p \log p$.
    Shannon,
    /// $p^\alpha / (\alpha (\alpha - 1))$, $\alpha > 1$.
    Tsallis { alpha: f64 },
}

/// $\arg\min_p \frac12 \|p - x\|^2 + c\,\Omega(p)$ over $\{p \ge 0 : \sum_i p_i = s\}$, c being the number
/// of the row.
///
/// Stationarity is $p_i + c\,\omega'(p_i) = x_i - \lambda$, whose solution $p_i(\lambda)$ (for Shannon a Lambert
/// W function) is found by Newton's method, and $\lambda$ by another one around it, between the multipliers
/// for which the largest p is s and s/k.
pub(crate) struct SimplexProx {
    pub(crate) entropy: Entropy,
    pub(crate) scale: f64,
}

impl RowKernel for SimplexProx {
    fn cost(&self, _k: usize) -> usize {
        1024
    }

    fn row<T: Real>(&self, x: &[T], c: T, p: &mut [T]) {
        let scale = real::<T>(self.scale);
        let largest = x.iter().fold(T::neg_infinity(), |m, &x| m.max(x));
        if !largest.is_finite() || x.iter().any(|x| x.is_nan()) {
            return p.fill(T::nan());
        }
        let ends = [scale, scale / real(x.len() as f64)];
        let [low, high] = ends.map(|p| largest - self.entropy.stationary(p, c));
        let lambda = root(low, high, T::one(), |lambda| {
            let (mut sum, mut slope) = (-scale, T::zero());
            for &x in x {
                let (p, derivative) = self.entropy.solve(x - lambda, c);
                sum += p;
                slope -= derivative;
            }
            (sum, slope)
        });
        for (p, &x) in p.iter_mut().zip(x) {
            *p = self.entropy.solve(x - lambda, c).0;
        }
    }

    fn batched(&self, x: &Tensor, c: &Tensor) -> Tensor {
        let largest = x.amax([-1].as_slice(), true);
        let k = x.size()[1] as f64;
        let end = |p: f64| &largest - self.entropy.stationary_batched(&largest.full_like(p), c);
        let lambda = batched_root(STEPS, end(self.scale), end(self.scale / k), |lambda| {
            let (p, derivative) = self.entropy.solve_batched(&(x - lambda), c);
            let sum = |t: Tensor| t.sum_dim_intlist(-1, true, None);
            (sum(p) - self.scale, -sum(derivative))
        });
        self.entropy.solve_batched(&(x - lambda), c).0
    }
}

impl Entropy {
    /// $p + c\,\omega'(p)$.
    fn stationary<T: Real>(self, p: T, c: T) -> T {
        match self {
            Entropy::Shannon => p + c * (p.ln() + T::one()),
            Entropy::Tsallis { alpha } => {
                let e = real::<T>(alpha) - T::one();
                p + c / e * p.powf(e)
            }
        }
    }

    fn stationary_batched(self, p: &Tensor, c: &Tensor) -> Tensor {
        match self {
            Entropy::Shannon => p + c * (p.log() + 1.0),
            Entropy::Tsallis { alpha } => {
                let e = alpha - 1.0;
                p + c / e * p.pow_tensor_scalar(e)
            }
        }
    }

    /// The p at which [`stationary`](Self::stationary) is `v`, or 0, and its derivative in v.
    fn solve<T: Real>(self, v: T, c: T) -> (T, T) {
        let (zero, one) = (T::zero(), T::one());
        match self {
            Entropy::Shannon => {
                // In z = log p: c z + e^z = v - c, whose left-hand side is convex.
                let v = v - c;
                let start = if v >= one { v.ln() } else { zero };
                let z = from_the_right(start.min(v / c), |z| {
                    let p = z.exp();
                    (c * z + p - v, c + p)
                });
                let p = z.exp();
                (p, p / (p + c))
            }
            Entropy::Tsallis { .. } if v <= zero => (zero, zero),
            Entropy::Tsallis { alpha } => {
                let e = real::<T>(alpha) - one;
                // p = x^b or x, whichever makes x^power + linear x = v convex.
                let c = c / e;
                let (power, linear, v, outer) = if e < one {
                    (e.recip(), c, v, e.recip())
                } else {
                    (e, c.recip(), v / c, one)
                };
                let start = (v / linear).min(v.powf(power.recip()));
                let x = from_the_right(start, |x| {
                    let high = x.powf(power);
                    let slope = linear + power * high / x.max(T::min_positive_value());
                    (high + linear * x - v, slope)
                });
                let p = x.powf(outer);
                let bend = c * e * p.max(T::min_positive_value()).powf(e - one);
                (p, (one + bend).recip())
            }
        }
    }

    fn solve_batched(self, v: &Tensor, c: &Tensor) -> (Tensor, Tensor) {
        match self {
            Entropy::Shannon => {
                let v = v - c;
                let start = v.clamp_min(1.0).log().minimum(&(&v / c));
                let z = (0..INNER_STEPS).fold(start, |z, _| {
                    let p = z.exp();
                    &z - (c * &z + &p - &v) / (p + c)
                });
                let p = z.exp();
                let derivative = &p / (&p + c);
                (p, derivative)
            }
            Entropy::Tsallis { alpha } => {
                let e = alpha - 1.0;
                let positive = v.gt(0.0);
                let c = c / e;
                let v = v.clamp_min(0.0);
                let (power, linear, v, outer) = if e < 1.0 {
                    (1.0 / e, c.shallow_clone(), v, 1.0 / e)
                } else {
                    (e, c.reciprocal(), v / &c, 1.0)
                };
                let start = (&v / &linear).minimum(&v.pow_tensor_scalar(1.0 / power));
                let x = (0..INNER_STEPS).fold(start, |x, _| {
                    let slope = x.pow_tensor_scalar(power - 1.0) * power + &linear;
                    &x - (x.pow_tensor_scalar(power) + &linear * &x - &v) / slope
                });
                let p = x.clamp_min(0.0).pow_tensor_scalar(outer);
                let bend = p
                    .clamp_min(f64::from(f32::MIN_POSITIVE))
                    .pow_tensor_scalar(e - 1.0)
                    * (c * e);
                let derivative = (bend + 1.0).reciprocal() * positive.to_kind(p.kind());
                (p, derivative)
            }
        }
    }
}

/// Newton's method for an increasing convex function from a point right of its root; `f` returns
/// (value, slope).
#[inline(always)]
fn from_the_right<T: Real>(start: T, f: impl Fn(T) -> (T, T)) -> T {
    let mut x = start;
    for _ in 0..100 {
        let (value, slope) = f(x);
        let next = x - value / slope;
        if next < x {
            x = next;
        } else {
            break;
        }
    }
    x
}
