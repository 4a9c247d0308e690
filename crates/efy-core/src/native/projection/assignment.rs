//! The linear assignment problem.

use tch::Tensor;

use super::{RowMap, map_rows, wide};
use crate::native::{Real, real};

/// Infinities become finite numbers that no sum of n finite ones of a row can outweigh; what is larger
/// than this would overflow in such sums.
const LARGEST: f64 = 1e100;

/// A permutation matrix P of largest $\langle \theta, P \rangle$ for each row, flattened; `None` as for
/// projections.
pub(crate) fn assignment(theta: &Tensor, n: usize) -> Option<Tensor> {
    map_rows(theta, &Assignment { n })
}

struct Assignment {
    n: usize,
}

impl RowMap for Assignment {
    fn fits(&self, k: usize) -> bool {
        k == self.n * self.n
    }

    fn work(&self, k: usize) -> usize {
        2 * k * self.n
    }

    fn apply<T: Real>(&self, rows: &mut [T], k: usize) {
        let mut scores = vec![0.0; k];
        let mut matching = Matching::new(self.n);
        for row in rows.chunks_exact_mut(k) {
            if !tame(row, self.n, &mut scores) {
                row.fill(T::nan());
                continue;
            }
            matching.maximize(&scores);
            row.fill(T::zero());
            for (column, &i) in matching.row_of.iter().enumerate() {
                row[i * self.n + column] = real(1.0);
            }
        }
    }
}

/// Writes a row as finite numbers with the same assignments; `false` if it has a NaN.
pub(super) fn tame<T: Real>(row: &[T], n: usize, finite: &mut [f64]) -> bool {
    let (mut low, mut high, mut infinite) = (f64::INFINITY, f64::NEG_INFINITY, false);
    for (finite, &value) in finite.iter_mut().zip(row) {
        let value = wide(value);
        if value.is_nan() {
            return false;
        }
        *finite = value;
        if value.is_finite() {
            *finite = value.clamp(-LARGEST, LARGEST);
            (low, high) = (low.min(*finite), high.max(*finite));
        } else {
            infinite = true;
        }
    }
    if infinite {
        let (low, high) = if low <= high { (low, high) } else { (0.0, 0.0) };
        let gap = 2.0 * n as f64 * (high - low + n as f64);
        for value in finite {
            *value = value.clamp(low - gap, high + gap);
        }
    }
    true
}

/// Shortest augmenting paths with potentials (Jonker and Volgenant 1987), $O(n^3)$.
pub(super) struct Matching {
    n: usize,
    /// The row of each column.
    pub(super) row_of: Vec<usize>,
    /// $u_i + v_j \ge \theta_{ij}$, with equality where row i has column j.
    pub(super) u: Vec<f64>,
    pub(super) v: Vec<f64>,
    slack: Vec<f64>,
    before: Vec<usize>,
    seen: Vec<bool>,
}

/// A column without a row, or the start of a path.
const NONE: usize = usize::MAX;

impl Matching {
    pub(super) fn new(n: usize) -> Self {
        Matching {
            n,
            row_of: vec![NONE; n],
            u: vec![0.0; n],
            v: vec![0.0; n],
            slack: vec![0.0; n],
            before: vec![NONE; n],
            seen: vec![false; n],
        }
    }

    /// Of equal scores, earlier columns are tried first: all equal, it is the identity.
    pub(super) fn maximize(&mut self, scores: &[f64]) {
        self.row_of.fill(NONE);
        self.v.fill(0.0);
        for (u, row) in self.u.iter_mut().zip(scores.chunks_exact(self.n)) {
            *u = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        }
        for row in 0..self.n {
            let end = self.shortest_path(row, scores);
            self.augment(row, end);
        }
    }

    /// Searches from `row` to a column without a row, and moves the potentials along.
    fn shortest_path(&mut self, row: usize, scores: &[f64]) -> usize {
        self.slack.fill(f64::INFINITY);
        self.before.fill(NONE);
        self.seen.fill(false);
        let (mut i, mut column) = (row, NONE);
        loop {
            let (mut nearest, mut least) = (NONE, f64::INFINITY);
            for j in (0..self.n).filter(|&j| !self.seen[j]) {
                let reduced = self.u[i] + self.v[j] - scores[i * self.n + j];
                if reduced < self.slack[j] {
                    (self.slack[j], self.before[j]) = (reduced, column);
                }
                if nearest == NONE || self.slack[j] < least {
                    (nearest, least) = (j, self.slack[j]);
                }
            }
            self.u[row] -= least;
            for j in 0..self.n {
                if self.seen[j] {
                    self.u[self.row_of[j]] -= least;
                    self.v[j] += least;
                } else {
                    self.slack[j] -= least;
                }
            }
            column = nearest;
            self.seen[column] = true;
            i = self.row_of[column];
            if i == NONE {
                return column;
            }
        }
    }

    /// Gives each column of the path the row of the column before it.
    fn augment(&mut self, row: usize, mut column: usize) {
        while self.before[column] != NONE {
            let before = self.before[column];
            self.row_of[column] = self.row_of[before];
            column = before;
        }
        self.row_of[column] = row;
    }
}
