//! Sorting a row and remembering where its elements were.

use super::wide;
use crate::native::Real;

/// The bits of an f64 that came from an f32 and are always 0.
const SPARE: u64 = (1 << 29) - 1;

/// Room for the permutation that sorts a row.
#[derive(Default)]
pub(super) struct Order {
    narrow: Vec<u64>,
    wide: Vec<(u64, usize)>,
    /// The coordinates from the largest element to the smallest; the first of equal ones comes first.
    pub(super) coordinates: Vec<usize>,
}

impl Order {
    /// Sorts a row without NaN.
    pub(super) fn descending<T: Real>(&mut self, row: &[T]) {
        self.coordinates.clear();
        let keys = row.iter().map(|&value| descending_key(wide(value)));
        if size_of::<T>() == 4 && row.len() as u64 <= SPARE {
            // Key and coordinate fit into one number.
            let packed = |(i, key): (usize, u64)| (key & !SPARE) | i as u64;
            self.narrow.clear();
            self.narrow.extend(keys.enumerate().map(packed));
            self.narrow.sort_unstable();
            let coordinates = self.narrow.iter().map(|key| (key & SPARE) as usize);
            self.coordinates.extend(coordinates);
        } else {
            self.wide.clear();
            self.wide.extend(keys.enumerate().map(|(i, key)| (key, i)));
            self.wide.sort_unstable();
            self.coordinates.extend(self.wide.iter().map(|&(_, i)| i));
        }
    }
}

/// A number that is smaller for larger values.
fn descending_key(value: f64) -> u64 {
    const SIGN: u64 = 1 << 63;
    // The two zeros are one.
    let bits = (value + 0.0).to_bits();
    if bits & SIGN == 0 {
        !(bits | SIGN)
    } else {
        bits
    }
}
