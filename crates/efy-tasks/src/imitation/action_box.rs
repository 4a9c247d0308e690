//! The box of actions, and the box that energies are over.

use efy_envs::Spec;

/// The box $\prod_i [l_i, h_i]$ of an environment's actions, as the image of $[-1, 1]^k$: each coordinate is moved and
/// stretched, so that all energies, regularizers and losses are in units of half a width.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionBox {
    low: Vec<f64>,
    high: Vec<f64>,
}

impl ActionBox {
    /// That of an environment.
    #[must_use]
    pub fn of(spec: &Spec) -> Self {
        ActionBox {
            low: spec.low.clone(),
            high: spec.high.clone(),
        }
    }

    /// k.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.low.len()
    }

    /// The points of $[-1, 1]^k$ of `actions`, `[n, k]` row by row. Actions outside of the box, which an environment would
    /// clip, are clipped.
    #[must_use]
    pub fn to_unit(&self, actions: &[f64]) -> Vec<f64> {
        self.map(actions, |action, low, high| {
            (2.0 * (action - low) / (high - low) - 1.0).clamp(-1.0, 1.0)
        })
    }

    /// The actions of `points` of $[-1, 1]^k$, `[n, k]` row by row. They lie in the box whatever rounding did.
    #[must_use]
    pub fn from_unit(&self, points: &[f64]) -> Vec<f64> {
        self.map(points, |point, low, high| {
            (low + 0.5 * (point + 1.0) * (high - low)).clamp(low, high)
        })
    }

    fn map(&self, rows: &[f64], f: impl Fn(f64, f64, f64) -> f64) -> Vec<f64> {
        let bounds = self.low.iter().zip(&self.high).cycle();
        let mapped = rows.iter().zip(bounds);
        mapped.map(|(&x, (&low, &high))| f(x, low, high)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_coordinate_has_its_own_bounds_and_nothing_leaves_the_box() {
        let action_box = ActionBox {
            low: vec![-2.0, 0.0],
            high: vec![2.0, 10.0],
        };
        let unit = action_box.to_unit(&[-2.0, 5.0, 1.0, 12.0]);
        assert_eq!(unit, [-1.0, 0.0, 0.5, 1.0]);
        assert_eq!(action_box.from_unit(&unit), [-2.0, 5.0, 1.0, 10.0]);
        assert_eq!(action_box.from_unit(&[1.0 + 1e-7, -1.5]), [2.0, 0.0]);
        assert_eq!(action_box.dimension(), 2);
    }
}
