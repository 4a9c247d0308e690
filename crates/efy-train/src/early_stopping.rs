//! When to stop, and which weights to keep.

use serde::{Deserialize, Serialize};

/// Whether larger or smaller values of a metric are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Accuracies, F-scores, rank correlations.
    Maximize,
    /// Losses and divergences.
    Minimize,
}

impl Direction {
    /// The direction of a metric by its name.
    pub fn of(metric: &str) -> Self {
        match metric {
            "loss" | "kl" | "fisher" | "tv" | "energy_distance" | "unconverged" => {
                Direction::Minimize
            }
            error if error.ends_with("_error") => Direction::Minimize,
            _ => Direction::Maximize,
        }
    }
}

/// Follows a validation metric.
#[derive(Debug, Clone)]
pub struct EarlyStopping {
    direction: Direction,
    patience: u64,
    progress: Progress,
}

/// What changes while a metric is followed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    best: Option<f64>,
    since: u64,
}

impl EarlyStopping {
    /// Stops after `patience` evaluations without an improvement; never for 0.
    pub fn new(direction: Direction, patience: u64) -> Self {
        EarlyStopping {
            direction,
            patience,
            progress: Progress::default(),
        }
    }

    /// Takes note of a value; says whether it is the best so far. A value that is not finite never is.
    pub fn improved(&mut self, value: f64) -> bool {
        let better = value.is_finite()
            && self.progress.best.is_none_or(|best| match self.direction {
                Direction::Maximize => value > best,
                Direction::Minimize => value < best,
            });
        if better {
            self.progress = Progress {
                best: Some(value),
                since: 0,
            };
        } else {
            self.progress.since += 1;
        }
        better
    }

    /// What has changed since it began.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Puts back what [`progress`](Self::progress) gave.
    pub fn restore(&mut self, progress: Progress) {
        self.progress = progress;
    }

    /// Whether patience has run out.
    pub fn exhausted(&self) -> bool {
        self.patience > 0 && self.progress.since >= self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_after_patience_evaluations_without_improvement() {
        let mut stopping = EarlyStopping::new(Direction::of("loss"), 2);
        let improved: Vec<bool> = [3.0, 2.0, 2.0, f64::NAN]
            .iter()
            .map(|&value| stopping.improved(value))
            .collect();
        assert_eq!(improved, [true, true, false, false]);
        assert!(stopping.exhausted());
        let mut never = EarlyStopping::new(Direction::of("hamming_accuracy"), 0);
        assert!(never.improved(0.5) && never.improved(0.6) && !never.improved(0.1));
        assert!(!never.exhausted());
    }
}
