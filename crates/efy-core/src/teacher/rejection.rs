//! Exact samples by rejection.

use tch::{Kind, Tensor};

use crate::device::read;
use crate::random::{Stream, uniform};
use crate::shallow::{Activation, Shallow, Space};
use crate::{Error, Result, native};

/// Proposals at a time.
const PROPOSALS: i64 = 1 << 16;
/// Sets of one seed are this many rounds apart.
const ROUNDS: u64 = 1 << 32;
/// Rounds without a single point after which there is none to hope for: one in 16 million proposals.
const FRUITLESS: u64 = 256;
/// Neurons whose subsets are all looked at.
const SUBSETS: usize = 16;

/// Points of $\propto e^{-\beta f} d\tau$, drawn from $\tau$ and kept with probability $e^{-\beta f - b}$ where
/// $b \ge \max(-\beta f)$.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rejection {
    beta: f64,
    bound: f64,
}

impl Rejection {
    /// For a network on the sphere or the torus, with b from [`upper_bound`]. Reads the network.
    ///
    /// # Errors
    /// [`Error::Parameter`] for $R^d$, where a network is not bounded, and for $\beta$ that is negative.
    pub fn new(network: &Shallow, beta: f64) -> Result<Self> {
        if !(beta.is_finite() && beta >= 0.0) {
            return Err(Error::Parameter {
                name: "beta",
                expected: "a number of at least 0",
                found: beta.to_string(),
            });
        }
        let bound = beta * upper_bound(network)?;
        // The bound is attained, and rounding may go above it.
        let slack = match network.place().0 {
            Kind::Double => 1e-12,
            _ => 1e-5,
        };
        Ok(Rejection {
            beta,
            bound: bound + slack * (1.0 + bound.abs()),
        })
    }

    /// b.
    pub fn bound(&self) -> f64 {
        self.bound
    }

    /// n independent points `[n, d]`, the first n of the endless sequence number `set` of a seed. Reads once for every 65536 proposals.
    ///
    /// # Errors
    /// [`Error::Parameter`] where 16 million proposals in a row were rejected.
    pub fn sample(&self, network: &Shallow, n: i64, seed: u64, set: u64) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let (place, d) = (network.place(), network.dimension());
        let mut accepted = vec![Tensor::f_zeros([0, d], place)?];
        let (mut count, mut fruitless) = (0, 0);
        for round in set * ROUNDS.. {
            if count >= n {
                break;
            }
            let z =
                native::normal::tensor((seed, Stream::Proposals, round), (PROPOSALS, d), place)?;
            let x = network.space().from_gaussian(&z);
            let stream = (seed, Stream::ProposalAcceptance);
            let u = uniform(stream, (round, 1), PROPOSALS, place.1)?.squeeze_dim(0);
            let log = network.energy(&x)?.to_kind(Kind::Double) * -self.beta - self.bound;
            let kept: Vec<u8> = read::to_vec(&u.log().le_tensor(&log).to_kind(Kind::Uint8))?;
            let rows: Vec<i64> = (kept.iter().enumerate())
                .filter(|&(_, &kept)| kept != 0)
                .map(|(row, _)| row as i64)
                .take((n - count) as usize)
                .collect();
            fruitless = if rows.is_empty() { fruitless + 1 } else { 0 };
            if fruitless == FRUITLESS {
                return Err(Error::Parameter {
                    name: "rejection",
                    expected: "one proposal in 16 million to be accepted; use Langevin dynamics",
                    found: format!("none, with the bound {:.1} of the log density", self.bound),
                });
            }
            count += rows.len() as i64;
            accepted.push(x.index_select(0, &Tensor::f_from_slice(&rows)?.f_to_device(place.1)?));
        }
        Ok(Tensor::f_cat(&accepted, 0)?)
    }
}

/// A number that $-f$ is nowhere above, for a network with neurons of unit length on the sphere or the torus.
///
/// Neurons with positive charge are left to their least value. For rectifiers $\sum_j a_j \max(0, \langle z_j, x\rangle)$ is the largest of the sums over
/// subsets of neurons, so that its maximum over the sphere is $\max_S \|\sum_{j \in S} a_j z_j\|$: exact, and used for up
/// to 16 neurons with negative charge. Otherwise it is the sum of the maxima.
///
/// # Errors
/// [`Error::Parameter`] for $R^d$; [`Error::Torch`].
pub fn upper_bound(network: &Shallow) -> Result<f64> {
    if let Space::Euclidean { .. } = network.space() {
        return Err(Error::Parameter {
            name: "space",
            expected: "the sphere or the torus, where a network is bounded",
            found: "R^d".to_owned(),
        });
    }
    let (m, e) = (
        network.width() as usize,
        network.neurons().size()[1] as usize,
    );
    let neurons: Vec<f64> = read::to_vec(network.neurons())?;
    let amplitudes: Vec<f64> = read::to_vec(&network.per_neuron())?;
    let (least, most) = extremes(network.activation());
    // The constant part, and the neurons that lower f.
    let raised: f64 = amplitudes
        .iter()
        .filter(|a| **a > 0.0)
        .map(|a| -a * least)
        .sum();
    let lowering: Vec<usize> = (0..m).filter(|&j| amplitudes[j] < 0.0).collect();
    let rectifiers = network.activation() == Activation::RELU && lowering.len() <= SUBSETS;
    if !rectifiers {
        return Ok(raised - lowering.iter().map(|&j| amplitudes[j] * most).sum::<f64>());
    }
    let length = |subset: u32| -> f64 {
        let coordinate = |i: usize| -> f64 {
            let inside = lowering
                .iter()
                .enumerate()
                .filter(|(bit, _)| subset >> bit & 1 == 1);
            inside
                .map(|(_, &j)| amplitudes[j] * neurons[j * e + i])
                .sum()
        };
        (0..e).map(|i| coordinate(i).powi(2)).sum::<f64>().sqrt()
    };
    let subsets = 1_u32 << lowering.len();
    Ok(raised + (0..subsets).map(length).fold(0.0, f64::max))
}

/// The least and the largest value of an activation on [-1, 1].
fn extremes(activation: Activation) -> (f64, f64) {
    match activation {
        Activation::Relu { .. } => (0.0, 1.0),
        Activation::Softplus => ((-1.0_f64).exp().ln_1p(), 1.0_f64.exp().ln_1p()),
        Activation::Tanh => ((-1.0_f64).tanh(), 1.0_f64.tanh()),
        Activation::Exponential { sharpness } => ((-2.0 * sharpness).exp(), 1.0),
    }
}
