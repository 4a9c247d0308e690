//! Log points: what is read from the device between two of them, and what follows from it.

use efy_core::device::Phase;
use tch::Device;

use super::session::Session;
use super::{MOST_SKIPPED, Trainer};
use crate::observer::Event;
use crate::optimizer::OnNonFinite;
use crate::{Objective, Result, Split};

impl Trainer<'_> {
    /// The one read of a log interval.
    pub(super) fn log(
        &mut self,
        objective: &mut dyn Objective,
        session: &mut Session,
    ) -> Result<()> {
        let _phase = Phase::Log.enter();
        let taken = session.interval.steps();
        let (metrics, [faults, first]) =
            (session.interval).take(session.optimizer.faults(), session.reported_faults)?;
        let (step, epoch) = (session.outcome.steps, session.outcome.epochs);
        if let Some(metrics) = metrics {
            self.tell(&Event::metrics(step, epoch, Split::Train, &metrics))?;
        }
        let new = faults.saturating_sub(session.reported_faults);
        session.reported_faults = faults;
        // On the CPU each step has looked for itself.
        if objective.device() != Device::Cpu {
            let all = new > 0 && new == taken;
            session.skipped = if all { session.skipped + new } else { 0 };
        }
        if new == 0 {
            return Ok(());
        }
        let stops = self.config.on_nonfinite == OnNonFinite::Stop;
        if stops || session.skipped >= MOST_SKIPPED {
            return Err(self.fault(objective, session, first, None));
        }
        let message =
            format!("{new} steps before step {step} were skipped: loss or gradient not finite");
        self.tell(&Event::Warning { message: &message })
    }
}
