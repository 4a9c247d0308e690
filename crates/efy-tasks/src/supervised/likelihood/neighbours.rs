//! Outputs of large energy, where nothing is known of the energy but its values.

use efy_core::Result;
use efy_core::energy::Energy;
use efy_core::joint::{BaseMeasure, Draw};
use tch::Tensor;

use super::super::learner::EVALUATION_ROWS;

/// Random starts.
const STARTS: i64 = 8;
/// Numbers of neighbours that are held at once.
const HELD: i64 = 1 << 24;

/// How many neighbours an output has: sets with one label more or less, rankings with two labels swapped.
fn count(base: &BaseMeasure) -> i64 {
    let k = base.items();
    if base.is_permutations() {
        k * (k - 1) / 2
    } else {
        k
    }
}

/// How many rows are searched at once, for energies that hold `width` numbers of an output.
pub(super) fn rows(base: &BaseMeasure, width: i64) -> i64 {
    (HELD / (count(base) * width).max(1)).clamp(1, EVALUATION_ROWS)
}

/// Local maxima of $g(y) + \log q(y)$, `[B, m]`: the steepest ascent over neighbours from some outputs that all rows
/// start from, 2k times, and the best of what is found. (Our choice. No number of steps promises a local maximum;
/// nothing is read, so that a GPU is not waited for.)
pub(super) fn best(base: &BaseMeasure, energy: &dyn Energy) -> Result<Tensor> {
    let (rows, n) = energy.size();
    let draw = Draw {
        samples: STARTS,
        rows: None,
        first_row: 0,
        seed: 0,
        step: u64::MAX,
    };
    let starts = base.sample(&draw, energy.options())?;
    let mut best: Option<(Tensor, Tensor)> = None;
    for start in 0..STARTS {
        let start = starts.get(start).f_expand([rows, n], false)?;
        let found = ascend(base, energy, start)?;
        best = Some(match best {
            None => found,
            Some((y, value)) => {
                let better = found.1.f_gt_tensor(&value)?;
                (
                    found.0.f_where_self(&better.unsqueeze(1), &y)?,
                    found.1.f_where_self(&better, &value)?,
                )
            }
        });
    }
    match best {
        Some((y, _)) => Ok(y),
        None => Ok(starts.f_expand([rows, n], false)?),
    }
}

/// Where an ascent from `y` `[B, n]` ends, and its value there, `[B]`.
fn ascend(base: &BaseMeasure, energy: &dyn Energy, mut y: Tensor) -> Result<(Tensor, Tensor)> {
    let moves = Moves::of(base, &y)?;
    let mut value = energy.value(&y) + base.log_density(&y);
    let n = y.size()[1];
    for _ in 0..2 * base.items() {
        let around = moves.around(&y)?;
        let values = energy.values(&around) + base.log_density(&around);
        let (most, which) = values.f_max_dim(1, true)?;
        let which = which.unsqueeze(2).f_expand([-1, 1, n], false)?;
        let next = around.f_gather(1, &which, false)?.f_squeeze_dim(1)?;
        let most = most.f_squeeze_dim(1)?;
        let better = most.f_gt_tensor(&value)?;
        y = next.f_where_self(&better.unsqueeze(1), &y)?;
        value = most.f_where_self(&better, &value)?;
    }
    Ok((y, value))
}

/// How neighbours are made.
enum Moves {
    /// One label flips: the identity matrix, `[k, k]`.
    Flips(Tensor),
    /// Columns are taken in another order: Int64 `[P, n]`.
    Orders(Tensor),
}

impl Moves {
    fn of(base: &BaseMeasure, like: &Tensor) -> Result<Self> {
        let k = base.items();
        let (kind, device) = (like.kind(), like.device());
        if !base.is_permutations() {
            return Ok(Moves::Flips(Tensor::f_eye(k, (kind, device))?));
        }
        // What an item has are as many columns that follow each other.
        let block = base.outputs() / k;
        let mut orders: Vec<i64> = Vec::new();
        for i in 0..k {
            for j in 0..i {
                let item = |at: i64| match at {
                    at if at == i => j,
                    at if at == j => i,
                    at => at,
                };
                let columns = (0..k).flat_map(|at| (0..block).map(move |b| item(at) * block + b));
                orders.extend(columns.collect::<Vec<_>>());
            }
        }
        let orders = Tensor::f_from_slice(&orders)?.f_view([-1, base.outputs()])?;
        Ok(Moves::Orders(orders.f_to_device(device)?))
    }

    /// The neighbours of outputs `[B, n]`, `[B, P, n]`.
    fn around(&self, y: &Tensor) -> Result<Tensor> {
        match self {
            Moves::Flips(identity) => Ok((y.unsqueeze(1) - identity).f_abs()?),
            Moves::Orders(orders) => {
                let flat = y.f_index_select(1, &orders.f_reshape([-1])?)?;
                Ok(flat.f_view([y.size()[0], orders.size()[0], -1])?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use efy_core::energy::Linear;
    use efy_test::{assert_close, everywhere, uniform};

    use super::*;

    #[everywhere]
    fn linear_energies_are_maximized() {
        for base in [
            BaseMeasure::uniform_sets(7).unwrap(),
            BaseMeasure::bernoulli_sets(vec![0.2, 0.5, 0.9, 0.7]).unwrap(),
            BaseMeasure::permutahedron(5).unwrap(),
            BaseMeasure::birkhoff(3).unwrap(),
        ] {
            let energy = Linear::new(uniform(&[20, base.outputs()], 3.0, 1)).unwrap();
            let all = efy_core::joint::Enumeration::of(&base, energy.options()).unwrap();
            let values = energy.values(&all.outputs) + &all.log_prior;
            let found = best(&base, &energy).unwrap();
            let value = energy.value(&found) + base.log_density(&found);
            let most = values.amax([1_i64].as_slice(), false);
            assert_close("best", &value, &most, 1e-10);
        }
    }

    #[test]
    fn rows_at_once_are_bounded() {
        let base = BaseMeasure::uniform_sets(1000).unwrap();
        assert_eq!(rows(&base, 1000), 16);
        assert_eq!(
            rows(&BaseMeasure::uniform_sets(3).unwrap(), 3),
            EVALUATION_ROWS
        );
    }
}
