//! Densities that are known, to learn from: shallow networks on the sphere with few neurons, and exact samples of them.

mod rejection;

pub use rejection::{Rejection, upper_bound};

use tch::{Device, Kind, Tensor};

use crate::Result;
use crate::error::positive_integer;
use crate::estimate::Density;
use crate::shallow::{Activation, Shallow, Space, normalized};

/// A density $\propto e^{-f}$ on the sphere, with $f(x) = \frac1m \sum_k a_k \sigma(\langle z_k, x\rangle)$.
///
/// Those of the paper have two rectifiers with both $a_k = -10$ (*source*: the authors' scripts):
///
/// | | sphere | angle of the neurons | KL to the uniform law |
/// |---|---|---|---|
/// | [`bimodal_s2`](Teacher::bimodal_s2) | $S^2$ | 146.24° | 0.63253 |
/// | [`monomodal_s2`](Teacher::monomodal_s2) | $S^2$ | 90.23° | 1.31603 |
/// | [`bimodal_s14`](Teacher::bimodal_s14), "new" | $S^{14}$ | 164.15° | 0.38129 |
/// | [`monomodal_s14`](Teacher::monomodal_s14), "old" | $S^{14}$ | 78.45° | 1.12933 |
#[derive(Debug)]
pub struct Teacher {
    network: Shallow,
    rejection: Rejection,
}

/// The neurons of both teachers on $S^{14}$ begin with this one.
const S14: [f64; 15] = [
    -0.1581, -0.1232, -0.1913, 0.4161, 0.4344, 0.1045, 0.3137, 0.2839, 0.1072, 0.1849, -0.2719,
    -0.1624, -0.0897, -0.2070, 0.4179,
];
const S14_OLD: [f64; 15] = [
    0.5860, 0.1702, -0.1274, 0.0954, 0.1495, 0.1055, 0.2156, 0.1797, -0.1128, 0.0606, -0.1669,
    0.0621, -0.4499, 0.4556, 0.1786,
];
const S14_NEW: [f64; 15] = [
    0.1901, 0.0444, 0.1050, -0.4427, -0.4244, -0.0265, -0.2217, -0.2021, 0.0412, -0.2631, 0.3599,
    0.1848, 0.0721, 0.2579, -0.4216,
];

impl Teacher {
    /// Of any network on the sphere; its samples are exact, but slow to come by where the bound of [`upper_bound`] is loose.
    ///
    /// # Errors
    /// As [`Rejection::new`].
    pub fn new(network: Shallow) -> Result<Self> {
        let rejection = Rejection::new(&network, 1.0)?;
        Ok(Teacher { network, rejection })
    }

    /// Of rectifiers: neurons in rows, brought to unit length, and an amplitude $a_k$ for each.
    ///
    /// # Errors
    /// As [`Shallow::new`] and [`Rejection::new`].
    pub fn of_neurons(
        neurons: &Tensor,
        amplitudes: &[f64],
        (kind, device): (Kind, Device),
    ) -> Result<Self> {
        positive_integer("amplitudes", amplitudes.len() as i64)?;
        let neurons = normalized(&neurons.f_to_kind(Kind::Double)?)
            .f_to_kind(kind)?
            .f_to_device(device)?;
        let amplitudes = Tensor::f_from_slice(amplitudes)?
            .f_to_kind(kind)?
            .f_to_device(device)?;
        // A charge of 0 would be no charge; a weight of 0 is none either way.
        let charges = amplitudes.ge(0.0).f_to_kind(kind)? * 2.0 - 1.0;
        let network = Shallow::new(
            Space::Sphere,
            Activation::RELU,
            neurons,
            amplitudes.abs(),
            charges,
        )?;
        Teacher::new(network)
    }

    fn of_paper(neurons: [&[f64]; 2], place: (Kind, Device)) -> Result<Self> {
        let d = neurons[0].len() as i64;
        let neurons = Tensor::f_from_slice(&neurons.concat())?.f_view([2, d])?;
        Teacher::of_neurons(&neurons, &[-10.0, -10.0], place)
    }

    /// Two modes on $S^2$.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] when the device cannot be used; so for the others.
    pub fn bimodal_s2(place: (Kind, Device)) -> Result<Self> {
        let neurons: [&[f64]; 2] = [&[-0.4907, 0.7621, 0.4224], &[0.4253, -0.3558, -0.8321]];
        Teacher::of_paper(neurons, place)
    }

    /// One mode on $S^2$, between its two neurons.
    ///
    /// # Errors
    /// As [`Teacher::bimodal_s2`].
    pub fn monomodal_s2(place: (Kind, Device)) -> Result<Self> {
        let neurons: [&[f64]; 2] = [&[-0.1685, 0.9065, -0.3871], &[-0.3475, 0.3090, 0.8853]];
        Teacher::of_paper(neurons, place)
    }

    /// Two modes on $S^{14}$: "new" in the authors' scripts.
    ///
    /// # Errors
    /// As [`Teacher::bimodal_s2`].
    pub fn bimodal_s14(place: (Kind, Device)) -> Result<Self> {
        Teacher::of_paper([&S14, &S14_NEW], place)
    }

    /// One mode on $S^{14}$: "old" in the authors' scripts.
    ///
    /// # Errors
    /// As [`Teacher::bimodal_s2`].
    pub fn monomodal_s14(place: (Kind, Device)) -> Result<Self> {
        Teacher::of_paper([&S14, &S14_OLD], place)
    }

    /// f.
    pub fn network(&self) -> &Shallow {
        &self.network
    }

    /// The density, at $\beta = 1$.
    pub fn density(&self) -> Density<'_> {
        Density {
            network: &self.network,
            beta: 1.0,
        }
    }

    /// n independent points `[n, d]`: the first n of the endless sequence number `set` of a seed. Sets are independent of each
    /// other: one to learn from, one to test on.
    ///
    /// # Errors
    /// As [`Rejection::sample`].
    pub fn sample(&self, n: i64, seed: u64, set: u64) -> Result<Tensor> {
        self.rejection.sample(&self.network, n, seed, set)
    }
}
