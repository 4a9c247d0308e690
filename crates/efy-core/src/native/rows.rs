//! Functions of one row, natively on the CPU and in tensor operations elsewhere.

use tch::{Device, Kind, Tensor};

use super::{Real, by_chunks};
use crate::Result;
use crate::device::read;
use crate::shape::size2;

/// Work of one rayon task, in elements times [`RowKernel::cost`].
const TASK: usize = 8192;
/// Batches with less work than this are done by one thread before another one is awake.
const WORTH_THREADS: usize = 65536;

/// A function of each row of a matrix and of one number a row (0 for the functions that need none).
pub(crate) trait RowKernel: Sync {
    /// Columns of the output, given those of the input.
    fn width(&self, k: usize) -> usize {
        k
    }

    /// About how many multiplications an element of a row of k costs.
    fn cost(&self, _k: usize) -> usize {
        64
    }

    /// The function of one row of at least one element.
    fn row<T: Real>(&self, input: &[T], number: T, output: &mut [T]);

    /// The same for all rows, `[B, k]` and `[B, 1]` (or a scalar), without reading anything back.
    fn batched(&self, input: &Tensor, number: &Tensor) -> Tensor;
}

/// The function of each row of `input` `[B, k]`; the answer has no graph.
pub(crate) fn by_rows(kernel: &impl RowKernel, input: &Tensor, number: Option<&Tensor>) -> Tensor {
    let _guard = tch::no_grad_guard();
    let input = input.detach();
    let (rows, k) = size2(&input);
    if rows * k == 0 {
        return input.new_zeros(
            [rows, kernel.width(k as usize) as i64],
            (input.kind(), input.device()),
        );
    }
    let native = match (input.device(), input.kind()) {
        (Device::Cpu, Kind::Double) => native::<f64>(kernel, &input, number).ok(),
        (Device::Cpu, Kind::Float) => native::<f32>(kernel, &input, number).ok(),
        _ => None,
    };
    native.unwrap_or_else(|| batched(kernel, &input, number))
}

/// The path of every device but the CPU.
pub(crate) fn batched(kernel: &impl RowKernel, input: &Tensor, number: Option<&Tensor>) -> Tensor {
    let _guard = tch::no_grad_guard();
    match number {
        Some(number) => kernel.batched(input, &number.detach()),
        None => kernel.batched(
            input,
            &input.new_zeros([1_i64; 0], (input.kind(), input.device())),
        ),
    }
}

fn native<T: Real>(
    kernel: &impl RowKernel,
    input: &Tensor,
    number: Option<&Tensor>,
) -> Result<Tensor> {
    let (rows, k) = size2(input);
    let (rows, k) = (rows as usize, k as usize);
    let values: Vec<T> = read::to_vec(input)?;
    let numbers: Vec<T> = number.map(read::to_vec).transpose()?.unwrap_or_default();
    let number = |row: usize| match numbers.as_slice() {
        [] => T::zero(),
        [one] => *one,
        many => many[row],
    };
    let width = kernel.width(k);
    let mut out = vec![T::zero(); rows * width];
    let work = k * kernel.cost(k);
    let chunk = (TASK / work.max(1)).clamp(1, rows);
    let some_rows = |index: usize, out: &mut [T]| {
        for (offset, out) in out.chunks_exact_mut(width).enumerate() {
            let row = index * chunk + offset;
            kernel.row(&values[row * k..(row + 1) * k], number(row), out);
        }
    };
    by_chunks(
        &mut out,
        chunk * width,
        rows * work >= WORTH_THREADS,
        some_rows,
    );
    Ok(Tensor::f_from_slice(&out)?.f_view([rows as i64, width as i64])?)
}
