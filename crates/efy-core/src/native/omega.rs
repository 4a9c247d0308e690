//! The regularizer's function of one coordinate, in the working precision.

use super::{Real, real};
use crate::regularizer::Separable;

/// $\omega$ on $[l, h]$.
#[derive(Clone, Copy)]
pub(super) struct Omega<T> {
    kind: Function<T>,
    low: T,
    high: T,
}

#[derive(Clone, Copy)]
enum Function<T> {
    Quadratic { curvature: T, slope: T },
    BinaryEntropy { gamma: T },
    OneSidedShannon { gamma: T },
}

impl<T: Real> Omega<T> {
    pub(super) fn new(omega: Separable, (low, high): (f64, f64)) -> Self {
        let kind = match omega {
            Separable::Quadratic { curvature, slope } => Function::Quadratic {
                curvature: real(curvature),
                slope: real(slope),
            },
            Separable::BinaryEntropy { gamma } => Function::BinaryEntropy { gamma: real(gamma) },
            Separable::OneSidedShannon { gamma } => {
                Function::OneSidedShannon { gamma: real(gamma) }
            }
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
    pub(super) fn maximize(&self, a: T, d: T) -> T {
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
                let (first, second) = (a / gamma, (a + d) / gamma);
                let t = root(first.min(second), first.max(second), |t| {
                    let p = sigmoid(t);
                    (a + d * p - gamma * t, d * p * (T::one() - p) - gamma)
                });
                sigmoid(t)
            }
            Function::OneSidedShannon { gamma } => {
                let (first, second) = (a / gamma - T::one(), (a + d) / gamma - T::one());
                let (low, high) = (first.min(second), first.max(second));
                let t = root(low.min(T::zero()), high.min(T::zero()), |t| {
                    let p = t.exp();
                    (a + d * p - gamma * (t + T::one()), d * p - gamma)
                });
                t.exp()
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
            let mut p = [T::zero(); L];
            for lane in 0..L {
                p[lane] = self.project((a[lane] - slope) / (curvature - d));
            }
            return p;
        }
        a.map(|a| self.maximize(a, d))
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
            Function::BinaryEntropy { gamma } => gamma * (xlogx(p) + xlogx(T::one() - p)),
            Function::OneSidedShannon { gamma } => gamma * xlogx(p),
        }
    }

    /// What a difference of values may lose, in units of the last place: $\gamma$ for entropies, nothing
    /// for quadratic functions.
    pub(super) fn scale(&self) -> T {
        match self.kind {
            Function::Quadratic { .. } => T::zero(),
            Function::BinaryEntropy { gamma } | Function::OneSidedShannon { gamma } => gamma,
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
        let inside = p.max(T::min_positive_value()).min(T::one() - T::epsilon());
        match self.kind {
            Function::Quadratic { curvature, slope } => curvature * p + slope,
            Function::BinaryEntropy { gamma } => gamma * (inside.ln() - (-inside).ln_1p()),
            Function::OneSidedShannon { gamma } => gamma * (inside.ln() + T::one()),
        }
    }

    /// The coordinate's part of the residual at p with $\theta = \partial\Phi(p)$, in every lane.
    #[inline(always)]
    pub(super) fn residual_lanes<const L: usize>(&self, p: &[T; L], theta: &[T; L]) -> [T; L] {
        let mut out = [T::zero(); L];
        match self.kind {
            Function::Quadratic { curvature, slope } => {
                for lane in 0..L {
                    let p = p[lane];
                    out[lane] = (self.project(p + (theta[lane] - curvature * p - slope)) - p).abs();
                }
            }
            _ => {
                for lane in 0..L {
                    out[lane] = (self.maximize(theta[lane], T::zero()) - p[lane]).abs();
                }
            }
        }
        out
    }

    /// The coordinate's part of $\Omega^*(\theta) + \Omega(p) - \langle\theta, p\rangle$.
    #[inline(always)]
    pub(super) fn fenchel_young(&self, p: T, theta: T) -> T {
        let q = self.maximize(theta, T::zero());
        (theta * (q - p) - self.difference(q, p)).max(T::zero())
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
        if vertex == p {
            T::zero()
        } else {
            (gradient * (vertex - p)).max(T::zero())
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

/// The root of a decreasing function between `low` and `high`, or the end nearest to it, by Newton
/// steps kept inside a shrinking bracket. Returns (value, slope).
#[inline(always)]
fn root<T: Real>(mut low: T, mut high: T, f: impl Fn(T) -> (T, T)) -> T {
    let half = real::<T>(0.5);
    let mut t = (low + high) * half;
    for _ in 0..100 {
        let (value, slope) = f(t);
        if value > T::zero() {
            low = t;
        } else {
            high = t;
        }
        let newton = t - value / slope;
        let next = if newton >= low && newton <= high {
            newton
        } else {
            (low + high) * half
        };
        let settled = (next - t).abs() <= T::epsilon() * t.abs().max(T::one());
        t = next;
        if settled {
            break;
        }
    }
    t
}
