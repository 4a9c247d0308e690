//! Joint learning of an energy and its log-partition function over sets and permutations.
//!
//! A model $p_g(y|x) = q(y) e^{g(x, y)} / \sum_{y'} q(y') e^{g(x, y')}$ has $2^k$ or k! terms in its
//! denominator. Sander, Roulet, Liu and Blondel (*Joint Learning of Energy-based Models and their Partition
//! Function*, ICML 2025) write its logarithm as a minimum over a number,
//! $\min_\tau \tau + \mathbb E_{y' \sim q}[e^{g(x, y') - \tau} - 1]$, and learn $\tau(x)$ with a second
//! network: one loss, unbiased with a few samples of the prior, without Markov chains, and with a
//! log-partition for inputs that were never seen. With another f-divergence in place of Kullback-Leibler
//! models are sparse.
//!
//! Here g is an [`Energy`](crate::energy::Energy) over outputs, q a [`BaseMeasure`], and a
//! [`LikelihoodLoss`] is what training minimizes:
//!
//! | loss | g is fitted by | needs beside g |
//! |---|---|---|
//! | [`Joint`] | the min-min objective | $\tau(x)$ |
//! | [`ExactLikelihood`] | the exact log-partition | nothing |
//! | [`MarkovChains`] | Gibbs or swap Metropolis chains | chains, if persistent |
//! | [`MinMax`] | a learned sampler, by REINFORCE | the sampler's scores(x) |
//! | [`NoiseContrastive`] | telling data from the prior | $\tau(x)$ |
//!
//! What is known of the paper is its abstract, the authors' talk and its figures; what is derived or chosen
//! here is said to be so.
//!
//! ```
//! use efy_core::{divergence::Divergence, energy::Linear};
//! use efy_core::joint::{BaseMeasure, Batch, Joint, LikelihoodLoss};
//! use tch::{Device, Kind, Tensor};
//!
//! let options = (Kind::Float, Device::Cpu);
//! let (u, tau) = (Tensor::zeros([8, 5], options), Tensor::zeros([8], options));
//! let (u, tau) = (u.set_requires_grad(true), tau.set_requires_grad(true));
//! let labels = Tensor::zeros([8, 5], options);
//!
//! let loss = Joint::new(BaseMeasure::uniform_sets(5)?, Divergence::KullbackLeibler, 100, 1)?;
//! let energy = Linear::new(u.shallow_clone())?;
//! let found = loss.mean_loss(&Batch::new(&energy, &labels, 0).with_auxiliary(&tau))?;
//! found.mean.backward();
//! // At g = 0 and tau = 0 the model is the prior and is normalized.
//! assert!(tau.grad().abs().max().le(1e-6).all() == Tensor::from(true));
//! # Ok::<(), efy_core::Error>(())
//! ```

mod base_measure;
mod bernoulli;
mod closed_form;
mod draw;
mod enumeration;
mod exact_likelihood;
mod log_partition;
mod loss;
mod markov_chains;
mod min_max;
mod network_form;
mod noise_contrastive;
mod objective;
mod plackett_luce;
mod samples;
mod subset_program;
mod swap_metropolis;
mod threshold;

pub use base_measure::{BaseMeasure, Space};
pub use bernoulli::Bernoulli;
pub(crate) use draw::{threshold as word_threshold, words_per_row};
pub use enumeration::Enumeration;
pub use exact_likelihood::ExactLikelihood;
pub use log_partition::{
    ExactMethod, log_partition, mean_output, normalization, objective_gap, threshold,
};
pub use loss::{Auxiliary, Batch, LikelihoodLoss, LikelihoodValue, Ratio};
pub use markov_chains::MarkovChains;
pub use min_max::MinMax;
pub use noise_contrastive::NoiseContrastive;
pub use objective::{Joint, JointGradient};
pub use plackett_luce::PlackettLuce;
pub use samples::{Draw, Samples};
pub use subset_program::log_permanent_over_factorial;
pub use swap_metropolis::swap_metropolis;
pub use threshold::{Threshold, density_ratio, support};
