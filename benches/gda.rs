//! Iterations of gradient descent-ascent beside jitted JAX in one run; then what they cost with more particles and more
//! neurons, and what the machine's matrix products reach.

mod peer;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use efy_core::flow::{Gda, Settings};
use efy_core::shallow::{Activation, Shallow, Space};
use efy_core::{Error, Result};
use peer::Peer;
use tch::{Device, Kind, Tensor};

const PLACE: (Kind, Device) = (Kind::Float, Device::Cpu);
/// d and data points; two particles for each.
const SHAPES: [(i64, usize); 3] = [(3, 1_000), (3, 10_000), (15, 10_000)];
const NEURONS: usize = 64;

fn flow(d: i64, n: usize, neurons: usize) -> Result<Gda> {
    let uniform = |charges: &[f64], seed| {
        Shallow::random(Space::Sphere, Activation::RELU, d, charges, seed, PLACE)
    };
    let charges: Vec<f64> = (0..neurons)
        .map(|j| if j < neurons / 2 { -1.0 } else { 1.0 })
        .collect();
    let data = uniform(&vec![1.0; n], 1)?;
    let particles = uniform(&vec![1.0; 2 * n], 2)?;
    Gda::new(
        &uniform(&charges, 0)?,
        data.neurons(),
        Some(particles.neurons()),
        Settings::default(),
    )
}

/// Operations of the products of points and neurons, a multiply-add as two: five for each particle, two of them for data.
fn operations(d: i64, n: usize, neurons: usize) -> u64 {
    20 * d as u64 * (n * neurons) as u64
}

fn beside_jax(criterion: &mut Criterion) {
    for (d, n) in SHAPES {
        let mut group = criterion.benchmark_group(format!("gda/d{d}-n{n}-m{NEURONS}"));
        group.throughput(Throughput::Elements(operations(d, n, NEURONS)));
        group.sample_size(20);
        match flow(d, n, NEURONS) {
            Ok(mut flow) => {
                group.bench_function("efy", |bencher| bencher.iter(|| flow.run(1)));
            }
            Err(error) => eprintln!("skipped: efy: {error}"),
        }
        let arguments = [d.to_string(), n.to_string(), NEURONS.to_string()];
        let arguments = arguments.each_ref().map(String::as_str);
        if let Some(mut peer) = Peer::start("gda.py", &arguments) {
            group.bench_function(BenchmarkId::new("jax", "jit"), |bencher| {
                bencher.iter_custom(|steps| peer.times(steps)[0]);
            });
        }
        group.finish();
    }
}

/// Four times the data, then four times the neurons.
fn growth(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gda/growth-d3");
    group.sample_size(20);
    for (n, neurons) in [
        (10_000, 64),
        (40_000, 64),
        (160_000, 64),
        (10_000, 256),
        (10_000, 1024),
    ] {
        group.throughput(Throughput::Elements(operations(3, n, neurons)));
        match flow(3, n, neurons) {
            Ok(mut flow) => {
                let id = BenchmarkId::from_parameter(format!("n{n}-m{neurons}"));
                group.bench_function(id, |bencher| bencher.iter(|| flow.run(1)));
            }
            Err(error) => eprintln!("skipped: {error}"),
        }
    }
    group.finish();
}

/// The product of large square matrices in libtorch.
fn matrix_product(criterion: &mut Criterion) {
    const SIZE: i64 = 1024;
    let mut group = criterion.benchmark_group("gda/matrix-product");
    group.throughput(Throughput::Elements(2 * (SIZE as u64).pow(3)));
    group.sample_size(20);
    let a = Tensor::rand([SIZE, SIZE], PLACE);
    group.bench_function("libtorch", |bencher| {
        bencher.iter(|| a.f_mm(&a).map_err(Error::from));
    });
    group.finish();
}

criterion_group!(benches, beside_jax, growth, matrix_product);
criterion_main!(benches);
