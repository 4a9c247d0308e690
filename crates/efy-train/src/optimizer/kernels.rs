//! The loops over slices. They are compiled for wider vectors as well and picked at run time; none uses
//! fused multiply-adds, so that they round alike.

use multiversion::multiversion;
use num_traits::Float;
use tch::kind::Element;

/// Sums that are formed side by side, in an order that no vector width changes.
const LANES: usize = 16;

/// f32 or f64.
pub(super) trait Real: Float + Element + Into<f64> + std::fmt::Debug + Send + Sync {}
impl Real for f32 {}
impl Real for f64 {}

/// A number in the working precision.
pub(super) fn real<T: Real>(value: f64) -> T {
    T::from(value).unwrap_or_else(T::nan)
}

/// What every update has.
pub(super) struct Descent<T> {
    /// What the gradient is multiplied with.
    pub(super) scale: T,
    /// $\lambda$ where weight decay is a part of the gradient.
    pub(super) coupled: T,
    /// $\eta \lambda$ where it stands beside it.
    pub(super) decoupled: T,
    pub(super) rate: T,
}

/// Adam's: how much of a new value its averages take.
pub(super) struct Averages<T> {
    pub(super) first: T,
    pub(super) second: T,
    pub(super) epsilon: T,
}

/// That of gradient descent.
pub(super) struct Momentum<T> {
    pub(super) factor: T,
    pub(super) nesterov: bool,
}

/// $\sum_i g_i^2$, in f64 for f32, too: it is infinite or not a number when a value is, and overflows for
/// no finite one of f32.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub(super) fn sum_of_squares<T: Real>(values: &[T]) -> f64 {
    let mut lanes = [0.0; LANES];
    let blocks = values.chunks_exact(LANES);
    let rest = blocks.remainder();
    for block in blocks {
        for (sum, &value) in lanes.iter_mut().zip(block) {
            let value: f64 = value.into();
            *sum += value * value;
        }
    }
    let square = |&value: &T| -> f64 {
        let value: f64 = value.into();
        value * value
    };
    lanes.iter().sum::<f64>() + rest.iter().map(square).sum::<f64>()
}

/// The gradient that a weight follows: scaled, with its weight decay.
#[inline(always)]
fn slope<T: Real, const DECAYS: bool>(gradient: T, weight: T, decay: T, descent: &Descent<T>) -> T {
    let gradient = gradient * descent.scale;
    if DECAYS {
        gradient + descent.coupled * decay * weight
    } else {
        gradient
    }
}

/// A weight after the decay that stands beside the gradient.
#[inline(always)]
fn shrunk<T: Real, const DECAYS: bool>(weight: T, decay: T, descent: &Descent<T>) -> T {
    if DECAYS {
        weight - descent.decoupled * decay * weight
    } else {
        weight
    }
}

/// Adam and AdamW; `decays` is empty when there is no weight decay.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub(super) fn adam<T: Real>(
    weights: &mut [T],
    gradient: &[T],
    first: &mut [T],
    second: &mut [T],
    decays: &[T],
    descent: &Descent<T>,
    averages: &Averages<T>,
) {
    #[inline(always)]
    fn run<T: Real, const DECAYS: bool>(
        weights: &mut [T],
        (gradient, decays): (&[T], &[T]),
        (first, second): (&mut [T], &mut [T]),
        descent: &Descent<T>,
        averages: &Averages<T>,
    ) {
        let inputs = gradient.iter().zip(decays);
        let moments = first.iter_mut().zip(second);
        for ((weight, (&gradient, &decay)), (first, second)) in
            weights.iter_mut().zip(inputs).zip(moments)
        {
            let slope = slope::<T, DECAYS>(gradient, *weight, decay, descent);
            *first = *first + averages.first * (slope - *first);
            *second = *second + averages.second * (slope * slope - *second);
            let step = *first * descent.rate / (second.sqrt() + averages.epsilon);
            *weight = shrunk::<T, DECAYS>(*weight, decay, descent) - step;
        }
    }
    let moments = (first, second);
    if decays.is_empty() {
        run::<T, false>(weights, (gradient, gradient), moments, descent, averages);
    } else {
        run::<T, true>(weights, (gradient, decays), moments, descent, averages);
    }
}

/// Gradient descent with momentum.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub(super) fn momentum<T: Real>(
    weights: &mut [T],
    gradient: &[T],
    velocity: &mut [T],
    decays: &[T],
    descent: &Descent<T>,
    momentum: &Momentum<T>,
) {
    #[inline(always)]
    fn run<T: Real, const DECAYS: bool, const NESTEROV: bool>(
        weights: &mut [T],
        (gradient, decays): (&[T], &[T]),
        velocity: &mut [T],
        descent: &Descent<T>,
        factor: T,
    ) {
        let inputs = gradient.iter().zip(decays);
        for ((weight, (&gradient, &decay)), velocity) in
            weights.iter_mut().zip(inputs).zip(velocity)
        {
            let slope = slope::<T, DECAYS>(gradient, *weight, decay, descent);
            *velocity = factor * *velocity + slope;
            let direction = if NESTEROV {
                slope + factor * *velocity
            } else {
                *velocity
            };
            *weight = *weight - descent.rate * direction;
        }
    }
    let factor = momentum.factor;
    let plain = (gradient, gradient);
    let both = (gradient, decays);
    match (decays.is_empty(), momentum.nesterov) {
        (true, false) => run::<T, false, false>(weights, plain, velocity, descent, factor),
        (true, true) => run::<T, false, true>(weights, plain, velocity, descent, factor),
        (false, false) => run::<T, true, false>(weights, both, velocity, descent, factor),
        (false, true) => run::<T, true, true>(weights, both, velocity, descent, factor),
    }
}

/// Gradient descent.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub(super) fn plain<T: Real>(
    weights: &mut [T],
    gradient: &[T],
    decays: &[T],
    descent: &Descent<T>,
) {
    if decays.is_empty() {
        for (weight, &gradient) in weights.iter_mut().zip(gradient) {
            *weight = *weight - descent.rate * (gradient * descent.scale);
        }
    } else {
        for ((weight, &gradient), &decay) in weights.iter_mut().zip(gradient).zip(decays) {
            let slope = slope::<T, true>(gradient, *weight, decay, descent);
            *weight = *weight - descent.rate * slope;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_are_summed_whatever_the_length_and_show_what_is_not_finite() {
        for length in [0, 1, 15, 16, 17, 100] {
            let values: Vec<f64> = (0..length).map(|i| f64::from(i) - 3.0).collect();
            let expected: f64 = values.iter().map(|value| value * value).sum();
            assert_eq!(
                sum_of_squares(&values),
                expected,
                "small integers are exact"
            );
            for (place, bad) in [(0, f64::NAN), (length - 1, f64::NEG_INFINITY)] {
                let Ok(place) = usize::try_from(place) else {
                    continue;
                };
                let mut values = values.clone();
                if let Some(value) = values.get_mut(place) {
                    *value = bad;
                    assert!(!sum_of_squares(&values).is_finite());
                }
            }
        }
        let large = sum_of_squares(&[f32::MAX; 3]);
        assert!(large.is_finite() && large > f64::from(f32::MAX), "{large}");
    }
}
