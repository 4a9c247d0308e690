//! Teachers and estimators: golden vectors T07 to T09, and what each estimator promises of its error bar.

use efy_core::device::read;
use efy_core::estimate::{
    Annealed, Density, Estimate, Quadrature, alignment, base_sample, cross_entropy,
    energy_distance, fisher, kullback_leibler, log_partition, mmd_squared, total_variation,
};
use efy_core::shallow::{Activation, Kernel, Law, Shallow, Space};
use efy_core::teacher::{Rejection, Teacher, upper_bound};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

use super::{
    assert_close, by_kind, everywhere, golden, number, of, place, sphere, tensor, tolerance,
};

type Place = (Kind, Device);

/// Where the test runs, and the tolerance of the specification or one for f32.
fn here(double: f64) -> (Place, f64) {
    (place(), by_kind(double, double.max(2e-5)))
}

fn at<'a>(case: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(case, |value, key| &value[*key])
}

fn teachers(place: Place) -> [(&'static str, Teacher); 4] {
    [
        ("S2_bimodal", Teacher::bimodal_s2(place).unwrap()),
        ("S2_monomodal", Teacher::monomodal_s2(place).unwrap()),
        ("S14_new_bimodal", Teacher::bimodal_s14(place).unwrap()),
        ("S14_old_monomodal", Teacher::monomodal_s14(place).unwrap()),
    ]
}

fn close(context: &str, found: &Estimate, expected: &Value, tolerance: f64) {
    let (found, expected) = (found.read().unwrap().value, expected.as_f64().unwrap());
    let error = (found - expected).abs() / expected.abs().max(1.0);
    assert!(
        error <= tolerance,
        "{context}: {found}, expected {expected}"
    );
}

fn one_neuron(space: Space, d: i64, amplitude: f64) -> Shallow {
    let mut neuron = vec![0.0; d as usize];
    neuron[d as usize - 1] = 1.0;
    let charges = tensor(&[amplitude.signum()]);
    Shallow::new(
        space,
        Activation::RELU,
        tensor(&neuron).view([1, d]),
        tensor(&[amplitude.abs()]),
        charges,
    )
    .unwrap()
}

#[everywhere]
fn t07_log_partition_by_quadrature() {
    let case = golden("T07_log_partition");
    let (place, tolerance) = here(1e-6);
    let single = |d, amplitude, n: usize| {
        let network = one_neuron(Space::Sphere, d, amplitude);
        let density = Density {
            network: &network,
            beta: 1.0,
        };
        let cut = Quadrature::plane(&network, 32).ok();
        let cut = cut.map(|rule| rule.log_partition(&density).unwrap());
        (
            Quadrature::of(&network, n)
                .unwrap()
                .log_partition(&density)
                .unwrap(),
            cut,
        )
    };
    let (across, cut) = single(3, -10.0, 400);
    close(
        "S2 -10",
        &across,
        &case["S2_single_neuron_minus10_quadrature"],
        tolerance,
    );
    close(
        "S2 -10",
        &cut.unwrap(),
        &case["S2_single_neuron_minus10_closed_form"],
        tolerance,
    );
    let (across, cut) = single(3, 10.0, 400);
    close(
        "S2 +10",
        &cut.unwrap(),
        &case["S2_single_neuron_plus10_closed_form"],
        tolerance,
    );
    // The kink costs digits here, and the error bar says so.
    let found = across.read().unwrap();
    let expected = case["S2_single_neuron_plus10_closed_form"]
        .as_f64()
        .unwrap();
    let error = (found.value - expected).abs();
    assert!(error > 1e-6 && error < found.standard_error, "{found:?}");
    let (across, cut) = single(2, -2.0, 20_000);
    close(
        "S1 -2",
        &across,
        &case["S1_single_neuron_minus2"],
        tolerance,
    );
    assert!(cut.is_none());
    for (name, teacher) in teachers(place).into_iter().take(2) {
        let rule = Quadrature::of(teacher.network(), 400).unwrap();
        let density = teacher.density();
        let found = rule.log_partition(&density).unwrap();
        close(name, &found, at(&case, &[name, "logZ"]), tolerance);
        let uniform = Density {
            beta: 0.0,
            ..density
        };
        let found = rule.kullback_leibler(&density, &uniform).unwrap();
        close(
            name,
            &found,
            at(&case, &[name, "KL_teacher_to_uniform"]),
            tolerance,
        );
    }
}

/// The plane of the two neurons is enough in any dimension, and cut at the kinks 32 nodes have all digits that the golden numbers
/// have; these are made with a rule that goes across the kinks.
#[everywhere]
fn t08_teachers() {
    let case = golden("T08_teachers_KL_to_uniform");
    let (place, tolerance) = here(1e-6);
    for (name, teacher) in teachers(place) {
        let density = teacher.density();
        let uniform = Density {
            beta: 0.0,
            ..density
        };
        let rule = Quadrature::plane(teacher.network(), 32).unwrap();
        let expected = |key: &str| at(&case, &[name, key]);
        close(
            name,
            &rule.log_partition(&density).unwrap(),
            expected("logZ"),
            tolerance,
        );
        let kl = rule.kullback_leibler(&density, &uniform).unwrap();
        close(name, &kl, expected("KL_teacher_to_uniform"), tolerance);
        let found = rule.fisher(&density, &uniform).unwrap();
        close(name, &found, expected("Fisher_teacher_vs_uniform"), 1e-3);
        let z = teacher.network().neurons();
        let cosine = (z.get(0) * z.get(1)).sum(None);
        assert_close(name, &cosine, &of(&case[name], "cos_angle"), 1e-6);
        if place.0 == Kind::Double {
            // The error bar is honest: a coarser rule lies as far away as it says.
            let error = rule
                .log_partition(&density)
                .unwrap()
                .read()
                .unwrap()
                .standard_error;
            assert!(error < 1e-8, "{name}: {error}");
        }
    }
}

#[everywhere]
fn t09_kl_and_fisher_between_teacher_and_student() {
    let case = golden("T09_KL_teacher_student_S2");
    let (place, tolerance) = here(1e-6);
    let teacher = Teacher::bimodal_s2(place).unwrap();
    let amplitudes: Vec<f64> = read::to_vec(&of(&case, "a_student")).unwrap();
    let student = Teacher::of_neurons(&of(&case, "theta_student"), &amplitudes, place).unwrap();
    let (p, q) = (teacher.density(), student.density());
    let rule = Quadrature::of(teacher.network(), 400).unwrap();
    close(
        "KL",
        &rule.kullback_leibler(&p, &q).unwrap(),
        &case["KL_exact"],
        tolerance,
    );
    close(
        "reverse",
        &rule.kullback_leibler(&q, &p).unwrap(),
        &case["reverse_KL"],
        tolerance,
    );
    close(
        "Fisher",
        &rule.fisher(&p, &q).unwrap(),
        &case["Fisher_exact"],
        tolerance,
    );
    // From points of the teacher, in as many error bars as such estimates may be away.
    let points = teacher.sample(20_000, 3, 0).unwrap();
    for (name, estimate) in [
        ("KL_exact", kullback_leibler(&p, &q, &points).unwrap()),
        ("Fisher_exact", fisher(&p, &q, &points).unwrap()),
    ] {
        let (found, expected) = (estimate.read().unwrap(), case[name].as_f64().unwrap());
        let distance = (found.value - expected).abs() / found.standard_error;
        assert!(distance < 4.0, "{name}: {found:?}, expected {expected}");
        assert!(found.standard_error < 0.05 * expected, "{name}: {found:?}");
    }
}

/// The closed form of the largest -f: the authors' numbers for their teachers, and never below -f itself.
#[everywhere]
fn t21_rejection_bounds() {
    let bounds = [5.0, 7.056_778_9, 5.0, 7.746_490_5];
    for ((name, teacher), bound) in teachers(place()).into_iter().zip(bounds) {
        let found = upper_bound(teacher.network()).unwrap();
        assert!((found - bound).abs() < 1e-6, "{name}: {found}");
    }
    for (activation, space) in [
        (Activation::RELU, Space::Sphere),
        (Activation::Softplus, Space::Sphere),
        (Activation::Tanh, Space::Sphere),
        (Activation::Relu { power: 2 }, Space::Torus),
        (Activation::Exponential { sharpness: 3.0 }, Space::Sphere),
    ] {
        for m in [3, 40] {
            let charges: Vec<f64> = (0..m)
                .map(|j| if j % 3 == 1 { 1.0 } else { -1.0 })
                .collect();
            let network = Shallow::random(space, activation, 3, &charges, 1, place()).unwrap();
            let points = base_sample(&network, 5000, 2).unwrap();
            let largest = number(&network.energy(&points).unwrap().neg().max());
            let bound = upper_bound(&network).unwrap();
            assert!(
                largest <= bound + tolerance(1e-12),
                "{activation:?} {m}: {largest}, {bound}"
            );
        }
    }
}

/// Exact samples: their mean energy is that of the quadrature, the first points of a sequence do not depend on how many are
/// drawn, sets differ, and the acceptance is Z over the bound.
#[everywhere]
fn teachers_are_sampled_exactly() {
    let (place, _) = here(0.0);
    for (name, teacher) in teachers(place).into_iter().take(3) {
        let points = teacher.sample(5000, 11, 0).unwrap();
        assert_eq!(points.size(), [5000, teacher.network().dimension()]);
        let energy = Estimate::mean(&teacher.network().energy(&points).unwrap())
            .read()
            .unwrap();
        // KL(p | uniform) = -E f - log Z.
        let density = teacher.density();
        let rule = Quadrature::plane(teacher.network(), 16).unwrap();
        let kl = rule
            .kullback_leibler(
                &density,
                &Density {
                    beta: 0.0,
                    ..density
                },
            )
            .unwrap();
        let exact = -number(&kl.value) - number(&rule.log_partition(&density).unwrap().value);
        let distance = (energy.value - exact).abs() / energy.standard_error;
        assert!(distance < 4.0, "{name}: {energy:?}, expected {exact}");
    }
    let teacher = Teacher::bimodal_s2(place).unwrap();
    let points = teacher.sample(300, 11, 1).unwrap();
    let few = teacher.sample(100, 11, 1).unwrap();
    assert_close("prefix", &points.narrow(0, 0, 100), &few, 0.0);
    let other = teacher.sample(100, 11, 0).unwrap();
    assert!(number(&(few - other).abs().max()) > 0.1);
}

#[everywhere]
fn log_partitions_agree() {
    let (place, _) = here(0.0);
    let teacher = Teacher::monomodal_s2(place).unwrap();
    let density = Density {
        beta: 1.3,
        ..teacher.density()
    };
    let exact = Quadrature::plane(teacher.network(), 24).unwrap();
    let exact = number(&exact.log_partition(&density).unwrap().value);
    let points = base_sample(teacher.network(), 50_000, 4).unwrap();
    let uniform = log_partition(&density, &points).unwrap();
    let annealed = Annealed {
        temperatures: 60,
        chains: 400,
        seed: 1,
        ..Annealed::default()
    };
    let annealed = annealed.log_partition(&density).unwrap();
    for (name, estimate) in [("uniform", &uniform), ("annealed", &annealed)] {
        let found = estimate.read().unwrap();
        assert!(
            (found.value - exact).abs() < 4.0 * found.standard_error,
            "{name}: {found:?}, {exact}"
        );
        assert!(found.standard_error < 0.1, "{name}: {found:?}");
    }
    // H(p, p) = KL(p | uniform) taken from the entropy of tau: -E log p.
    let density = teacher.density();
    let test = teacher.sample(10_000, 5, 0).unwrap();
    let rule = Quadrature::plane(teacher.network(), 24).unwrap();
    let entropy = cross_entropy(&density, &test, &rule.log_partition(&density).unwrap()).unwrap();
    let found = entropy.read().unwrap();
    assert!(
        (found.value + 1.316_028_7).abs() < 4.0 * found.standard_error,
        "{found:?}"
    );
}

/// R^d and the torus have rules of their own: a linear energy under a Gaussian, and a constant one.
#[everywhere]
fn quadrature_of_planes_and_tori() {
    let (place, tolerance) = here(1e-9);
    let deviation = Some(0.7);
    for d in [1, 2] {
        // relu(x) - relu(-x) = x: log E exp(-a x) = (a s)^2/2.
        let mut neurons = vec![0.0; 2 * (d as usize + 1)];
        (neurons[0], neurons[d as usize + 1]) = (1.0, -1.0);
        let network = Shallow::new(
            Space::Euclidean { deviation },
            Activation::RELU,
            tensor(&neurons).view([2, d + 1]),
            tensor(&[3.0, 3.0]),
            tensor(&[1.0, -1.0]),
        )
        .unwrap();
        let density = Density {
            network: &network,
            beta: 2.0,
        };
        let found = Quadrature::of(&network, 160)
            .unwrap()
            .log_partition(&density)
            .unwrap();
        let exact = (1.5_f64 * 2.0 * 0.7).powi(2) / 2.0;
        assert!(
            (number(&found.value) - exact).abs() < tolerance.max(1e-9),
            "{d}"
        );
        let torus =
            Shallow::random(Space::Torus, Activation::Tanh, d, &[-1.0; 5], 1, place).unwrap();
        let density = Density {
            network: &torus,
            beta: 4.0,
        };
        let rule = Quadrature::of(&torus, 64).unwrap();
        let found = rule.log_partition(&density).unwrap().read().unwrap();
        assert!(found.standard_error < tolerance.max(1e-9), "{found:?}");
        let points = base_sample(&torus, 40_000, 0).unwrap();
        let sampled = log_partition(&density, &points).unwrap().read().unwrap();
        assert!(
            (sampled.value - found.value).abs() < 4.0 * sampled.standard_error,
            "{sampled:?} {found:?}"
        );
        assert!(
            (number(&rule.probabilities(&density).unwrap().sum(None)) - 1.0).abs()
                < self::tolerance(1e-12)
        );
    }
}

/// Without bias, with error bars that are as large as the estimates spread, for equal laws (where the distance vanishes) and for different ones.
#[everywhere]
fn distances_between_samples_spread_as_they_say() {
    let kernel = Kernel::arc_cosine(1, Law::Sphere).unwrap();
    let teacher = Teacher::bimodal_s2(place()).unwrap();
    for equal in [true, false] {
        let mut found: [Vec<(f64, f64)>; 2] = [Vec::new(), Vec::new()];
        for seed in 0..40 {
            let x = sphere(60, 3, 2 * seed);
            let y = if equal {
                sphere(50, 3, 2 * seed + 1)
            } else {
                teacher.sample(50, seed, 0).unwrap()
            };
            let estimates = [
                mmd_squared(&kernel, &x, &y).unwrap(),
                energy_distance(&x, &y).unwrap(),
            ];
            for (found, estimate) in found.iter_mut().zip(estimates) {
                let reading = estimate.read().unwrap();
                found.push((reading.value, reading.standard_error));
            }
        }
        for (name, found) in ["mmd", "energy"].into_iter().zip(found) {
            let n = found.len() as f64;
            let mean = found.iter().map(|f| f.0).sum::<f64>() / n;
            let spread =
                (found.iter().map(|f| (f.0 - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
            let said = found.iter().map(|f| f.1).sum::<f64>() / n;
            assert!(
                (0.6..1.6).contains(&(said / spread)),
                "{name} {equal}: {said} {spread}"
            );
            let zero = mean.abs() / (spread / n.sqrt());
            assert!(
                if equal { zero < 3.5 } else { zero > 10.0 },
                "{name} {equal}: {zero}"
            );
        }
    }
    // The unbiased estimate is the biased one without the pairs of a point and itself.
    let (x, y) = (sphere(20, 3, 1), sphere(30, 3, 2));
    let of = |a: &Tensor| {
        let k = kernel.matrix(a, a).unwrap();
        let n = a.size()[0] as f64;
        k.mean(None) - (k.sum(None) - k.trace()) / (n * (n - 1.0))
    };
    let biased = kernel.mmd_squared(&x, &y).unwrap() - of(&x) - of(&y);
    assert_close(
        "U",
        &mmd_squared(&kernel, &x, &y).unwrap().value,
        &biased,
        1e-12,
    );
}

#[everywhere]
fn neurons_are_compared_with_the_teachers() {
    let teacher = Teacher::bimodal_s2(place()).unwrap();
    let student =
        Shallow::random(Space::Sphere, Activation::RELU, 3, &[-1.0; 4], 0, place()).unwrap();
    assert_eq!(number(&total_variation(&student).value), 1.0);
    assert_eq!(
        alignment(teacher.network(), teacher.network())
            .unwrap()
            .size(),
        [2]
    );
    assert!(
        number(
            &alignment(teacher.network(), teacher.network())
                .unwrap()
                .min()
        ) > 1.0 - tolerance(1e-12)
    );
    let cosines = teacher.network().neurons().mm(&student.neurons().tr());
    let found = alignment(teacher.network(), &student).unwrap();
    assert_close("cosine", &found.get(1), &cosines.get(1).max(), 1e-12);
}

#[everywhere]
fn what_cannot_be_estimated_is_refused() {
    let plane = Space::Euclidean { deviation: None };
    let network = Shallow::random(plane, Activation::RELU, 2, &[-1.0; 4], 0, place()).unwrap();
    let density = Density {
        network: &network,
        beta: 1.0,
    };
    let message = |error: efy_core::Error| error.to_string();
    assert_eq!(
        message(Rejection::new(&network, 1.0).unwrap_err()),
        "space: expected the sphere or the torus, where a network is bounded, found R^d"
    );
    assert!(message(base_sample(&network, 5, 0).unwrap_err()).starts_with("space.deviation"));
    assert!(
        message(Annealed::default().log_partition(&density).unwrap_err())
            .starts_with("space.deviation")
    );
    let Err(error) = Quadrature::of(Teacher::bimodal_s14(place()).unwrap().network(), 10) else {
        panic!("a rule in 14 dimensions");
    };
    assert_eq!(
        error.to_string(),
        "dimension: expected at most 2 (quadrature); sample points instead, found 14"
    );
    assert!(Quadrature::plane(&network, 10).is_err());
    let x = Tensor::zeros([1, 3], place());
    assert!(message(energy_distance(&x, &x).unwrap_err()).contains("at least two rows"));
    // A density that rejection has no chance with is refused, not tried for ever.
    let sharp = one_neuron(Space::Sphere, 15, -60.0);
    let sampler = Rejection::new(&sharp, 3.0).unwrap();
    assert!(sampler.bound() >= 180.0);
}
