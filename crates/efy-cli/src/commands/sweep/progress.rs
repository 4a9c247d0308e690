//! A line for each trial that has ended.

use std::time::Instant;

use efy_tasks::sweep::{Plan, State, Trial};

/// Tells how far a sweep is.
pub(super) struct Progress<'a> {
    plan: &'a Plan,
    total: usize,
    done: usize,
    ran: usize,
    started: Instant,
    quiet: bool,
}

impl<'a> Progress<'a> {
    /// `total` trials are asked for.
    pub(super) fn new(plan: &'a Plan, total: usize, quiet: bool) -> Self {
        Progress {
            plan,
            total,
            done: 0,
            ran: 0,
            started: Instant::now(),
            quiet,
        }
    }

    /// Trials that have ended, now or before.
    pub(super) fn done(&self) -> usize {
        self.done
    }

    /// A line on stderr.
    pub(super) fn say(&self, text: &str) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }

    /// Trials had ended before.
    pub(super) fn begin(&mut self, done: usize, jobs: usize, devices: &str) {
        self.done = done;
        self.say(&format!(
            "{}: {} trials, {done} of them done; {jobs} at a time on {devices}",
            self.plan.name, self.total
        ));
    }

    /// A trial begins, or goes on.
    pub(super) fn resumed(&self, trial: &Trial) {
        let trial = self.plan.describe(trial);
        self.say(&format!("{trial} goes on from its last checkpoint"));
    }

    /// A trial has ended.
    pub(super) fn ended(&mut self, trial: &Trial, state: &State) {
        self.done += 1;
        self.ran += 1;
        let monitor = &self.plan.monitor;
        let what = match state {
            State::Finished(summary) => match summary.validation.get(monitor) {
                Some(value) => format!("validation {monitor} {value:.4}"),
                None => format!("validation {monitor} is not finite"),
            },
            State::Failed(failure) => format!("failed: {}", failure.message),
            _ => "ended".to_owned(),
        };
        let left = self.total - self.done;
        let eta = self.started.elapsed().as_secs_f64() / self.ran as f64 * left as f64;
        let eta = match left {
            0 => String::new(),
            _ => format!("  eta {eta:.0} s"),
        };
        let (done, total) = (self.done, self.total);
        let trial = self.plan.describe(trial);
        self.say(&format!("{done}/{total}  {trial}: {what}{eta}"));
    }
}
