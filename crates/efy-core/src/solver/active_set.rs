//! The convex combinations that Frank-Wolfe with away steps keeps, one a row.

use tch::{Kind, Tensor};

use crate::Result;

/// $p = \sum_s w_s a_s$ for each row, with $w \ge 0$ summing to 1.
///
/// There is room for S atoms, all of them vertices but the first, which starts as the start. When
/// there is no room for another vertex, the one of least weight is merged into the first atom: p does
/// not change, and what is kept remains a convex combination of points of the domain.
pub(super) struct ActiveSet {
    /// a, `[B, S, k]`.
    atoms: Tensor,
    /// w, `[B, S]`; a place without weight is free.
    weights: Tensor,
    /// 0, 1, ..., S - 1.
    places: Tensor,
}

/// The atom from which to step away.
pub(super) struct Away {
    /// Its place, `[B, 1]`.
    place: Tensor,
    /// Itself, `[B, k]`.
    pub(super) atom: Tensor,
    /// The longest step away from it, $w / (1 - w)$, `[B, 1]`; 0 where there is no other atom to go to.
    pub(super) longest: Tensor,
}

impl ActiveSet {
    /// All weight on `start` `[B, k]`.
    pub(super) fn new(start: &Tensor, places: i64) -> Result<Self> {
        let rows = start.size()[0];
        let first = Tensor::f_arange(places, (Kind::Int64, start.device()))?;
        let weights = first
            .eq(0)
            .to_kind(start.kind())
            .expand([rows, places], false);
        Ok(ActiveSet {
            atoms: start.unsqueeze(1).f_repeat([1, places, 1])?,
            weights: weights.copy(),
            places: first,
        })
    }

    /// The atom of positive weight with the least $\langle g, a \rangle$.
    pub(super) fn worst(&self, gradient: &Tensor) -> Away {
        let scores = self.atoms.bmm(&gradient.unsqueeze(-1)).squeeze_dim(-1);
        let free = self.weights.le(0.0);
        let place = scores.masked_fill(&free, f64::INFINITY).argmin(-1, true);
        let weight = self.weights.gather(1, &place, false);
        let rest: Tensor = 1.0 - &weight;
        Away {
            atom: self.at(&place),
            longest: (&weight / &rest).masked_fill(&rest.le(0.0), 0.0),
            place,
        }
    }

    /// $\sum_s w_s a_s$, `[B, k]`.
    pub(super) fn point(&self) -> Tensor {
        self.weights.unsqueeze(1).bmm(&self.atoms).squeeze_dim(1)
    }

    /// Where `from` says so, $p \leftarrow p + t (p - a)$ for the atom a of `away`, which is dropped by a
    /// step that is as long as it can be; elsewhere $p \leftarrow p + t (v - p)$ for `vertex`. `t` is
    /// `[B, 1]`.
    pub(super) fn step(&mut self, from: &Tensor, away: &Away, vertex: &Tensor, t: &Tensor) {
        let here = self.places.eq_tensor(&away.place);
        let grown = &self.weights * (t + 1.0);
        let dropped = here.logical_and(&t.ge_tensor(&away.longest));
        // As w (1 + t) - t, but for a long step away from nearly everything that difference is all rounding.
        let shrunk = &self.weights - t * (1.0 - &self.weights);
        let apart = grown.where_self(&here.logical_not(), &shrunk);
        let apart = apart.masked_fill(&dropped, 0.0).clamp_min(0.0);
        let entering = from.logical_not().logical_and(&t.gt(0.0));
        let place = self.make_room(vertex, &entering);
        let there = self.places.eq_tensor(&place).logical_and(&entering);
        let towards = &self.weights * (1.0 - t);
        let towards = (&towards + t).where_self(&there, &towards);
        let weights = apart.where_self(from, &towards);
        // Rounding must not add up.
        self.weights = &weights / weights.sum_dim_intlist([-1].as_slice(), true, None);
    }

    /// Puts `vertex` into the set in the rows that say so; returns its place.
    fn make_room(&mut self, vertex: &Tensor, entering: &Tensor) -> Tensor {
        let vertex = vertex.unsqueeze(1);
        let equal = self.atoms.eq_tensor(&vertex).all_dim(-1, false);
        let known = equal.logical_and(&self.weights.gt(0.0));
        let first = self.places.eq(0);
        let keys = self
            .weights
            .masked_fill(&first, f64::INFINITY)
            .masked_fill(&known, -1.0);
        let place = keys.argmin(-1, true);
        let new = entering.logical_and(&known.any_dim(-1, true).logical_not());
        let evicted = self.weights.gather(1, &place, false);
        let evicted = evicted.where_self(&new, &evicted.zeros_like());
        let kept = self.weights.narrow(1, 0, 1);
        let total = &kept + &evicted;
        let share = (&evicted / &total).masked_fill(&evicted.le(0.0), 0.0);
        let rest = self
            .atoms
            .select(1, 0)
            .lerp_tensor(&self.at(&place), &share);
        let here = self.places.eq_tensor(&place).logical_and(&new);
        self.weights = self
            .weights
            .masked_fill(&here, 0.0)
            .where_self(&first.logical_not(), &total);
        let atoms = vertex.where_self(&here.unsqueeze(-1), &self.atoms);
        self.atoms = rest.unsqueeze(1).where_self(&first.unsqueeze(-1), &atoms);
        place
    }

    /// The atom at `place` `[B, 1]`, `[B, k]`.
    fn at(&self, place: &Tensor) -> Tensor {
        let k = self.atoms.size()[2];
        let index = place.unsqueeze(-1).expand([-1, 1, k], false);
        self.atoms.gather(1, &index, false).squeeze_dim(1)
    }
}
