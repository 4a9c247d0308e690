//! Small quadratic programs over a box.

use nalgebra::{DMatrix, DVector};

use crate::{Error, Result};

/// Sweeps after which a problem counts as one that cannot be solved.
const MAX_SWEEPS: usize = 10_000;

/// argmin of ½ xᵀH x + fᵀx over low ≤ x ≤ high, for one H and many f.
///
/// -½ xᵀH x - fᵀx is a pairwise energy, so that this is its argmax. H must be positive definite, hence the solution is unique.
#[derive(Clone, Debug)]
pub struct BoxQp {
    hessian: DMatrix<f64>,
    low: DVector<f64>,
    high: DVector<f64>,
}

/// A solution with its certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// The minimizer, `[n]`.
    pub x: DVector<f64>,
    /// How far above the minimum the value can be at most: max over z in the box of ⟨∇, x - z⟩, which bounds it by convexity.
    pub gap: f64,
    /// Sweeps over the coordinates.
    pub sweeps: usize,
}

impl BoxQp {
    /// From H, `[n, n]`, and bounds, `[n]` each.
    ///
    /// # Errors
    /// Where shapes do not fit, H is not positive definite, or a bound is not finite or below the other.
    pub fn new(hessian: DMatrix<f64>, low: &[f64], high: &[f64]) -> Result<BoxQp> {
        let n = hessian.nrows();
        for (what, found) in [
            ("columns of H", hessian.ncols()),
            ("low", low.len()),
            ("high", high.len()),
        ] {
            if found != n {
                return Err(Error::Length {
                    what,
                    expected: n,
                    found,
                });
            }
        }
        if !low
            .iter()
            .zip(high)
            .all(|(low, high)| low.is_finite() && high.is_finite() && low <= high)
        {
            return Err(Error::Invalid(
                "box: expected finite bounds with low ≤ high".into(),
            ));
        }
        if hessian.clone().cholesky().is_none() {
            return Err(Error::Invalid(
                "H: expected a positive definite matrix".into(),
            ));
        }
        Ok(BoxQp {
            hessian,
            low: DVector::from_row_slice(low),
            high: DVector::from_row_slice(high),
        })
    }

    /// H.
    pub fn hessian(&self) -> &DMatrix<f64> {
        &self.hessian
    }

    /// Minimizes for f, `[n]`, to a gap of 1e-12 of the scale of the value.
    ///
    /// Exact coordinate minimization finds which bounds hold; a Cholesky factorization of the rest then gives the solution
    /// to the last digits.
    ///
    /// # Errors
    /// Where f is not finite or has another length, or the gap does not close.
    pub fn solve(&self, linear: &DVector<f64>) -> Result<Solution> {
        let n = self.low.len();
        if linear.len() != n {
            return Err(Error::Length {
                what: "linear term",
                expected: n,
                found: linear.len(),
            });
        }
        let mut x = self
            .low
            .zip_map(&self.high, |low, high| 0.0_f64.clamp(low, high));
        let mut gradient = &self.hessian * &x + linear;
        for sweeps in 1..=MAX_SWEEPS {
            self.sweep(&mut x, &mut gradient);
            self.polish(&mut x, linear);
            gradient = &self.hessian * &x + linear;
            let gap = self.gap(&x, &gradient);
            let scale = 1.0 + x.dot(&(&self.hessian * &x)).abs() + linear.dot(&x).abs();
            if gap <= 1e-12 * scale {
                return Ok(Solution { x, gap, sweeps });
            }
            if !gap.is_finite() {
                break;
            }
        }
        Err(Error::Invalid(
            "box QP: the gap does not close; are all numbers finite?".into(),
        ))
    }

    /// The best value of each coordinate in turn, the others held.
    fn sweep(&self, x: &mut DVector<f64>, gradient: &mut DVector<f64>) {
        for i in 0..x.len() {
            let best = (x[i] - gradient[i] / self.hessian[(i, i)]).clamp(self.low[i], self.high[i]);
            let change = best - x[i];
            if change != 0.0 {
                x[i] = best;
                gradient.axpy(change, &self.hessian.column(i), 1.0);
            }
        }
    }

    /// The minimum over the coordinates that are at no bound, if it is in the box.
    fn polish(&self, x: &mut DVector<f64>, linear: &DVector<f64>) {
        let free: Vec<usize> = (0..x.len())
            .filter(|&i| x[i] > self.low[i] && x[i] < self.high[i])
            .collect();
        if free.is_empty() {
            return;
        }
        let mut held = x.clone();
        for &i in &free {
            held[i] = 0.0;
        }
        let right = -(&self.hessian * held + linear).select_rows(&free);
        let block = self.hessian.select_rows(&free).select_columns(&free);
        let Some(factor) = block.cholesky() else {
            return;
        };
        let solved = factor.solve(&right);
        if free
            .iter()
            .zip(solved.iter())
            .all(|(&i, &value)| value >= self.low[i] && value <= self.high[i])
        {
            for (&i, &value) in free.iter().zip(solved.iter()) {
                x[i] = value;
            }
        }
    }

    fn gap(&self, x: &DVector<f64>, gradient: &DVector<f64>) -> f64 {
        (0..x.len())
            .map(|i| (gradient[i] * (x[i] - self.low[i])).max(gradient[i] * (x[i] - self.high[i])))
            .sum()
    }
}
