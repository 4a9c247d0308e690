//! Euclidean projections of a batch of rows, beside jaxopt's and, onto the simplex, that of the package entmax on the same
//! problem, in one run. What each peer computes, and how exactly, stands in peers/projection.py and
//! peers/sparsemax.py; efy's are exact up to rounding.

mod peer;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use efy_core::Result;
use efy_core::domain::{Birkhoff, Domain, Knapsack, Permutahedron, Simplex};
use peer::Peer;
use tch::{Device, Kind, Tensor};

/// Outputs; the matrices are 8 x 8.
const K: i64 = 64;
/// Rows of a batch, and of one that jaxopt can project onto the Birkhoff polytope in seconds.
const ROWS: [i64; 2] = [1024, 16];

fn project(criterion: &mut Criterion) {
    tch::manual_seed(0);
    tch::set_num_threads(1);
    let domains = [
        (boxed(Ok(Simplex::default())), ROWS[0], true),
        (boxed(Knapsack::new(8.0, 8.0)), ROWS[0], true),
        (boxed(Permutahedron::ranking(K as usize)), ROWS[0], true),
        (boxed(Birkhoff::new(8)), ROWS[0], false),
        (boxed(Birkhoff::new(8)), ROWS[1], true),
    ];
    for (domain, rows, with_peer) in domains {
        let Ok(domain) = domain else { continue };
        let z = Tensor::randn([rows, K], (Kind::Float, Device::Cpu));
        let name = format!("project/{}-b{rows}-k{K}", domain.name());
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(rows as u64));
        group.sample_size(20);
        group.bench_function("efy", |bencher| bencher.iter(|| domain.project(&z)));
        let (name, batch, k) = (domain.name(), rows.to_string(), K.to_string());
        let mut peers: Vec<(&str, &str, Vec<&str>)> = Vec::new();
        if with_peer {
            peers.push(("jaxopt", "projection.py", vec![name, &batch, &k]));
        }
        if name == "simplex" {
            peers.push(("entmax", "sparsemax.py", vec![&batch, &k]));
        }
        group.sample_size(10);
        for (package, script, arguments) in peers {
            if let Some(mut peer) = Peer::start(script, &arguments) {
                group.bench_function(BenchmarkId::new(package, name), |bencher| {
                    bencher.iter_custom(|steps| peer.times(steps)[0]);
                });
            }
        }
        group.finish();
    }
}

fn boxed<D: Domain + 'static>(domain: Result<D>) -> Result<Box<dyn Domain>> {
    Ok(Box::new(domain?))
}

criterion_group!(benches, project);
criterion_main!(benches);
