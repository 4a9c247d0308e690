//! A batch of problems as slices.

use tch::Tensor;

use super::matrix::{self, Matrix};
use super::omega::Omega;
use super::{Real, chunks, gather, real};
use crate::device::read;
use crate::domain::Geometry;
use crate::energy::{Coupling, Form};
use crate::solver::Problem;
use crate::{Error, Result};

/// Below this multiple of its rank, a shared low-rank coupling is multiplied out: a dense update is
/// k multiplications for each coordinate that moves, a low-rank one 2 m for each that does not.
pub(super) const DENSE_UP_TO: usize = 4;
/// Work of one rayon task, in matrix elements: some microseconds.
const CHUNK_ELEMENTS: usize = 8192;
/// Batches with less work than this, in matrix elements, are done by one thread before another one
/// is awake.
const WORTH_THREADS: usize = 65536;

/// What each row of a batch is made of.
pub(super) struct Input<T> {
    pub(super) rows: usize,
    pub(super) k: usize,
    /// Matrix elements that a sweep over one row touches.
    pub(super) work: usize,
    u: Vec<T>,
    matrix: Storage<T>,
    /// Whether the coupling is given by row.
    own: bool,
    /// Of every matrix: is $\Phi$ concave, is F?
    concavity: Vec<Concavity>,
    omega: Omega<T>,
    modulus: T,
}

enum Storage<T> {
    Zero,
    Dense {
        values: Vec<T>,
        /// Rows that share a matrix.
        each: usize,
    },
    LowRank {
        values: Vec<T>,
        rank: usize,
        each: usize,
    },
}

/// What a certificate may assume.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Concavity {
    /// $\Phi$ is concave.
    Energy,
    /// $F = \Phi - \Omega$ is concave.
    Objective,
    /// Nothing.
    Unknown,
}

/// The problems of up to L rows that share a matrix, side by side.
pub(super) struct Block<'a, T, const L: usize> {
    /// The first row.
    pub(super) index: usize,
    /// Lanes that hold a row.
    pub(super) live: usize,
    /// `u[i][l]` is element i of row l.
    pub(super) u: &'a [[T; L]],
    pub(super) matrix: Matrix<'a, T>,
    pub(super) concavity: Concavity,
    pub(super) omega: Omega<T>,
}

impl<T: Real> Input<T> {
    /// The problem for solvers: a small shared low-rank coupling is multiplied out. `certify` says
    /// whether anybody will ask for concavity.
    pub(super) fn new(problem: &Problem<'_>, certify: bool) -> Result<Self> {
        Self::with(problem, certify, DENSE_UP_TO)
    }

    /// The problem with a low-rank coupling left as it is.
    pub(super) fn factored(problem: &Problem<'_>) -> Result<Self> {
        Self::with(problem, false, 0)
    }

    fn with(problem: &Problem<'_>, certify: bool, dense_up_to: usize) -> Result<Self> {
        let Some((omega, bounds)) = problem.separable_on_box() else {
            return Err(problem.unsupported("native", "use solver auto"));
        };
        let (u, coupling) = match problem.energy.form() {
            Form::Linear { u } => (u, None),
            Form::Quadratic { u, coupling } => (u, Some(coupling)),
            _ => return Err(problem.unsupported("native", "use solver auto")),
        };
        let (rows, k) = problem.energy.size();
        let (rows, k) = (rows as usize, k as usize);
        if k == 0 {
            return Err(Error::Shape {
                what: "u",
                expected: "[B, k >= 1]".into(),
                found: u.size(),
            });
        }
        let (matrix, work) = storage(coupling, (rows, k), dense_up_to)?;
        let modulus = real(problem.regularizer.modulus(problem.domain));
        let mut input = Input {
            rows,
            k,
            work,
            u: read::to_vec(u)?,
            matrix,
            own: coupling.is_some_and(|coupling| !coupling.shared()),
            concavity: vec![Concavity::Energy],
            omega: Omega::new(omega, bounds),
            modulus,
        };
        if certify && matches!(coupling, Some(Coupling::Dense(_))) {
            input.concavity = input.dense_concavity();
        }
        Ok(input)
    }

    /// Columns of a low-rank coupling that was left as it is, else 0.
    pub(super) fn rank(&self) -> usize {
        match self.matrix {
            Storage::LowRank { rank, .. } => rank,
            _ => 0,
        }
    }

    /// The vectors u of some rows, one after the other.
    pub(super) fn scores(&self, first: usize, rows: usize) -> &[T] {
        &self.u[first * self.k..(first + rows) * self.k]
    }

    /// The regularizer's function of one coordinate.
    pub(super) fn omega(&self) -> &Omega<T> {
        &self.omega
    }

    /// Whether all rows have the same matrix.
    pub(super) fn shared(&self) -> bool {
        match &self.matrix {
            Storage::Zero => true,
            Storage::Dense { each, .. } | Storage::LowRank { each, .. } => *each >= self.rows,
        }
    }

    /// Whether rows come with a coupling each, or groups of rows do. One row alone counts as it would among others.
    pub(super) fn is_apart(&self) -> bool {
        self.own && (self.rows == 1 || !self.shared())
    }

    /// The rows from `index` on; `u` is filled with theirs.
    pub(super) fn block<'a, const L: usize>(
        &'a self,
        index: usize,
        live: usize,
        u: &'a mut [[T; L]],
    ) -> Block<'a, T, L> {
        let k = self.k;
        gather(&self.u[index * k..(index + live) * k], u);
        Block {
            index,
            live,
            u,
            matrix: self.matrix(index),
            concavity: self.concavity_of(index),
            omega: self.omega,
        }
    }

    /// The matrix of a row.
    pub(super) fn matrix(&self, row: usize) -> Matrix<'_, T> {
        let (k, index) = (self.k, self.matrix_of(row));
        match &self.matrix {
            Storage::Zero => Matrix::Zero,
            Storage::Dense { values, .. } => {
                let from = index * k * k;
                Matrix::Dense(&values[from..from + k * k])
            }
            Storage::LowRank { values, rank, .. } => {
                let from = index * k * rank;
                Matrix::LowRank(&values[from..from + k * rank], *rank)
            }
        }
    }

    /// What a certificate may assume of a row.
    pub(super) fn concavity_of(&self, row: usize) -> Concavity {
        let concavity = self.concavity.get(self.matrix_of(row));
        *concavity.unwrap_or(&self.concavity[0])
    }

    /// Which of the matrices is that of a row.
    fn matrix_of(&self, row: usize) -> usize {
        match &self.matrix {
            Storage::Zero => 0,
            Storage::Dense { each, .. } | Storage::LowRank { each, .. } => row / each,
        }
    }

    fn dense_concavity(&self) -> Vec<Concavity> {
        let Storage::Dense { values, .. } = &self.matrix else {
            return vec![Concavity::Unknown];
        };
        let k = self.k;
        let test = |u: &[T]| {
            let largest = u.iter().fold(T::zero(), |m, &x| m.max(x.abs()));
            let slack = largest * T::epsilon() * real(4.0 * k as f64) + T::min_positive_value();
            if matrix::shifted_is_definite(u, k, slack) {
                Concavity::Energy
            } else if matrix::shifted_is_definite(u, k, self.modulus + slack) {
                Concavity::Objective
            } else {
                Concavity::Unknown
            }
        };
        let mut all: Vec<Concavity> = values.chunks_exact(k * k).map(test).collect();
        if all.is_empty() {
            all.push(Concavity::Unknown);
        }
        all
    }
}

/// The point to start from, `[B, k]`: checked and projected, or the centre of a box, without tensors in between.
pub(super) fn start<T: Real>(problem: &Problem<'_>, start: Option<&Tensor>) -> Result<Vec<T>> {
    let Geometry::Box { low, high } = problem.domain.geometry() else {
        return read::to_vec(&problem.start(start)?);
    };
    let (rows, k) = problem.energy.size();
    problem.domain.check(k)?;
    let Some(start) = start else {
        return Ok(vec![real(0.5 * (low + high)); (rows * k) as usize]);
    };
    problem.check_start(start)?;
    let (low, high) = (real::<T>(low), real::<T>(high));
    let mut values: Vec<T> = read::to_vec(start)?;
    for value in &mut values {
        // Not `max` and `min`, which would drop a NaN.
        if *value < low {
            *value = low;
        } else if *value > high {
            *value = high;
        }
    }
    Ok(values)
}

/// Whether waking other threads pays for so many rows of so much work.
pub(super) fn worth_threads(rows: usize, work: usize) -> bool {
    rows * work >= WORTH_THREADS
}

/// Wakes another thread where one will be wanted, while the problem is read.
pub(super) fn wake_for(problem: &Problem<'_>) {
    let (rows, k) = problem.energy.size();
    let (rows, k) = (rows as usize, k as usize);
    let columns = match problem.energy.form() {
        Form::Quadratic { coupling, .. } => coupling.tensor().size().last().copied(),
        _ => None,
    };
    if worth_threads(rows, k * columns.unwrap_or(1) as usize) {
        chunks::wake();
    }
}

/// Rows of one rayon task, a multiple of the number of lanes.
pub(super) fn chunk(work: usize, lanes: usize) -> usize {
    (CHUNK_ELEMENTS / work.max(1))
        .clamp(1, 64)
        .next_multiple_of(lanes)
}

/// The matrix, and the number of elements that a sweep over it touches.
fn storage<T: Real>(
    coupling: Option<&Coupling>,
    (rows, k): (usize, usize),
    dense_up_to: usize,
) -> Result<(Storage<T>, usize)> {
    let Some(coupling) = coupling else {
        return Ok((Storage::Zero, k));
    };
    let shared = coupling.shared();
    let each = match shared {
        true => rows,
        false => rows / coupling.tensor().size()[0].max(1) as usize,
    };
    let each = each.max(1);
    match coupling {
        Coupling::Dense(u) => Ok((
            Storage::Dense {
                values: read::to_vec(u)?,
                each,
            },
            k * k,
        )),
        Coupling::LowRank(a) => {
            let rank = *a.size().last().unwrap_or(&1) as usize;
            let values: Vec<T> = read::to_vec(a)?;
            if (shared || each > 1) && k <= dense_up_to * rank {
                let matrices = values.chunks_exact(k * rank);
                let values = matrices.flat_map(|a| multiplied_out(a, rank)).collect();
                return Ok((Storage::Dense { values, each }, k * k));
            }
            Ok((Storage::LowRank { values, rank, each }, 2 * k * rank))
        }
    }
}

/// $-AA^\top$.
fn multiplied_out<T: Real>(a: &[T], rank: usize) -> Vec<T> {
    let rows = || a.chunks_exact(rank);
    rows()
        .flat_map(|i| rows().map(move |j| -matrix::dot(i, j)))
        .collect()
}
