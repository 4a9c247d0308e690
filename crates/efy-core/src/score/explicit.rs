//! Score matching against a known density.

use tch::Tensor;

use super::{Criterion, drift};
use crate::Result;
use crate::shallow::Shallow;

/// The Fisher divergence $E\|\nabla\log p - \nabla\log q\|^2$, without the half, over points of the teacher's density p.
#[derive(Debug)]
pub struct ExplicitScore {
    /// Of the teacher's density $\propto e^{-\beta_p f_p}$.
    pub teacher: Shallow,
    /// $\beta_p$.
    pub teacher_beta: f64,
    /// $\beta$ of the student.
    pub beta: f64,
}

impl Criterion for ExplicitScore {
    fn loss(&self, network: &Shallow, data: &Tensor, _step: u64) -> Result<Tensor> {
        let wanted = drift(&self.teacher, data, self.teacher_beta)? * self.teacher_beta;
        let difference = wanted - drift(network, data, self.beta)? * self.beta;
        let square = difference.square().sum_dim_intlist(1, false, None);
        Ok(square.mean(None))
    }
}
