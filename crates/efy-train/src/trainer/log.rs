//! Log points: what is read from the device between two of them, and what follows from it.

use super::interval::Seen;
use efy_core::device::Phase;

use super::session::Session;
use super::{MOST_SKIPPED, Trainer};
use crate::observer::Event;
use crate::optimizer::OnNonFinite;
use crate::{Metrics, Objective, Result, Split};

impl Trainer<'_> {
    /// The one read of a log interval.
    pub(super) fn log(
        &mut self,
        objective: &mut dyn Objective,
        session: &mut Session,
    ) -> Result<()> {
        let _phase = Phase::Log.enter();
        let taken = session.interval.steps();
        let reported = session.reported_faults();
        let faults = session.optimizer.faults()?;
        let collective = self.collective.as_mut();
        let seen = session.interval.take((faults, &reported), collective)?;
        let (step, epoch) = (session.steps, session.epoch);
        let metrics: Vec<Metrics> = seen.iter().filter_map(|one| one.metrics.clone()).collect();
        if !metrics.is_empty() {
            self.tell_metrics((step, epoch, Split::Train), &metrics, &session.replicas)?;
        }
        for (index, Seen { faults, .. }) in seen.iter().enumerate() {
            let looks = session.optimizer.looks();
            let replica = &mut session.replicas[index];
            let [faults, first] = *faults;
            let new = faults.saturating_sub(replica.reported_faults);
            replica.reported_faults = faults;
            // Else each step has looked for itself.
            if !looks {
                let all = new > 0 && new == taken;
                replica.skipped = if all { replica.skipped + new } else { 0 };
            }
            // A step after the end of a replica is none of its own; one before it is, though it is seen now.
            let end = replica.outcome.steps;
            let over = replica.ended && (first > end || step.saturating_sub(taken) >= end);
            if new == 0 || over {
                continue;
            }
            let too_many = replica.skipped >= MOST_SKIPPED;
            let which = match session.replicas.len() {
                1 => String::new(),
                _ => format!("replica {index}: "),
            };
            if self.config.on_nonfinite == OnNonFinite::Stop || too_many {
                if !which.is_empty() {
                    let seed = self.config.seeds().nth(index).unwrap_or_default();
                    let message = format!(
                        "{which}loss or gradient not finite; train it alone to find out why: \
                         train.replicas=1, train.seed={seed}"
                    );
                    self.tell(&Event::Warning { message: &message })?;
                }
                return Err(self.fault(objective, session, first, None));
            }
            let message = format!(
                "{which}{new} steps before step {step} were skipped: loss or gradient not finite"
            );
            self.tell(&Event::Warning { message: &message })?;
        }
        Ok(())
    }
}
