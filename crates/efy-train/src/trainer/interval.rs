//! What the steps since the last log point reported.

use std::borrow::Cow;

use efy_core::device::read;
use tch::{Device, Tensor};

use crate::{Measure, Metrics, Result, State, StepLoss};

const LOSS: &str = "loss";
const STEPS: &str = "steps";
const UNSEEN: &str = "unseen";
const MEASURE: &str = "measure";

/// The sum of the losses, on the device, and the measures of the last step.
#[derive(Default)]
pub(crate) struct Interval {
    loss: Option<Tensor>,
    steps: u64,
    unseen: bool,
    measures: Vec<(Cow<'static, str>, Measure)>,
}

impl Interval {
    /// Counts a step in. Where nobody has looked whether it was finite (`unseen`), and it is skipped if not,
    /// what is not finite counts as no step.
    pub(crate) fn add(&mut self, step: StepLoss, unseen: bool) {
        self.unseen = unseen;
        let loss = match unseen {
            true => step.loss.detach().nan_to_num(0.0, 0.0, 0.0),
            false => step.loss.detach(),
        };
        match &mut self.loss {
            Some(sum) => {
                let _ = sum.g_add_(&loss);
            }
            None => self.loss = Some(loss.copy()),
        }
        self.steps += 1;
        let named = |(name, measure)| (Cow::Borrowed(name), measure);
        self.measures = step.metrics.into_iter().map(named).collect();
    }

    /// Steps since the last log point.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    /// The mean loss and the measures, if there was a step, and the two values of `faults`, of which the first was
    /// `reported` last time, with one read.
    pub(crate) fn take(
        &mut self,
        faults: &Tensor,
        reported: u64,
    ) -> Result<(Option<Metrics>, [u64; 2])> {
        let loss = self.loss.take();
        let steps = std::mem::take(&mut self.steps);
        let (names, tensors): (Vec<_>, Vec<_>) = std::mem::take(&mut self.measures)
            .into_iter()
            .map(|(name, measure)| (name, measure()))
            .unzip();
        let faults = [0, 1].map(|place| faults.select(0, place));
        let all: Vec<&Tensor> = faults.iter().chain(&loss).chain(&tensors).collect();
        let values = read::scalars(&all)?;
        let (faults, values) = values.split_at(2);
        let faults = [faults[0] as u64, faults[1] as u64];
        if loss.is_none() {
            return Ok((None, faults));
        }
        let skipped = if self.unseen {
            faults[0].saturating_sub(reported)
        } else {
            0
        };
        let mut metrics = Metrics::default();
        metrics.set(
            LOSS,
            values[0] / steps.saturating_sub(skipped).max(1) as f64,
        );
        for (name, &value) in names.iter().zip(&values[1..]) {
            metrics.set(name, value);
        }
        Ok((Some(metrics), faults))
    }

    /// The sums so far. The measures are computed for it and stay.
    pub(crate) fn state(&mut self) -> Result<State> {
        let mut state = State::default();
        state.put(STEPS, &self.steps)?;
        state.put(UNSEEN, &self.unseen)?;
        if let Some(loss) = &self.loss {
            state.put_tensor(LOSS, loss);
        }
        for (name, measure) in std::mem::take(&mut self.measures) {
            let value = measure();
            state.put_tensor(format!("{MEASURE}.{name}"), &value);
            self.measures.push((name, Box::new(move || value)));
        }
        Ok(state)
    }

    pub(crate) fn restore(state: &State, device: Device) -> Result<Self> {
        let measures = state.inner(MEASURE);
        let measures = measures.tensors().iter().map(|(name, value)| {
            let value = value.to_device(device);
            let measure: Measure = Box::new(move || value);
            (Cow::Owned(name.clone()), measure)
        });
        Ok(Interval {
            loss: state.find(LOSS).map(|loss| loss.to_device(device)),
            steps: state.get(STEPS)?,
            unseen: state.get(UNSEEN)?,
            measures: measures.collect(),
        })
    }
}
