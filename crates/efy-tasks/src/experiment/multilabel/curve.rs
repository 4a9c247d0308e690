//! Validation scores by epoch, and their mean over several draws of the held-out rows.

use efy_train::Metrics;
use serde::{Deserialize, Serialize};

use crate::experiment::grid::choose;

/// Epochs and the scores after them, in their order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Curve(Vec<(u64, Metrics)>);

impl Curve {
    pub fn push(&mut self, epoch: u64, scores: Metrics) {
        self.0.push((epoch, scores));
    }

    /// How many epochs were scored.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The scores after an epoch.
    pub fn at(&self, epoch: u64) -> Option<&Metrics> {
        let mut scored = self.0.iter();
        scored.find_map(|(at, scores)| (*at == epoch).then_some(scores))
    }

    /// The mean of several curves over the epochs that all of them have: behind the end of the shortest, a mean would
    /// be one over other draws. So it is empty if one of them is.
    pub fn mean(curves: &[&Curve]) -> Curve {
        let Some(shortest) = curves.iter().min_by_key(|curve| curve.len()) else {
            return Curve::default();
        };
        let mean = |(epoch, _): &(u64, Metrics)| {
            let scores = curves.iter().map(|curve| curve.at(*epoch).cloned());
            let scores: Vec<Metrics> = scores.collect::<Option<_>>()?;
            Some((*epoch, Metrics::mean(&scores)))
        };
        Curve(shortest.0.iter().filter_map(mean).collect())
    }

    /// The epoch with the best score by `metric`, and the scores after it; ties go to the smaller loss, then to the earlier.
    pub fn best(&self, metric: &str) -> Option<(u64, &Metrics)> {
        let index = choose(self.0.iter().map(|(_, scores)| scores), metric)?;
        let (epoch, scores) = &self.0[index];
        Some((*epoch, scores))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(accuracies: &[f64]) -> Curve {
        let mut curve = Curve::default();
        for (epoch, &accuracy) in (1..).zip(accuracies) {
            let scores = [("hamming_accuracy", accuracy), ("loss", 1.0)];
            curve.push(epoch, scores.into_iter().collect());
        }
        curve
    }

    fn best(curves: &[&Curve]) -> Option<(u64, f64)> {
        let mean = Curve::mean(curves);
        let (epoch, scores) = mean.best("hamming_accuracy")?;
        Some((epoch, scores.get("hamming_accuracy")?))
    }

    #[test]
    fn the_epoch_is_the_best_of_the_mean_and_not_of_any_draw() {
        // Alone, the first is best after epoch 1 and the second after epoch 3.
        let (first, second) = (curve(&[0.75, 0.5, 0.25]), curve(&[0.0, 0.5, 0.625]));
        assert_eq!(best(&[&first]), Some((1, 0.75)));
        assert_eq!(best(&[&second]), Some((3, 0.625)));
        assert_eq!(best(&[&first, &second]), Some((2, 0.5)));
    }

    #[test]
    fn epochs_that_one_draw_has_not_reached_do_not_count() {
        let (short, long) = (curve(&[0.25, 0.5]), curve(&[0.25, 0.5, 1.0]));
        assert_eq!(best(&[&short, &long]), Some((2, 0.5)));
        assert_eq!(Curve::mean(&[&short, &long]), short);
        assert_eq!(best(&[&short, &Curve::default()]), None, "one diverged");
        assert_eq!(best(&[&curve(&[0.5, f64::NAN]), &short]), Some((1, 0.375)));
        assert_eq!(best(&[]), None);
    }

    #[test]
    fn a_curve_is_stored_as_it_is() {
        let curve = curve(&[0.5, f64::NAN]);
        let text = serde_json::to_string(&curve).unwrap();
        assert_eq!(serde_json::from_str::<Curve>(&text).unwrap(), curve);
    }
}
