//! The learning rate as a function of the step.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the learning rate changes during training. It is a function of the number of the step and of the
/// number of steps of the whole training, so nothing has to be stored for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// What happens after the warm-up.
    pub kind: ScheduleKind,
    /// Steps in which the learning rate rises in equal parts from lr / warmup_steps to lr; 0: none.
    pub warmup_steps: u64,
    /// The fraction of lr at which it arrives in the end (cosine).
    #[serde(rename = "final")]
    #[schemars(range(min = 0, max = 1))]
    pub end: f64,
    /// Steps between two changes (step).
    #[schemars(range(min = 1))]
    pub every: u64,
    /// What it is multiplied with at each of them (step).
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    pub factor: f64,
}

/// What the learning rate does after the warm-up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// It stays.
    #[default]
    Constant,
    /// It falls along half a cosine until the last step.
    Cosine,
    /// It is multiplied with `factor` after every `every` steps.
    Step,
}

impl Default for Schedule {
    fn default() -> Self {
        Schedule {
            kind: ScheduleKind::Constant,
            warmup_steps: 0,
            end: 0.0,
            every: 1000,
            factor: 0.1,
        }
    }
}

impl Schedule {
    /// The learning rate of step t of T (`step`, from 1, and `total`) as a fraction of the configured one.
    ///
    /// With W steps of warm-up it is $t/W$ for $t \le W$, and then with $u = t - 1 - W$ steps after it
    ///
    /// - constant: 1,
    /// - cosine to f: $f + \frac{1-f}{2} (1 + \cos \frac{\pi u}{T - W})$, as
    ///   `torch.optim.lr_scheduler.CosineAnnealingLR`, and f after step T,
    /// - step: $\mathrm{factor}^{\lfloor u / \mathrm{every} \rfloor}$, as `StepLR`.
    ///
    /// A training of fewer than W steps ends within the warm-up.
    pub fn fraction(&self, step: u64, total: u64) -> f64 {
        let warmup = self.warmup_steps;
        if step <= warmup {
            return step as f64 / warmup.max(1) as f64;
        }
        let since = step - 1 - warmup;
        match self.kind {
            ScheduleKind::Constant => 1.0,
            ScheduleKind::Cosine => {
                let span = total.saturating_sub(warmup).max(1);
                let progress = since.min(span) as f64 / span as f64;
                let fall = 0.5 * (1.0 + (std::f64::consts::PI * progress).cos());
                self.end + (1.0 - self.end) * fall
            }
            ScheduleKind::Step => self.factor.powf((since / self.every.max(1)) as f64),
        }
    }

    /// The first key whose value is out of range, with what is expected and what was found.
    pub(crate) fn fault(&self) -> Option<(&'static str, &'static str, String)> {
        if !(0.0..=1.0).contains(&self.end) {
            return Some(("final", "a number in [0, 1]", self.end.to_string()));
        }
        if self.every == 0 {
            return Some(("every", "a positive integer", self.every.to_string()));
        }
        if !(self.factor > 0.0 && self.factor <= 1.0) {
            return Some(("factor", "a number in (0, 1]", self.factor.to_string()));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fractions(schedule: &Schedule, steps: &[u64], total: u64) -> Vec<f64> {
        let fraction = |&step| schedule.fraction(step, total);
        steps.iter().map(fraction).collect()
    }

    fn assert_close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15, "{found} {expected}");
        }
    }

    #[test]
    fn the_warm_up_rises_in_equal_parts_and_ends_at_the_full_rate() {
        let mut schedule = Schedule {
            warmup_steps: 4,
            ..Schedule::default()
        };
        let steps = [1, 2, 3, 4, 5, 100];
        assert_close(
            &fractions(&schedule, &steps, 10),
            &[0.25, 0.5, 0.75, 1.0, 1.0, 1.0],
        );
        // Shorter than its warm-up.
        assert_close(&fractions(&schedule, &[1, 2], 2), &[0.25, 0.5]);
        schedule.warmup_steps = 0;
        assert_close(&fractions(&schedule, &[1, 7], 10), &[1.0, 1.0]);
    }

    #[test]
    fn the_cosine_is_that_of_cosine_annealing_between_warm_up_and_end() {
        let schedule = Schedule {
            kind: ScheduleKind::Cosine,
            warmup_steps: 2,
            end: 0.1,
            ..Schedule::default()
        };
        // Eight steps after the warm-up: half of the way at the fifth of them, the end after the last.
        let last = 0.1 + 0.45 * (1.0 + (std::f64::consts::PI * 7.0 / 8.0).cos());
        assert_close(
            &fractions(&schedule, &[2, 3, 7, 10, 11, 1000], 10),
            &[1.0, 1.0, 0.55, last, 0.1, 0.1],
        );
        // No step after the warm-up: no division by zero.
        assert_close(&fractions(&schedule, &[2, 3], 2), &[1.0, 1.0]);
        assert_close(&fractions(&schedule, &[4], 2), &[0.1]);
    }

    #[test]
    fn the_steps_come_after_every_so_many_since_the_warm_up() {
        let schedule = Schedule {
            kind: ScheduleKind::Step,
            warmup_steps: 1,
            every: 3,
            factor: 0.5,
            ..Schedule::default()
        };
        assert_close(
            &fractions(&schedule, &[1, 2, 4, 5, 7, 8], 8),
            &[1.0, 1.0, 1.0, 0.5, 0.5, 0.25],
        );
    }

    #[test]
    fn keys_are_those_of_the_configuration() {
        let schedule: Schedule =
            serde_json::from_str(r#"{"kind": "cosine", "final": 0.2}"#).unwrap();
        assert_eq!((schedule.kind, schedule.end), (ScheduleKind::Cosine, 0.2));
    }
}
