//! The regularized prediction and the envelope gradient of the pairwise generalized Fenchel-Young loss,
//! without a network around them, beside jaxopt's coordinate descent at the same tolerance, in one run.
//!
//! jaxopt is there twice. With `implicit_diff=True`, as in its documentation, its loop stops when the slowest row of the
//! batch is done, but what is found is no function of ordinary JAX: derivatives are those of the optimality conditions.
//! With `implicit_diff=False` (`coordinate_descent-unrolled`) the solver is an ordinary function, of which every
//! transformation of JAX can be taken, as loss functions are usually written; the loop is then a scan over all of the
//! iterations that it may make, of which it gets a hundred. An envelope gradient needs neither, since the solver is not differentiated.

mod pairwise;
mod peer;

use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use pairwise::{TOLERANCE, Work};
use peer::Peer;

/// Rows of every problem.
const BATCH: usize = 100;
/// jaxopt's fastest method here. Its projected gradient and L-BFGS-B do not reach the tolerance in f32 and
/// make all of their iterations, which takes seconds.
const PEER: &str = "coordinate_descent";
/// The same without implicit differentiation: tenths of a second for an evaluation, so it is the last and has few samples.
const UNROLLED: &str = "coordinate_descent-unrolled";

fn solve_and_gradient(criterion: &mut Criterion) {
    tch::set_num_threads(1);
    for (k, rank) in [(14, 8), (101, 16), (174, 16)] {
        let mut group = criterion.benchmark_group(format!("fy-gradient/k{k}-r{rank}-b{BATCH}"));
        group.sample_size(20);
        match Work::new([k, rank, BATCH]) {
            Ok(work) => {
                group.bench_function("efy", |bencher| bencher.iter(|| work.run()));
            }
            Err(error) => eprintln!("skipped: efy: {error}"),
        }
        let shape = [k, rank, BATCH].map(|size| size.to_string());
        let tolerance = TOLERANCE.to_string();
        for method in [PEER, UNROLLED] {
            if method == UNROLLED {
                group.sample_size(10).sampling_mode(SamplingMode::Flat);
            }
            let mut arguments: Vec<&str> = shape.iter().map(String::as_str).collect();
            arguments.extend([method, tolerance.as_str()]);
            if let Some(mut peer) = Peer::start("fy_gradient.py", &arguments) {
                group.bench_function(BenchmarkId::new("jaxopt", method), |bencher| {
                    bencher.iter_custom(|steps| peer.times(steps)[0]);
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, solve_and_gradient);
criterion_main!(benches);
