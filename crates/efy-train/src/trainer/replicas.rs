//! What is told of models that are trained side by side, and how one of them ends before the others.

use efy_core::parameters::Parameters;

use super::Trainer;
use super::session::{Replica, Session};
use crate::observer::Event;
use crate::{Metrics, Result, Split};

impl Trainer<'_> {
    /// Tells each replica's observers its metrics and the trainer's own the mean over those that still
    /// train; of those that have ended there is nothing more to tell.
    pub(super) fn tell_metrics(
        &mut self,
        (step, epoch, split): (u64, u64, Split),
        metrics: &[Metrics],
        replicas: &[Replica],
    ) -> Result<()> {
        let mean;
        let shown = match metrics {
            [one] => one,
            all => {
                let pairs = all.iter().zip(replicas);
                let training = pairs.filter(|(_, replica)| !replica.ended);
                let training: Vec<Metrics> = training.map(|(one, _)| one.clone()).collect();
                mean = Metrics::mean(if training.is_empty() { all } else { &training });
                &mean
            }
        };
        self.observers
            .tell(&Event::metrics(step, epoch, split, shown))?;
        for ((observers, metrics), replica) in self.apart.iter_mut().zip(metrics).zip(replicas) {
            if !replica.ended {
                observers.tell(&Event::metrics(step, epoch, split, metrics))?;
            }
        }
        Ok(())
    }

    /// Ends those replicas: what they would log at their end alone is read for their observers, and weights
    /// that none was better than are kept, for they will change with the others.
    pub(super) fn end_replicas(
        &mut self,
        ending: &[usize],
        parameters: &Parameters,
        session: &mut Session,
    ) -> Result<()> {
        let (step, epoch) = (session.steps, session.epoch);
        // A process without observers has its part in what those of others are told.
        if !ending.is_empty() && (!self.apart.is_empty() || self.collective.world() > 1) {
            let reported = session.reported_faults();
            let faults = session.optimizer.faults()?;
            let collective = self.collective.as_mut();
            let seen = session.interval.look((faults, &reported), collective)?;
            for &index in ending {
                if let (Some(observers), Some(metrics)) =
                    (self.apart.get_mut(index), &seen[index].metrics)
                {
                    observers.tell(&Event::metrics(step, epoch, Split::Train, metrics))?;
                }
            }
        }
        let several = session.replicas.len() > 1;
        for &index in ending {
            let replica = &mut session.replicas[index];
            if several && !replica.kept {
                replica.keep((index, &mut session.best), parameters, (step, epoch))?;
            }
            replica.ended = true;
            (replica.outcome.steps, replica.outcome.epochs) = (step, epoch);
        }
        Ok(())
    }
}
