//! The density of a network.

use tch::{Kind, Tensor};

use crate::Result;
use crate::shallow::{Shallow, Space};
use crate::shape::dot;

/// Entries of a matrix of points times neurons that are in memory at once.
const ENTRIES: i64 = 1 << 23;

/// $\nu_{\beta f} \propto e^{-\beta f}\, d\tau$ for the energy f of a network.
#[derive(Debug, Clone, Copy)]
pub struct Density<'a> {
    /// The energy.
    pub network: &'a Shallow,
    /// $\beta$; 0 makes it the base measure.
    pub beta: f64,
}

impl Density<'_> {
    /// $-\beta f(x_i)$, `[n]`, f64: the logarithm of the density with respect to $\tau$, up to $\log Z$.
    ///
    /// # Errors
    /// Points that are not `[n, d]` of the network's kind and device.
    pub fn log_unnormalized(&self, x: &Tensor) -> Result<Tensor> {
        in_blocks(x, self.network.width(), |x| {
            Ok(self.network.energy(x)?.to_kind(Kind::Double) * -self.beta)
        })
    }

    /// $-\beta \nabla f(x_i)$, `[n, d]`, in the coordinates of the ambient space.
    fn score(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.network.gradient(x)? * -self.beta)
    }

    /// $\|P_x(\nabla \log p(x_i) - \nabla \log q(x_i))\|^2$, `[n]`, f64, with the projection $P_x$ onto the tangent space.
    ///
    /// Of x only products with neurons are used, so that on the sphere x may be projections of points onto a subspace
    /// that holds all neurons.
    ///
    /// # Errors
    /// As [`Density::log_unnormalized`].
    pub fn squared_score_difference(&self, other: &Density<'_>, x: &Tensor) -> Result<Tensor> {
        let sphere = self.network.space() == Space::Sphere;
        in_blocks(x, self.network.width().max(other.network.width()), |x| {
            let difference = (self.score(x)? - other.score(x)?).to_kind(Kind::Double);
            let square = dot(&difference, &difference);
            Ok(match sphere {
                true => square - dot(&difference, &x.to_kind(Kind::Double)).square(),
                false => square,
            })
        })
    }
}

/// A function of each row, for so many rows at a time that rows times `width` numbers stay small.
fn in_blocks(x: &Tensor, width: i64, of: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let _guard = tch::no_grad_guard();
    let n = x.size().first().copied().unwrap_or(0);
    let size = (ENTRIES / width).max(1);
    if n <= size {
        return of(x);
    }
    let starts = (0..n).step_by(size as usize);
    let blocks: Vec<Tensor> = starts
        .map(|from| of(&x.narrow(0, from, size.min(n - from))))
        .collect::<Result<_>>()?;
    Ok(Tensor::f_cat(&blocks, 0)?)
}
