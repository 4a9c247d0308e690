//! Progress for people: a bar on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::{Event, Observer};
use crate::{Metrics, Result, Split};

/// Off a terminal, at most one line in this time.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// Step, loss, steps a second and remaining time on stderr.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    total: u64,
    started: Instant,
    last_line: Option<Instant>,
    loss: Option<f64>,
    validation: String,
    monitor: String,
}

impl Progress {
    /// Shows the loss and the validation metric called `monitor`.
    pub fn new(monitor: &str) -> Self {
        Progress {
            bar: None,
            total: 0,
            started: Instant::now(),
            last_line: None,
            loss: None,
            validation: String::new(),
            monitor: monitor.to_owned(),
        }
    }

    fn start(&mut self, total: u64) {
        self.total = total;
        self.started = Instant::now();
        if stderr().is_terminal() {
            let template = "{bar:30} {pos}/{len} steps  {msg}  {per_sec:.0}  eta {eta}";
            let bar = ProgressBar::new(total);
            bar.set_style(
                ProgressStyle::with_template(template)
                    .unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            self.bar = Some(bar);
        }
    }

    fn message(&self) -> String {
        let loss = self
            .loss
            .map_or_else(String::new, |loss| format!("loss {loss:.4}  "));
        format!("{loss}{}", self.validation)
    }

    fn show(&mut self, step: u64) {
        if let Some(bar) = &self.bar {
            bar.set_message(self.message());
            bar.set_position(step);
            return;
        }
        if self
            .last_line
            .is_some_and(|last| last.elapsed() < BETWEEN_LINES)
        {
            return;
        }
        self.last_line = Some(Instant::now());
        let rate = step as f64 / self.started.elapsed().as_secs_f64().max(1e-9);
        let left = self.total.saturating_sub(step) as f64 / rate;
        eprintln!(
            "step {step}/{}  {}  {rate:.0} steps/s  eta {left:.0} s",
            self.total,
            self.message()
        );
    }

    fn remember(&mut self, split: Split, metrics: &Metrics) {
        match split {
            Split::Train => self.loss = metrics.get("loss"),
            Split::Validation => {
                if let Some(value) = metrics.get(&self.monitor) {
                    self.validation = format!("validation {} {value:.4}", self.monitor);
                }
            }
            Split::Test => {}
        }
    }
}

impl Observer for Progress {
    fn name(&self) -> &'static str {
        "progress"
    }

    fn on(&mut self, event: &Event<'_>) -> Result<()> {
        match event {
            Event::Started { steps, .. } => self.start(*steps),
            Event::Metrics {
                split: Split::Test, ..
            } => {}
            Event::Metrics {
                step,
                split,
                metrics,
                ..
            } => {
                self.remember(*split, metrics);
                self.show(*step);
            }
            Event::Finished => {
                if let Some(bar) = self.bar.take() {
                    bar.abandon();
                }
            }
            _ => {}
        }
        Ok(())
    }
}
