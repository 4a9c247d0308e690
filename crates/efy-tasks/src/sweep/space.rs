//! From what is varied to settings: all points of a grid, or random ones.

use efy_core::random::{Stream, generator};
use rand::RngExt;
use serde_json::{Map, Value};

use super::parameter::{Choice, Interval, ScaleKind};

/// Digits of numbers that are drawn or spaced out: nobody needs more, and what a table shows is then the
/// very number that was used.
const DIGITS: usize = 4;

/// A key of the configuration and its value, for everything that is varied, in the order of the file.
pub type Setting = Map<String, Value>;

/// A setting in a few words: `train.lr 0.001, model.rank 8`.
pub fn describe(setting: &Setting) -> String {
    let words: Vec<String> = setting
        .iter()
        .map(|(key, value)| format!("{key} {}", plain(value)))
        .collect();
    words.join(", ")
}

/// A value as people write it: names without quotes.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// How many points a grid has; `None` where they cannot be counted.
pub(super) fn grid_size(choices: &[(String, Choice)]) -> Option<usize> {
    choices.iter().try_fold(1_usize, |size, (_, choice)| {
        let count = match choice {
            Choice::Values(values) => values.len(),
            Choice::Range(interval) => interval.points?,
        };
        size.checked_mul(count)
    })
}

/// All combinations, the last key varying fastest.
pub(super) fn grid(choices: &[(String, Choice)]) -> Vec<Setting> {
    let mut settings = vec![Setting::new()];
    for (key, choice) in choices {
        let values = match choice {
            Choice::Values(values) => values.clone(),
            Choice::Range(interval) => interval.spaced(),
        };
        let extended = settings.iter().flat_map(|setting| {
            values.iter().map(move |value| {
                let mut setting = setting.clone();
                setting.insert(key.clone(), value.clone());
                setting
            })
        });
        settings = extended.collect();
    }
    settings
}

/// The random setting `index`: a function of seed and index alone, whatever the number of trials.
pub(super) fn random(choices: &[(String, Choice)], seed: u64, index: usize) -> Setting {
    let mut generator = generator(seed, Stream::Sweep, index as u64);
    let mut draw = |choice: &Choice| {
        // One number a key, whatever the key: a key more at the end leaves the others as they were.
        let share: f64 = generator.random();
        match choice {
            Choice::Values(values) => {
                let place = (share * values.len() as f64) as usize;
                values[place.min(values.len() - 1)].clone()
            }
            Choice::Range(interval) => interval.at_random(share),
        }
    };
    choices
        .iter()
        .map(|(key, choice)| (key.clone(), draw(choice)))
        .collect()
}

impl Interval {
    /// The points of a grid, evenly spaced on the scale; integers that coincide are one.
    fn spaced(self) -> Vec<Value> {
        let last = self.points.unwrap_or(2) - 1;
        let share = |point: usize| point as f64 / last as f64;
        let mut values: Vec<Value> = (0..=last)
            .map(|point| {
                let number = self.between(share(point), self.max);
                self.value(if self.integer { number.round() } else { number })
            })
            .collect();
        values.dedup();
        values
    }

    /// The number below which lies the fraction `share` of the interval. Every integer is as likely as on
    /// the scale its distance to the next one says.
    fn at_random(self, share: f64) -> Value {
        if self.integer {
            self.value(self.between(share, self.max + 1.0).floor())
        } else {
            self.value(self.between(share, self.max))
        }
    }

    fn between(self, share: f64, max: f64) -> f64 {
        match self.scale {
            ScaleKind::Linear => self.min + share * (max - self.min),
            ScaleKind::Log => self.min * (max / self.min).powf(share),
        }
    }

    /// The number as it is used, never outside of the interval.
    fn value(self, number: f64) -> Value {
        if self.integer {
            return Value::from(number.clamp(self.min, self.max) as i64);
        }
        let rounded = format!("{number:.*e}", DIGITS - 1);
        let rounded = rounded.parse().unwrap_or(number);
        Value::from(rounded.clamp(self.min, self.max))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn range(min: f64, max: f64, scale: ScaleKind, integer: bool) -> Interval {
        Interval {
            min,
            max,
            scale,
            integer,
            points: None,
        }
    }

    fn choices() -> Vec<(String, Choice)> {
        let names = Choice::Values(vec![json!("unary"), json!("pairwise")]);
        let rate = range(1e-5, 1e-1, ScaleKind::Log, false);
        let rank = range(1.0, 16.0, ScaleKind::Linear, true);
        [
            ("model.kind", names),
            ("train.lr", Choice::Range(rate)),
            ("model.rank", Choice::Range(rank)),
        ]
        .map(|(key, choice)| (key.to_owned(), choice))
        .to_vec()
    }

    #[test]
    fn the_last_key_of_a_grid_varies_fastest() {
        let values = |values: &[i64]| Choice::Values(values.iter().map(|&v| json!(v)).collect());
        let choices = [
            ("b".to_owned(), values(&[1, 2])),
            ("a".to_owned(), values(&[3, 4, 5])),
        ];
        let settings: Vec<String> = grid(&choices).iter().map(describe).collect();
        assert_eq!(grid_size(&choices), Some(6));
        let expected = ["b 1, a 3", "b 1, a 4", "b 1, a 5", "b 2, a 3"];
        assert_eq!(settings[..4], expected);
        assert_eq!(settings[5], "b 2, a 5");
    }

    #[test]
    fn points_of_a_grid_are_evenly_spaced_on_their_scale() {
        let points = |interval: Interval, count| Interval {
            points: Some(count),
            ..interval
        };
        let log = points(range(1e-4, 1e-2, ScaleKind::Log, false), 5);
        assert_eq!(
            json!(log.spaced()),
            json!([1e-4, 3.162e-4, 1e-3, 3.162e-3, 1e-2])
        );
        let linear = points(range(0.0, 1.0, ScaleKind::Linear, false), 3);
        assert_eq!(json!(linear.spaced()), json!([0.0, 0.5, 1.0]));
        let integers = points(range(1.0, 4.0, ScaleKind::Log, true), 6);
        assert_eq!(json!(integers.spaced()), json!([1, 2, 3, 4]));
    }

    #[test]
    fn numbers_are_uniform_on_their_scale() {
        let choices = choices();
        let settings: Vec<Setting> = (0..4000).map(|index| random(&choices, 1, index)).collect();
        let fraction = |of: &dyn Fn(&Setting) -> bool| {
            settings.iter().filter(|setting| of(setting)).count() as f64 / 4000.0
        };
        // A quarter of a range of four decades is a decade.
        for decade in 1..=4 {
            let low = 1e-5 * 10_f64.powi(decade - 1);
            let within = |setting: &Setting| {
                let rate = setting["train.lr"].as_f64().unwrap();
                rate >= low && rate < 10.0 * low
            };
            let found = fraction(&within);
            assert!((found - 0.25).abs() < 0.03, "decade {decade}: {found}");
        }
        for rank in 1..=16 {
            let found = fraction(&|setting| setting["model.rank"] == rank);
            assert!((found - 1.0 / 16.0).abs() < 0.02, "rank {rank}: {found}");
        }
        let found = fraction(&|setting| setting["model.kind"] == "unary");
        assert!((found - 0.5).abs() < 0.04, "{found}");
    }

    #[test]
    fn seeds_and_indices_draw_other_settings() {
        let choices = choices();
        let of = |seed, index| random(&choices, seed, index);
        assert_eq!(of(3, 5), of(3, 5));
        assert_ne!(of(3, 5), of(4, 5));
        assert_ne!(of(3, 5), of(3, 6));
    }

    #[test]
    fn a_key_more_at_the_end_leaves_the_others_as_they_were() {
        let mut choices = choices();
        let before = random(&choices, 3, 5);
        choices.push(("train.seed".to_owned(), Choice::Values(vec![json!(1)])));
        let after = random(&choices, 3, 5);
        assert!(before.iter().all(|(key, value)| &after[key] == value));
    }

    proptest! {
        #[test]
        fn numbers_stay_in_their_range(
            min in 1e-9..1e3_f64, ratio in 1.0001..1e9_f64, seed: u64, log: bool, integer: bool,
        ) {
            let scale = if log { ScaleKind::Log } else { ScaleKind::Linear };
            let (min, max) = if integer {
                (min.ceil(), (min * ratio).ceil() + 1.0)
            } else {
                (min, min * ratio)
            };
            let choice = Choice::Range(range(min, max, scale, integer));
            for index in 0..20 {
                let setting = random(&[("key".to_owned(), choice.clone())], seed, index);
                let value = setting["key"].as_f64().unwrap();
                prop_assert!(min <= value && value <= max, "{value} of {min} to {max}");
                prop_assert!(!integer || setting["key"].is_i64());
            }
        }
    }
}
