//! How many threads libtorch uses inside an operation on the CPU.

use efy_core::dense::WORTH_THREADS;

/// Leaves libtorch one thread when the largest product of a step, `batch` times `parameters`
/// multiplications, is small. The environment variable `OMP_NUM_THREADS` overrides it.
pub fn settle_threads(batch: usize, parameters: usize) {
    if std::env::var_os("OMP_NUM_THREADS").is_none() && batch * parameters < WORTH_THREADS {
        tch::set_num_threads(1);
    }
}
