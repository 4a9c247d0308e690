//! Metropolis chains that swap two items.

use tch::{Device, Kind, Tensor};

use super::base_measure::{BaseMeasure, Space};
use crate::energy::{Energy, Form};
use crate::random::{Words, units};
use crate::{Error, Result, native, shape};

/// Where chains from `start` `[B, n]` are after some proposals, `[B, n]`, without a graph.
///
/// A proposal swaps what two items, drawn uniformly, have: their positions, their rows of the permutation
/// matrix, or which of them is in the subset. It is accepted with probability
/// $\min(1, e^{g(y') - g(y)})$, which keeps $p_g \propto q e^g$ for a uniform q; on the permutahedron
/// $g(y') - g(y) = (\theta_i - \theta_j)(y_j - y_i)$. Chain b is that of row `first_row` + b: the same on every
/// device up to rounding. Native for linear energies on the CPU; elsewhere some twenty launches a proposal.
///
/// # Errors
/// [`Error::Unsupported`] for a base measure over all sets; [`Error::Shape`], [`Error::Kind`] or
/// [`Error::Placement`] when the start does not fit.
pub fn swap_metropolis(
    base: &BaseMeasure,
    energy: &dyn Energy,
    start: &Tensor,
    steps: usize,
    words: &Words,
    first_row: i64,
) -> Result<Tensor> {
    base.check(energy.size().1)?;
    shape::matrix_of("start", start, energy.size(), energy.options())?;
    if base.is_sets() {
        return Err(Error::Unsupported {
            solver: "swap Metropolis",
            problem: "sets of any size".to_owned(),
            hint: "use Gibbs sampling",
        });
    }
    let _guard = tch::no_grad_guard();
    let k = base.items();
    if k < 2 {
        return Ok(start.copy());
    }
    let block = match base.space() {
        Space::Birkhoff => k,
        _ => 1,
    };
    match energy.form() {
        Form::Linear { u } if u.device() == Device::Cpu => {
            native::swap_metropolis(u, start, (k, block), steps, words, first_row)
        }
        _ => batched(energy, start, (k, block), steps, words, first_row),
    }
}

/// In tensor operations. What item i has are the numbers i `block` to (i + 1) `block`.
pub(super) fn batched(
    energy: &dyn Energy,
    start: &Tensor,
    (k, block): (i64, i64),
    steps: usize,
    words: &Words,
    first_row: i64,
) -> Result<Tensor> {
    let rows = start.size()[0];
    let integers = (Kind::Int64, start.device());
    let chains = (Tensor::f_arange(rows, integers)? + first_row) * (2 * steps as i64);
    let items = Tensor::f_arange(k, integers)?;
    let mut state = start.detach().f_reshape([rows, k, block])?;
    let mut value = energy.value(start);
    for step in 0..steps as i64 {
        let pairs = words.words(&(&chains + 2 * step))?;
        let (i, j) = pair(&pairs, k)?;
        let (is_i, is_j) = (items.f_eq_tensor(&i)?, items.f_eq_tensor(&j)?);
        let order = j.where_self(&is_i, &i.where_self(&is_j, &items));
        let moved = state.f_gather(
            1,
            &order.unsqueeze(2).f_expand([rows, k, block], false)?,
            false,
        )?;
        let moved_value = energy.value(&moved.reshape(start.size()));
        let uniform = units(&words.words(&(&chains + (2 * step + 1)))?)?;
        let accepted = uniform.log().f_lt_tensor(&(&moved_value - &value))?;
        state = moved.where_self(&accepted.reshape([rows, 1, 1]), &state);
        value = moved_value.where_self(&accepted, &value);
    }
    Ok(state.f_reshape(start.size().as_slice())?)
}

/// Two different items from a word, each `[B, 1]`.
fn pair(words: &Tensor, k: i64) -> Result<(Tensor, Tensor)> {
    let low_half = (1_i64 << 32) - 1;
    let scaled = |half: Tensor, count: i64| -> Result<Tensor> {
        Ok((half * count).f_bitwise_right_shift_tensor_scalar(32_i64)?)
    };
    let high = words
        .f_bitwise_right_shift_tensor_scalar(32_i64)?
        .f_bitwise_and(low_half)?;
    let i = scaled(high, k)?;
    let other = scaled(words.f_bitwise_and(low_half)?, k - 1)? + 1;
    let j = (&i + other).f_remainder(k)?;
    Ok((i.unsqueeze(1), j.unsqueeze(1)))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;
    use crate::energy::Linear;
    use crate::joint::Draw;
    use crate::random::Stream;

    /// Both on the CPU, where alone there are native loops.
    #[test]
    fn native_and_batched_chains_are_the_same() {
        for base in [
            BaseMeasure::permutahedron(5).unwrap(),
            BaseMeasure::birkhoff(4).unwrap(),
            BaseMeasure::subsets(6, 2).unwrap(),
        ] {
            let options = (Kind::Double, Device::Cpu);
            let draw = Draw {
                samples: 1,
                rows: Some(7),
                first_row: 0,
                seed: 1,
                step: 0,
            };
            let start = base.sample(&draw, options).unwrap().squeeze_dim(1);
            tch::manual_seed(2);
            let energy = Linear::new(Tensor::randn([7, base.outputs()], options)).unwrap();
            let words = Words::new(3, Stream::Chains, 4);
            let native = swap_metropolis(&base, &energy, &start, 50, &words, 2).unwrap();
            let block = base.outputs() / base.items();
            let sizes = (base.items(), block);
            let tensors = batched(&energy, &start, sizes, 50, &words, 2).unwrap();
            assert_eq!(native, tensors, "{base:?}");
            assert_ne!(native, start);
        }
    }
}
