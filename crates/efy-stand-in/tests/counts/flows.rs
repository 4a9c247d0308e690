//! What iterations of the flows launch: at most 40 operators each, the drawing of noise ahead among them, and nothing that
//! the host waits for.

use efy_core::flow::{Gda, KernelFlow, KernelFlowSettings, Langevin, Restart, Settings};
use efy_core::shallow::{Activation, Kernel, Law, Shallow, Space};
use efy_stand_in::Counts;
use tch::Tensor;

use super::{F32, cost};

/// Iterations that are counted: two draws of the noise, which is drawn for 64 at a time.
const ITERATIONS: u64 = 128;
/// The most launches an iteration.
const MOST: u64 = 40;

fn network(space: Space) -> Shallow {
    Shallow::random(space, Activation::RELU, 3, &[-1.0; 8], 0, F32).unwrap()
}

fn points(space: Space, n: usize) -> Tensor {
    let drawn = Shallow::random(Space::Sphere, Activation::RELU, 3, &vec![1.0; n], 1, F32);
    space.project(drawn.unwrap().neurons())
}

/// Launches of all counted iterations, none of which waited.
fn launches(counts: &Counts) -> u64 {
    assert_eq!(
        (counts.syncs, counts.h2d, counts.d2h),
        (0, 0, 0),
        "{:?}",
        counts.waits
    );
    counts.launches
}

/// Asserts that so many iterations launch what is expected, which is what a change has to write anew here.
fn check(counts: Option<Counts>, expected: u64) {
    let Some(counts) = counts else { return };
    let found = launches(&counts);
    assert_eq!(found, expected, "{:?}", counts.ops);
    assert!(found <= MOST * ITERATIONS, "{found}");
}

fn descent_ascent(space: Space, restart: Restart) -> Option<Counts> {
    let make = || {
        let settings = Settings {
            restart,
            ..Settings::default()
        };
        let mut flow = Gda::new(&network(space), &points(space, 20), None, settings).unwrap();
        flow.run(ITERATIONS / 2).unwrap();
        std::cell::RefCell::new(flow)
    };
    cost(make, |flow| flow.borrow_mut().run(ITERATIONS).unwrap())
}

#[test]
fn descent_ascent_on_the_sphere() {
    check(descent_ascent(Space::Sphere, Restart::Never), 4428);
}

#[test]
fn descent_ascent_with_random_restarts() {
    check(descent_ascent(Space::Sphere, Restart::Bernoulli(0.1)), 4690);
}

#[test]
fn descent_ascent_with_restarts_at_every_iteration() {
    check(descent_ascent(Space::Sphere, Restart::Every(1)), 4428);
}

#[test]
fn descent_ascent_in_euclidean_space() {
    let space = Space::Euclidean {
        deviation: Some(1.0),
    };
    check(descent_ascent(space, Restart::Never), 4812);
}

#[test]
fn langevin_dynamics() {
    let make = || (network(Space::Sphere), points(Space::Sphere, 20));
    let sampler = Langevin::default();
    let counts = cost(make, |(network, start)| {
        let _ = sampler.sample(network, start, ITERATIONS).unwrap();
    });
    check(counts, 3272);
}

#[test]
fn the_flow_of_the_lazy_regime_waits_for_nothing() {
    let make = || {
        let (data, start) = (points(Space::Sphere, 20), points(Space::Sphere, 10));
        let settings = KernelFlowSettings {
            step: 0.1,
            beta: 10.0,
            seed: 0,
        };
        let kernel = Kernel::arc_cosine(1, Law::Sphere).unwrap();
        let flow = KernelFlow::new(kernel, Space::Sphere, &data, &start, settings).unwrap();
        std::cell::RefCell::new(flow)
    };
    let counts = cost(make, |flow| flow.borrow_mut().run(ITERATIONS).unwrap());
    // Closed forms of kernels are many elementwise operations: no goal but that it does not wait.
    let Some(counts) = counts else { return };
    assert_eq!(launches(&counts), 22_472, "{:?}", counts.ops);
}
