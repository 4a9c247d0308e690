//! Training steps a second of the pairwise generalized Fenchel-Young loss, beside jaxopt's solvers on
//! the same problem at the same tolerance, in one run.

mod peer;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use efy_tasks::multilabel::Workload;
use peer::Peer;
use tch::Device;

/// Batch size of every problem.
const BATCH: usize = 100;

fn pairwise_step(criterion: &mut Criterion) {
    for (d, k, rank) in [(103, 14, 8), (120, 101, 16), (68, 174, 16)] {
        let mut group = criterion.benchmark_group(format!("fy-step/d{d}-k{k}-r{rank}-b{BATCH}"));
        group.throughput(Throughput::Elements(1)).sample_size(20);
        let workload = Workload {
            d,
            k,
            rank,
            batch: BATCH,
            ..Workload::default()
        };
        match workload.start(Device::Cpu) {
            Ok(mut work) => {
                group.bench_function("efy", |bencher| bencher.iter(|| work.step()));
            }
            Err(error) => eprintln!("skipped: efy: {error}"),
        }
        let shape = [d, k, rank as usize, BATCH].map(|size| size.to_string());
        for solver in [
            "coordinate_descent",
            "coordinate_descent-warm",
            "projected_gradient",
            "projected_gradient-warm",
        ] {
            let mut arguments: Vec<&str> = shape.iter().map(String::as_str).collect();
            arguments.push(solver);
            let Some(mut peer) = Peer::start("fy_step.py", &arguments) else {
                continue;
            };
            group.bench_function(BenchmarkId::new("jaxopt", solver), |bencher| {
                bencher.iter_custom(|steps| peer.times(steps)[0]);
            });
        }
        group.finish();
    }
}

criterion_group!(benches, pairwise_step);
criterion_main!(benches);
