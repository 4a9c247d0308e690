//! How far a density is from another one: estimators of the quantities that densities are judged by, each with its error bar.
//!
//! | | of what | from |
//! |---|---|---|
//! | [`Quadrature`] | $\log Z$, KL, Fisher | nodes and weights: circle, sphere $S^2$, line, plane, tori; [`Quadrature::plane`] for two neurons in any dimension |
//! | [`kullback_leibler`], [`fisher`] | KL, Fisher | points of the first density |
//! | [`cross_entropy`] | held-out likelihood | test points and an estimate of $\log Z$ |
//! | [`log_partition`], [`Annealed`] | $\log Z$ | points of the base measure; chains that are cooled |
//! | [`mmd_squared`], [`energy_distance`] | two sets of points | all pairs |
//! | [`total_variation`], [`alignment`] | the neurons | themselves |
//!
//! A density is that of a [`Shallow`] network at an inverse temperature, [`Density`], always with respect to the base
//! measure $\tau$ of the network's space. Nothing is read back: an [`Estimate`] is two scalars on the device, and
//! [`Estimate::read`] is for when a number is wanted. Sums are made in f64.
//!
//! ```
//! use efy_core::estimate::{Density, Quadrature, kullback_leibler};
//! use efy_core::teacher::Teacher;
//! use tch::{Device, Kind};
//! let place = (Kind::Double, Device::Cpu);
//! let teacher = Teacher::bimodal_s2(place)?;
//! let uniform = Density { beta: 0.0, ..teacher.density() };
//! let rule = Quadrature::of(teacher.network(), 64)?;
//! let exact = rule.kullback_leibler(&teacher.density(), &uniform)?.read()?;
//! let points = teacher.sample(4000, 7, 0)?;
//! let sampled = kullback_leibler(&teacher.density(), &uniform, &points)?.read()?;
//! assert!((exact.value - 0.63253).abs() < 1e-3);
//! assert!((sampled.value - exact.value).abs() < 5.0 * sampled.standard_error);
//! # Ok::<(), efy_core::Error>(())
//! ```

mod annealed;
mod density;
mod distance;
mod points;
mod quadrature;
mod rules;

pub use annealed::Annealed;
pub use density::Density;
pub use distance::{energy_distance, mmd_squared};
pub use points::{base_sample, cross_entropy, fisher, kullback_leibler, log_partition};
pub use quadrature::Quadrature;

use tch::{Kind, Tensor};

use crate::Result;
use crate::device::read;
use crate::shallow::{Shallow, normalized};

/// A number on the device and how uncertain it is: both scalars, f64.
#[derive(Debug)]
pub struct Estimate {
    /// The estimate.
    pub value: Tensor,
    /// Its standard error; for quadrature the distance to the value of a rule with half as many nodes an axis.
    pub standard_error: Tensor,
}

/// An [`Estimate`] on the host.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// The estimate.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
}

impl Estimate {
    /// The mean of independent numbers `[n]`, and their standard deviation over $\sqrt n$.
    pub fn mean(samples: &Tensor) -> Estimate {
        let samples = samples.to_kind(Kind::Double);
        Estimate {
            value: samples.mean(None),
            standard_error: error_of_mean(&samples),
        }
    }

    /// $\log \frac1n \sum_i e^{l_i}$ of independent $l$ `[n]`; the error is that of the mean, to first order.
    pub fn log_mean_exp(logs: &Tensor) -> Estimate {
        let (value, weights) = log_mean_exp(&logs.to_kind(Kind::Double));
        Estimate {
            value,
            standard_error: error_of_mean(&weights),
        }
    }

    /// What is known exactly.
    pub fn exact(value: &Tensor) -> Estimate {
        let value = value.to_kind(Kind::Double);
        Estimate {
            standard_error: value.zeros_like(),
            value,
        }
    }

    /// The sum of independent estimates.
    pub fn plus(&self, other: &Estimate) -> Estimate {
        let variance = self.standard_error.square() + other.standard_error.square();
        Estimate {
            value: &self.value + &other.value,
            standard_error: variance.sqrt(),
        }
    }

    /// `factor` times the estimate.
    pub fn times(&self, factor: f64) -> Estimate {
        Estimate {
            value: &self.value * factor,
            standard_error: &self.standard_error * factor.abs(),
        }
    }

    /// Both numbers, in one read.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] when libtorch fails.
    pub fn read(&self) -> Result<Reading> {
        let both = Tensor::f_stack(&[&self.value, &self.standard_error], 0)?;
        let numbers: Vec<f64> = read::to_vec(&both)?;
        Ok(Reading {
            value: numbers[0],
            standard_error: numbers[1],
        })
    }
}

/// $\frac1m \sum_j w_j$, the total variation of the measure of neurons: known, not estimated.
pub fn total_variation(network: &Shallow) -> Estimate {
    Estimate::exact(&network.total_variation())
}

/// For each neuron of the teacher the largest cosine of a neuron of the student, `[m]`: 1 where it has been found.
///
/// # Errors
/// Networks whose neurons differ in length, kind or device.
pub fn alignment(teacher: &Shallow, student: &Shallow) -> Result<Tensor> {
    let theirs = normalized(teacher.neurons());
    let cosines = theirs.f_mm(&normalized(student.neurons()).tr())?;
    Ok(cosines.amax([1], false))
}

/// The standard error of the mean of `[n]`.
fn error_of_mean(samples: &Tensor) -> Tensor {
    (samples.var(true) / samples.size()[0] as f64).sqrt()
}

/// $\log \frac1n \sum_i e^{l_i}$, and $e^{l_i}$ divided by their mean, `[n]`.
fn log_mean_exp(logs: &Tensor) -> (Tensor, Tensor) {
    let value = logs.logsumexp([0], false) - (logs.size()[0] as f64).ln();
    let weights = (logs - &value).exp();
    (value, weights)
}
