//! Kernel Stein discrepancy.

use tch::Tensor;

use super::{Criterion, only, stein_score};
use crate::Result;
use crate::shallow::Shallow;
use crate::shape::dot;

/// The squared kernel Stein discrepancy on the sphere with $k(x, y) = e^{\langle x, y\rangle - 1}$, as a U-statistic: it has the right mean, and
/// may be negative.
///
/// With $\rho = \langle x, y\rangle$ and $\tilde s = s - (d-1)x$ the mean over pairs of
/// $k\,[\langle\tilde s_x, \tilde s_y\rangle + \langle\tilde s_y, P_x y\rangle + \langle\tilde s_x, P_y x\rangle + d - 2 + \rho^2 + \rho^3 - \rho]$ (*derived*; as in the authors' scripts).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KernelStein {
    /// $\beta$.
    pub beta: f64,
}

impl Criterion for KernelStein {
    fn loss(&self, network: &Shallow, data: &Tensor, _step: u64) -> Result<Tensor> {
        only(network, "space of the kernel Stein discrepancy", true)?;
        let s = stein_score(network, data, self.beta)?;
        let rho = data.mm(&data.tr());
        // <s_y, P_x y> = <s_y, y> - rho <s_y, x>.
        let mixed = dot(&s, data) - &rho * data.mm(&s.tr());
        let (square, d) = (rho.square(), network.dimension() as f64);
        let rest = &square + &rho * (&square - 1.0) + (d - 2.0);
        let all = (&rho - 1.0).exp() * (s.mm(&s.tr()) + &mixed + mixed.tr() + rest);
        let n = data.size()[0] as f64;
        Ok((all.sum(None) - all.trace()) / (n * (n - 1.0)))
    }
}
