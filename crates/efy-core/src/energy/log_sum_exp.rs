//! Soft minima of affine pieces.

use tch::{Device, Kind, Tensor};

use super::{Energy, Form};
use crate::error::positive;
use crate::{Error, Result, shape};

/// $\Phi(v, p) = \langle u, p \rangle - \tau \log \sum_j e^{(\langle w_j, p \rangle + b_j)/\tau}$: concave,
/// smooth, and within $\tau \log m$ of $\langle u, p \rangle - \max_j \langle w_j, p \rangle + b_j$.
///
/// A generalization of ours; the paper's energies have no such piece that we know of.
#[derive(Debug)]
pub struct LogSumExp {
    u: Tensor,
    pieces: Tensor,
    offsets: Tensor,
    temperature: f64,
}

impl LogSumExp {
    /// An energy with `u` `[B, k]`, m pieces W `[m, k]` with offsets b, `[m]` or `[B, m]`, and
    /// temperature $\tau > 0$.
    ///
    /// # Errors
    /// [`crate::Error::Shape`], [`crate::Error::Kind`] or [`crate::Error::Placement`] when the tensors do not fit together;
    /// [`crate::Error::Parameter`] unless temperature and inverse are positive numbers of the kind, neither infinite nor subnormal.
    pub fn new(u: Tensor, pieces: Tensor, offsets: Tensor, temperature: f64) -> Result<Self> {
        shape::float_matrix("u", &u)?;
        let (rows, k) = shape::size2(&u);
        let options = (u.kind(), u.device());
        let m = match pieces.size()[..] {
            [m, _] if m > 0 => m,
            _ => {
                return Err(Error::Shape {
                    what: "W",
                    expected: format!("[m, {k}], at least one piece"),
                    found: pieces.size(),
                });
            }
        };
        shape::matrix_of("W", &pieces, (m, k), options)?;
        match offsets.dim() {
            1 => shape::matrix_of("b", &offsets.unsqueeze(0), (1, m), options)?,
            _ => shape::matrix_of("b", &offsets, (rows, m), options)?,
        }
        positive("temperature", temperature)?;
        let held = |x: f64| match options.0 {
            Kind::Double => x.is_normal(),
            _ => (x as f32).is_normal(),
        };
        if !(held(temperature) && held(temperature.recip())) {
            return Err(Error::Parameter {
                name: "temperature",
                expected: "a number of ordinary size, so that its inverse is one, too",
                found: format!("{temperature:e}"),
            });
        }
        Ok(LogSumExp {
            u,
            pieces,
            offsets,
            temperature,
        })
    }

    /// $(\langle w_j, p \rangle + b_j)/\tau$, `[B, m]`.
    fn scores(&self, p: &Tensor) -> Tensor {
        self.offsets.addmm(p, &self.pieces.tr()) / self.temperature
    }
}

impl Energy for LogSumExp {
    fn size(&self) -> (i64, i64) {
        shape::size2(&self.u)
    }

    fn options(&self) -> (Kind, Device) {
        (self.u.kind(), self.u.device())
    }

    fn value(&self, p: &Tensor) -> Tensor {
        shape::dot(&self.u, p) - self.scores(p).logsumexp(-1, false) * self.temperature
    }

    fn gradient(&self, p: &Tensor) -> Tensor {
        &self.u
            - self
                .scores(p)
                .softmax(-1, None::<Kind>)
                .matmul(&self.pieces)
    }

    /// $-\frac1\tau W^\top (\mathrm{diag}\,\pi - \pi\pi^\top) W q$ with the softmax $\pi$.
    fn hessian_product(&self, p: &Tensor, q: &Tensor) -> Tensor {
        let _guard = tch::no_grad_guard();
        let weights = self.scores(p).softmax(-1, None::<Kind>);
        let along = q.matmul(&self.pieces.tr());
        let centred = &along - shape::dot(&weights, &along).unsqueeze(-1);
        (weights * centred).matmul(&self.pieces) / -self.temperature
    }

    fn form(&self) -> Form<'_> {
        Form::Concave
    }
}
