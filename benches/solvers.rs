//! One batch of inner problems by every solver, native and batched.

use criterion::{Criterion, criterion_group, criterion_main};
use efy_core::domain::Cube;
use efy_core::energy::{Coupling, Quadratic};
use efy_core::loss::FenchelYoung;
use efy_core::regularizer::{BinaryEntropy, Gini, Regularizer};
use efy_core::solver::{
    CoordinateAscent, Mirror, Momentum, Options, ProjectedGradient, Solver, Step,
};
use tch::{Device, Kind, Tensor};

/// Name, regularizer, solver.
type Case = (&'static str, Box<dyn Regularizer>, Box<dyn Solver>);

const OPTIONS: Options = Options {
    tolerance: 1e-5,
    max_iterations: 200,
    check_every: 10,
    certify: false,
};

fn solve_batch(criterion: &mut Criterion) {
    tch::manual_seed(0);
    tch::set_num_threads(1);
    let curvature = |momentum| ProjectedGradient {
        step: Step::Curvature,
        momentum,
        options: OPTIONS,
    };
    for (k, rank) in [(14, 8), (101, 16)] {
        let options = (Kind::Float, Device::Cpu);
        let u = Tensor::randn([100, k], options);
        let a = Tensor::randn([k, rank], options) * (0.3 / (rank as f64).sqrt());
        let cases: Vec<Case> = vec![
            (
                "gini/coordinate_ascent",
                gini(),
                Box::new(CoordinateAscent { options: OPTIONS }),
            ),
            (
                "gini/fista",
                gini(),
                Box::new(ProjectedGradient {
                    options: OPTIONS,
                    ..ProjectedGradient::fista()
                }),
            ),
            (
                "gini/constant_momentum",
                gini(),
                Box::new(curvature(Momentum::Constant)),
            ),
            (
                "entropy/coordinate_ascent",
                entropy(),
                Box::new(CoordinateAscent { options: OPTIONS }),
            ),
            (
                "entropy/mirror",
                entropy(),
                Box::new(Mirror {
                    options: OPTIONS,
                    ..Mirror::default()
                }),
            ),
        ];
        let mut group = criterion.benchmark_group(format!("solve/k{k}-r{rank}-b100"));
        for (name, regularizer, solver) in cases {
            let loss = FenchelYoung::from_parts(regularizer, Box::new(Cube), solver);
            let coupling = Coupling::LowRank(a.shallow_clone());
            let Ok(energy) = Quadratic::new(u.shallow_clone(), coupling) else {
                continue;
            };
            group.bench_function(name, |bencher| bencher.iter(|| loss.predict(&energy, None)));
        }
        group.finish();
    }
}

fn gini() -> Box<dyn Regularizer> {
    #[expect(clippy::unwrap_used, reason = "1 is a positive number")]
    Box::new(Gini::new(1.0).unwrap())
}

fn entropy() -> Box<dyn Regularizer> {
    #[expect(clippy::unwrap_used, reason = "1 is a positive number")]
    Box::new(BinaryEntropy::new(1.0).unwrap())
}

criterion_group!(benches, solve_batch);
criterion_main!(benches);
