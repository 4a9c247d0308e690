//! What the steps since the last log point reported.

use std::borrow::Cow;

use efy_core::device::read;
use tch::{Device, Kind, Tensor};

use crate::{Collective, Measure, Metrics, Part, Result, State, StepLoss};

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
    /// The rows of the last step that the measures are of; none if they are of the whole batch.
    part: Option<Part>,
}

impl Interval {
    /// Counts a step in. Where nobody has looked whether it was finite (`unseen`), and it is skipped if not,
    /// what is not finite counts as no step.
    pub(crate) fn add(&mut self, step: StepLoss, unseen: bool, part: Part) {
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
        // Of a batch with fewer rows than processes some have no measures: each keeps its own.
        self.part = Some(part).filter(|part| part.count > 0 && part.count < part.of);
    }

    /// Steps since the last log point.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    /// Of each replica: the mean loss and the measures, if there was a step, and its two values of `faults`
    /// `[R, 2]`, of which the first was in `reported` last time. One read; everything stays as it is.
    pub(crate) fn look(
        &mut self,
        (faults, reported): (&Tensor, &[u64]),
        collective: &mut dyn Collective,
    ) -> Result<Vec<Seen>> {
        let measured = self.measured(collective)?;
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
    pub(crate) fn take(
        &mut self,
        of: (&Tensor, &[u64]),
        collective: &mut dyn Collective,
    ) -> Result<Vec<Seen>> {
        let seen = self.look(of, collective)?;
        *self = Interval {
            unseen: self.unseen,
            ..Interval::default()
        };
        Ok(seen)
    }

    /// The measures, computed, and of all processes' rows their mean; they stay.
    fn measured(
        &mut self,
        collective: &mut dyn Collective,
    ) -> Result<Vec<(Cow<'static, str>, Tensor)>> {
        let mut computed: Vec<_> = std::mem::take(&mut self.measures)
            .into_iter()
            .map(|(name, measure)| (name, measure()))
            .collect();
        let world = collective.world() as i64;
        let part = self
            .part
            .take()
            .filter(|part| part.of >= world && world > 1);
        if let Some(part) = part.filter(|_| !computed.is_empty()) {
            let flat =
                |(_, value): &(_, Tensor)| value.detach().to_kind(Kind::Double).reshape([-1]);
            let all: Vec<Tensor> = computed.iter().map(flat).collect();
            let all = Tensor::f_cat(&all, 0)
                .and_then(|all| all.f_mul_scalar(part.weight()))
                .map_err(efy_core::Error::from)?;
            let all = collective.sum(all)?;
            let mut from = 0;
            for (_, value) in &mut computed {
                let length = value.numel() as i64;
                *value = all.narrow(0, from, length).reshape(value.size());
                from += length;
            }
        }
        for (name, value) in &computed {
            let value = value.shallow_clone();
            let measure: Measure = Box::new(move || value);
            self.measures.push((name.clone(), measure));
        }
        Ok(computed)
    }

    /// The sums so far. The measures are computed for it and stay.
    pub(crate) fn state(&mut self, collective: &mut dyn Collective) -> Result<State> {
        let mut state = State::default();
        state.put(STEPS, &self.steps)?;
        state.put(UNSEEN, &self.unseen)?;
        if let Some(loss) = &self.loss {
            state.put_tensor(LOSS, loss);
        }
        for (name, value) in self.measured(collective)? {
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
            part: None,
        })
    }
}
