//! The regularizer's function of one coordinate, in the working precision.

use super::{Real, real, root};
use crate::regularizer::Separable;

/// $\omega$ on $[l, h]$.
#[derive(Clone, Copy)]
pub(crate) struct Omega<T> {
    kind: Function<T>,
    low: T,
    high: T,
}

#[derive(Clone, Copy)]
enum Function<T> {
    Quadratic {
        curvature: T,
        slope: T,
    },
    /// Of $q = (p - l) / (h - l)$, on any box.
    BinaryEntropy {
        gamma: T,
    },
    OneSidedShannon {
        gamma: T,
    },
    BinaryTsallis {
        alpha: T,
        gamma: T,
    },
}

impl<T: Real> Omega<T> {
    pub(crate) fn new(omega: Separable, (low, high): (f64, f64)) -> Self {
        let kind = match omega {
            Separable::Quadratic { curvature, slope } => Function::Quadratic {
                curvature: real(curvature),
                slope: real(slope),
            },
            Separable::BinaryEntropy { gamma } | Separable::BoxEntropy { gamma, .. } => {
                Function::BinaryEntropy { gamma: real(gamma) }
            }
            Separable::OneSidedShannon { gamma } => {
                Function::OneSidedShannon { gamma: real(gamma) }
            }
            Separable::BinaryTsallis { alpha, gamma } => Function::BinaryTsallis {
                alpha: real(alpha),
                gamma: real(gamma),
            },
        };
        Omega {
            kind,
            low: real(low),
            high: real(high),
        }
    }

    /// $P(p)$.
    #[inline(always)]
    pub(super) fn project(&self, p: T) -> T {
        let raised = if p < self.low { self.low } else { p };
        if raised > self.high {
            self.high
        } else {
            raised
        }
    }

    /// $\arg\max_p a p + \frac{d}{2} p^2 - \omega(p)$ on $[l, h]$.
    #[inline(always)]
    pub(crate) fn maximize(&self, a: T, d: T) -> T {
        match self.kind {
            Function::Quadratic { curvature, slope } => {
                let (linear, curvature) = (a - slope, curvature - d);
                if curvature > T::zero() {
                    return self.project(linear / curvature);
                }
                // A convex parabola is largest at an end.
                let end = |p: T| linear * p - curvature * p * p / (T::one() + T::one());
                if end(self.high) > end(self.low) {
                    self.high
                } else {
                    self.low
                }
            }
            Function::BinaryEntropy { gamma } => {
                // The same in q.
                let width = self.width();
                let (a, d) = ((a + d * self.low) * width, d * width * width);
                let (first, second) = (a / gamma, (a + d) / gamma);
                let t = root(first.min(second), first.max(second), T::one(), |t| {
                    let p = sigmoid(t);
                    (a + d * p - gamma * t, d * p * (T::one() - p) - gamma)
                });
                self.low + width * sigmoid(t)
            }
            Function::OneSidedShannon { gamma } => {
                let (first, second) = (a / gamma - T::one(), (a + d) / gamma - T::one());
                // Not `min`, which would drop a NaN.
                let at_most_zero = |t: T| if t > T::zero() { T::zero() } else { t };
                let low = at_most_zero(first.min(second));
                let high = at_most_zero(first.max(second));
                let t = root(low, high, T::one(), |t| {
                    let p = t.exp();
                    (a + d * p - gamma * (t + T::one()), d * p - gamma)
                });
                t.exp()
            }
            Function::BinaryTsallis { alpha, gamma } => {
                // The function is its own mirror image but for a: look for a maximum up to 1/2.
                let half = real::<T>(0.5);
                if a + d * half > T::zero() {
                    T::one() - lower_half(alpha, gamma, -(a + d), d)
                } else {
                    lower_half(alpha, gamma, a, d)
                }
            }
        }
    }

    /// [`maximize`](Self::maximize) in every lane.
    #[inline(always)]
    pub(super) fn maximize_lanes<const L: usize>(&self, a: &[T; L], d: T) -> [T; L] {
        if let Function::Quadratic { curvature, slope } = self.kind
            && curvature > d
        {
            // The same as below without branches, for the vector unit.
            let inverse = (curvature - d).recip();
            let mut p = [T::zero(); L];
            for lane in 0..L {
                p[lane] = self.project((a[lane] - slope) * inverse);
            }
            return p;
        }
        a.map(|a| self.maximize(a, d))
    }

    /// For [`maximize_each`](Self::maximize_each): $1 / (c - d)$ where a quadratic function of curvature c makes the
    /// problem concave, else 0.
    #[inline(always)]
    pub(super) fn inverse<const L: usize>(&self, d: &[T; L]) -> [T; L] {
        let mut inverse = [T::zero(); L];
        if let Function::Quadratic { curvature, .. } = self.kind {
            for lane in 0..L {
                if curvature > d[lane] {
                    inverse[lane] = (curvature - d[lane]).recip();
                }
            }
        }
        inverse
    }

    /// [`maximize`](Self::maximize) with a d of its own in every lane, and with its [`inverse`](Self::inverse).
    #[inline(always)]
    pub(super) fn maximize_each<const L: usize>(
        &self,
        a: &[T; L],
        d: &[T; L],
        inverse: &[T; L],
    ) -> [T; L] {
        let mut p = *a;
        if let Function::Quadratic { slope, .. } = self.kind {
            for lane in 0..L {
                p[lane] = self.project((p[lane] - slope) * inverse[lane]);
            }
            if inverse.iter().all(|&inverse| inverse > T::zero()) {
                return p;
            }
        }
        for lane in 0..L {
            // What a lane gets does not depend on the others.
            if inverse[lane] <= T::zero() {
                p[lane] = self.maximize(a[lane], d[lane]);
            }
        }
        p
    }

    /// $\arg\max_p a p - \frac{c}{2} p^2 - \omega(p)$ with $c \ge 0$, in every lane.
    #[inline(always)]
    pub(super) fn maximize_below<const L: usize>(&self, a: &[T; L], c: &[T; L]) -> [T; L] {
        let mut p = [T::zero(); L];
        match self.kind {
            Function::Quadratic { curvature, slope } => {
                for lane in 0..L {
                    p[lane] = self.project((a[lane] - slope) / (curvature + c[lane]));
                }
            }
            _ => {
                for lane in 0..L {
                    p[lane] = self.maximize(a[lane], -c[lane]);
                }
            }
        }
        p
    }

    /// $\omega(p)$.
    #[inline(always)]
    pub(super) fn value(&self, p: T) -> T {
        let xlogx = |x: T| if x > T::zero() { x * x.ln() } else { T::zero() };
        match self.kind {
            Function::Quadratic { curvature, slope } => {
                p * (curvature * p / (T::one() + T::one()) + slope)
            }
            Function::BinaryEntropy { gamma } => {
                let q = (p - self.low) / self.width();
                gamma * (xlogx(q) + xlogx(T::one() - q))
            }
            Function::OneSidedShannon { gamma } => gamma * xlogx(p),
            Function::BinaryTsallis { alpha, gamma } => {
                let rest = (alpha * (-p).ln_1p()).exp_m1();
                gamma * (p.powf(alpha) + rest) / (alpha * (alpha - T::one()))
            }
        }
    }

    /// What a difference of values may lose, in units of the last place: $\gamma$ for entropies, nothing
    /// for quadratic functions.
    pub(super) fn scale(&self) -> T {
        match self.kind {
            Function::Quadratic { .. } => T::zero(),
            Function::BinaryEntropy { gamma }
            | Function::OneSidedShannon { gamma }
            | Function::BinaryTsallis { gamma, .. } => gamma,
        }
    }

    /// $\omega(p) - \omega(q)$, for quadratic functions accurate to the size of $p - q$.
    #[inline(always)]
    pub(super) fn difference(&self, p: T, q: T) -> T {
        match self.kind {
            Function::Quadratic { curvature, slope } => {
                (p - q) * (curvature * (p + q) / (T::one() + T::one()) + slope)
            }
            _ => self.value(p) - self.value(q),
        }
    }

    /// [`difference`](Self::difference) in every lane.
    #[inline(always)]
    pub(super) fn difference_lanes<const L: usize>(&self, p: &[T; L], q: &[T; L]) -> [T; L] {
        let mut out = [T::zero(); L];
        match self.kind {
            Function::Quadratic { curvature, slope } => {
                let half = real::<T>(0.5) * curvature;
                for lane in 0..L {
                    out[lane] = (p[lane] - q[lane]) * (half * (p[lane] + q[lane]) + slope);
                }
            }
            _ => {
                for lane in 0..L {
                    out[lane] = self.value(p[lane]) - self.value(q[lane]);
                }
            }
        }
        out
    }

    /// $\omega'(p)$, at most one rounding step inside an entropy's open interval.
    #[inline(always)]
    pub(super) fn gradient(&self, p: T) -> T {
        match self.kind {
            Function::Quadratic { curvature, slope } => curvature * p + slope,
            Function::BinaryEntropy { gamma } => {
                let width = self.width();
                let q = ((p - self.low) / width)
                    .max(T::min_positive_value())
                    .min(T::one() - T::epsilon());
                gamma * (q.ln() - (-q).ln_1p()) / width
            }
            Function::OneSidedShannon { gamma } => {
                gamma * (p.max(T::min_positive_value()).ln() + T::one())
            }
            Function::BinaryTsallis { alpha, gamma } => {
                let e = alpha - T::one();
                gamma * (p.powf(e) - (T::one() - p).powf(e)) / e
            }
        }
    }

    /// [`gradient`](Self::gradient) in every lane.
    #[inline(always)]
    pub(super) fn gradient_lanes<const L: usize>(&self, p: &[T; L]) -> [T; L] {
        let mut out = [T::zero(); L];
        if let Function::Quadratic { curvature, slope } = self.kind {
            for lane in 0..L {
                out[lane] = curvature * p[lane] + slope;
            }
            return out;
        }
        p.map(|p| self.gradient(p))
    }

    #[inline(always)]
    fn width(&self) -> T {
        self.high - self.low
    }

    /// The coordinate's part of the residual at p with $\theta = \partial\Phi(p)$.
    #[inline(always)]
    pub(super) fn residual(&self, p: T, theta: T) -> T {
        (self.maximize(theta, T::zero()) - p).abs()
    }

    /// The curvature and slope of a quadratic function.
    pub(super) fn quadratic(&self) -> Option<(T, T)> {
        match self.kind {
            Function::Quadratic { curvature, slope } => Some((curvature, slope)),
            _ => None,
        }
    }

    /// The coordinate's part of $\Omega^*(\theta) + \Omega(p) - \langle\theta, p\rangle$.
    #[inline(always)]
    pub(super) fn fenchel_young(&self, p: T, theta: T) -> T {
        let q = self.maximize(theta, T::zero());
        // Not cut off at 0: see the gap of tensors. Nor by `max`, which would drop a NaN.
        (theta * (q - p) - self.difference(q, p)).abs()
    }

    /// The coordinate's part of $\max_{s \in C} \langle\nabla F(p), s - p\rangle$.
    #[inline(always)]
    pub(super) fn frank_wolfe(&self, p: T, theta: T) -> T {
        let gradient = theta - self.gradient(p);
        let vertex = if gradient > T::zero() {
            self.high
        } else {
            self.low
        };
        // On the reals an end is infinite.
        if vertex == p || gradient == T::zero() {
            T::zero()
        } else {
            (gradient * (vertex - p)).abs()
        }
    }
}

fn sigmoid<T: Real>(t: T) -> T {
    let e = (-t.abs()).exp();
    if t >= T::zero() {
        T::one() / (T::one() + e)
    } else {
        e / (T::one() + e)
    }
}

/// The p up to 1/2 that maximizes $a p + \frac{d}{2} p^2 - \omega(p)$ for the binary Tsallis negentropy
/// $\omega$: where $a + d p = \gamma (p^{\alpha - 1} - (1 - p)^{\alpha - 1}) / (\alpha - 1)$.
fn lower_half<T: Real>(alpha: T, gamma: T, a: T, d: T) -> T {
    let (zero, one, half) = (T::zero(), T::one(), real::<T>(0.5));
    let e = alpha - one;
    let c = gamma / e;
    if a <= -c {
        return zero;
    }
    if alpha == real(1.5) && d == zero {
        // p = ((sqrt(2 - h^2) - h) / 2)^2 with h = -a / (2 gamma), without the cancellation.
        let h = -a / (gamma + gamma);
        let root = (one - h) * (one + h) / ((one + one - h * h).sqrt() + h);
        return root * root;
    }
    if e >= one {
        return root(zero, half, one, |p| {
            let rest = one - p;
            let slope = d - gamma * (p.powf(e - one) + rest.powf(e - one));
            (a + d * p - c * (p.powf(e) - rest.powf(e)), slope)
        });
    }
    // The slope in p is infinite at 0, that in x = p^e is not.
    let b = e.recip();
    let x = root(zero, half.powf(e), one, |x| {
        let p = x.powf(b);
        let (rest, inner) = (one - p, b * p / x.max(T::min_positive_value()));
        let slope = d * inner - c * (one + e * inner * rest.powf(e - one));
        (a + d * p - c * (x - rest.powf(e)), slope)
    });
    x.powf(b)
}
