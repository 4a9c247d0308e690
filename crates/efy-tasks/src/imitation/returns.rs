//! What episodes say of a policy.

use efy_envs::{Episode, Returns};
use efy_train::Metrics;

use super::{METRICS, References};

/// How many numbers say what episodes came to: the last ones of [`METRICS`].
pub(super) const COUNT: usize = METRICS.len() - 3;

/// These numbers, beside `references`.
pub(super) fn values(episodes: &[Episode], references: &References) -> [f64; COUNT] {
    let returns = Returns::of(episodes.iter().map(|episode| episode.total));
    let steps: usize = episodes.iter().map(|episode| episode.steps).sum();
    let [_, q25, median, q75, _] = returns.quantiles;
    [
        returns.mean,
        references.normalized(returns.mean),
        returns.deviation,
        q25,
        median,
        q75,
        steps as f64 / episodes.len().max(1) as f64,
    ]
}

/// Adds them to metrics.
pub(super) fn put(metrics: &mut Metrics, values: &[f64]) {
    let [_, _, _, names @ ..] = METRICS;
    for (name, value) in names.into_iter().zip(values) {
        metrics.set(name, *value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_return_is_measured_between_random_actions_and_the_expert() {
        let episodes = [40.0, 60.0].map(|total| Episode {
            total,
            steps: 10,
            ..Episode::default()
        });
        let references = References {
            random: -100.0,
            expert: 100.0,
        };
        let mut metrics = Metrics::default();
        put(&mut metrics, &values(&episodes, &references));
        assert_eq!(metrics.get("return"), Some(50.0));
        assert_eq!(metrics.get("return_normalized"), Some(0.75));
        assert_eq!(metrics.get("return_q75"), Some(55.0));
        assert_eq!(metrics.get("episode_steps"), Some(10.0));
    }
}
