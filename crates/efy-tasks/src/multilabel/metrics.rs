//! Multilabel metrics, summed on the device and read once.

use efy_train::Metrics;
use tch::{Kind, Tensor};

use crate::supervised::Sums;

/// The names, in the order in which they are reported.
pub const METRICS: [&str; 7] = [
    "loss",
    "hamming_accuracy",
    "subset_accuracy",
    "micro_f1",
    "macro_f1",
    "example_f1",
    "unconverged",
];

/// Scalars before the three counts of each label.
const SCALARS: usize = 5;

/// Sums over rows, `[5 + 3k]` in f64: loss, right cells, right rows, example-F1, unconverged rows, and for each label
/// true positives, predicted and actual positives. The first k columns of an outcome, regularized predictions or
/// decisions, say which labels are predicted.
#[derive(Debug, Clone, Copy, Default)]
pub struct MetricSums;

impl Sums for MetricSums {
    fn of(&self, outcome: &Tensor, y: &Tensor, loss: &Tensor, converged: &Tensor) -> Tensor {
        let _guard = tch::no_grad_guard();
        let p = outcome.narrow(1, 0, y.size()[1]);
        let predicted = p.gt(0.5).to_kind(Kind::Double);
        let actual = y.to_kind(Kind::Double);
        let hits = &predicted * &actual;
        let wrong = (&predicted - &actual).abs();
        let over = |t: &Tensor, dim: i64| t.sum_dim_intlist(dim, false, None::<Kind>);
        let total = |t: Tensor| t.sum(Kind::Double).reshape([1]);
        let positives = over(&predicted, 1) + over(&actual, 1);
        // 0/0 is 0.
        let example_f1 = over(&hits, 1) * 2.0 / positives.clamp_min(1.0);
        Tensor::cat(
            &[
                total(loss.detach()),
                total(1.0 - &wrong),
                total(over(&wrong, 1).eq(0.0)),
                total(example_f1),
                total(converged.logical_not()),
                over(&hits, 0),
                over(&predicted, 0),
                over(&actual, 0),
            ],
            0,
        )
    }

    fn metrics(&self, sums: &[f64], rows: f64) -> Metrics {
        let (scalars, counts) = sums.split_at(SCALARS);
        let k = counts.len() / 3;
        let (hits, rest) = counts.split_at(k);
        let (predicted, actual) = rest.split_at(k);
        let f1 = |hits: f64, positives: f64| {
            if positives > 0.0 {
                2.0 * hits / positives
            } else {
                0.0
            }
        };
        let sum = |values: &[f64]| values.iter().sum::<f64>();
        let labels: Vec<f64> = (0..k)
            .map(|i| f1(hits[i], predicted[i] + actual[i]))
            .collect();
        let values = [
            scalars[0] / rows,
            scalars[1] / (rows * k as f64),
            scalars[2] / rows,
            f1(sum(hits), sum(predicted) + sum(actual)),
            sum(&labels) / k as f64,
            scalars[3] / rows,
            scalars[4] / rows,
        ];
        METRICS.into_iter().zip(values).collect()
    }
}

#[cfg(test)]
mod tests {
    use efy_test::{everywhere, place, tensor, values};

    use super::*;

    #[everywhere]
    fn x05_golden_metrics_whatever_the_batches() {
        let p = [
            [0.9, 0.2, 0.4, 0.1],
            [0.3, 0.5, 0.6, 0.2],
            [0.8, 0.51, 0.1, 0.7],
        ];
        let y = [
            [1.0, 0.0, 1.0, 0.0],
            [0.0, 1.0, 0.0, 0.0],
            [1.0, 1.0, 0.0, 1.0],
        ];
        let tensor = |rows: &[[f64; 4]]| tensor(&rows.concat()).reshape([-1, 4]);
        for batch in [1, 2, 3] {
            let of = |(p, y): (&[[f64; 4]], &[[f64; 4]])| {
                let ones = tensor(y).select(1, 0).ones_like();
                MetricSums.of(&tensor(p), &tensor(y), &ones, &ones.gt(0.0))
            };
            let batches = p.chunks(batch).zip(y.chunks(batch)).map(of);
            let sums = batches.reduce(|a, b| a + b).unwrap();
            let metrics = MetricSums.metrics(&values(&sums), 3.0);
            for (name, expected) in [
                ("loss", 1.0),
                ("hamming_accuracy", 0.75),
                ("subset_accuracy", 0.3333333333333333),
                ("micro_f1", 0.7272727272727273),
                ("macro_f1", 0.6666666666666666),
                ("example_f1", 0.5555555555555555),
                ("unconverged", 0.0),
            ] {
                assert!(
                    (metrics.get(name).unwrap() - expected).abs() < 1e-12,
                    "{name}"
                );
            }
        }
    }

    #[everywhere]
    fn nothing_predicted_and_nothing_there_counts_as_zero_f1() {
        let zeros = Tensor::zeros([2, 3], place());
        let first = zeros.select(1, 0);
        let sums = MetricSums.of(&zeros, &zeros, &first, &first.ge(0.0));
        let metrics = MetricSums.metrics(&values(&sums), 2.0);
        assert_eq!(metrics.get("micro_f1"), Some(0.0));
        assert_eq!(metrics.get("example_f1"), Some(0.0));
        assert_eq!(metrics.get("subset_accuracy"), Some(1.0));
    }
}
