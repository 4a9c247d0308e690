//! Roots of a function of one number.

use super::{Real, real};

/// Enough to halve any bracket of f64 down to neighbours.
const MOST_STEPS: usize = 200;

/// The root of a decreasing function between `low` and `high`, or the end nearest to it, by Newton
/// steps that give way to bisection where they leave the bracket or do not halve. `f` returns (value,
/// slope), and the root is NaN where the value is; it is settled when a step is one rounding of it, or of `floor` if that is larger.
#[inline(always)]
pub(crate) fn root<T: Real>(mut low: T, mut high: T, floor: T, f: impl Fn(T) -> (T, T)) -> T {
    let half = real::<T>(0.5);
    let mut t = low + (high - low) * half;
    // The last two moves.
    let (mut before, mut last) = (high - low, high - low);
    for _ in 0..MOST_STEPS {
        let (value, slope) = f(t);
        if value.is_nan() {
            return value;
        }
        if value > T::zero() {
            low = t;
        } else {
            high = t;
        }
        let newton = t - value / slope;
        let trusted = newton >= low && newton <= high && (newton - t).abs() <= before * half;
        let next = if trusted {
            newton
        } else {
            low + (high - low) * half
        };
        (before, last) = (last, (next - t).abs());
        t = next;
        if last <= T::epsilon() * t.abs().max(floor) {
            break;
        }
    }
    t
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steep_flat_and_kinked_functions_have_their_roots_found() {
        // Newton alone runs away on the first, crawls on the second and cycles on the third.
        let sigmoid = |t: f64| 0.5 - 1.0 / (1.0 + (-t).exp());
        type Function<'a> = &'a dyn Fn(f64) -> (f64, f64);
        let cases: [(Function<'_>, f64); 3] = [
            (
                &|t| (sigmoid(t - 3.0), -(0.25 - sigmoid(t - 3.0).powi(2))),
                3.0,
            ),
            (&|t| (-(t - 0.7).powi(21), -21.0 * (t - 0.7).powi(20)), 0.7),
            (
                &|t| {
                    let d: f64 = t - 0.3;
                    (-d.signum() * d.abs().sqrt(), -0.5 / d.abs().sqrt())
                },
                0.3,
            ),
        ];
        for (f, expected) in cases {
            let found = root(-1000.0, 900.0, 0.0, f);
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
    }

    #[test]
    fn without_a_root_the_nearer_end_is_returned() {
        assert!((root(0.0, 1.0, 0.0, |t| (2.0 - t, -1.0)) - 1.0_f64).abs() < 1e-12);
        assert!(root(0.0, 1.0, 1.0, |t| (-1.0 - t, -1.0)) < 1e-12_f64);
    }
}
