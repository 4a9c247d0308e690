//! Inference in input-concave SPENs, beside jaxopt's solvers on the same problem at the same tolerance,
//! in one run.

mod peer;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use efy_core::domain::Cube;
use efy_core::energy::{Prior, Spen};
use efy_core::loss::FenchelYoung;
use efy_core::regularizer::Gini;
use efy_core::solver::{Auto, Options};
use peer::Peer;
use tch::{Device, Kind, Tensor};

/// Rows of every problem.
const BATCH: i64 = 100;
/// The residual at which a row is done.
const TOLERANCE: f64 = 1e-5;

/// $\langle u, p \rangle - \langle w_2, \mathrm{sp}(W_1 p + b_1) \rangle$ with W1, b1 standard normal, scaled
/// by $k^{-1/2}$, $w_2$ uniform on $[0, 1]$ and u normal with deviation 2.
fn energy(k: i64, m: i64) -> efy_core::Result<Spen> {
    let options = (Kind::Float, Device::Cpu);
    tch::manual_seed(0);
    let scale = 1.0 / (k as f64).sqrt();
    let prior = Prior::shallow(
        Tensor::randn([m, k], options) * scale,
        Tensor::randn([m], options) * scale,
        Tensor::rand([m], options),
    )?;
    Spen::new(Tensor::randn([BATCH, k], options) * 2.0, prior)
}

fn inference(criterion: &mut Criterion) {
    for (k, m) in [(14, 16), (14, 64), (101, 64)] {
        let mut group = criterion.benchmark_group(format!("spen/k{k}-m{m}-b{BATCH}"));
        group.throughput(Throughput::Elements(BATCH as u64));
        let options = Options {
            tolerance: TOLERANCE,
            certify: false,
            ..Options::default()
        };
        match (energy(k, m), Gini::new(1.0)) {
            (Ok(energy), Ok(gini)) => {
                let loss = FenchelYoung::new(gini, Cube, Auto { options });
                group.bench_function("efy", |bencher| {
                    bencher.iter(|| loss.predict(&energy, None));
                });
            }
            (Err(error), _) | (_, Err(error)) => eprintln!("skipped: efy: {error}"),
        }
        let shape = [k, m, BATCH].map(|size| size.to_string());
        for solver in ["projected_gradient", "fista", "lbfgsb"] {
            let mut arguments: Vec<&str> = shape.iter().map(String::as_str).collect();
            let tolerance = TOLERANCE.to_string();
            arguments.extend([solver, &tolerance]);
            let Some(mut peer) = Peer::start("spen.py", &arguments) else {
                continue;
            };
            group.bench_function(BenchmarkId::new("jaxopt", solver), |bencher| {
                bencher.iter_custom(|steps| peer.times(steps)[0]);
            });
        }
        group.finish();
    }
}

criterion_group!(benches, inference);
criterion_main!(benches);
