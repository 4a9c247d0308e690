//! Distances between two sets of points, from all pairs.

use tch::{Kind, Tensor};

use super::Estimate;
use crate::shallow::Kernel;
use crate::{Error, Result, shape};

/// Entries of a kernel matrix that are in memory at once.
const ENTRIES: i64 = 1 << 22;

/// $\mathrm{MMD}^2 = E k(X, X') + E k(Y, Y') - 2 E k(X, Y)$ without bias, from independent points x `[n, e]` and y `[m, e]`; it can be
/// negative. (The squared distance of the empirical measures themselves is [`Kernel::mmd_squared`].)
///
/// # Errors
/// Matrices whose rows differ in length, kind or device; fewer than two rows.
pub fn mmd_squared(kernel: &Kernel, x: &Tensor, y: &Tensor) -> Result<Estimate> {
    between(&|a, b| kernel.matrix(a, b), x, y)
}

/// The energy distance $2 E\|X - Y\| - E\|X - X'\| - E\|Y - Y'\|$ without bias (Székely and Rizzo 2013), from independent points
/// `[n, d]` and `[m, d]`: 0 for equal laws alone. On the sphere distances are chords.
///
/// # Errors
/// As [`mmd_squared`].
pub fn energy_distance(x: &Tensor, y: &Tensor) -> Result<Estimate> {
    shape::float_matrix("x", x)?;
    shape::matrix_of(
        "y",
        y,
        (y.size().first().copied().unwrap_or(0), x.size()[1]),
        (x.kind(), x.device()),
    )?;
    // Mode 2: differences, not inner products, whose cancellation would be seen in the root.
    between(&|a, b| Ok(-Tensor::f_cdist(a, b, 2.0, 2)?), x, y)
}

/// $E k(X, X') + E k(Y, Y') - 2 E k(X, Y)$ as a U-statistic. Its variance is that of the first two terms of its Hoeffding
/// decomposition: the second one is all there is when the laws are equal.
fn between(
    kernel: &dyn Fn(&Tensor, &Tensor) -> Result<Tensor>,
    x: &Tensor,
    y: &Tensor,
) -> Result<Estimate> {
    let _guard = tch::no_grad_guard();
    for (what, points) in [("x", x), ("y", y)] {
        shape::float_matrix(what, points)?;
        if points.size()[0] < 2 {
            return Err(Error::Shape {
                what,
                expected: "[n, d] with at least two rows".to_owned(),
                found: points.size(),
            });
        }
    }
    let (xx, yy) = (
        Pairs::of(kernel, x, x, true)?,
        Pairs::of(kernel, y, y, true)?,
    );
    let xy = Pairs::of(kernel, x, y, false)?;
    let (n, m) = (x.size()[0] as f64, y.size()[0] as f64);
    let [x_alone, y_alone, both] = [&xx, &yy, &xy].map(Pairs::interaction);
    // The means over a point's partners are noisy: what that adds to their variance is not the first term.
    let of_x = (&xx.rows - &xy.rows).var(true) - &x_alone / (n - 1.0) - &both / m;
    let of_y = (&yy.rows - &xy.columns).var(true) - &y_alone / (m - 1.0) - &both / n;
    let first = of_x.clamp_min(0.0) * (4.0 / n) + of_y.clamp_min(0.0) * (4.0 / m);
    let second = x_alone * (2.0 / (n * (n - 1.0)))
        + y_alone * (2.0 / (m * (m - 1.0)))
        + both * (4.0 / (n * m));
    Ok(Estimate {
        value: xx.mean() + yy.mean() - xy.mean() * 2.0,
        standard_error: (first + second).sqrt(),
    })
}

/// Means of a kernel over pairs; of one set with itself without the diagonal.
struct Pairs {
    /// Of each row, `[n]`.
    rows: Tensor,
    /// Of each column, `[m]`.
    columns: Tensor,
    /// Of the square.
    square: Tensor,
}

impl Pairs {
    fn of(
        kernel: &dyn Fn(&Tensor, &Tensor) -> Result<Tensor>,
        x: &Tensor,
        y: &Tensor,
        same: bool,
    ) -> Result<Pairs> {
        let (n, m) = (x.size()[0], y.size()[0]);
        let size = (ENTRIES / m).clamp(1, n);
        let mut columns = Tensor::zeros([m], (Kind::Double, x.device()));
        let mut square = Tensor::zeros([], (Kind::Double, x.device()));
        let mut rows = Vec::new();
        for from in (0..n).step_by(size as usize) {
            let block = x.narrow(0, from, size.min(n - from));
            let k = kernel(&block, y)?.to_kind(Kind::Double);
            if same {
                let _ = k.f_diagonal(from, 0, 1)?.f_zero_()?;
            }
            rows.push(k.sum_dim_intlist(1, false, None));
            columns += k.sum_dim_intlist(0, false, None);
            square += k.square().sum(None);
        }
        let left_out = if same { 1.0 } else { 0.0 };
        let (n, m) = (n as f64, m as f64);
        Ok(Pairs {
            rows: Tensor::f_cat(&rows, 0)? / (m - left_out),
            columns: columns / (n - left_out),
            square: square / (n * (m - left_out)),
        })
    }

    fn mean(&self) -> Tensor {
        self.rows.mean(None)
    }

    /// The variance of what is left of k(x, y) without the means over x and over y.
    fn interaction(&self) -> Tensor {
        let mean = self.mean();
        let left = &self.square - self.rows.square().mean(None) - self.columns.square().mean(None)
            + mean.square();
        left.clamp_min(0.0)
    }
}
