//! Training steps a second of the unary joint model, beside jitted JAX on the same problem, in one run.

mod peer;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use efy_tasks::joint::Workload;
use peer::Peer;
use tch::Device;

fn joint_step(criterion: &mut Criterion) {
    for (d, k) in [(103, 14), (68, 174)] {
        for m in [10, 1000] {
            let mut group = criterion.benchmark_group(format!("joint-step/d{d}-k{k}-m{m}-b64"));
            group.throughput(Throughput::Elements(1)).sample_size(10);
            let workload = Workload {
                d,
                k,
                m,
                ..Workload::default()
            };
            match workload.start(Device::Cpu) {
                Ok(mut work) => {
                    group.bench_function("efy", |bencher| bencher.iter(|| work.step()));
                }
                Err(error) => eprintln!("skipped: efy: {error}"),
            }
            let shape = [d, k, workload.hidden, workload.batch, m].map(|size| size.to_string());
            // All steps in one program, and one call for each.
            for mode in ["loop", "calls"] {
                let mut arguments: Vec<&str> = shape.iter().map(String::as_str).collect();
                arguments.push(mode);
                if let Some(mut peer) = Peer::start("joint_step.py", &arguments) {
                    group.bench_function(format!("jax-{mode}"), |bencher| {
                        bencher.iter_custom(|steps| peer.times(steps)[0]);
                    });
                }
            }
            group.finish();
        }
    }
}

criterion_group!(benches, joint_step);
criterion_main!(benches);
