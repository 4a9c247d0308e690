//! One training, its scores, and nothing on disk.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use efy_train::observer::{Event, Observer};
use efy_train::{Metrics, Objective, Outcome, Split, Trainer};
use serde::{Deserialize, Serialize};
use tch::Device;

use super::curve::Curve;
use crate::config::Config;
use crate::data::Dataset;
use crate::supervised::{Splits, Supervised, refit};
use crate::{Error, Result};

/// A training to be made, on the CPU.
#[derive(Debug, Serialize)]
pub(super) struct Training<'a> {
    pub config: Config,
    /// For how many epochs all training rows are learned from, before the test split is scored; `None`
    /// while settings are chosen: then some rows are held out and scored after every epoch.
    pub refit: Option<u64>,
    /// The data that the configuration names.
    #[serde(skip)]
    pub data: &'a Dataset,
    /// What progress calls it.
    #[serde(skip)]
    pub label: String,
}

impl fmt::Display for Training<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

/// What came of a training.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Trained {
    /// Why it has no scores: the loss was no longer finite.
    pub diverged: Option<String>,
    /// Monitored metric and loss on the held-out rows after each epoch, if there are such rows.
    pub validation: Curve,
    /// The scores on the test split, if it was looked at.
    pub test: Option<Metrics>,
}

impl fmt::Display for Trained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.diverged, &self.test) {
            (Some(_), _) => f.write_str("diverged"),
            (None, Some(_)) => f.write_str("all rows"),
            (None, None) => write!(f, "{} epochs", self.validation.len()),
        }
    }
}

impl Training<'_> {
    /// Trains.
    ///
    /// # Errors
    /// What data, model and solver report. That the loss diverged is a result.
    pub fn run(&self) -> Result<Trained> {
        let trained = match self.refit {
            Some(epochs) => self.on_all_rows(epochs),
            None => self.with_rows_held_out(),
        };
        match trained {
            Err(Error::Train(error @ efy_train::Error::Diverged { .. })) => Ok(Trained {
                diverged: Some(error.to_string()),
                ..Trained::default()
            }),
            trained => trained,
        }
    }

    fn with_rows_held_out(&self) -> Result<Trained> {
        let Config { train, data, .. } = &self.config;
        let options = (self.config.model.dtype.kind(), Device::Cpu);
        let splits = Splits::new(self.data, data, train.seed, options)?;
        let mut objective = Supervised::new(&self.config, splits)?;
        let curve = Rc::new(RefCell::new(Curve::default()));
        let recorder = Recorder {
            monitor: &train.monitor,
            curve: Rc::clone(&curve),
        };
        Trainer::new(train, vec![Box::new(recorder)]).fit(&mut objective)?;
        Ok(Trained {
            validation: curve.take(),
            ..Trained::default()
        })
    }

    fn on_all_rows(&self, epochs: u64) -> Result<Trained> {
        let mut trainer = Trainer::new(&self.config.train, Vec::new());
        let choice = Outcome {
            best_epoch: epochs,
            ..Outcome::default()
        };
        let (mut objective, _) =
            refit(&mut trainer, &self.config, self.data, Device::Cpu, &choice)?;
        Ok(Trained {
            test: Some(objective.evaluate(Split::Test)?),
            ..Trained::default()
        })
    }
}

/// Keeps what settings are chosen by.
struct Recorder<'a> {
    monitor: &'a str,
    curve: Rc<RefCell<Curve>>,
}

impl Observer for Recorder<'_> {
    fn name(&self) -> &'static str {
        "curve"
    }

    fn on(&mut self, event: &Event<'_>) -> efy_train::Result<()> {
        if let Event::Metrics {
            epoch,
            split: Split::Validation,
            metrics,
            ..
        } = event
        {
            let kept = metrics
                .iter()
                .filter(|(name, _)| *name == self.monitor || *name == "loss");
            self.curve.borrow_mut().push(*epoch, kept.collect());
        }
        Ok(())
    }
}
