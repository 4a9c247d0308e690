//! What a policy is learned from.

use efy_core::random::{Stream, generator};
use efy_envs::Spec;
use efy_train::Split;
use rand::seq::SliceRandom;
use tch::{Device, Kind, Tensor};

use super::ActionBox;
use super::demonstrations::Demonstrations;
use super::source::{self, Place, Yardstick};
use crate::config::Config;
use crate::data::Cache;
use crate::supervised::Splits;
use crate::{Error, Result};

/// Pairs of states and actions, and where the policy will act.
pub struct Lesson {
    pairs: Demonstrations,
    spec: Spec,
    place: Place,
    expert: Yardstick,
}

impl Lesson {
    /// Lets the expert act, or reads demonstrations, as a configuration says, and keeps some pairs of each episode.
    ///
    /// # Errors
    /// [`Error::Dataset`] and [`Error::Input`] for demonstrations that do not fit the environment or are too few; what environments
    /// and experts report.
    pub fn new(config: &Config, cache: &Cache) -> Result<Self> {
        let (data, seed) = (&config.data, config.train.seed);
        let (place, whole, expert) = source::demonstrations(data, seed, cache)?;
        let spec = match place.environments(1)?.first() {
            Some(environment) => environment.spec().clone(),
            None => return Err(efy_envs::Error::NoEnvironments.into()),
        };
        let (expected, found) = (
            [spec.observation, spec.action()],
            [whole.observation(), whole.action()],
        );
        let wrong = |message: String| Error::Dataset {
            name: place.name.clone(),
            message,
        };
        if expected != found {
            return Err(wrong(format!(
                "expected observations of {} and actions of {} numbers, found {} and {} in the demonstrations",
                expected[0], expected[1], found[0], found[1]
            )));
        }
        let pairs = whole.subsample(data.subsample as usize, seed);
        if pairs.len() < 2 {
            let found = pairs.len();
            return Err(wrong(format!(
                "expected at least 2 pairs to learn from, found {found}"
            )));
        }
        Ok(Lesson {
            pairs,
            spec,
            place,
            expert,
        })
    }

    /// What the environment expects and gives.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The pairs that are learned from, those of validation among them.
    #[must_use]
    pub fn pairs(&self) -> &Demonstrations {
        &self.pairs
    }

    /// The place to act in and what to be compared with.
    pub(super) fn into_place(self) -> (Place, Yardstick) {
        (self.place, self.expert)
    }

    /// Training and validation pairs, the latter drawn with the seed; no test pairs, for the test is to act. Actions
    /// are points of $[-1, 1]^k$.
    ///
    /// # Errors
    /// What the device reports.
    pub(super) fn splits(&self, config: &Config, device: Device) -> Result<Splits> {
        let n = self.pairs.len();
        let held_out = (n as f64 * config.data.validation).round() as usize;
        let held_out = held_out.clamp(1, n - 1);
        let mut order: Vec<usize> = (0..n).collect();
        order.shuffle(&mut generator(config.train.seed, Stream::Split, 0));
        let (validation, train) = order.split_at(held_out);
        let mut parts = [train.to_vec(), validation.to_vec(), Vec::new()];
        parts.iter_mut().for_each(|rows| rows.sort_unstable());
        let actions = ActionBox::of(&self.spec).to_unit(self.pairs.actions());
        let x = matrix(self.pairs.observations(), self.spec.observation)?;
        let y = matrix(&actions, self.spec.action())?;
        Splits::of_pairs(
            (&x, &y),
            parts,
            &config.data,
            (config.model.dtype.kind(), device),
        )
    }

    /// The bytes of what is learned from, which checkpoints belong to.
    pub(super) fn bytes(&self) -> impl Iterator<Item = u8> {
        let numbers = self.pairs.observations().iter().chain(self.pairs.actions());
        numbers.flat_map(|number| number.to_le_bytes())
    }

    /// Pairs in training and in validation.
    #[must_use]
    pub fn sizes(&self, splits: &Splits) -> [usize; 2] {
        [Split::Train, Split::Validation].map(|split| splits.get(split).rows.len())
    }
}

/// Rows of so many numbers, in f64 on the CPU.
pub(super) fn matrix(rows: &[f64], width: usize) -> Result<Tensor> {
    let shaped = Tensor::f_from_slice(rows).and_then(|flat| flat.f_reshape([-1, width as i64]));
    let shaped = shaped.and_then(|rows| rows.f_to_kind(Kind::Double));
    Ok(shaped.map_err(efy_core::Error::from)?)
}
