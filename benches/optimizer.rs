//! One update of all weights, on slices and as tensor operations.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use efy_core::parameters::{Builder, Parameters};
use efy_train::TrainConfig;
use efy_train::optimizer::{Optimizer, OptimizerKind};
use tch::{Device, Kind, Tensor};

type Make = fn(&TrainConfig, &Parameters, u64) -> efy_train::Result<Optimizer>;

fn parameters(count: usize, kind: Kind) -> efy_core::Result<Parameters> {
    let mut builder = Builder::default();
    builder.add("w", &[count as i64], vec![0.5; count], true)?;
    builder.build(kind, Device::Cpu)
}

fn updates(criterion: &mut Criterion) {
    tch::set_num_threads(1);
    let rules = [
        ("adam", OptimizerKind::Adam, None),
        ("adam-clipped", OptimizerKind::Adam, Some(1.0)),
        ("sgd", OptimizerKind::Sgd, None),
    ];
    for (kind, precision) in [(Kind::Float, "f32"), (Kind::Double, "f64")] {
        for (name, optimizer, clip_norm) in rules {
            let mut group = criterion.benchmark_group(format!("optimizer/{name}-{precision}"));
            group.sample_size(20);
            let config = TrainConfig {
                optimizer,
                clip_norm,
                ..TrainConfig::default()
            };
            for count in [1_000, 10_000, 100_000, 1_000_000] {
                group.throughput(Throughput::Elements(count as u64));
                for (engine, make) in [
                    ("slices", Optimizer::new as Make),
                    ("tensors", Optimizer::batched),
                ] {
                    let made = parameters(count, kind)
                        .map_err(efy_train::Error::from)
                        .and_then(|weights| Ok((make(&config, &weights, 0)?, weights)));
                    let (mut optimizer, weights) = match made {
                        Ok(made) => made,
                        Err(error) => {
                            eprintln!("skipped: {error}");
                            continue;
                        }
                    };
                    let gradient = Tensor::randn([count as i64], (kind, Device::Cpu));
                    let loss = Tensor::from(0.5).to_kind(kind);
                    group.bench_function(BenchmarkId::new(engine, count), |bencher| {
                        bencher.iter(|| optimizer.step(&weights, gradient.shallow_clone(), &loss));
                    });
                }
            }
            group.finish();
        }
    }
}

criterion_group!(benches, updates);
criterion_main!(benches);
