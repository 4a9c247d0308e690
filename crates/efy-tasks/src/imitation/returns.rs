//! Returns over episodes.

use efy_envs::Episode;
use efy_train::Metrics;

use super::References;

/// The returns of a policy, one an episode.
#[derive(Debug, Clone, PartialEq)]
pub struct Returns {
    totals: Vec<f64>,
    steps: f64,
}

impl Returns {
    /// Those of `episodes`.
    #[must_use]
    pub fn of(episodes: &[Episode]) -> Self {
        let mut totals: Vec<f64> = episodes.iter().map(|episode| episode.total).collect();
        totals.sort_by(f64::total_cmp);
        let steps: usize = episodes.iter().map(|episode| episode.steps).sum();
        Returns {
            steps: steps as f64 / episodes.len().max(1) as f64,
            totals,
        }
    }

    /// Their mean; not a number of none.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.totals.iter().sum::<f64>() / self.totals.len() as f64
    }

    /// Their standard deviation as a sample, 0 of a single one.
    #[must_use]
    pub fn deviation(&self) -> f64 {
        let mean = self.mean();
        let squares: f64 = self.totals.iter().map(|total| (total - mean).powi(2)).sum();
        (squares / (self.totals.len().max(2) - 1) as f64).sqrt()
    }

    /// The quantile at a probability, between the two nearest returns on the line through them; not a number of none.
    #[must_use]
    pub fn quantile(&self, probability: f64) -> f64 {
        let place = probability * self.totals.len().saturating_sub(1) as f64;
        let at = |index: f64| self.totals.get(index as usize).copied();
        match (at(place.floor()), at(place.ceil())) {
            (Some(below), Some(above)) => below + (above - below) * place.fract(),
            _ => f64::NAN,
        }
    }

    /// Adds what they say, beside `references`, to metrics.
    pub fn put(&self, metrics: &mut Metrics, references: &References) {
        let mean = self.mean();
        for (name, value) in [
            ("return", mean),
            ("return_normalized", references.normalized(mean)),
            ("return_deviation", self.deviation()),
            ("return_q25", self.quantile(0.25)),
            ("return_median", self.quantile(0.5)),
            ("return_q75", self.quantile(0.75)),
            ("episode_steps", self.steps),
        ] {
            metrics.set(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn episodes(totals: &[f64]) -> Vec<Episode> {
        let episode = |&total: &f64| Episode {
            total,
            steps: 10,
            ..Episode::default()
        };
        totals.iter().map(episode).collect()
    }

    #[test]
    fn quantiles_lie_between_the_nearest_returns() {
        let returns = Returns::of(&episodes(&[4.0, 1.0, 2.0, 3.0]));
        assert_eq!(returns.mean(), 2.5);
        assert_eq!(returns.quantile(0.0), 1.0);
        assert_eq!(returns.quantile(0.5), 2.5);
        assert_eq!(returns.quantile(0.25), 1.75);
        assert_eq!(returns.quantile(1.0), 4.0);
        assert!((returns.deviation() - (5.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(Returns::of(&episodes(&[2.0])).deviation(), 0.0);
    }

    #[test]
    fn a_return_is_measured_between_random_actions_and_the_expert() {
        let references = References {
            random: -100.0,
            expert: 100.0,
        };
        let mut metrics = Metrics::default();
        Returns::of(&episodes(&[40.0, 60.0])).put(&mut metrics, &references);
        assert_eq!(metrics.get("return"), Some(50.0));
        assert_eq!(metrics.get("return_normalized"), Some(0.75));
        assert_eq!(metrics.get("episode_steps"), Some(10.0));
    }
}
