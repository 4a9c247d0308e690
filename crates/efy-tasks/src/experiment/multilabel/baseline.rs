//! Predictions that look at no feature.

use serde::Serialize;

use crate::data::Dataset;

/// Hamming accuracies on the test split.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Baselines {
    /// Of no label at all.
    pub all_zero: f64,
    /// Of each label's more frequent value among the training rows.
    pub best_constant: f64,
}

impl Baselines {
    /// The baselines of a data set with a test split.
    pub fn of(data: &Dataset) -> Self {
        let k = data.labels();
        let (train, test) = data.y().split_at(data.train_rows() * k);
        let ones = |rows: &[u8], label: usize| {
            let column = rows.iter().skip(label).step_by(k);
            column.map(|&bit| usize::from(bit)).sum::<usize>()
        };
        let (train_rows, test_rows) = (train.len() / k, test.len() / k);
        let (mut zero, mut constant) = (0, 0);
        for label in 0..k {
            let present = ones(test, label);
            zero += test_rows - present;
            let mostly_present = 2 * ones(train, label) > train_rows;
            constant += if mostly_present {
                present
            } else {
                test_rows - present
            };
        }
        let cells = test.len().max(1) as f64;
        Baselines {
            all_zero: zero as f64 / cells,
            best_constant: constant as f64 / cells,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Feature, Schema};

    #[test]
    fn the_constant_is_chosen_on_training_rows_and_scored_on_test_rows() {
        let schema = Schema {
            features: vec![Feature::Numeric { name: "x".into() }],
            labels: vec!["a".into(), "b".into()],
        };
        // Training: a in two of three rows, b in one. Test: a in one of two rows, b in both.
        let y = vec![1, 0, 1, 1, 0, 0, 1, 1, 0, 1];
        let data = Dataset::new("t", schema, vec![0.0; 5], y, 3).unwrap();
        let baselines = Baselines::of(&data);
        assert_eq!(baselines.all_zero, 0.25);
        assert_eq!(baselines.best_constant, 0.25);
    }
}
