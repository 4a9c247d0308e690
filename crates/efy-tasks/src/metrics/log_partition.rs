//! How good estimates $\tau(x)$ of log-partitions $\mathrm{LSE}(x) = \log \mathbb{E}_{y \sim q}[e^{g(x, y)}]$ are
//! against the exact values, in f64. All are functions of the differences $\delta = \mathrm{LSE} - \tau$ but the
//! correlation.

use serde::Serialize;

use crate::{Error, Result};

/// The names of the measures among the metrics of a run.
pub const LOG_PARTITION_METRICS: [&str; 6] = [
    "log_partition_mae",
    "log_partition_rmse",
    "log_partition_bias",
    "log_partition_correlation",
    "normalization",
    "log_partition_gap",
];

/// Measures of estimates against exact values, each over all rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LogPartitionErrors {
    /// Mean absolute error, mean of $|\tau - \mathrm{LSE}|$.
    pub mae: f64,
    /// Root of the mean of $(\tau - \mathrm{LSE})^2$.
    pub rmse: f64,
    /// Mean of $\tau - \mathrm{LSE}$.
    pub bias: f64,
    /// Pearson's correlation of $\tau$ and $\mathrm{LSE}$; none where one of them is the same for all rows.
    pub correlation: Option<f64>,
    /// Mean of $\mathbb{E}_q[e^{g - \tau}] = e^\delta$: the total mass of the estimated distribution, 1 where it
    /// is one. Infinite where $\tau$ is more than 709 too small.
    pub normalization: f64,
    /// Mean of $e^\delta - 1 - \delta$, by which the joint objective is above its minimum in $\tau$; never
    /// negative.
    pub gap: f64,
}

/// Compares estimates with exact values, one of each a row.
///
/// # Errors
/// [`Error::Usage`] unless there are as many of one as of the other, at least one, and all are finite.
pub fn log_partition_errors(estimated: &[f64], exact: &[f64]) -> Result<LogPartitionErrors> {
    let n = estimated.len();
    if n == 0 || n != exact.len() {
        return Err(Error::Usage(format!(
            "log-partitions: expected as many estimates as exact values and at least one, found {n} and {}",
            exact.len()
        )));
    }
    if let Some(value) = estimated
        .iter()
        .chain(exact)
        .find(|value| !value.is_finite())
    {
        return Err(Error::Usage(format!(
            "log-partitions: expected finite numbers, found {value}"
        )));
    }
    let mean = |of: &dyn Fn(f64, f64) -> f64| {
        let rows = estimated.iter().zip(exact);
        rows.map(|(&tau, &lse)| of(tau, lse)).sum::<f64>() / n as f64
    };
    let (tau_mean, lse_mean) = (mean(&|tau, _| tau), mean(&|_, lse| lse));
    let covariance = mean(&|tau, lse| (tau - tau_mean) * (lse - lse_mean));
    let variances = [
        mean(&|tau, _| (tau - tau_mean).powi(2)),
        mean(&|_, lse| (lse - lse_mean).powi(2)),
    ];
    let spread = variances[0].sqrt() * variances[1].sqrt();
    Ok(LogPartitionErrors {
        mae: mean(&|tau, lse| (tau - lse).abs()),
        rmse: mean(&|tau, lse| (tau - lse).powi(2)).sqrt(),
        bias: mean(&|tau, lse| tau - lse),
        correlation: (spread > 0.0).then(|| (covariance / spread).clamp(-1.0, 1.0)),
        normalization: mean(&|tau, lse| (lse - tau).exp()),
        gap: mean(&|tau, lse| (lse - tau).exp_m1() - (lse - tau)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// LSE over four outputs with a uniform q, and the mass of q e^(g - tau).
    fn lse(g: &[f64]) -> f64 {
        (g.iter().map(|g| g.exp()).sum::<f64>() / g.len() as f64).ln()
    }

    #[test]
    fn the_errors_are_those_of_their_definitions() {
        let energies = [
            [0.5, -1.0, 2.0, 0.1],
            [3.0, 0.0, -2.0, 1.0],
            [0.3, 0.2, 0.1, 0.0],
        ];
        let exact: Vec<f64> = energies.iter().map(|g| lse(g)).collect();
        let errors = [0.5, -0.25, 0.1];
        let tau: Vec<f64> = exact.iter().zip(errors).map(|(lse, e)| lse + e).collect();
        let found = log_partition_errors(&tau, &exact).unwrap();
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found}");
        near(found.mae, 0.85 / 3.0);
        near(found.rmse, ((0.25 + 0.0625 + 0.01) / 3.0_f64).sqrt());
        near(found.bias, 0.35 / 3.0);
        // The mass, summed over the outputs.
        let mass = |g: &[f64; 4], tau: f64| g.iter().map(|g| (g - tau).exp()).sum::<f64>() / 4.0;
        let masses = energies.iter().zip(&tau).map(|(g, &tau)| mass(g, tau));
        near(found.normalization, masses.sum::<f64>() / 3.0);
        let gaps = errors.iter().map(|e| (-e).exp() - 1.0 + e);
        near(found.gap, gaps.sum::<f64>() / 3.0);
    }

    #[test]
    fn correlation_is_of_the_values_whatever_their_scale_and_offset() {
        let exact = [-3.0, 1.0, 4.0, 4.5];
        let scaled = exact.map(|lse| 2.0 * lse + 7.0);
        let reversed = exact.map(|lse| -lse);
        let correlation = |tau: &[f64]| log_partition_errors(tau, &exact).unwrap().correlation;
        assert!((correlation(&scaled).unwrap() - 1.0).abs() < 1e-12);
        assert!((correlation(&reversed).unwrap() + 1.0).abs() < 1e-12);
        assert_eq!(correlation(&[1.0; 4]), None);
        // By hand: means 2 and 1.625, covariance 4.375, variances 2.5 and 8.921875.
        let found = correlation(&[0.0, 1.0, 4.0, 3.0]).unwrap();
        assert!(
            (found - 4.375 / (2.5_f64 * 8.921875).sqrt()).abs() < 1e-12,
            "{found}"
        );
    }

    #[test]
    fn exact_estimates_have_no_error() {
        let found = log_partition_errors(&[1.0, 2.0], &[1.0, 2.0]).unwrap();
        assert_eq!((found.mae, found.rmse, found.bias), (0.0, 0.0, 0.0));
        assert_eq!((found.normalization, found.gap), (1.0, 0.0));
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        for (tau, lse) in [
            (&[][..], &[][..]),
            (&[1.0], &[1.0, 2.0]),
            (&[f64::NAN], &[1.0]),
        ] {
            let error = log_partition_errors(tau, lse).unwrap_err();
            assert_eq!(error.exit_code(), 2);
        }
    }
}
