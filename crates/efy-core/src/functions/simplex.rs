//! Functions onto the simplex.

use tch::{Kind, Tensor};

use super::Rows;
use crate::native::by_rows;
use crate::regularizer::rows::Entmax;
use crate::{Error, Result};

/// $p_i = e^{\theta_i} / \sum_j e^{\theta_j}$ for each row of `theta` `[.., k]`.
///
/// # Errors
/// [`Error::Shape`] or [`Error::Kind`] for anything but rows of floating-point numbers.
pub fn softmax(theta: &Tensor) -> Result<Tensor> {
    let rows = Rows::new("theta", theta, 1, "[.., k]")?;
    rows.restore(&rows.theta.softmax(-1, None::<Kind>))
}

/// The Euclidean projection onto the simplex, $p_i = [\theta_i - \tau]_+$, for each row of `theta`
/// `[.., k]` (Martins and Astudillo 2016): [`entmax`] with $\alpha = 2$.
///
/// # Errors
/// As [`softmax`].
pub fn sparsemax(theta: &Tensor) -> Result<Tensor> {
    entmax(theta, 2.0)
}

/// [`entmax`] with $\alpha = 1.5$, between softmax and [`sparsemax`]: $p_i = [\theta_i / 2 - \tau]_+^2$.
///
/// # Errors
/// As [`softmax`].
pub fn entmax15(theta: &Tensor) -> Result<Tensor> {
    entmax(theta, 1.5)
}

/// $\alpha$-entmax, $p_i = [(\alpha - 1)\theta_i - \tau]_+^{1 / (\alpha - 1)}$ with $\tau$ such that
/// $\sum_i p_i = 1$, for each row of `theta` `[.., k]` and $\alpha > 1$ (Peters, Niculae, Martins 2019).
///
/// Its derivative is $\mathrm{diag}(s) - s s^\top / \sum_i s_i$ with $s_i = p_i^{2 - \alpha}$ on the support and 0
/// off it.
///
/// ```
/// use efy_core::functions::entmax15;
/// use tch::Tensor;
///
/// let p = entmax15(&Tensor::from_slice(&[1.0_f64, 0.0, -4.0, f64::NEG_INFINITY]))?;
/// let expected = Tensor::from_slice(&[0.8307_f64, 0.1693, 0.0, 0.0]);
/// assert!(p.allclose(&expected, 1e-3, 1e-4, false));
/// # Ok::<(), efy_core::Error>(())
/// ```
///
/// # Errors
/// As [`softmax`], and [`Error::Parameter`] unless `alpha` is a number above 1.
pub fn entmax(theta: &Tensor, alpha: f64) -> Result<Tensor> {
    if !(alpha.is_finite() && alpha > 1.0) {
        return Err(Error::Parameter {
            name: "alpha",
            expected: "a number > 1 (the limit 1 is softmax)",
            found: alpha.to_string(),
        });
    }
    let rows = Rows::new("theta", theta, 1, "[.., k]")?;
    let p = by_rows(&Entmax { alpha, factor: 1.0 }, &rows.theta, None);
    let s = if alpha == 2.0 {
        p.gt(0.0).to_kind(p.kind())
    } else {
        let zero = p.zeros_like();
        p.pow_tensor_scalar(2.0 - alpha)
            .where_self(&p.gt(0.0), &zero)
    };
    let p = rows.with_derivative(p, |theta| {
        let sum = |t: &Tensor| t.sum_dim_intlist(-1, true, None::<Kind>);
        let weighted = &s * theta;
        let mean = sum(&weighted) / sum(&s);
        weighted - &s * mean
    });
    rows.restore(&p)
}
