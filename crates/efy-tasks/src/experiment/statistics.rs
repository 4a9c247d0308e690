//! Numbers over repetitions.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Mean and spread of repeated measurements.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How many there are.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Their sample standard deviation, with n - 1 in the denominator; `None` of a single one.
    pub deviation: Option<f64>,
}

impl Summary {
    /// The summary of `values`; `None` if there are none.
    ///
    /// ```
    /// use efy_tasks::experiment::statistics::Summary;
    /// let summary = Summary::of(&[1.0, 2.0, 3.0]).unwrap();
    /// assert_eq!((summary.mean, summary.deviation), (2.0, Some(1.0)));
    /// ```
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len();
        if count == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (count > 1).then(|| (squares / (count - 1) as f64).sqrt());
        Some(Summary {
            count,
            mean,
            deviation,
        })
    }

    /// The summary of the same measurements in another unit.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Summary {
            count: self.count,
            mean: self.mean * factor,
            deviation: self.deviation.map(|deviation| deviation * factor.abs()),
        }
    }
}

/// `80.19 ± 0.12`, with the formatter's precision or two decimals.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(2);
        write!(f, "{:.decimals$}", self.mean)?;
        match self.deviation {
            Some(deviation) => write!(f, " ± {deviation:.decimals$}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deviation_is_that_of_a_sample() {
        let summary = Summary::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
        assert_eq!((summary.count, summary.mean), (8, 5.0));
        assert!((summary.deviation.unwrap() - (32.0_f64 / 7.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn one_value_has_no_deviation_and_none_no_summary() {
        assert_eq!(Summary::of(&[3.0]).unwrap().deviation, None);
        assert_eq!(Summary::of(&[]), None);
    }

    #[test]
    fn a_summary_reads_as_mean_and_deviation() {
        let summary = Summary::of(&[0.8, 0.81]).unwrap().scaled(100.0);
        assert_eq!(summary.to_string(), "80.50 ± 0.71");
        assert_eq!(format!("{summary:.1}"), "80.5 ± 0.7");
        assert_eq!(Summary::of(&[0.5]).unwrap().to_string(), "0.50");
    }
}
