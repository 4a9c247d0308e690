//! Progress for people: a bar on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use indicatif::{FormattedDuration, ProgressBar, ProgressStyle};

use super::{Event, Observer};
use crate::{Metrics, Result, Split};

/// Off a terminal, at most one line in this time.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// Step, loss, solver iterations, steps a second and remaining time on stderr; warnings and
/// interruptions as lines of their own.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    pace: Pace,
    last_line: Option<Instant>,
    numbers: Numbers,
}

impl Progress {
    /// Shows the loss and the validation metric called `monitor`.
    pub fn new(monitor: &str) -> Self {
        Progress {
            bar: None,
            pace: Pace {
                steps: 0,
                from: 0,
                began: Instant::now(),
            },
            last_line: None,
            numbers: Numbers {
                monitor: monitor.to_owned(),
                ..Numbers::default()
            },
        }
    }

    fn start(&mut self, steps: u64, from: u64) {
        self.pace = Pace {
            steps,
            from,
            began: Instant::now(),
        };
        if stderr().is_terminal() {
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len} steps  {msg}");
            let bar = ProgressBar::new(steps).with_position(from);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            self.bar = Some(bar);
        }
    }

    fn show(&mut self, step: u64) {
        let message = format!("{}{}", self.numbers, self.pace.at(step, Instant::now()));
        if let Some(bar) = &self.bar {
            bar.set_position(step);
            bar.set_message(message);
        } else if (self.last_line).is_none_or(|last| last.elapsed() >= BETWEEN_LINES) {
            self.last_line = Some(Instant::now());
            self.say(&format!("step {step}/{}  {message}", self.pace.steps));
        }
    }

    /// A line that stays. That nobody reads it is no reason to stop.
    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => {
                let _ = writeln!(stderr(), "{line}");
            }
        }
    }

    fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.abandon();
        }
    }
}

impl Observer for Progress {
    fn name(&self) -> &'static str {
        "progress"
    }

    fn on(&mut self, event: &Event<'_>) -> Result<()> {
        match event {
            Event::Started { steps, from } => self.start(*steps, *from),
            Event::Resumed { step } => self.say(&format!("resumed at step {step}")),
            Event::Metrics {
                split: Split::Test, ..
            }
            | Event::Checkpoint { .. } => {}
            Event::Metrics {
                step,
                split,
                metrics,
                ..
            } => {
                self.numbers.remember(*split, metrics);
                self.show(*step);
            }
            Event::Warning { message } => self.say(&format!("warning: {message}")),
            Event::Interrupted { step } => {
                self.end();
                self.say(&format!("interrupted at step {step}"));
            }
            Event::Finished => self.end(),
        }
        Ok(())
    }
}

/// How fast training is since it began or went on.
#[derive(Debug)]
struct Pace {
    steps: u64,
    from: u64,
    began: Instant,
}

impl Pace {
    fn at(&self, step: u64, now: Instant) -> String {
        let made = step.saturating_sub(self.from) as f64;
        let rate = made / (now - self.began).as_secs_f64().max(1e-9);
        let left = self.steps.saturating_sub(step) as f64 / rate;
        let digits = if rate < 10.0 { 2 } else { 0 };
        // Not a duration where no step was made.
        let eta = Duration::try_from_secs_f64(left)
            .map(|left| format!("  eta {}", FormattedDuration(left)))
            .unwrap_or_default();
        format!("{rate:.digits$} steps/s{eta}")
    }
}

/// The numbers that are shown, each followed by two spaces.
#[derive(Debug, Default)]
struct Numbers {
    monitor: String,
    loss: Option<f64>,
    iterations: Option<f64>,
    validation: Option<f64>,
}

impl Numbers {
    fn remember(&mut self, split: Split, metrics: &Metrics) {
        match split {
            Split::Train => {
                self.loss = metrics.get("loss");
                self.iterations = metrics.get("iterations");
            }
            Split::Validation => self.validation = metrics.get(&self.monitor).or(self.validation),
            Split::Test => {}
        }
    }
}

impl std::fmt::Display for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(loss) = self.loss {
            write!(f, "loss {loss:.4}  ")?;
        }
        if let Some(validation) = self.validation {
            write!(f, "validation {} {validation:.4}  ", self.monitor)?;
        }
        if let Some(iterations) = self.iterations {
            write!(f, "{iterations:.1} iterations  ")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_remaining_time_count_from_where_the_run_went_on() {
        let began = Instant::now();
        let pace = |steps, from| Pace { steps, from, began };
        let after = |seconds| began + Duration::from_secs(seconds);
        assert_eq!(pace(1000, 0).at(500, after(10)), "50 steps/s  eta 00:00:10");
        assert_eq!(
            pace(1000, 900).at(905, after(10)),
            "0.50 steps/s  eta 00:03:10"
        );
        assert_eq!(pace(1000, 900).at(900, after(10)), "0.00 steps/s");
        let week = pace(7 * 86_400 + 10, 0).at(10, after(10));
        assert_eq!(week, "1.00 steps/s  eta 7d 00:00:00");
    }

    #[test]
    fn the_last_number_of_each_kind_is_shown() {
        let mut numbers = Numbers {
            monitor: "tau".to_owned(),
            ..Numbers::default()
        };
        assert_eq!(numbers.to_string(), "");
        let train = Metrics::from_iter([("loss", 0.5), ("iterations", 3.25)]);
        numbers.remember(Split::Train, &train);
        assert_eq!(numbers.to_string(), "loss 0.5000  3.2 iterations  ");
        let validation = Metrics::from_iter([("loss", 0.75), ("tau", 0.25)]);
        numbers.remember(Split::Validation, &validation);
        let shown = "loss 0.5000  validation tau 0.2500  3.2 iterations  ";
        assert_eq!(numbers.to_string(), shown);
        numbers.remember(Split::Validation, &Metrics::default());
        assert_eq!(numbers.to_string(), shown);
    }
}
