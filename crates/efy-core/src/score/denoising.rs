//! Denoising score matching.

use tch::Tensor;

use super::{Criterion, drift, only};
use crate::random::Stream;
use crate::shallow::Shallow;
use crate::{Result, native, shape};

/// $E\, \frac12\|s(x + \sigma\varepsilon) + \varepsilon/\sigma\|^2$ with the score s and Gaussian $\varepsilon$ (Vincent 2011): the score of the data with
/// noise. In $R^d$.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DenoisingScore {
    /// $\beta$.
    pub beta: f64,
    /// $\sigma$.
    pub deviation: f64,
    /// Of the noise.
    pub seed: u64,
}

impl Criterion for DenoisingScore {
    fn loss(&self, network: &Shallow, data: &Tensor, step: u64) -> Result<Tensor> {
        let size = (data.size()[0], network.dimension());
        let key = (self.seed, Stream::Directions, step);
        let noise = native::normal::tensor(key, size, network.place())?;
        denoising_score(network, data, (self.beta, self.deviation), &noise)
    }
}

/// [`DenoisingScore`] with given $\beta$, $\sigma$ and noise `[n, d]`.
///
/// # Errors
/// As [`Criterion::loss`], $\sigma$ that is not positive, and noise that is not like the data.
pub fn denoising_score(
    network: &Shallow,
    data: &Tensor,
    (beta, deviation): (f64, f64),
    noise: &Tensor,
) -> Result<Tensor> {
    only(network, "space of denoising score matching", false)?;
    crate::error::positive("deviation", deviation)?;
    shape::tensor_of("noise", noise, &data.size(), network.place())?;
    let score = drift(network, &(data + noise * deviation), beta)? * -beta;
    let misfit = (score + noise / deviation).square();
    Ok(misfit.sum_dim_intlist(1, false, None).mean(None) * 0.5)
}
