//! What the steps since the last log point reported.

use std::borrow::Cow;

use efy_core::device::read;
use tch::{Device, Kind, Tensor};

use crate::{Measure, Metrics, Result, State, StepLoss};

const LOSS: &str = "loss";
const STEPS: &str = "steps";
const UNSEEN: &str = "unseen";
const MEASURE: &str = "measure";

/// What was read about one replica.
pub(crate) struct Seen {
    /// Its mean loss and its measures, if there was a step.
    pub(crate) metrics: Option<Metrics>,
    /// Steps without an update, and the number of the first.
    pub(crate) faults: [u64; 2],
}

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

    /// Of each replica: the mean loss and the measures, if there was a step, and its two values of `faults`
    /// `[R, 2]`, of which the first was in `reported` last time. One read; everything stays as it is.
    pub(crate) fn look(&mut self, faults: &Tensor, reported: &[u64]) -> Result<Vec<Seen>> {
        let measured = self.measured();
        let flat = |tensor: &Tensor| tensor.detach().to_kind(Kind::Double).reshape([-1]);
        let tensors = self
            .loss
            .iter()
            .chain(measured.iter().map(|(_, value)| value));
        let all: Vec<Tensor> = std::iter::once(faults).chain(tensors).map(flat).collect();
        let values = Tensor::f_cat(&all, 0).map_err(efy_core::Error::from)?;
        let values: Vec<f64> = read::to_vec(&values)?;
        let replicas = reported.len();
        let (faults, values) = values.split_at(2 * replicas);
        let replica = |index: usize| {
            let faults = [0, 1].map(|place| faults[2 * index + place] as u64);
            let mut columns = values.chunks_exact(replicas).map(|column| column[index]);
            let loss = columns.next();
            let metrics = loss.map(|loss| {
                let skipped = match self.unseen {
                    true => faults[0].saturating_sub(reported[index]),
                    false => 0,
                };
                let mut metrics = Metrics::default();
                let steps = self.steps.saturating_sub(skipped).max(1);
                metrics.set(LOSS, loss / steps as f64);
                for ((name, _), value) in measured.iter().zip(columns) {
                    metrics.set(name, value);
                }
                metrics
            });
            Seen { metrics, faults }
        };
        Ok((0..replicas).map(replica).collect())
    }

    /// [`look`](Self::look), and begins again.
    pub(crate) fn take(&mut self, faults: &Tensor, reported: &[u64]) -> Result<Vec<Seen>> {
        let seen = self.look(faults, reported)?;
        *self = Interval {
            unseen: self.unseen,
            ..Interval::default()
        };
        Ok(seen)
    }

    /// The measures, computed; they stay.
    fn measured(&mut self) -> Vec<(Cow<'static, str>, Tensor)> {
        let computed: Vec<_> = std::mem::take(&mut self.measures)
            .into_iter()
            .map(|(name, measure)| (name, measure()))
            .collect();
        for (name, value) in &computed {
            let value = value.shallow_clone();
            let measure: Measure = Box::new(move || value);
            self.measures.push((name.clone(), measure));
        }
        computed
    }

    /// The sums so far. The measures are computed for it and stay.
    pub(crate) fn state(&mut self) -> Result<State> {
        let mut state = State::default();
        state.put(STEPS, &self.steps)?;
        state.put(UNSEEN, &self.unseen)?;
        if let Some(loss) = &self.loss {
            state.put_tensor(LOSS, loss);
        }
        for (name, value) in self.measured() {
            state.put_tensor(format!("{MEASURE}.{name}"), &value);
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
