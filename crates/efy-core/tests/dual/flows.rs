//! Gradient descent-ascent, Langevin dynamics and the flow of the lazy regime.

use super::*;
use efy_core::flow::{Gda, KernelFlow, KernelFlowSettings, Langevin, Move, Restart, Settings};
use efy_core::shallow::{Kernel, Law};

type Make = fn(&Shallow, &Tensor, Option<&Tensor>, Settings) -> efy_core::Result<Gda>;
/// The native pass (on the CPU) and tensor operations.
const PATHS: [(&str, Make); 2] = [("native", Gda::new), ("tensors", Gda::in_tensors)];

#[everywhere]
fn t02_t03_t04_one_step_with_given_noise() {
    let inputs = golden("T02_gda_step_sphere");
    let cases = [
        ("T02_gda_step_sphere", 0.04, 0.02, None, Restart::Never),
        (
            "T03_gda_step_with_TV_cap",
            0.4,
            2.0,
            Some(1.0),
            Restart::Never,
        ),
        (
            "T04_gda_step_pR1_restart",
            0.04,
            0.02,
            None,
            Restart::Every(1),
        ),
    ];
    for (path, make) in PATHS {
        for (name, neuron_step, weight_step, cap, restart) in cases {
            let case = golden(name);
            let settings = Settings {
                neuron_step,
                weight_step,
                cap,
                restart,
                ..Settings::default()
            };
            let particles = match restart {
                Restart::Never => of(&inputs, "particles_in"),
                _ => of(&case, "particles_before_restart"),
            };
            let data = of(&inputs, "data");
            let network = network(Activation::RELU);
            let mut flow = make(&network, &data, Some(&particles), settings).unwrap();
            flow.step_with(&of(&inputs, "noise")).unwrap();
            let expect = |key: &str, found: &Tensor| {
                if case.get(key).is_some() {
                    let context = format!("{name} {path} {key}");
                    assert_close(&context, found, &of(&case, key), exact());
                }
            };
            let after = flow.network().unwrap();
            expect("particles_out", &flow.particles().unwrap());
            expect("theta_out", after.neurons());
            expect("w_out", after.weights());
            expect("V", &flow.discrepancy().unwrap());
            expect("mean_w_out", &after.total_variation());
        }
    }
}

#[test]
fn t21_time_scale() {
    let case = golden("T21_misc");
    for (n, expected) in case["alph"].as_object().unwrap() {
        let restart = Restart::Every(n.parse().unwrap());
        let found = Settings {
            restart,
            ..Settings::default()
        }
        .time_scale();
        assert!(
            (found - expected.as_f64().unwrap()).abs() < 1e-14,
            "{n}: {found}"
        );
    }
    let rate = |restart| {
        Settings {
            restart,
            ..Settings::default()
        }
        .time_scale()
    };
    assert_eq!(rate(Restart::Never), 1.0);
    assert_eq!(rate(Restart::Bernoulli(0.25)), rate(Restart::Every(4)));
}

fn settings(restart: Restart, antithetic: bool) -> Settings {
    Settings {
        seed: 5,
        beta: 1.7,
        restart,
        antithetic,
        neuron_step: 0.3,
        weight_step: 0.3,
        ..Settings::default()
    }
}

/// Sizes with blocks that are not full, more particles than data, every activation with native loops.
#[everywhere(cpu)]
fn the_native_pass_is_the_tensor_path_up_to_rounding() {
    let spaces = [
        Space::Sphere,
        Space::Euclidean {
            deviation: Some(0.7),
        },
    ];
    let activations = [
        Activation::RELU,
        Activation::Relu { power: 2 },
        Activation::Relu { power: 3 },
        Activation::Softplus,
    ];
    let restarts = [
        (Restart::Never, true, 600),
        (Restart::Every(2), true, 602),
        (Restart::Bernoulli(0.3), true, 600),
        (Restart::Every(1), false, 333),
        (Restart::Bernoulli(0.5), false, 601),
    ];
    let data = sphere(300, 4, 1);
    for (i, (space, activation)) in spaces
        .iter()
        .flat_map(|s| activations.map(|a| (*s, a)))
        .enumerate()
    {
        let (restart, antithetic, count) = restarts[i % restarts.len()];
        let charges: Vec<f64> = (0..11).map(|j| if j < 5 { -1.0 } else { 1.0 }).collect();
        let network = Shallow::random(space, activation, 4, &charges, 0, place()).unwrap();
        let particles = sphere(count, 4, 2);
        let settings = settings(restart, antithetic);
        let [native, tensors] = PATHS.map(|(_, make)| {
            let mut flow = make(&network, &data, Some(&particles), settings).unwrap();
            flow.run(3).unwrap();
            let after = flow.network().unwrap();
            [
                flow.particles().unwrap(),
                after.neurons().copy(),
                after.weights().copy(),
                flow.discrepancy().unwrap(),
            ]
        });
        for (native, tensors) in native.iter().zip(&tensors) {
            let context = format!("{space:?} {activation:?} {restart:?}");
            assert_close(&context, native, tensors, by_kind(1e-9, 1e-6));
        }
    }
}

/// Masks in place of products with 0 must not hide it.
#[everywhere]
fn a_particle_that_is_no_number_is_seen_by_the_neurons() {
    let data = sphere(40, 3, 1);
    let particles = sphere(80, 3, 2);
    let _nan = particles.get(7).fill_(f64::NAN);
    for activation in [
        Activation::RELU,
        Activation::Relu { power: 2 },
        Activation::Softplus,
    ] {
        let network = network(activation);
        for (path, make) in PATHS {
            let settings = Settings::default();
            let mut flow = make(&network, &data, Some(&particles), settings).unwrap();
            flow.run(1).unwrap();
            let seen = flow.discrepancy().unwrap().isfinite().any();
            assert_eq!(number(&seen), 0.0, "{path} {activation:?}");
        }
    }
}

/// Particles and neurons after so many iterations, some at a time, on so many threads.
fn run(iterations: &[u64], threads: usize) -> (Vec<u64>, Vec<u64>) {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    let place = place();
    let data = sphere(2_000, 5, 1);
    let (particles, neurons) = pool.install(move || {
        let mut network =
            Shallow::random(Space::Sphere, Activation::RELU, 5, &[-1.0; 32], 0, place).unwrap();
        let mut particles = None;
        let mut done = 0;
        for &count in iterations {
            let settings = settings(Restart::Bernoulli(0.1), true);
            let flow = Gda::new(&network, &data, particles.as_ref(), settings).unwrap();
            let mut flow = flow.continuing(done);
            flow.run(count).unwrap();
            done = flow.iteration();
            particles = Some(flow.particles().unwrap());
            network = flow.network().unwrap();
        }
        (particles.unwrap(), network.neurons().copy())
    });
    (bits(&particles), bits(&neurons))
}

#[everywhere]
fn the_same_bits_for_any_number_of_threads_and_after_going_on() {
    let alone = run(&[6], 1);
    assert!(alone == run(&[6], 4), "threads");
    assert!(alone == run(&[2, 4], 2), "going on");
}

/// A teacher of one strong neuron: neurons turn to it, the gap falls, and restarts change nothing about that.
#[everywhere]
fn students_find_their_teacher() {
    let direction = tensor(&[0.6, 0.0, 0.8]).unsqueeze(0);
    let one = Tensor::ones([1], place());
    let teacher = Shallow::new(
        Space::Sphere,
        Activation::RELU,
        direction.copy(),
        &one * 6.0,
        -&one,
    )
    .unwrap();
    let sampler = Langevin {
        step: 0.02,
        metropolis: true,
        ..Langevin::default()
    };
    let data = sampler.sample(&teacher, &sphere(400, 3, 3), 300).unwrap();
    let student =
        Shallow::random(Space::Sphere, Activation::RELU, 3, &[-1.0; 16], 0, place()).unwrap();
    for restart in [Restart::Never, Restart::Every(20), Restart::Bernoulli(0.02)] {
        let settings = Settings {
            neuron_step: 0.2,
            weight_step: 0.1,
            restart,
            ..Settings::default()
        };
        let start = sphere(800, 3, 9);
        let mut flow = Gda::new(&student, &data, Some(&start), settings).unwrap();
        flow.run(1).unwrap();
        let before = number(&flow.gap(10.0).unwrap());
        flow.run(600).unwrap();
        let after = number(&flow.gap(10.0).unwrap());
        assert!(
            after >= 0.0 && after < 0.3 * before,
            "{restart:?} {before} {after}"
        );
        let trained = flow.network().unwrap();
        let mean = (trained.neurons() * trained.weights().unsqueeze(1)).mean_dim(0, false, None);
        let cosine = number(&(mean.dot(&direction.squeeze_dim(0)) / mean.norm()));
        assert!(cosine > 0.97, "{restart:?} {cosine}");
    }
}

/// One iteration of score matching from points on $R^2$ and on the sphere: T13's limit, whose error falls like h.
#[everywhere]
fn t13_restarts_at_every_iteration_are_score_matching() {
    let case = golden("T11_implicit_SM_sphere_relu2");
    let limit = &golden("T13_restart_equals_SM")["S2_relu3_beta1.5"];
    let expected = of(limit, "first_variation_m_dISM_da");
    let network = network(Activation::Relu { power: 3 });
    // Many copies of the five points, and several seeds, are many samples of the noise.
    let data = of(&case, "X");
    let copies = data.repeat([60_000, 1]);
    const SEEDS: u64 = 6;
    let errors = [0.08, 0.02].map(|h| {
        let one = |seed| {
            let settings = Settings {
                beta: 1.5,
                cap: None,
                seed,
                ..Settings::score_matching(h)
            };
            let mut flow = Gda::new(&network, &data, Some(&copies), settings).unwrap();
            flow.run(1).unwrap();
            flow.discrepancy().unwrap() / h
        };
        let all: Vec<Tensor> = (0..SEEDS).map(one).collect();
        let found = Tensor::stack(&all, 0).mean_dim(0, false, None);
        number(&(found - &expected).abs().max())
    });
    let scale = number(&expected.abs().max());
    assert!(errors[1] < 0.15 * scale, "{errors:?} {scale}");
    assert!(errors[1] < 0.45 * errors[0], "{errors:?}");
}

/// Mean of the cosine to a neuron under the density of that neuron, against quadrature in the cosine.
#[everywhere]
fn the_metropolis_correction_takes_the_error_of_the_step_away() {
    let direction = tensor(&[0.0, 0.0, 1.0]).unsqueeze(0);
    let one = Tensor::ones([1], place());
    let network = Shallow::new(
        Space::Sphere,
        Activation::RELU,
        direction,
        &one * 4.0,
        -&one,
    )
    .unwrap();
    let u = (Tensor::arange(20_000, place()) + 0.5) / 10_000.0 - 1.0;
    let density = (u.relu() * 4.0).exp();
    let exact = number(&((&u * &density).sum(None) / density.sum(None)));
    // Few enough for libtorch to stay on one thread.
    let start = sphere(10_000, 3, 8);
    let mean = |sampler: Langevin, steps| {
        let x = sampler.sample(&network, &start, steps).unwrap();
        assert!(
            number(
                &(x.square().sum_dim_intlist(1, false, None) - 1.0)
                    .abs()
                    .max()
            ) < tolerance(1e-12)
        );
        number(&x.select(1, 2).mean(None)) - exact
    };
    let long = Langevin {
        step: 0.3,
        ..Langevin::default()
    };
    let corrected = mean(
        Langevin {
            metropolis: true,
            ..long
        },
        60,
    );
    let biased = mean(long, 60);
    assert!(corrected.abs() < 0.012, "{corrected}");
    assert!(biased.abs() > 0.03, "{biased}");
    for motion in [Move::Projected, Move::Geodesic] {
        let short = mean(
            Langevin {
                step: 0.01,
                motion,
                ..long
            },
            300,
        );
        assert!(short.abs() < 0.03, "{motion:?} {short}");
    }
}

/// T20: what one projected step does to the mean cosine; the geodesic one has that of the heat kernel to order h.
#[everywhere]
fn t20_one_step_of_langevin_dynamics_without_energy() {
    let one = Tensor::ones([1], place());
    for (d, h) in [(3, 0.02), (15, 0.02), (15, 0.005)] {
        let case = &golden("T20_projected_langevin_mean_cos")[format!("d={d},h={h}")];
        let start = sphere(1, d, 0);
        let free = Shallow::new(
            Space::Sphere,
            Activation::RELU,
            start.copy(),
            &one * 0.0,
            one.copy(),
        )
        .unwrap();
        let many = start.repeat([100_000, 1]);
        let cosine = |motion| {
            let sampler = Langevin {
                step: h,
                motion,
                ..Langevin::default()
            };
            let x = sampler.sample(&free, &many, 1).unwrap();
            number(&x.mv(&start.squeeze_dim(0)).mean(None))
        };
        let projected = case["projected_step"].as_f64().unwrap();
        assert!(
            (cosine(Move::Projected) - projected).abs() < 2e-3,
            "{d} {h}"
        );
        let heat = case["exact_heat_kernel"].as_f64().unwrap();
        let second_order = ((d - 1) as f64 * h).powi(2) / 2.0;
        assert!(
            (cosine(Move::Geodesic) - heat).abs() < second_order,
            "{d} {h}"
        );
    }
}

/// In $R^d$ and on the torus, without energy, chains keep the base measure.
#[everywhere]
fn langevin_dynamics_keep_the_base_measure() {
    for space in [
        Space::Euclidean {
            deviation: Some(2.0),
        },
        Space::Torus,
    ] {
        let network =
            Shallow::random(space, Activation::Softplus, 2, &[1.0; 4], 0, place()).unwrap();
        let network = network.capped(1e-12);
        let start = space.from_gaussian(&(sphere(16_000, 2, 1) * 1.5));
        for metropolis in [false, true] {
            let sampler = Langevin {
                step: 0.3,
                metropolis,
                ..Langevin::default()
            };
            let x = sampler.sample(&network, &start, 80).unwrap();
            let variance = number(&x.var(true));
            let expected = if space == Space::Torus {
                1.0 / 12.0
            } else {
                4.0
            };
            let off = (variance / expected - 1.0).abs();
            assert!(
                off < if metropolis { 0.03 } else { 0.06 },
                "{space:?} {variance}"
            );
        }
    }
}

#[everywhere]
fn the_flow_of_the_lazy_regime_brings_particles_to_the_data() {
    let kernel = Kernel::arc_cosine(1, Law::Sphere).unwrap();
    let pole = tensor(&[0.0, 0.0, 1.5]);
    let data = Space::Sphere.project(&(sphere(300, 3, 1) + pole));
    let start = sphere(200, 3, 2);
    let settings = KernelFlowSettings {
        step: 0.5,
        beta: 1e4,
        seed: 0,
    };
    let mut flow = KernelFlow::new(kernel, Space::Sphere, &data, &start, settings).unwrap();
    let before = number(&flow.mmd().unwrap());
    flow.run(200).unwrap();
    let after = number(&flow.mmd().unwrap());
    assert!(after < 0.2 * before, "{before} {after}");
    // Data lie where the energy of the particles that are not there yet is low.
    let early = KernelFlow::new(kernel, Space::Sphere, &data, &start, settings).unwrap();
    let energy = |x: &Tensor| number(&early.energy(x).unwrap().mean(None));
    assert!(energy(&data) < energy(&start) - 0.9 * before);
}

#[everywhere]
fn settings_out_of_range_are_refused() {
    let network = network(Activation::RELU);
    let data = sphere(3, 3, 0);
    let refused = |settings, expected: &str| {
        let error = Gda::new(&network, &data, None, settings).err().unwrap();
        assert_eq!(error.to_string(), expected);
    };
    let base = Settings::default();
    refused(
        Settings { beta: 0.0, ..base },
        "flow.beta: expected a positive number, found 0",
    );
    refused(
        Settings {
            restart: Restart::Every(0),
            ..base
        },
        "flow.restart: expected a positive number of iterations, found 0",
    );
    refused(
        Settings {
            restart: Restart::Bernoulli(1.5),
            ..base
        },
        "flow.restart: expected a probability, found 1.5",
    );
    let odd = Gda::new(&network, &data, Some(&sphere(5, 3, 0)), base)
        .err()
        .unwrap();
    assert_eq!(
        odd.to_string(),
        "particles: expected shape [N, d] with an even number of rows, found [5, 3]"
    );
}
