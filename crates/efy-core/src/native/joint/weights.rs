//! What samples weigh.

use std::array::from_fn;
use std::hint::black_box;

use crate::divergence::{Conjugate, Divergence};
use crate::native::{Real, real};

/// Sums are made of so many partial sums, which vectorizes.
pub(super) const PARTS: usize = 16;

/// Partial sums of $f^*$ and of $f^{*\prime}$.
pub(super) struct Sums<T>([[T; PARTS]; 2]);

impl<T: Real> Sums<T> {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Sums([[T::zero(); PARTS]; 2])
    }

    /// Replaces values v by $f^{*\prime}(v)$ and adds both to the sums.
    #[inline(always)]
    pub(super) fn weigh(&mut self, conjugate: &Conjugate, values: &mut [T]) {
        let cap = real::<T>(conjugate.cap());
        match conjugate.divergence() {
            Divergence::KullbackLeibler if cap <= T::MODERATE => self.map(values, |v| {
                let capped = if v > cap { cap } else { v };
                let slope = capped.exp_of_moderate();
                (slope - T::one() + slope * (v - capped), slope)
            }),
            _ => self.map(values, |v| conjugate.pair(v)),
        }
    }

    #[inline(always)]
    fn map(&mut self, values: &mut [T], pair: impl Fn(T) -> (T, T)) {
        let (blocks, rest) = values.as_chunks_mut::<PARTS>();
        for block in blocks {
            self.add(block, PARTS, &pair);
        }
        if !rest.is_empty() {
            let mut block = [T::zero(); PARTS];
            block[..rest.len()].copy_from_slice(rest);
            self.add(&mut block, rest.len(), &pair);
            rest.copy_from_slice(&block[..rest.len()]);
        }
    }

    /// Weighs all and adds the first `count`. Lanes that do not count are computed as the others and then forgotten: a
    /// condition in the loop would take it apart.
    #[inline(always)]
    fn add(&mut self, block: &mut [T; PARTS], count: usize, pair: &impl Fn(T) -> (T, T)) {
        let (mut values, mut weights) = ([T::zero(); PARTS], [T::zero(); PARTS]);
        for lane in 0..PARTS {
            (values[lane], weights[lane]) = pair(block[lane]);
        }
        if count < PARTS {
            values[count..].fill(T::zero());
            weights[count..].fill(T::zero());
        }
        *block = weights;
        // A compiler that sees through the sums takes them apart for the totals, in every block anew.
        let [of_values, of_weights] = self.0;
        self.0 = [plus(of_values, &values), plus(of_weights, &weights)].map(black_box);
    }

    /// Both sums.
    #[inline(always)]
    pub(super) fn totals(&self) -> (T, T) {
        (total(&self.0[0]), total(&self.0[1]))
    }
}

/// The sum of partial sums, in halves, which vectorizes.
#[inline(always)]
pub(super) fn total<T: Real>(parts: &[T; PARTS]) -> T {
    let halves: [T; PARTS / 2] = from_fn(|l| parts[l] + parts[l + PARTS / 2]);
    let quarters: [T; PARTS / 4] = from_fn(|l| halves[l] + halves[l + PARTS / 4]);
    (quarters[0] + quarters[2]) + (quarters[1] + quarters[3])
}

#[inline(always)]
fn plus<T: Real>(mut sums: [T; PARTS], terms: &[T; PARTS]) -> [T; PARTS] {
    for lane in 0..PARTS {
        sums[lane] += terms[lane];
    }
    sums
}
