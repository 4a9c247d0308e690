//! The exact threshold $\tau^*$ of an enumerated model and what is read off it.

use tch::{Kind, Tensor};

use crate::divergence::Divergence;
use crate::{Error, Result, shape};

/// Halvings of the bracket in f64; in f32 there is nothing left to halve earlier.
const HALVINGS: (usize, usize) = (100, 44);

/// $p = \arg\max_{p \in \Delta} \langle g, p \rangle - D_f(p, q)$ of every row, by its multiplier.
///
/// $\tau^*$ is the root of $\sum_y q(y) f^{*\prime}(g(y) - \tau) = 1$, and
/// $p(y) = q(y) f^{*\prime}(g(y) - \tau^*)$. For Kullback-Leibler it is $\log \sum_y q(y) e^{g(y)}$ and so
/// the maximum itself; for all others it is not.
#[derive(Debug)]
pub struct Threshold {
    /// $\tau^*$, `[B]`, without a graph.
    pub tau: Tensor,
    /// $\max_p \langle g, p \rangle - D_f(p, q) = \tau^* + \sum_y q(y) f^*(g(y) - \tau^*)$, `[B]`, whose
    /// gradient in g is p (with the graph).
    pub value: Tensor,
    /// $p/q$, `[B, N]`, without a graph; exactly 0 outside of the support.
    pub ratio: Tensor,
    /// p, `[B, N]`, without a graph.
    pub probability: Tensor,
}

impl Threshold {
    /// The threshold for `values` g `[B, N]` and the logarithms `log_prior` of q, `[N]` or `[B, N]`: a
    /// probability, or all 0 for the counting measure of the classical sparsemax and entmax (whose
    /// thresholds are $\tau^* - 1/(\alpha - 1)$ of $g$).
    ///
    /// By a formula for Kullback-Leibler, else by a fixed number of bisections of
    /// $[\max_y g(y) - f'(1/q(y)),\ \max_y g(y) - f'(1/\sum_y q(y))]$, nothing being read back.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::Kind`] or [`Error::Placement`] when the tensors do not fit together.
    pub fn solve(divergence: Divergence, values: &Tensor, log_prior: &Tensor) -> Result<Self> {
        shape::float_matrix("values", values)?;
        shape::like("log_prior", log_prior, values)?;
        let (rows, count) = shape::size2(values);
        if log_prior.size() != [count] && log_prior.size() != [rows, count] || count == 0 {
            return Err(Error::Shape {
                what: "log_prior",
                expected: format!("[{count}] or [{rows}, {count}], not empty"),
                found: log_prior.size(),
            });
        }
        let g = values.detach();
        let guard = tch::no_grad_guard();
        let prior = log_prior.exp();
        let tau = match divergence {
            Divergence::KullbackLeibler => (&g + log_prior).f_logsumexp([1_i64], true)?,
            _ => bisect(divergence, &g, log_prior, &prior)?,
        };
        let excess = &g - &tau;
        let ratio = divergence.slope(&excess);
        let probability = match divergence {
            // Where e^{g - tau} overflows, q may well be small enough.
            Divergence::KullbackLeibler => (&excess + log_prior).exp(),
            _ => &ratio * &prior,
        };
        let constant = match divergence {
            Divergence::KullbackLeibler => tau.squeeze_dim(1),
            _ => tau.squeeze_dim(1) + shape::row_sum(&(divergence.conjugate(&excess) * &prior)),
        };
        drop(guard);
        Ok(Threshold {
            tau: tau.squeeze_dim(1),
            value: constant + shape::row_sum(&(&probability * (values - &g))),
            ratio,
            probability,
        })
    }
}

fn bisect(
    divergence: Divergence,
    g: &Tensor,
    log_prior: &Tensor,
    prior: &Tensor,
) -> Result<Tensor> {
    let over_last = [-1_i64].as_slice();
    let largest = divergence.derivative(&log_prior.neg().exp());
    let mut low = (g - largest).f_amax(over_last, true)?;
    let total = prior.f_sum_dim_intlist(over_last, true, None)?;
    let mut high = g.f_amax(over_last, true)? - divergence.derivative(&total.reciprocal());
    let halvings = match g.kind() {
        Kind::Double => HALVINGS.0,
        _ => HALVINGS.1,
    };
    for _ in 0..halvings {
        let middle = (&low + &high) * 0.5;
        let mass =
            (divergence.slope(&(g - &middle)) * prior).f_sum_dim_intlist(over_last, true, None)?;
        // The mass falls as tau grows.
        let above = mass.gt(1.0);
        low = middle.where_self(&above, &low);
        high = high.where_self(&above, &middle);
    }
    Ok((low + high) * 0.5)
}

/// $p(y)/q(y) = f^{*\prime}(g(y) - \tau)$ for `values` `[B, m]` and `tau` `[B]`, `[B, m]`: the estimated
/// density ratio, which sums to 1 under q only if $\tau$ is the threshold.
pub fn density_ratio(divergence: Divergence, values: &Tensor, tau: &Tensor) -> Tensor {
    divergence.slope(&(values - tau.unsqueeze(1)))
}

/// Whether $p(y) > 0$, Bool `[B, m]`: $g(y) > \tau - 1/(\alpha - 1)$ for Tsallis, everywhere for all others.
pub fn support(divergence: Divergence, values: &Tensor, tau: &Tensor) -> Tensor {
    let margin = divergence.support_margin();
    (values - tau.unsqueeze(1)).gt(margin)
}
