//! $\alpha$-entmax: the Tsallis negentropy's regularized argmax on the simplex.

use tch::{Kind, Tensor};

use crate::native::{Real, RowKernel, real, root};

/// Steps of the batched Newton method, which is monotone and needs about ten.
const NEWTON_STEPS: usize = 25;
/// Steps of the batched bisection: what an f64 can tell apart.
const BISECTIONS: usize = 64;

/// $p_i = [(\alpha - 1)\theta_i - \tau]_+^{1/(\alpha - 1)}$ with $\tau$ such that $\sum_i p_i = 1$, for
/// $\alpha > 1$ (Peters, Niculae, Martins 2019).
///
/// With $x_i = (\alpha - 1)(\theta_i - \max\theta)$ the threshold lies in $[-1, -k^{1 - \alpha}]$, so that
/// everything below -1 has probability 0 and may be raised to -1: however far apart the elements of
/// $\theta$ are, $-\infty$ included, nothing overflows or cancels. For $\alpha \le 2$ the norm
/// $\|[x - \tau]_+\|_{1/(\alpha - 1)}$ is convex in $\tau$ and Newton's method from -1 increases to the
/// root; beyond, it is bracketed.
pub(crate) struct Entmax {
    pub(crate) alpha: f64,
    /// $\theta$ is multiplied by it.
    pub(crate) factor: f64,
}

impl Entmax {
    /// $1/(\alpha - 1)$.
    fn exponent(&self) -> f64 {
        (self.alpha - 1.0).recip()
    }
}

impl RowKernel for Entmax {
    fn cost(&self, _k: usize) -> usize {
        if self.alpha == 1.5 || self.alpha == 2.0 {
            16
        } else {
            256
        }
    }

    fn row<T: Real>(&self, theta: &[T], _number: T, p: &mut [T]) {
        let largest = theta.iter().fold(T::neg_infinity(), |m, &t| m.max(t));
        if !largest.is_finite() || theta.iter().any(|t| t.is_nan()) {
            return p.fill(T::nan());
        }
        let factor = real::<T>(self.factor) * real(self.alpha - 1.0);
        for (p, &theta) in p.iter_mut().zip(theta) {
            *p = ((theta - largest) * factor).max(-T::one());
        }
        let b: T = real(self.exponent());
        if self.alpha == 2.0 {
            let tau = newton(p, |u| (u, T::one()), |sum, count| (sum, count));
            finish(p, tau, |u| u);
        } else if self.alpha == 1.5 {
            let norm = |squares: T, sum: T| (squares.sqrt(), sum / squares.sqrt());
            let tau = newton(p, |u| (u * u, u), norm);
            finish(p, tau, |u| u * u);
        } else if self.alpha < 2.0 {
            let norm = |sum: T, lower: T| {
                let norm = sum.powf(b.recip());
                (norm, lower * norm / sum)
            };
            let tau = newton(p, |u| (u.powf(b), u.powf(b - T::one())), norm);
            finish(p, tau, |u| u.powf(b));
        } else {
            let high = -real::<T>(p.len() as f64).powf(-b.recip());
            let tau = root(-T::one(), high, T::min_positive_value(), |tau| {
                let (mut sum, mut slope) = (-T::one(), T::zero());
                for u in p.iter().map(|&x| x - tau).filter(|&u| u > T::zero()) {
                    let power = u.powf(b);
                    sum += power;
                    slope -= b * power / u;
                }
                (sum, slope)
            });
            p.iter_mut()
                .for_each(|x| *x = (*x - tau).max(T::zero()).powf(b));
            spread(p, real(self.alpha));
            finish(p, T::zero(), |p| p);
        }
    }

    fn batched(&self, theta: &Tensor, _number: &Tensor) -> Tensor {
        let largest = theta.amax([-1].as_slice(), true);
        let x = (theta - largest) * (self.factor * (self.alpha - 1.0));
        let x = x.clamp_min(-1.0);
        let tau = if self.alpha == 2.0 || self.alpha == 1.5 {
            self.sorted_threshold(&x)
        } else {
            self.searched_threshold(&x)
        };
        let mut p = (x - tau).clamp_min(0.0).pow_tensor_scalar(self.exponent());
        if self.alpha > 2.0 {
            // As `spread`.
            let outside = p.le(0.0);
            let smallest = p.masked_fill(&outside, f64::INFINITY);
            let slopes = smallest.amin([-1].as_slice(), true) / &p;
            let slopes = slopes.pow_tensor_scalar(self.alpha - 2.0);
            let slopes = slopes.masked_fill(&outside, 0.0);
            let missing: Tensor = 1.0 - p.sum_dim_intlist(-1, true, None::<Kind>);
            let step = missing / slopes.sum_dim_intlist(-1, true, None::<Kind>);
            p = (p + step * slopes).clamp_min(0.0);
        }
        &p / p.sum_dim_intlist(-1, true, None)
    }
}

/// Newton's method for a norm of $[x - \tau]_+$ to be 1, from $\tau = -1$ up. `terms` are what an
/// element adds to two sums, from which `norm` makes the norm and minus its slope.
#[inline(always)]
fn newton<T: Real>(x: &[T], terms: impl Fn(T) -> (T, T), norm: impl Fn(T, T) -> (T, T)) -> T {
    let mut tau = -T::one();
    for _ in 0..100 {
        let (mut first, mut second) = (T::zero(), T::zero());
        for u in x.iter().map(|&x| x - tau).filter(|&u| u > T::zero()) {
            let (a, b) = terms(u);
            first += a;
            second += b;
        }
        let (norm, slope) = norm(first, second);
        let next = tau + (norm - T::one()) / slope;
        if next <= tau {
            break;
        }
        tau = next;
    }
    tau
}

/// What p lacks of a sum of 1, for $\alpha > 2$, in proportion to $-\partial p_i / \partial\tau \propto p_i^{2 - \alpha}$: a
/// threshold is at best one of two neighbours among floats, between which small elements jump.
#[inline(always)]
fn spread<T: Real>(p: &mut [T], alpha: T) {
    let (mut sum, mut smallest) = (T::zero(), T::infinity());
    for &p in p.iter().filter(|&&p| p > T::zero()) {
        sum += p;
        smallest = smallest.min(p);
    }
    // At most 1.
    let slope = |p: T| (smallest / p).powf(alpha - real(2.0));
    let support = p.iter().filter(|&&p| p > T::zero());
    let slopes = support.fold(T::zero(), |sum, &p| sum + slope(p));
    let step = (T::one() - sum) / slopes;
    for p in p.iter_mut().filter(|p| **p > T::zero()) {
        *p = (*p + step * slope(*p)).max(T::zero());
    }
}

/// `x` becomes $[x - \tau]_+$ to the power, normalized.
#[inline(always)]
fn finish<T: Real>(x: &mut [T], tau: T, power: impl Fn(T) -> T) {
    let mut sum = T::zero();
    for x in x.iter_mut() {
        let u = *x - tau;
        *x = if u > T::zero() { power(u) } else { T::zero() };
        sum += *x;
    }
    x.iter_mut().for_each(|x| *x /= sum);
}

impl Entmax {
    /// The threshold of $\alpha$ = 2 or 1.5 by sorting (Held et al. 1974; Peters et al. 2019): of the
    /// candidates for 1, 2, ... elements in the support, the last that is below its own element.
    fn sorted_threshold(&self, x: &Tensor) -> Tensor {
        let (sorted, _) = x.sort(-1, true);
        let k = x.size()[x.dim() - 1];
        let count = Tensor::arange(k, (x.kind(), x.device())) + 1.0;
        let mean = sorted.cumsum(-1, None::<Kind>) / &count;
        let candidates = if self.alpha == 2.0 {
            mean - count.reciprocal()
        } else {
            // Of the variance, from a mean of squares.
            let squares = sorted.square().cumsum(-1, None::<Kind>) / &count;
            let excess = (count.reciprocal() - squares + mean.square()).clamp_min(0.0);
            mean - excess.sqrt()
        };
        let support = candidates
            .lt_tensor(&sorted)
            .sum_dim_intlist(-1, true, Kind::Int64);
        let tau = candidates.gather(-1, &(support - 1).clamp_min(0), false);
        self.step(x, &tau)
    }

    fn searched_threshold(&self, x: &Tensor) -> Tensor {
        let shape = [x.size()[0], 1];
        let mut low = Tensor::full(shape, -1.0, (x.kind(), x.device()));
        if self.alpha < 2.0 {
            return (0..NEWTON_STEPS).fold(low, |tau, _| self.step(x, &tau));
        }
        let k = x.size()[1] as f64;
        let mut high = low.full_like(-k.powf(1.0 - self.alpha));
        for _ in 0..BISECTIONS {
            let middle = (&low + &high) * 0.5;
            let u = (x - &middle).clamp_min(0.0);
            let sum = u
                .pow_tensor_scalar(self.exponent())
                .sum_dim_intlist(-1, true, None);
            let right = sum.gt(1.0);
            low = middle.where_self(&right, &low);
            high = high.where_self(&right, &middle);
        }
        low
    }

    /// A Newton step for the norm of $[x - \tau]_+$ to be 1.
    fn step(&self, x: &Tensor, tau: &Tensor) -> Tensor {
        let b = self.exponent();
        let u = (x - tau).clamp_min(0.0);
        let sum = |power: f64| {
            let terms = match power {
                0.0 => u.gt(0.0).to_kind(u.kind()),
                1.0 => u.shallow_clone(),
                _ => u.pow_tensor_scalar(power),
            };
            terms.sum_dim_intlist(-1, true, None)
        };
        let total = sum(b);
        let norm = total.pow_tensor_scalar(self.alpha - 1.0);
        tau + (&norm - 1.0) * total / (sum(b - 1.0) * norm)
    }
}
