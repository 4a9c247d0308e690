//! Points in blocks, coordinate by coordinate.

use crate::native::Real;
use crate::native::lanes::Lanes;
use crate::native::normal::BLOCK;

/// n points of e coordinates in blocks of [`BLOCK`]; places without a point hold zeros.
#[derive(Debug, Clone)]
pub(super) struct Blocks<T, const L: usize> {
    pub(super) n: usize,
    pub(super) e: usize,
    pub(super) lanes: Vec<Lanes<T, L>>,
}

impl<T: Real, const L: usize> Blocks<T, L> {
    /// Registers of one coordinate of a block.
    pub(super) const VECTORS: usize = BLOCK / L;

    /// From rows of d numbers; coordinates from d on are 1.
    pub(super) fn new(rows: &[T], d: usize, e: usize) -> Self {
        let n = rows.len() / d;
        let count = n.div_ceil(BLOCK) * e * Self::VECTORS;
        let mut blocks = Blocks {
            n,
            e,
            lanes: vec![Lanes::zero(); count],
        };
        for (i, row) in rows.chunks_exact(d).enumerate() {
            for k in 0..e {
                *blocks.at(i, k) = row.get(k).copied().unwrap_or_else(T::one);
            }
        }
        blocks
    }

    /// As rows of the first d coordinates.
    pub(super) fn rows(&self, d: usize) -> Vec<T> {
        let mut rows = Vec::with_capacity(self.n * d);
        for i in 0..self.n {
            rows.extend((0..d).map(|k| {
                let (vector, lane) = self.place(i, k);
                self.lanes[vector].0[lane]
            }));
        }
        rows
    }

    /// Registers of a block.
    pub(super) fn size(&self) -> usize {
        self.e * Self::VECTORS
    }

    /// The points in a block.
    pub(super) fn live(&self, block: usize) -> usize {
        (self.n - block * BLOCK).min(BLOCK)
    }

    /// Point i of this into place `slot` of a block of another.
    pub(super) fn copy_point(&self, i: usize, block: &mut [Lanes<T, L>], slot: usize) {
        for k in 0..self.e {
            let (vector, lane) = self.place(i, k);
            block[k * Self::VECTORS + slot / L].0[slot % L] = self.lanes[vector].0[lane];
        }
    }

    fn place(&self, i: usize, k: usize) -> (usize, usize) {
        let (block, slot) = (i / BLOCK, i % BLOCK);
        (block * self.size() + k * Self::VECTORS + slot / L, slot % L)
    }

    fn at(&mut self, i: usize, k: usize) -> &mut T {
        let (vector, lane) = self.place(i, k);
        &mut self.lanes[vector].0[lane]
    }
}

/// Rows `[groups * half, d]` in blocks, those of the groups beside each other.
pub(super) fn interleave<T: Real, const L: usize>(
    rows: &[T],
    (half, groups): (usize, usize),
    (d, e): (usize, usize),
) -> Vec<Lanes<T, L>> {
    let groups: Vec<Blocks<T, L>> = rows
        .chunks_exact((half * d).max(1))
        .take(groups)
        .map(|rows| Blocks::new(rows, d, e))
        .collect();
    let blocks = half.div_ceil(BLOCK);
    let of_block = |block: usize| {
        let slice = move |group: &Blocks<T, L>| {
            group.lanes[block * group.size()..][..group.size()].to_vec()
        };
        groups.iter().flat_map(slice)
    };
    (0..blocks).flat_map(of_block).collect()
}
