//! The joint min-min objective of an energy and its log-partition function.

use tch::{Device, Kind, Tensor};

use super::base_measure::BaseMeasure;
use super::closed_form::{self, Moments};
use super::draw::ALIGNED;
use super::loss::{Auxiliary, Batch, LikelihoodLoss, LikelihoodValue, Ratio};
use super::network_form::NetworkMoments;
use super::samples::{Draw, Samples};
use super::{log_partition, threshold};
use crate::device::read;
use crate::divergence::{Conjugate, Divergence};
use crate::energy::{Energy, Form, OutputNetwork};
use crate::error::positive_integer;
use crate::native::{self, Codes, Real};
use crate::random::HalfWords;
use crate::{Error, Result, shape};

/// Numbers of samples that are held at once unless said otherwise.
const PART: i64 = 1 << 24;

/// $J(g, \tau) = \mathbb E_x\big[\tau(x) + \mathbb E_{y' \sim q} f^*(g(x, y') - \tau(x))\big] - \mathbb E[g(x, y)]$
/// and its estimate with m samples a row,
/// $\hat J = \frac1B \sum_i \big[\tau_i + \frac1m \sum_j f^*(g_{ij} - \tau_i) - g(x_i, y_i)\big]$.
///
/// With $r_{ij} = f^{*\prime}(g_{ij} - \tau_i)$, gradients are
/// $\frac1B(\frac1m \sum_j r_{ij} \nabla g_{ij} - \nabla g(x_i, y_i))$ and $\frac1B(1 - \frac1m \sum_j r_{ij})$
/// in $\tau_i$: unbiased, whatever m. The minimum over both is that of the negative log-likelihood (of the
/// Fenchel-Young loss of $D_f$), where $\tau$ is the log-partition (the threshold $\tau^*$).
///
/// Kullback-Leibler makes ratios exponential in the confidence of the model, and so the variance; the
/// chi-square's are linear. With few samples $\hat J$ lies far below J once the model is confident: do not stop
/// a training by it.
///
/// *Source*: the objective and the two-network training are the paper's; the gradients' form for general f,
/// importance proposals and shared samples are derived or chosen here.
///
/// Linear energies on the CPU are computed in one native pass, with rows of their own samples: the bits of sets are masks
/// under which scores and weights are added, the ranks of permutations places in tables; linear and quadratic ones
/// elsewhere, and networks over inputs and outputs, in a fixed number of tensor operations for each part of the samples. Autograd is given a
/// linear function with value and gradient. All others go through autograd, samples and graph at once, or
/// in [`parts`](LikelihoodLoss::parts).
#[derive(Debug, Clone)]
pub struct Joint {
    base: BaseMeasure,
    conjugate: Conjugate,
    samples: i64,
    seed: u64,
    shared: bool,
    proposal: Option<BaseMeasure>,
    part: Option<i64>,
}

/// $\hat J$ with its gradients, none with a graph.
#[derive(Debug)]
pub struct JointGradient {
    /// $\hat J$, a scalar.
    pub mean: Tensor,
    /// In the scores u or $\theta$, `[B, n]`; of a network over inputs and outputs, in the input's part, `[B, h]`.
    pub u: Tensor,
    /// In the tensor of a quadratic energy's coupling, of its shape.
    pub coupling: Option<Tensor>,
    /// In the weights of a network over inputs and outputs: the outputs' weights, and weight and bias of each layer after
    /// them.
    pub network: Vec<Tensor>,
    /// In $\tau$, `[B]`.
    pub tau: Tensor,
}

impl Joint {
    /// The objective with `samples` draws from the base measure for each row and step.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for less than one sample.
    pub fn new(base: BaseMeasure, divergence: Divergence, samples: i64, seed: u64) -> Result<Self> {
        positive_integer("joint.samples", samples)?;
        Ok(Joint {
            base,
            conjugate: Conjugate::new(divergence),
            samples,
            seed,
            shared: false,
            proposal: None,
            part: None,
        })
    }

    /// Continues the conjugate linearly past a cap of its own, see [`Conjugate`].
    #[must_use]
    pub fn with_conjugate(mut self, conjugate: Conjugate) -> Self {
        self.conjugate = conjugate;
        self
    }

    /// One set of samples for all rows of a batch: still unbiased, though rows are correlated, and for
    /// linear and quadratic energies a matrix product. Off by default.
    #[must_use]
    pub fn shared(mut self, shared: bool) -> Self {
        self.shared = shared;
        self
    }

    /// Draws from another distribution r over the same outputs and weights with q/r.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] when its outputs are others.
    pub fn with_proposal(mut self, proposal: BaseMeasure) -> Result<Self> {
        let draw = self.draw(Some(0), 0, 0);
        Samples::importance(&self.base, &proposal, &draw, (Kind::Float, Device::Cpu))?;
        self.proposal = Some(proposal);
        Ok(self)
    }

    /// Holds at most `part` samples a row at once, rounded up to a multiple of 64. By default as many as
    /// make 16 million numbers over all rows.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for less than one.
    pub fn with_part(mut self, part: i64) -> Result<Self> {
        positive_integer("joint.part", part)?;
        self.part = Some(part);
        Ok(self)
    }

    /// $f^*$ as it is used.
    pub fn conjugate(&self) -> &Conjugate {
        &self.conjugate
    }

    /// m.
    pub fn samples(&self) -> i64 {
        self.samples
    }

    /// $\hat J$ at given samples.
    ///
    /// # Errors
    /// As [`LikelihoodLoss::mean_loss`].
    pub fn mean_loss_at(&self, batch: &Batch<'_>, samples: &Samples) -> Result<LikelihoodValue> {
        batch.check(&self.base)?;
        let tau = batch.tau()?;
        samples.check(batch.energy.size(), batch.target)?;
        if let Some(gradient) = self.gradient_at(batch, samples)? {
            return Ok(linear_function(batch.energy, tau, gradient));
        }
        self.by_autograd(batch, samples, 1.0, true)
    }

    /// J itself for a small number of outputs, with the graph: by the exact log-partition under
    /// Kullback-Leibler, $\tau + e^{\mathrm{LSE} - \tau} - 1 - g(y)$, which does not overflow before it has to;
    /// by enumeration under others.
    ///
    /// # Errors
    /// As [`LikelihoodLoss::mean_loss`], and [`crate::Error::Unsupported`] where there is no exact method.
    pub fn exact(&self, batch: &Batch<'_>) -> Result<Tensor> {
        batch.check(&self.base)?;
        let tau = batch.tau()?;
        let excess = match self.conjugate.divergence() {
            Divergence::KullbackLeibler => (log_partition(&self.base, batch.energy)? - tau).expm1(),
            divergence => {
                let all = super::Enumeration::of(&self.base, batch.energy.options())?;
                let values = batch.energy.values(&all.outputs) - tau.unsqueeze(1);
                let uncapped = Conjugate::with_cap(
                    divergence,
                    divergence
                        .domain_end()
                        .map_or(f64::INFINITY, |_| self.conjugate.cap()),
                )?;
                shape::row_sum(&(uncapped.value(&values) * all.log_prior.exp()))
            }
        };
        Ok((tau + excess - batch.energy.value(batch.target)).mean(None::<Kind>))
    }

    /// The exact $\tau^*$ of each row, `[B]`: what $\tau(x)$ is an estimate of.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] where there is no exact method.
    pub fn exact_tau(&self, energy: &dyn Energy) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        match self.conjugate.divergence() {
            Divergence::KullbackLeibler => log_partition(&self.base, energy),
            divergence => Ok(threshold(&self.base, divergence, energy)?.tau),
        }
    }

    fn draw(&self, rows: Option<i64>, step: u64, first_row: i64) -> Draw {
        Draw {
            samples: self.samples,
            rows,
            first_row,
            seed: self.seed,
            step,
        }
    }

    /// Some of the samples of a step.
    fn draw_part(&self, batch: &Batch<'_>, range: std::ops::Range<i64>) -> Result<Samples> {
        let _guard = tch::no_grad_guard();
        let rows = (!self.shared).then(|| batch.energy.size().0);
        let draw = self.draw(rows, batch.step, batch.first_row);
        let source = self.proposal.as_ref().unwrap_or(&self.base);
        let mut outputs = source.request(&draw, range).draw(batch.energy.options())?;
        if self.shared {
            outputs = outputs.f_squeeze_dim(0)?;
        }
        let log_weights = self
            .proposal
            .as_ref()
            .map(|r| self.base.log_ratio(r, &outputs))
            .transpose()?;
        Ok(Samples {
            outputs,
            log_weights,
        })
    }

    fn part_size(&self, energy: &dyn Energy) -> i64 {
        // What all rows share is not there for each, but for what a network makes of it.
        match (self.shared, energy.output_network()) {
            (true, None) => aligned(self.part.unwrap_or(PART / energy.size().1.max(1))),
            _ => part_size(energy, self.part),
        }
    }

    /// How samples are coded where the native pass applies.
    fn native_codes(&self, batch: &Batch<'_>) -> Option<Codes> {
        if self.shared || self.proposal.is_some() || batch.target.device() != Device::Cpu {
            return None;
        }
        Codes::of(&self.base)
    }

    /// The closed forms at given samples.
    fn gradient_at(&self, batch: &Batch<'_>, samples: &Samples) -> Result<Option<JointGradient>> {
        let _guard = tch::no_grad_guard();
        let tau = batch.tau()?;
        let own = samples.outputs.dim() == 3 && samples.log_weights.is_none();
        if let (Form::Linear { u }, true, Some(codes)) =
            (batch.energy.form(), own, self.native_codes(batch))
        {
            let count = samples.count() as usize;
            let tensors = (u, tau, batch.target);
            let drawn = Outputs::Given(&samples.outputs);
            return native_gradient(&codes, &self.conjugate, tensors, count, drawn).map(Some);
        }
        let (data, count) = ((tau, batch.target), samples.count());
        if let Some(mut moments) = Moments::new(batch.energy, data, &self.conjugate, count) {
            moments.add(samples)?;
            return moments.finish();
        }
        let moments = NetworkMoments::new(batch.energy, data, &self.conjugate, count);
        let Some(mut moments) = moments else {
            return Ok(None);
        };
        moments.add(samples)?;
        moments.finish()
    }

    /// The share of $\hat J$ that these samples make, by autograd; the terms of the data are added to it
    /// once.
    fn by_autograd(
        &self,
        batch: &Batch<'_>,
        samples: &Samples,
        share: f64,
        data: bool,
    ) -> Result<LikelihoodValue> {
        let tau = batch.tau()?;
        let excess = batch.energy.values(&samples.outputs) - tau.unsqueeze(1);
        let weights = samples.log_weights.as_ref().map(Tensor::exp);
        let weighted = |t: Tensor| match &weights {
            Some(weights) => t * weights,
            None => t,
        };
        let over_samples = [1_i64].as_slice();
        let (value, slope) = self.conjugate.value_with_slope(&excess);
        let ratio = weighted(slope).f_mean_dim(over_samples, false, None)? * share;
        let mut rows = weighted(value).f_mean_dim(over_samples, false, None)? * share;
        if data {
            rows = rows + tau - batch.energy.value(batch.target);
        }
        Ok(LikelihoodValue {
            mean: rows.mean(None::<Kind>),
            ratio: Some(Ratio::Mean(ratio)),
            chains: None,
        })
    }
}

impl LikelihoodLoss for Joint {
    fn name(&self) -> &'static str {
        "joint"
    }

    fn base(&self) -> &BaseMeasure {
        &self.base
    }

    fn auxiliary(&self) -> Auxiliary {
        Auxiliary::LogPartition
    }

    fn mean_loss(&self, batch: &Batch<'_>) -> Result<LikelihoodValue> {
        if let Some(gradient) = self.mean_gradient(batch)? {
            return Ok(linear_function(batch.energy, batch.tau()?, gradient));
        }
        let samples = self.draw_part(batch, 0..self.samples)?;
        self.by_autograd(batch, &samples, 1.0, true)
    }

    /// For linear and quadratic energies, and networks over inputs and outputs.
    fn mean_gradient(&self, batch: &Batch<'_>) -> Result<Option<JointGradient>> {
        batch.check(&self.base)?;
        let tau = batch.tau()?;
        let _guard = tch::no_grad_guard();
        let energy = batch.energy;
        if let (Form::Linear { u }, Some(codes)) = (energy.form(), self.native_codes(batch)) {
            let words = self.draw(None, batch.step, 0).words();
            let (tensors, count) = ((u, tau, batch.target), self.samples as usize);
            let drawn = Outputs::Drawn(&words, batch.first_row);
            return native_gradient(&codes, &self.conjugate, tensors, count, drawn).map(Some);
        }
        let data = (tau, batch.target);
        let part = self.part_size(energy);
        let parts = (0..self.samples).step_by(part as usize);
        let mut parts =
            parts.map(|from| self.draw_part(batch, from..(from + part).min(self.samples)));
        if let Some(mut moments) = Moments::new(energy, data, &self.conjugate, self.samples) {
            parts.try_for_each(|samples| moments.add(&samples?))?;
            return moments.finish();
        }
        let moments = NetworkMoments::new(energy, data, &self.conjugate, self.samples);
        let Some(mut moments) = moments else {
            return Ok(None);
        };
        parts.try_for_each(|samples| moments.add(&samples?))?;
        moments.finish()
    }

    /// 1 for energies with closed forms, whose memory is bounded anyway.
    fn parts(&self, energy: &dyn Energy) -> i64 {
        if closed_form::applies(energy) {
            return 1;
        }
        let part = self.part_size(energy);
        (self.samples + part - 1) / part
    }

    fn part_loss(&self, batch: &Batch<'_>, part: i64) -> Result<LikelihoodValue> {
        if closed_form::applies(batch.energy) {
            return self.mean_loss(batch);
        }
        batch.check(&self.base)?;
        let size = self.part_size(batch.energy);
        let range = part * size..((part + 1) * size).min(self.samples);
        let share = (range.end - range.start) as f64 / self.samples as f64;
        let samples = self.draw_part(batch, range)?;
        self.by_autograd(batch, &samples, share, part == 0)
    }
}

/// How many samples a row are held at once: `part`, or as many as make [`PART`] numbers over all rows.
pub(super) fn part_size(energy: &dyn Energy, part: Option<i64>) -> i64 {
    aligned(part.unwrap_or_else(|| PART / numbers_of_a_point(energy).max(1)))
}

/// The most numbers at a time that one point of each row makes.
pub(super) fn numbers_of_a_point(energy: &dyn Energy) -> i64 {
    let (rows, n) = energy.size();
    rows * energy.output_network().map_or(n, OutputNetwork::width)
}

/// Numbers that losses hold at once which cannot be divided: 8 GiB in f32.
const MOST: i64 = 1 << 31;

/// Refuses `points` points of each row for a loss that holds all of them.
pub(super) fn refuse_more(loss: &'static str, energy: &dyn Energy, points: i64) -> Result<()> {
    let numbers = points.saturating_mul(numbers_of_a_point(energy));
    if numbers <= MOST {
        return Ok(());
    }
    Err(Error::Unsupported {
        solver: loss,
        problem: format!(
            "{points} outputs for each example of a batch, {numbers} numbers at once, more than 2^31"
        ),
        hint: "make the batch smaller, or train with the joint loss, which goes through them in chunks",
    })
}

/// At least so many samples, and a whole number of words.
fn aligned(size: i64) -> i64 {
    ((size.max(1) + ALIGNED - 1) / ALIGNED * ALIGNED).max(ALIGNED)
}

/// The function of the parameters that is linear with these gradients and has the right value.
fn linear_function(energy: &dyn Energy, tau: &Tensor, gradient: JointGradient) -> LikelihoodValue {
    let product = |parameter: &Tensor, gradient: &Tensor| {
        parameter.reshape([-1]).dot(&gradient.reshape([-1]))
    };
    let mut linear = product(tau, &gradient.tau);
    if let Form::Linear { u } | Form::Quadratic { u, .. } = energy.form() {
        linear += product(u, &gradient.u);
    }
    if let (Form::Quadratic { coupling, .. }, Some(gradient)) = (energy.form(), &gradient.coupling)
    {
        linear += product(coupling.tensor(), gradient);
    }
    if let Some(network) = energy.output_network() {
        let (input, first, layers) = network.parts();
        let layers = layers.iter().flat_map(|(weight, bias)| [weight, bias]);
        let weights = [input, first].into_iter().chain(layers);
        let gradients = [&gradient.u].into_iter().chain(&gradient.network);
        for (weight, gradient) in weights.zip(gradients) {
            linear += product(weight, gradient);
        }
    }
    let offset = gradient.mean - linear.detach();
    LikelihoodValue {
        mean: linear + offset,
        ratio: Some(Ratio::OfTau(gradient.tau)),
        chains: None,
    }
}

/// The samples of the native pass: of a step, for rows from a number on, or given, `[B, m, n]`.
#[derive(Clone, Copy)]
enum Outputs<'a> {
    Drawn(&'a HalfWords, i64),
    Given(&'a Tensor),
}

/// The native pass over the rows of a linear energy.
fn native_gradient(
    codes: &Codes,
    conjugate: &Conjugate,
    tensors: (&Tensor, &Tensor, &Tensor),
    samples: usize,
    outputs: Outputs<'_>,
) -> Result<JointGradient> {
    fn run<T: Real>(
        codes: &Codes,
        conjugate: &Conjugate,
        (theta, tau, target): (&Tensor, &Tensor, &Tensor),
        samples: usize,
        outputs: Outputs<'_>,
    ) -> Result<JointGradient> {
        let (scores, taus, targets): (Vec<T>, Vec<T>, Vec<T>) = (
            read::to_vec(theta)?,
            read::to_vec(tau)?,
            read::to_vec(target)?,
        );
        let rows = native::Rows {
            theta: &scores,
            tau: &taus,
            target: &targets,
            samples,
        };
        let given: Vec<T>;
        let source = match outputs {
            Outputs::Drawn(words, first) => native::Source::Drawn(words, first),
            Outputs::Given(outputs) => {
                given = read::to_vec(outputs)?;
                native::Source::Given(&given)
            }
        };
        let found = native::joint(codes, &rows, conjugate, &source);
        Ok(JointGradient {
            mean: Tensor::from(found.mean).to_kind(theta.kind()),
            u: Tensor::f_from_slice(&found.theta)?.f_view(theta.size().as_slice())?,
            coupling: None,
            network: Vec::new(),
            tau: Tensor::f_from_slice(&found.tau)?,
        })
    }
    match tensors.0.kind() {
        Kind::Double => run::<f64>(codes, conjugate, tensors, samples, outputs),
        _ => run::<f32>(codes, conjugate, tensors, samples, outputs),
    }
}
