//! Named numbers in a fixed order.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Metric names and values, in the order in which they were added. Values that are not finite are
/// written as `null`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metrics(Map<String, Value>);

impl Metrics {
    /// Adds or replaces a value.
    pub fn set(&mut self, name: &str, value: f64) {
        self.0.insert(name.to_owned(), Value::from(value));
    }

    /// The value of a metric; `None` if there is none or it is not finite.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).and_then(Value::as_f64)
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_f64().unwrap_or(f64::NAN)))
    }

    /// The mean of each metric over several of the same names.
    pub fn mean(of: &[Metrics]) -> Metrics {
        // One that was never finite has none.
        let Some(names) = of.iter().max_by_key(|one| one.iter().count()) else {
            return Metrics::default();
        };
        let mean = |name| values(of, name).sum::<f64>() / of.len() as f64;
        names.iter().map(|(name, _)| (name, mean(name))).collect()
    }

    /// The sample standard deviation of each metric over several of the same names.
    pub fn deviation(of: &[Metrics]) -> Metrics {
        let mean = Metrics::mean(of);
        let freedom = of.len().saturating_sub(1).max(1) as f64;
        let deviation = |name, mean: f64| {
            let squares = values(of, name).map(|value| (value - mean).powi(2));
            (squares.sum::<f64>() / freedom).sqrt()
        };
        mean.iter()
            .map(|(name, mean)| (name, deviation(name, mean)))
            .collect()
    }
}

/// One metric of each.
fn values<'a>(of: &'a [Metrics], name: &'a str) -> impl Iterator<Item = f64> + 'a {
    of.iter().map(move |one| one.get(name).unwrap_or(f64::NAN))
}

impl<'a> FromIterator<(&'a str, f64)> for Metrics {
    fn from_iter<I: IntoIterator<Item = (&'a str, f64)>>(items: I) -> Self {
        let mut metrics = Metrics::default();
        items
            .into_iter()
            .for_each(|(name, value)| metrics.set(name, value));
        metrics
    }
}
