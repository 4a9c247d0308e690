//! Kernels of the lazy regime, in closed form.

use tch::Tensor;

use crate::{Error, Result, shape};

/// How the neurons of random features are distributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// Uniform on the unit sphere of $R^e$.
    Sphere,
    /// Standard Gaussian.
    Gaussian,
}

/// $k(x, y) = E_\theta\, \sigma(\langle\theta, x\rangle)\, \sigma(\langle\theta, y\rangle)$ with $\sigma(u) = \max(0, u)^a$:
/// the arc-cosine kernels of Cho and Saul (2009). With $\rho$ the cosine of the angle $\phi$ between x and y,
///
/// | a | $\kappa_a(\rho)$ |
/// |---|---|
/// | 0 | $(\pi - \phi)/\pi$ |
/// | 1 | $(\sin\phi + (\pi - \phi)\cos\phi)/\pi$ |
/// | 2 | $(3 \sin\phi\cos\phi + (\pi - \phi)(1 + 2\cos^2\phi))/\pi$ |
/// | 3 | $(15\sin\phi - 11\sin^3\phi + (\pi - \phi)(9\cos\phi + 6\cos^3\phi))/\pi$ |
///
/// $k(x, y) = \frac12 \|x\|^a \|y\|^a \kappa_a(\rho) / (e (e + 2) \cdots (e + 2a - 2))$, without the last division for Gaussian neurons; e is the
/// number of entries of x.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernel {
    power: u32,
    law: Law,
}

impl Kernel {
    /// The kernel of $\max(0, u)^a$, a = `power`.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `power` is at most 3.
    pub fn arc_cosine(power: u32, law: Law) -> Result<Self> {
        if power > 3 {
            return Err(Error::Parameter {
                name: "kernel.power",
                expected: "an integer from 0 to 3",
                found: power.to_string(),
            });
        }
        Ok(Kernel { power, law })
    }

    /// $k(x_i, y_j)$, `[n, m]`, for x `[n, e]` and y `[m, e]`.
    ///
    /// # Errors
    /// Matrices whose rows differ in length, kind or device.
    pub fn matrix(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let (lengths, cos) = self.cosines(x, y)?;
        let k = self.kappa(&cos) * (0.5 / self.moment(x));
        Ok(match self.power {
            0 => k,
            power => k * lengths.pow_tensor_scalar(i64::from(power)),
        })
    }

    /// $\sum_j q_j \nabla_1 k(x_i, y_j)$, `[n, e]`, for a weight $q_j$ of each row of y.
    ///
    /// With $\kappa_a'(\rho) = a^2 \kappa_{a-1}(\rho)$ (*derived*). Where a = 0 the kernel has a kink at $x = \pm y$.
    ///
    /// # Errors
    /// As [`Kernel::matrix`], and q that is not `[m]`.
    pub fn gradient(&self, x: &Tensor, y: &Tensor, q: &Tensor) -> Result<Tensor> {
        let (_, cos) = self.cosines(x, y)?;
        shape::tensor_of("q", q, &[y.size()[0]], (x.kind(), x.device()))?;
        let (norm_x, norm_y) = (row_norms(x), row_norms(y));
        let slope = match self.power {
            // -phi'/pi = 1/(pi sin phi)
            0 => {
                (1.0_f64 - cos.square())
                    .clamp_min(f64::MIN_POSITIVE)
                    .rsqrt()
                    / std::f64::consts::PI
            }
            power => {
                Kernel {
                    power: power - 1,
                    ..*self
                }
                .kappa(&cos)
                    * f64::from(power * power)
            }
        };
        // k = s |x|^a |y|^a kappa(rho): the derivative of |x|^a, and that of rho.
        let a = f64::from(self.power);
        let scale = norm_y.tr().pow_tensor_scalar(a) * (q * (0.5 / self.moment(x))).unsqueeze(0);
        let along_y = (&slope * &scale / norm_y.tr()).mm(y) * norm_x.pow_tensor_scalar(a - 1.0);
        let radial = (self.kappa(&cos) * a - &slope * &cos) * &scale;
        let radial = radial.sum_dim_intlist(1, true, None) * norm_x.pow_tensor_scalar(a - 2.0);
        Ok(along_y + x * radial)
    }

    /// $\mathrm{MMD}^2 = E k(X, X') + E k(Y, Y') - 2 E k(X, Y)$ of the empirical measures of x and y, clamped at 0,
    /// a scalar on the device.
    ///
    /// # Errors
    /// As [`Kernel::matrix`].
    pub fn mmd_squared(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        self.mmd_squared_from(x, y, &self.within(y)?)
    }

    /// $E k(Y, Y')$, a scalar on the device.
    pub(crate) fn within(&self, y: &Tensor) -> Result<Tensor> {
        Ok(self.matrix(y, y)?.mean(None))
    }

    /// [`mmd_squared`](Self::mmd_squared) where $E k(Y, Y')$ is known.
    pub(crate) fn mmd_squared_from(&self, x: &Tensor, y: &Tensor, yy: &Tensor) -> Result<Tensor> {
        let xx = self.within(x)?;
        let xy = self.matrix(x, y)?.mean(None);
        Ok((xx + yy - xy * 2.0).clamp_min(0.0))
    }

    /// The energy of the lazy regime that is optimal for particles x and data y, at the points z `[p, e]`:
    /// $(E_X k(z, X) - E_Y k(z, Y))/\mathrm{MMD}$, `[p]`. Low where there are more data than particles.
    ///
    /// # Errors
    /// As [`Kernel::matrix`].
    pub fn dual_energy(&self, z: &Tensor, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        Ok(self.witness(z, x, y)? / self.mmd_squared(x, y)?.sqrt())
    }

    /// $E_X k(z, X) - E_Y k(z, Y)$, `[p]`: the energy of [`Kernel::dual_energy`] times MMD.
    ///
    /// # Errors
    /// As [`Kernel::matrix`].
    pub fn witness(&self, z: &Tensor, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let mean = |points: &Tensor| -> Result<Tensor> {
            Ok(self.matrix(z, points)?.mean_dim(1, false, None))
        };
        Ok(mean(x)? - mean(y)?)
    }

    /// The gradient of [`Kernel::witness`] in z, `[p, e]`.
    ///
    /// # Errors
    /// As [`Kernel::matrix`].
    pub fn witness_gradient(&self, z: &Tensor, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let mean = |points: &Tensor| -> Result<Tensor> {
            let count = points.size()[0];
            let q = points.new_full(
                [count],
                1.0 / count as f64,
                (points.kind(), points.device()),
            );
            self.gradient(z, points, &q)
        };
        Ok(mean(x)? - mean(y)?)
    }

    /// $\|x_i\| \|y_j\|$ and the cosines, `[n, m]`.
    fn cosines(&self, x: &Tensor, y: &Tensor) -> Result<(Tensor, Tensor)> {
        shape::float_matrix("x", x)?;
        shape::tensor_of(
            "y",
            y,
            &[y.size().first().copied().unwrap_or(0), x.size()[1]],
            (x.kind(), x.device()),
        )?;
        let lengths = row_norms(x).mm(&row_norms(y).tr());
        let cos = (x.mm(&y.tr()) / &lengths).clamp(-1.0, 1.0);
        Ok((lengths, cos))
    }

    fn kappa(&self, cos: &Tensor) -> Tensor {
        let pi = std::f64::consts::PI;
        let sin = (1.0_f64 - cos.square()).clamp_min(0.0).sqrt();
        // pi - phi, accurately at both ends.
        let rest = cos.arccos() * -1.0 + pi;
        let sum = match self.power {
            0 => rest,
            1 => sin + rest * cos,
            2 => sin * cos * 3.0 + rest * (cos.square() * 2.0 + 1.0),
            _ => {
                let square = cos.square();
                &sin * (&square * 11.0 + 4.0) + rest * cos * (square * 6.0 + 9.0)
            }
        };
        sum / pi
    }

    /// $E\|g\|^{2a}$ for a Gaussian g of $R^e$: what the length of neurons on the sphere takes away.
    fn moment(&self, x: &Tensor) -> f64 {
        let e = x.size()[1] as f64;
        match self.law {
            Law::Sphere => (0..self.power).map(|i| e + 2.0 * f64::from(i)).product(),
            Law::Gaussian => 1.0,
        }
    }
}

/// `[n, 1]`.
fn row_norms(x: &Tensor) -> Tensor {
    x.square().sum_dim_intlist(1, true, None).sqrt()
}
