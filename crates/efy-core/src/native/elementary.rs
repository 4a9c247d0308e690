//! The logistic functions by polynomials, so that a loop over lanes becomes vector instructions: a call
//! into the C library for every lane would take ten times as long.

use num_traits::Float;

/// $e^x$ and $\log(1 + x)$ where the logistic functions need them.
pub(crate) trait Elementary: Float {
    /// Up to here $e^x$ is a number.
    const MODERATE: Self;

    /// $e^x$ for $x$ up to [`MODERATE`](Self::MODERATE), to about one unit in the last place; the smallest normal number
    /// where it would be smaller.
    fn exp_of_moderate(self) -> Self;

    /// $\log(1 + x)$ for $0 \le x \le 1$, to about one unit in the last place.
    fn ln_1p_of_unit(self) -> Self;
}

macro_rules! elementary {
    (
        $type:ty, exponent: $lowest:literal to $highest:literal, $bias:literal, $mantissa:literal, $magic:literal,
        ln2: $ln2_high:literal + $ln2_low:literal, terms: $exp_terms:literal, $log_terms:literal
    ) => {
        impl Elementary for $type {
            const MODERATE: Self = $highest;

            /// $e^x = 2^n e^r$ with $|r| \le \frac12 \log 2$ and Taylor's polynomial for $e^r$.
            #[inline(always)]
            fn exp_of_moderate(self) -> Self {
                // Not `max`, which would drop a NaN.
                let x = if self < $lowest { $lowest } else { self };
                // Adding 1.5 * 2^mantissa leaves the nearest integer in the last bits.
                let shifted = x * std::f64::consts::LOG2_E as $type + $magic;
                let n = shifted - $magic;
                let r = (x - n * $ln2_high) - n * $ln2_low;
                let mut sum: $type = 1.0;
                let mut i = $exp_terms;
                while i > 0 {
                    sum = 1.0 + sum * r * (1.0 / i as $type);
                    i -= 1;
                }
                let scale = (shifted.to_bits() << $mantissa).wrapping_add($bias << $mantissa);
                sum * <$type>::from_bits(scale)
            }

            /// $2\,\mathrm{artanh}\, s = 2 (s + s^3/3 + s^5/5 + \dots)$ with $s = x/(2 + x) \le 1/3$.
            #[inline(always)]
            fn ln_1p_of_unit(self) -> Self {
                let s = self / (2.0 + self);
                let square = s * s;
                let mut sum: $type = 0.0;
                let mut i = $log_terms;
                while i > 0 {
                    sum = (sum + 1.0 / (2 * i + 1) as $type) * square;
                    i -= 1;
                }
                2.0 * s + 2.0 * s * sum
            }
        }
    };
}

// The two parts of log 2: n times the high one (355/512 in f32) is exact.
elementary!(f32, exponent: -87.336_54 to 88.0, 127, 23, 12_582_912.0,
    ln2: 0.693_359_4 + -2.121_944_4e-4, terms: 7, 8);
elementary!(f64, exponent: -708.396_418_532_264_1 to 709.0, 1023, 52, 6_755_399_441_055_744.0,
    ln2: 6.931_471_803_691_238e-1 + 1.908_214_929_270_587_7e-10, terms: 13, 17);

/// What a softplus unit and its derivatives are made of.
#[derive(Clone, Copy)]
pub(super) struct Softplus<T> {
    /// $\log(1 + e^t)$.
    pub(super) value: T,
    /// The sigmoid.
    pub(super) slope: T,
    /// Its derivative.
    pub(super) bend: T,
}

/// Softplus and its first two derivatives at t.
#[inline(always)]
pub(super) fn softplus<T: Elementary>(t: T) -> Softplus<T> {
    let (zero, one) = (T::zero(), T::one());
    let e = (-t.abs()).exp_of_moderate();
    let large = one / (one + e);
    let small = e * large;
    let positive = t >= zero;
    Softplus {
        value: if positive { t } else { zero } + e.ln_1p_of_unit(),
        slope: if positive { large } else { small },
        bend: large * small,
    }
}

/// [`softplus`] in every lane, each result in an array of its own: what vectorizes.
#[inline(always)]
pub(super) fn softplus_lanes<T: Elementary, const L: usize>(t: &[T; L]) -> Softplus<[T; L]> {
    let zeros = [T::zero(); L];
    let mut lanes = Softplus {
        value: zeros,
        slope: zeros,
        bend: zeros,
    };
    for (lane, &t) in t.iter().enumerate() {
        let unit = softplus(t);
        lanes.value[lane] = unit.value;
        lanes.slope[lane] = unit.slope;
        lanes.bend[lane] = unit.bend;
    }
    lanes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points from 0 to `last`, dense near 0.
    fn points(last: f64) -> impl Iterator<Item = f64> {
        (0..200_000).map(move |i| last * (f64::from(i) / 200_000.0).powi(3))
    }

    #[test]
    fn eq_exp_and_ln_1p_are_those_of_the_standard_library_to_two_units_in_the_last_place() {
        for x in points(-700.0).chain(points(f64::MODERATE)) {
            let error = x.exp_of_moderate() / x.exp() - 1.0;
            assert!(error.abs() <= 2.0 * f64::EPSILON, "exp {x}: {error:e}");
        }
        for x in points(-87.0).chain(points(f32::MODERATE.into())) {
            let x = x as f32;
            let error = f64::from(x.exp_of_moderate()) / f64::from(x).exp() - 1.0;
            assert!(
                error.abs() <= 2.0 * f64::from(f32::EPSILON),
                "exp {x}: {error:e}"
            );
        }
        for x in points(1.0).skip(1) {
            let error = x.ln_1p_of_unit() / x.ln_1p() - 1.0;
            assert!(error.abs() <= 2.0 * f64::EPSILON, "ln_1p {x}: {error:e}");
            let x = x as f32;
            let error = f64::from(x.ln_1p_of_unit()) / f64::from(x).ln_1p() - 1.0;
            assert!(
                error.abs() <= 2.0 * f64::from(f32::EPSILON),
                "ln_1p {x}: {error:e}"
            );
        }
    }

    #[test]
    fn softplus_keeps_its_limits_and_its_nan() {
        for (t, value, slope) in [(1e4, 1e4, 1.0), (-1e4, 0.0, 0.0)] {
            let found = softplus::<f64>(t);
            assert!((found.value - value).abs() < 1e-300 && (found.slope - slope).abs() < 1e-300);
            let found = softplus(t as f32);
            assert!((found.value - value as f32).abs() < 1e-37);
            assert!((found.slope - slope as f32).abs() < 1e-37);
        }
        let zero = softplus(0.0_f64);
        assert_eq!((zero.slope, zero.bend), (0.5, 0.25));
        assert!((zero.value - 2.0_f64.ln()).abs() < 1e-16);
        assert!(softplus(f64::NAN).value.is_nan() && softplus(f32::NAN).slope.is_nan());
    }
}
