//! The contrastive log loss: negatives in place of the partition function.

use std::cell::{Cell, RefCell};

use tch::{Device, Tensor};

use crate::Result;
use crate::energy::Energy;
use crate::parallel::Part;
use crate::random::{Stream, generator, uniform};

use super::bregman::objective_difference;
use super::{FenchelYoung, Found, Loss, LossValue, Sampler, target};
use crate::regularizer::NoRegularizer;

/// $L(v, y) = \Phi(v, \tilde y) - \Phi(v, y)$ with a negative $\tilde y$ drawn from
/// $p_v \propto e^{\Phi(v, \cdot)}$ by a [`Sampler`] and held constant: its gradient is an estimate of that
/// of [`LogLoss`](super::LogLoss), unbiased when the chain has reached its distribution. Its value is no
/// likelihood and may be negative: watch predictions instead.
///
/// Chains begin at `start` if given, else at the target: with the [`point`](Found::point) of the last
/// time as start they are persistent (Tieleman 2008), without they are contrastive divergence (Hinton
/// 2002). What is drawn is a function of seed, step and row in the batch. Predictions are those of the
/// regularizer, domain and solver given; the domain is also Langevin's.
pub struct Contrastive {
    predictor: FenchelYoung,
    sampler: Sampler,
    seed: u64,
    step: u64,
    part: Cell<Option<Part>>,
    drawn: RefCell<Option<Drawn>>,
}

/// Random numbers of several steps, on the device of the energies.
struct Drawn {
    /// The first of them.
    first: u64,
    /// `[steps, n]`.
    numbers: Tensor,
}

/// Numbers that are drawn at once at most, unless a step takes more.
const MOST_NUMBERS: i64 = 1 << 20;
/// Steps whose numbers are drawn at once at most.
const MOST_STEPS: i64 = 16;

impl Contrastive {
    /// The loss with negatives from `sampler` and predictions by `predictor`.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] for a sampler without steps.
    pub fn new(predictor: FenchelYoung, sampler: Sampler, seed: u64) -> Result<Self> {
        sampler.validate()?;
        Ok(Contrastive {
            predictor,
            sampler,
            seed,
            step: 0,
            part: Cell::new(None),
            drawn: RefCell::new(None),
        })
    }

    /// The `count` numbers of this step, made on the device for several steps together.
    fn numbers(&self, count: i64, device: Device) -> Result<Tensor> {
        let mut drawn = self.drawn.borrow_mut();
        let row = |drawn: &Drawn| {
            let row = self.step.checked_sub(drawn.first)?;
            let size = drawn.numbers.size();
            let fits = drawn.numbers.device() == device && size[1] == count;
            (fits && row < size[0] as u64).then(|| drawn.numbers.get(row as i64))
        };
        if let Some(numbers) = drawn.as_ref().and_then(row) {
            return Ok(numbers);
        }
        let steps = (MOST_NUMBERS / count.max(1)).clamp(1, MOST_STEPS);
        let (seed, first) = ((self.seed, Stream::Negatives), self.step);
        let numbers = uniform(seed, (first, steps), count, device)?;
        let now = numbers.get(0);
        *drawn = Some(Drawn { first, numbers });
        Ok(now)
    }
}

impl Loss for Contrastive {
    fn name(&self) -> &'static str {
        "contrastive"
    }

    fn predictor(&self) -> &FenchelYoung {
        &self.predictor
    }

    fn loss(
        &self,
        energy: &dyn Energy,
        target: &Tensor,
        start: Option<&Tensor>,
    ) -> Result<LossValue<Found>> {
        target::check(energy, target)?;
        let problem = self.predictor.problem(energy);
        let start = match start {
            Some(_) => problem.start(start)?,
            None => target.detach(),
        };
        let (sampler, domain) = (&self.sampler, problem.domain);
        let negative = match start.device() {
            Device::Cpu => {
                let random = &mut generator(self.seed, Stream::Negatives, self.step);
                sampler.sample_part(energy, domain, &start, self.part.get(), random)?
            }
            device => {
                let uniform = self.numbers(sampler.numbers(&start, self.part.get()), device)?;
                sampler.sample_on_device(energy, domain, &start, (&uniform, self.part.get()))?
            }
        };
        Ok(LossValue {
            per_row: objective_difference(energy, &NoRegularizer, &negative, target),
            solution: Found::Sample(negative),
        })
    }

    fn set_step(&mut self, step: u64) {
        self.step = step;
    }

    fn set_part(&self, part: Option<Part>) {
        self.part.set(part);
    }
}
