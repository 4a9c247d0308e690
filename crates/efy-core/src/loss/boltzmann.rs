//! The Boltzmann distribution over all sets of labels, by enumeration.

use tch::{Kind, Tensor};

use crate::energy::{Coupling, Energy, Form};
use crate::{Error, Result, shape};

/// Outputs of a quadratic energy at most: $2^{20}$ numbers a row.
const MOST_OUTPUTS: i64 = 20;
/// Outputs of any other energy at most, each vertex being a call.
const MOST_OUTPUTS_GENERAL: i64 = 12;
/// Numbers that are held at once, over all rows of a chunk.
const CHUNK: i64 = 1 << 22;

/// $p_v(y) = e^{\Phi(v, y)} / Z(v)$ over $y \in \{0, 1\}^k$ for each row.
#[derive(Debug)]
pub struct Boltzmann {
    /// $\log Z(v) = \log \sum_y e^{\Phi(v, y)}$, `[B]`.
    pub log_partition: Tensor,
    /// $E\,y$, the probabilities $P(y_i = 1)$, `[B, k]`.
    pub marginals: Tensor,
    /// $E\,y y^\top$, `[B, k, k]`, for quadratic energies.
    pub second_moments: Option<Tensor>,
}

impl Boltzmann {
    /// The distribution of an energy, without a graph.
    ///
    /// Linear energies have a formula; quadratic ones are enumerated for k up to 20, in
    /// $O(2^k k)$ operations and $O(2^k)$ memory a row, a few rows at a time; all others for k up to 12.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for more outputs.
    pub fn of(energy: &dyn Energy) -> Result<Self> {
        let _guard = tch::no_grad_guard();
        match energy.form() {
            Form::Linear { u } => Ok(independent(u)),
            Form::Quadratic { u, coupling } => quadratic(u, coupling),
            _ => {
                let values = all_values(energy)?;
                let log_partition = values.logsumexp([0_i64].as_slice(), false);
                let weights = (values - &log_partition).exp();
                let vertices = vertices(energy.size().1, &weights)?;
                Ok(Boltzmann {
                    log_partition,
                    marginals: weights.tr().matmul(&vertices),
                    second_moments: None,
                })
            }
        }
    }
}

/// $\log Z(v)$ of a general energy with the graph of all its values, `[B]`.
pub(super) fn log_partition_with_graph(energy: &dyn Energy) -> Result<Tensor> {
    Ok(all_values(energy)?.logsumexp([0_i64].as_slice(), false))
}

/// $\Phi$ at every vertex, `[2^k, B]`.
fn all_values(energy: &dyn Energy) -> Result<Tensor> {
    let (rows, k) = energy.size();
    small_enough(k, MOST_OUTPUTS_GENERAL, "a general energy over all labels")?;
    let like = Tensor::f_zeros([rows], energy.options())?;
    let vertices = vertices(k, &like)?;
    let values: Vec<Tensor> = (0..vertices.size()[0])
        .map(|i| energy.value(&vertices.get(i).expand([rows, k], false)))
        .collect();
    Ok(Tensor::f_stack(&values, 0)?)
}

/// The outputs are independent: $\log Z = \sum_i \log(1 + e^{u_i})$.
fn independent(u: &Tensor) -> Boltzmann {
    Boltzmann {
        log_partition: shape::row_sum(&u.neg().log_sigmoid().neg()),
        marginals: u.sigmoid(),
        second_moments: None,
    }
}

fn quadratic(u: &Tensor, coupling: &Coupling) -> Result<Boltzmann> {
    let (rows, k) = shape::size2(u);
    small_enough(k, MOST_OUTPUTS, "a quadratic energy over all labels")?;
    let matrix = coupling.dense_by_row(rows);
    let symmetric = (&matrix + matrix.transpose(-1, -2)) * 0.5;
    let count = (CHUNK >> k).max(1);
    let parts: Vec<[Tensor; 3]> = (0..rows.max(1))
        .step_by(count as usize)
        .map(|from| {
            let count = count.min(rows - from);
            let matrix = if coupling.shared() {
                symmetric.shallow_clone()
            } else {
                symmetric.narrow(0, from, count)
            };
            Grid::new(&u.narrow(0, from, count), &matrix)?.moments()
        })
        .collect::<Result<_>>()?;
    let joined = |i: usize| -> Result<Tensor> {
        let parts: Vec<&Tensor> = parts.iter().map(|part| &part[i]).collect();
        Ok(Tensor::f_cat(&parts, 0)?)
    };
    Ok(Boltzmann {
        log_partition: joined(0)?,
        marginals: joined(1)?,
        second_moments: Some(joined(2)?),
    })
}

/// All values of a quadratic energy as a table: one way the vertices a of the first half of the
/// outputs, the other way those b of the second half, where
/// $\Phi(a, b) = \Phi_1(a) + \Phi_2(b) + \langle a, U_{12} b \rangle$ costs k/2 operations an entry.
struct Grid {
    /// `[B, 2^k1, 2^k2]`.
    values: Tensor,
    /// `[2^k1, k1]`.
    first: Tensor,
    /// `[2^k2, k2]`.
    second: Tensor,
}

impl Grid {
    fn new(u: &Tensor, matrix: &Tensor) -> Result<Self> {
        let k = u.size()[1];
        let (k1, k2) = (k / 2, k - k / 2);
        let (first, second) = (vertices(k1, u)?, vertices(k2, u)?);
        let block = |from: (i64, i64), size: (i64, i64)| {
            matrix.narrow(-2, from.0, size.0).narrow(-1, from.1, size.1)
        };
        let half = |vertices: &Tensor, from: i64, size: i64| {
            let own = vertices.matmul(&block((from, from), (size, size))) * vertices;
            u.narrow(1, from, size).matmul(&vertices.tr())
                + own.sum_dim_intlist(-1, false, None) * 0.5
        };
        let across = first.matmul(&block((0, k1), (k1, k2))).matmul(&second.tr());
        let values = across + half(&first, 0, k1).unsqueeze(2) + half(&second, k1, k2).unsqueeze(1);
        Ok(Grid {
            values,
            first,
            second,
        })
    }

    /// $\log Z$ `[B]`, $E[y]$ `[B, k]`, $E[y y^\top]$ `[B, k, k]`.
    fn moments(self) -> Result<[Tensor; 3]> {
        let Grid {
            values,
            first,
            second,
        } = self;
        let log_partition = values.logsumexp([1_i64, 2].as_slice(), true);
        let weights = (values - &log_partition).exp();
        let of_first = weights.sum_dim_intlist(2, false, None);
        let of_second = weights.sum_dim_intlist(1, false, None);
        let mean = |weights: &Tensor, vertices: &Tensor| weights.matmul(vertices);
        let square = |weights: &Tensor, vertices: &Tensor| {
            let (n, k) = shape::size2(vertices);
            let products = vertices.unsqueeze(2) * vertices.unsqueeze(1);
            weights
                .matmul(&products.reshape([n, k * k]))
                .reshape([weights.size()[0], k, k])
        };
        let across = first.tr().matmul(&weights.matmul(&second));
        let upper = Tensor::f_cat(&[&square(&of_first, &first), &across], 2)?;
        let lower = [&across.transpose(1, 2), &square(&of_second, &second)];
        let lower = Tensor::f_cat(&lower, 2)?;
        let marginals = [mean(&of_first, &first), mean(&of_second, &second)];
        Ok([
            log_partition.reshape([-1]),
            Tensor::f_cat(&marginals, 1)?,
            Tensor::f_cat(&[upper, lower], 1)?,
        ])
    }
}

/// $\{0, 1\}^k$ in lexicographic order, `[2^k, k]`, of the kind and on the device of `like`.
pub(crate) fn vertices(k: i64, like: &Tensor) -> Result<Tensor> {
    let device = like.device();
    let codes = Tensor::f_arange(1_i64 << k, (Kind::Int64, device))?.unsqueeze(1);
    let places = Tensor::f_arange(k, (Kind::Int64, device))?.neg() + (k - 1);
    let bits = codes.f_bitwise_right_shift(&places)?.bitwise_and(1_i64);
    Ok(bits.to_kind(like.kind()))
}

fn small_enough(k: i64, most: i64, problem: &str) -> Result<()> {
    if k <= most {
        return Ok(());
    }
    Err(Error::Unsupported {
        solver: "enumeration",
        problem: format!("{problem} with {k} outputs, more than {most}"),
        hint: "use the contrastive loss",
    })
}
