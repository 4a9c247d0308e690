//! Functions onto the cube: a probability for each label.

use tch::Tensor;

use super::Rows;
use crate::Result;
use crate::native::by_rows;
use crate::regularizer::Separable;
use crate::regularizer::rows::Coordinates;

/// $p_i = 1 / (1 + e^{-\theta_i})$, `[.., k]`.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) or [`Error::Kind`](crate::Error::Kind) for anything but rows of
/// floating-point numbers.
pub fn sigmoid(theta: &Tensor) -> Result<Tensor> {
    let rows = Rows::new("theta", theta, 1, "[.., k]")?;
    rows.restore(&rows.theta.sigmoid())
}

/// The first of the two elements of 1.5-entmax of $(\theta_i, 0)$, `[.., k]`: a sigmoid that is exactly 0
/// or 1 where $|\theta_i| \ge 2$, and $\frac14 (\theta_i / 2 + \sqrt{2 - \theta_i^2 / 4})^2$ in between.
///
/// Its derivative is $\sqrt{p (1 - p)} / (\sqrt p + \sqrt{1 - p})$.
///
/// # Errors
/// As [`sigmoid`].
pub fn binary_entmax15(theta: &Tensor) -> Result<Tensor> {
    let rows = Rows::new("theta", theta, 1, "[.., k]")?;
    let (alpha, gamma) = (1.5, 1.0);
    let kernel = Coordinates {
        omega: Separable::BinaryTsallis { alpha, gamma },
        bounds: (0.0, 1.0),
    };
    let p = by_rows(&kernel, &rows.theta, None);
    let rest: Tensor = 1.0 - &p;
    let (up, down) = (p.sqrt(), rest.sqrt());
    let slope = &up * &down / (up + down);
    let p = rows.with_derivative(p, |theta| &slope * theta);
    rows.restore(&p)
}
