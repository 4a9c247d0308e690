//! Gibbs sampling of labels for linear and quadratic energies on the CPU.

use tch::{Kind, Tensor};

use super::{Real, by_chunks, real};
use crate::Result;
use crate::device::read;
use crate::energy::Coupling;

/// Below this many products, other threads are not worth waking.
const WORTH_THREADS: usize = 65536;

/// The labels after some sweeps from `start` `[B, k]`, whose entries are 0 or 1; see
/// [`Sampler::Gibbs`](crate::loss::Sampler::Gibbs). `noise` `[sweeps, B, k]` is uniform in [0, 1).
pub(crate) fn gibbs(
    u: &Tensor,
    coupling: Option<&Coupling>,
    start: &Tensor,
    noise: &[f64],
) -> Result<Tensor> {
    match u.kind() {
        Kind::Double => run::<f64>(u, coupling, start, noise),
        _ => run::<f32>(u, coupling, start, noise),
    }
}

fn run<T: Real>(
    u: &Tensor,
    coupling: Option<&Coupling>,
    start: &Tensor,
    noise: &[f64],
) -> Result<Tensor> {
    let k = start.size()[1] as usize;
    let u: Vec<T> = read::to_vec(u)?;
    let matrix: Option<Vec<T>> = match coupling {
        Some(coupling) => Some(read::to_vec(&coupling.dense_by_row(start.size()[0]))?),
        None => None,
    };
    let per_row = coupling.is_some_and(|coupling| !coupling.shared());
    let mut states: Vec<T> = read::to_vec(start)?;
    // A slice cannot be cut into pieces of 0.
    let sweep = states.len().max(1);
    let chain = |row: usize, state: &mut [T]| {
        let matrix = matrix.as_deref().map(|all| {
            let from = if per_row { row * k * k } else { 0 };
            &all[from..from + k * k]
        });
        let cells = row * k..(row + 1) * k;
        let draws = noise.chunks_exact(sweep).map(|draws| &draws[cells.clone()]);
        sweep_row(&u[cells.clone()], matrix, state, draws);
    };
    by_chunks(
        &mut states,
        k.max(1),
        noise.len() * k >= WORTH_THREADS,
        chain,
    );
    Ok(Tensor::f_from_slice(&states)?.f_view(start.size().as_slice())?)
}

/// One row's chain, with the field U y kept up to date.
fn sweep_row<'a, T: Real>(
    u: &[T],
    matrix: Option<&[T]>,
    state: &mut [T],
    sweeps: impl Iterator<Item = &'a [f64]>,
) {
    let k = state.len();
    let half = real::<T>(0.5);
    let mut field = vec![T::zero(); k];
    let add = |field: &mut [T], row: usize, change: T| {
        if let Some(matrix) = matrix {
            let row = &matrix[row * k..(row + 1) * k];
            field
                .iter_mut()
                .zip(row)
                .for_each(|(field, &entry)| *field += change * entry);
        }
    };
    for (i, &label) in state.iter().enumerate() {
        add(&mut field, i, label);
    }
    for draws in sweeps {
        for (i, &draw) in draws.iter().enumerate() {
            let own = matrix.map_or(T::zero(), |matrix| matrix[i * k + i]);
            let logit = u[i] + field[i] + own * (half - state[i]);
            let probability = T::one() / (T::one() + (-logit).exp());
            let next = if real::<T>(draw) < probability {
                T::one()
            } else {
                T::zero()
            };
            if next != state[i] {
                add(&mut field, i, next - state[i]);
                state[i] = next;
            }
        }
    }
}
