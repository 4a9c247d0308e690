//! Lists of vertices, f64 on the CPU, in lexicographic order.

use tch::Tensor;

/// Above this many outputs the 2^k vertices of a cube are not listed.
const MOST_OUTPUTS_OF_CUBE: usize = 16;
/// Lists with more numbers than this are not made.
const MOST_NUMBERS: usize = 1 << 20;

/// Rows of k numbers, none of which is NaN, sorted and without repetitions; `None` if there are too many.
pub(super) fn sorted(mut rows: Vec<Vec<f64>>, k: usize) -> Option<Tensor> {
    if rows.len() * k > MOST_NUMBERS {
        return None;
    }
    rows.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    rows.dedup();
    Some(Tensor::from_slice(&rows.concat()).reshape([-1, k as i64]))
}

/// All 0/1 vectors.
pub(super) fn of_cube(k: usize) -> Option<Tensor> {
    if k > MOST_OUTPUTS_OF_CUBE {
        return None;
    }
    sorted((0..1_usize << k).map(|code| digits(code, k)).collect(), k)
}

/// The binary digits of a number below 2^k.
pub(super) fn digits(code: usize, k: usize) -> Vec<f64> {
    (0..k).map(|i| f64::from((code >> i & 1) as u8)).collect()
}

/// The distinct orders of `items`, in lexicographic order; `None` if there are too many.
pub(super) fn arrangements<T: PartialOrd + Copy>(mut items: Vec<T>) -> Option<Vec<Vec<T>>> {
    items.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    let mut all = vec![items.clone()];
    // The last rise, exchanged with the smallest larger item after it, and what follows turned round.
    while let Some(rise) = items.windows(2).rposition(|pair| pair[0] < pair[1]) {
        if (all.len() + 1) * items.len() > MOST_NUMBERS {
            return None;
        }
        let pivot = items[rise];
        if let Some(larger) = items.iter().rposition(|&item| item > pivot) {
            items.swap(rise, larger);
        }
        items[rise + 1..].reverse();
        all.push(items.clone());
    }
    Some(all)
}
