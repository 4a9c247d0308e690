//! Reading and comparing results, on the device that they have to be on.

use efy_core::device::read;
use tch::{Kind, Tensor};

use crate::place::{device, kind, on_cpu};

/// What stands for this tolerance in f64, in the type of the running test: the same share of its digits.
///
/// $\epsilon_{32} = \epsilon_{64}^{0.4425}$, so that 1e-12 becomes 5e-6, 1e-9 becomes 1e-4, and 0 stays 0.
///
/// # Panics
/// As [`crate::place`].
pub fn tolerance(double: f64) -> f64 {
    match kind() {
        Kind::Double => double,
        _ => double.powf(f64::from(f32::EPSILON).ln() / f64::EPSILON.ln()),
    }
}

/// Asserts that a result is where the running test is.
///
/// # Panics
/// If it is on another device; as [`crate::place`].
#[track_caller]
pub fn assert_here(context: &str, found: &Tensor) {
    let (found, expected) = (found.device(), device());
    assert!(
        found == expected,
        "{context}: the result is on {found:?}, the test on {expected:?}"
    );
}

/// The elements of a result, which has to be where the running test is.
///
/// # Panics
/// As [`assert_here`].
#[track_caller]
pub fn values(found: &Tensor) -> Vec<f64> {
    assert_here("values", found);
    read::to_vec(found).unwrap()
}

/// The one element of a result, which has to be where the running test is.
///
/// # Panics
/// As [`assert_here`], and where there is not exactly one.
#[track_caller]
pub fn number(found: &Tensor) -> f64 {
    assert_here("number", found);
    read::scalar(found).unwrap()
}

/// The elements of a condition, which has to be where the running test is.
///
/// # Panics
/// As [`assert_here`].
#[track_caller]
pub fn flags(found: &Tensor) -> Vec<bool> {
    assert_here("flags", found);
    read::to_vec(found).unwrap()
}

/// The bits of a result, for what has to be the same to the last one.
///
/// # Panics
/// As [`assert_here`].
#[track_caller]
pub fn bits(found: &Tensor) -> Vec<u64> {
    values(found).into_iter().map(f64::to_bits).collect()
}

/// Asserts that a row alone is what it is in a batch: to the last bit on the CPU, where native loops see to
/// it, and to rounding elsewhere, since libraries choose a kernel by the size of the batch.
///
/// # Panics
/// If it is not; as [`crate::place`].
#[track_caller]
pub fn assert_same_row(context: &str, found: &Tensor, expected: &Tensor, double: f64) {
    if on_cpu() {
        assert_eq!(bits(found), bits(expected), "{context}");
    } else {
        assert_close(context, found, expected, double);
    }
}

/// Asserts that two tensors differ by no more than [`tolerance`]`(double)` times the larger of 1 and what is
/// expected, and that the one that was found is where the running test is.
///
/// # Panics
/// If not; as [`crate::place`].
#[track_caller]
pub fn assert_close(context: &str, found: &Tensor, expected: &Tensor, double: f64) {
    assert_here(context, found);
    let tolerance = tolerance(double);
    let found: Vec<f64> = read::to_vec(found).unwrap();
    let expected: Vec<f64> = read::to_vec(expected).unwrap();
    assert_eq!(
        found.len(),
        expected.len(),
        "{context}: {found:?} {expected:?}"
    );
    for (found_i, expected_i) in found.iter().zip(&expected) {
        let close = (found_i - expected_i).abs() <= tolerance * expected_i.abs().max(1.0);
        assert!(
            close,
            "{context}: found {found:?}, expected {expected:?}, tolerance {tolerance}"
        );
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::{everywhere, tensor};

    #[everywhere]
    fn a_tolerance_keeps_its_share_of_the_digits() {
        let (unit, ulp) = match kind() {
            Kind::Double => (f64::EPSILON, 1e-12),
            _ => (f64::from(f32::EPSILON), 4.9e-6),
        };
        assert!((tolerance(f64::EPSILON) / unit - 1.0).abs() < 1e-12);
        assert!((tolerance(1e-12) / ulp - 1.0).abs() < 0.01);
        assert_eq!(tolerance(0.0), 0.0);
    }

    #[everywhere]
    fn what_differs_or_is_elsewhere_is_found() {
        let (one, close) = (tensor(&[1.0, 2.0]), tensor(&[1.0, 2.0 + 1e-5]));
        assert_close("same", &one, &one, 0.0);
        assert_close("close", &one, &close, 1e-5);
        let differs = || assert_close("differs", &one, &close, 1e-13);
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(differs)).is_err());
        let elsewhere = one.to_device(Device::Cpu);
        let elsewhere = || assert_close("elsewhere", &elsewhere, &one, 1.0);
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(elsewhere));
        assert_eq!(found.is_err(), device() != Device::Cpu);
    }
}
