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

/// The orders of 0..n; `None` if there are too many.
pub(super) fn permutations(n: usize) -> Option<Vec<Vec<usize>>> {
    let mut all = vec![Vec::new()];
    for item in 0..n {
        if all.len() * (item + 1) * (item + 1) > MOST_NUMBERS {
            return None;
        }
        let inserted = |order: &Vec<usize>, at: usize| {
            let mut order = order.clone();
            order.insert(at, item);
            order
        };
        all = all
            .iter()
            .flat_map(|order| (0..=item).map(move |at| inserted(order, at)))
            .collect();
    }
    Some(all)
}
