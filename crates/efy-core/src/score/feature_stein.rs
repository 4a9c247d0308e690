//! Stein discrepancy of the ball of shallow networks.

use tch::Tensor;

use super::{Criterion, only, stein_score};
use crate::random::Stream;
use crate::shallow::{Shallow, normalized};
use crate::{Result, native};

/// Half the squared Stein discrepancy of $F_1$ on the sphere,
/// $\frac12\sum_i \max_{\|h\|_{F_1} \le 1} (E[\tilde s_i h + (\nabla_S h)_i])^2$.
///
/// The mean is linear in the measure over neurons that h is made of, so that its maximum over the ball is attained at a single neuron
/// (*derived*), $\max_\theta |g_i(\theta)|$ with $g_i(\theta) = E[\tilde s_i \sigma(u) + \sigma'(u)(\theta_i - u x_i)]$, $u = \langle\theta, x\rangle$: searched for by gradient ascent
/// from random neurons. The value is thus a bound from below; its gradient leaves the neurons found as they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FeatureStein {
    /// $\beta$.
    pub beta: f64,
    /// Neurons to start from, for each coordinate.
    pub starts: i64,
    /// Steps of the ascent.
    pub ascents: u64,
    /// Of the neurons, drawn anew in every step.
    pub seed: u64,
}

impl FeatureStein {
    /// 32 starts and 25 steps.
    pub fn new(beta: f64) -> Self {
        FeatureStein {
            beta,
            starts: 32,
            ascents: 25,
            seed: 0,
        }
    }

    /// $g_i(\theta)$ for the neurons of each coordinate i, `[d, starts]`, from `[d * starts, d]`.
    fn means(&self, network: &Shallow, (x, s): (&Tensor, &Tensor), theta: &Tensor) -> Tensor {
        let (n, d) = (x.size()[0] as f64, network.dimension());
        let u = x.mm(&theta.tr());
        let (value, slope) = (
            network.activation().value(&u),
            network.activation().slope(&u),
        );
        let all = value.tr().mm(s) - (&slope * &u).tr().mm(x);
        let all = all / n + theta * slope.mean_dim(0, false, None).unsqueeze(1);
        // Of the neurons of coordinate i only entry i.
        all.view([d, self.starts, d])
            .diagonal(0, 0, 2)
            .tr()
            .contiguous()
    }

    /// The best neurons that are found, `[d * starts, d]`.
    fn ascend(&self, network: &Shallow, (x, s): (&Tensor, &Tensor), step: u64) -> Result<Tensor> {
        let d = network.dimension();
        let key = (self.seed, Stream::Directions, step);
        let z = native::normal::tensor(key, (d * self.starts, d), network.place())?;
        let mut theta = normalized(&z);
        for ascent in 0..self.ascents {
            let leaf = theta.detach().set_requires_grad(true);
            let height = self.means(network, (x, s), &leaf).abs().sum(None);
            let up = Tensor::f_run_backward(&[height], &[&leaf], false, false)?.remove(0);
            let _guard = tch::no_grad_guard();
            let rate = 1.0 / (1.0 + 0.05 * ascent as f64);
            let tangent = network.space().tangent(&theta, &up);
            theta = normalized(&(theta + tangent * rate));
        }
        Ok(theta)
    }
}

impl Criterion for FeatureStein {
    fn loss(&self, network: &Shallow, data: &Tensor, step: u64) -> Result<Tensor> {
        only(network, "space of the Stein discrepancy", true)?;
        let s = stein_score(network, data, self.beta)?;
        let theta = self.ascend(&network.detached(), (data, &s.detach()), step)?;
        let largest = self
            .means(network, (data, &s), &theta)
            .abs()
            .amax([1], false);
        Ok(largest.square().sum(None) * 0.5)
    }
}
