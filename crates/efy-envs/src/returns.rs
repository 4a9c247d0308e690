//! Returns of episodes in a few numbers.

/// Mean, deviation and quantiles of returns.
#[derive(Clone, Debug, PartialEq)]
pub struct Returns {
    /// How many episodes.
    pub episodes: usize,
    /// Mean.
    pub mean: f64,
    /// Standard deviation (n - 1); 0 for one episode.
    pub deviation: f64,
    /// The quantiles 0, 1/4, 1/2, 3/4 and 1, linear between two returns.
    pub quantiles: [f64; 5],
}

impl Returns {
    /// Of the returns of episodes. All numbers are NaN where there is none.
    pub fn of(returns: impl IntoIterator<Item = f64>) -> Returns {
        let mut sorted: Vec<f64> = returns.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len() as f64;
        let mean = sorted.iter().sum::<f64>() / n;
        let squares: f64 = sorted.iter().map(|r| (r - mean).powi(2)).sum();
        let quantile = |share: f64| {
            let at = share * (n - 1.0).max(0.0);
            let of = |index: f64| sorted.get(index as usize).copied().unwrap_or(f64::NAN);
            let (below, above) = (of(at.floor()), of(at.ceil()));
            below + (above - below) * at.fract()
        };
        Returns {
            episodes: sorted.len(),
            mean,
            deviation: match sorted.len() {
                1 => 0.0,
                _ => (squares / (n - 1.0)).sqrt(),
            },
            quantiles: [0.0, 0.25, 0.5, 0.75, 1.0].map(quantile),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_returns() {
        let returns = Returns::of([4.0, 1.0, 2.0, 3.0]);
        assert_eq!((returns.episodes, returns.mean), (4, 2.5));
        assert_eq!(returns.quantiles, [1.0, 1.75, 2.5, 3.25, 4.0]);
        assert!((returns.deviation - (5.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        let one = Returns::of([7.0]);
        assert_eq!((one.deviation, one.quantiles), (0.0, [7.0; 5]));
    }
}
