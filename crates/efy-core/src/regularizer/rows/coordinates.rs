//! Maxima over one coordinate, elementwise.

use tch::Tensor;

use crate::native::{Omega, Real, RowKernel};
use crate::regularizer::Separable;

/// Steps of [`root`]; about ten are needed where Newton's method converges from the start.
pub(super) const STEPS: usize = 40;

/// $\arg\max_{l \le p \le h} a p + \frac{d}{2} p^2 - \omega(p)$ for each element a and each row's d.
///
/// With d = 0 it is the regularized argmax of a, with $a = x / \eta$ and $d = -1 / \eta$ the proximal
/// map of $\eta\,\Omega$ at x.
pub(crate) struct Coordinates {
    pub(crate) omega: Separable,
    pub(crate) bounds: (f64, f64),
}

impl RowKernel for Coordinates {
    fn row<T: Real>(&self, a: &[T], d: T, p: &mut [T]) {
        let omega = Omega::new(self.omega, self.bounds);
        for (p, &a) in p.iter_mut().zip(a) {
            *p = omega.maximize(a, d);
        }
    }

    fn batched(&self, a: &Tensor, d: &Tensor) -> Tensor {
        self.omega.maximize(self.bounds, a, d)
    }
}

impl Separable {
    /// $\arg\max_{l \le p \le h} a p + \frac{d}{2} p^2 - \omega(p)$ in tensor operations, elementwise.
    pub(crate) fn maximize(self, (low, high): (f64, f64), a: &Tensor, d: &Tensor) -> Tensor {
        match self {
            Separable::Quadratic { curvature, slope } => {
                let linear = a - slope;
                let curvature = curvature - d;
                let inside = (&linear / &curvature).clamp(low, high);
                // A convex parabola is largest at an end.
                let end = |p: f64| &linear * p - &curvature * (0.5 * p * p);
                let higher = end(high).gt_tensor(&end(low)).to_kind(a.kind()) * (high - low) + low;
                inside.where_self(&curvature.gt(0.0), &higher)
            }
            Separable::BinaryEntropy { gamma } => logistic(gamma, a, d),
            Separable::BoxEntropy { gamma, low, high } => {
                // The same in q.
                let width = high - low;
                let linear = (a + d * low) * width;
                logistic(gamma, &linear, &(d * (width * width))) * width + low
            }
            Separable::OneSidedShannon { gamma } => {
                let ends = (a / gamma - 1.0, (a + d) / gamma - 1.0);
                let low = ends.0.minimum(&ends.1).clamp_max(0.0);
                let high = ends.0.maximum(&ends.1).clamp_max(0.0);
                let t = root(STEPS, low, high, |t| {
                    let p = t.exp();
                    (a + d * &p - (t + 1.0) * gamma, d * &p - gamma)
                });
                t.exp()
            }
            Separable::BinaryTsallis { alpha, gamma } => {
                // The function is its own mirror image but for a: look for a maximum up to 1/2.
                let upper = (a + d * 0.5).gt(0.0);
                let mirrored = (a + d).neg().where_self(&upper, a);
                let p = lower_half(alpha, gamma, &mirrored, d);
                let rest: Tensor = 1.0 - &p;
                rest.where_self(&upper, &p)
            }
        }
    }
}

/// The maximum for the binary negentropy on $[0, 1]$: $\sigma(t)$ with $\gamma t = a + d\,\sigma(t)$.
fn logistic(gamma: f64, a: &Tensor, d: &Tensor) -> Tensor {
    let ends = (a / gamma, (a + d) / gamma);
    let (low, high) = (ends.0.minimum(&ends.1), ends.0.maximum(&ends.1));
    let t = root(STEPS, low, high, |t| {
        let p = t.sigmoid();
        let slope = d * &p * (1.0 - &p) - gamma;
        (a + d * &p - t * gamma, slope)
    });
    t.sigmoid()
}

/// As the native `lower_half`: the maximum up to 1/2 for the binary Tsallis negentropy.
fn lower_half(alpha: f64, gamma: f64, a: &Tensor, d: &Tensor) -> Tensor {
    let (e, c) = (alpha - 1.0, gamma / (alpha - 1.0));
    let zero = a.zeros_like();
    let half = a.full_like(0.5);
    let p = if e >= 1.0 {
        root(STEPS, zero, half, |p| {
            let rest: Tensor = 1.0 - p;
            let bend = p.pow_tensor_scalar(e - 1.0) + rest.pow_tensor_scalar(e - 1.0);
            let value = a + d * p - (p.pow_tensor_scalar(e) - rest.pow_tensor_scalar(e)) * c;
            (value, d - bend * gamma)
        })
    } else {
        // The slope in p is infinite at 0, that in x = p^e is not.
        let b = 1.0 / e;
        let x = root(STEPS, zero, half.pow_tensor_scalar(e), |x| {
            let p = x.pow_tensor_scalar(b);
            let rest: Tensor = 1.0 - &p;
            let inner = x.pow_tensor_scalar(b - 1.0) * b;
            let bend = &inner * rest.pow_tensor_scalar(e - 1.0) * e + 1.0;
            let value = a + d * &p - (x - rest.pow_tensor_scalar(e)) * c;
            (value, d * inner - bend * c)
        });
        x.pow_tensor_scalar(b)
    };
    p.masked_fill(&a.le(-c), 0.0)
}

/// The root of a decreasing function between `low` and `high`, or the end nearest to it, elementwise:
/// as the native `root`, but `steps` steps whatever happens, of which the best point counts. (Rounding
/// keeps steps at the root from halving, and the bisection that follows leads away from it.)
pub(super) fn root(
    steps: usize,
    mut low: Tensor,
    mut high: Tensor,
    f: impl Fn(&Tensor) -> (Tensor, Tensor),
) -> Tensor {
    let mut t = (&low + &high) * 0.5;
    let unknown = f(&t).0;
    let mut best = t.shallow_clone();
    let mut least = t.full_like(f64::INFINITY);
    // The last two moves.
    let mut last = &high - &low;
    let mut before = last.shallow_clone();
    for _ in 0..steps {
        let (value, slope) = f(&t);
        let right = value.gt(0.0);
        low = t.where_self(&right, &low);
        high = high.where_self(&right, &t);
        let size = value.abs();
        best = t.where_self(&size.lt_tensor(&least), &best);
        least = least.fmin(&size);
        let newton = &t - value / slope;
        let trusted = newton
            .ge_tensor(&low)
            .logical_and(&newton.le_tensor(&high))
            .logical_and(&(&newton - &t).abs().le_tensor(&(before * 0.5)));
        let next = newton.where_self(&trusted, &((&low + &high) * 0.5));
        before = last;
        last = (&next - &t).abs();
        t = next;
    }
    best.where_self(&unknown.isnan().logical_not(), &unknown)
}
