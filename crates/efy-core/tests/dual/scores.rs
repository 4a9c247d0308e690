//! What shallow networks are fitted by without their normalization: T10, T11, T14, T15, and steps that make use of it.

use efy_core::estimate::Quadrature;
use efy_core::flow::{BirthDeath, Descent, DescentSettings, Independence};
use efy_core::score::{
    Criterion, DenoisingScore, ExplicitScore, FeatureStein, ImplicitScore, KernelStein, Likelihood,
    SlicedScore, denoising_score, sliced_score,
};
use efy_core::shallow::{Activation, Shallow, Space};
use efy_core::teacher::Teacher;
use efy_test::uniform;
use tch::{Kind, Tensor};

use super::{assert_close, everywhere, golden, number, of, place, sphere, tensor};

const PLANE: Space = Space::Euclidean { deviation: None };

/// A network whose signed amplitudes are `a`; in R^d the neurons get no bias.
fn signed(space: Space, activation: Activation, theta: &Tensor, a: &Tensor) -> Shallow {
    let neurons = match space {
        Space::Euclidean { .. } => Tensor::cat(&[theta, &(theta.narrow(1, 0, 1) * 0.0)], 1),
        _ => theta.copy(),
    };
    Shallow::new(space, activation, neurons, a.abs(), a.sign()).unwrap()
}

/// The criterion with its gradients in amplitudes and neurons.
fn gradients(criterion: &dyn Criterion, network: &Shallow, x: &Tensor) -> [Tensor; 3] {
    let theta = network.neurons().copy().set_requires_grad(true);
    let w = network.weights().copy().set_requires_grad(true);
    let leaf = Shallow::new(
        network.space(),
        network.activation(),
        theta.shallow_clone(),
        w.shallow_clone(),
        network.charges().copy(),
    )
    .unwrap();
    let loss = criterion.loss(&leaf, x, 0).unwrap();
    let mut found = Tensor::run_backward(&[&loss], &[&w, &theta], false, false);
    let in_theta = found.remove(1);
    [loss.detach(), found.remove(0) * network.charges(), in_theta]
}

#[everywhere]
fn t10_implicit_score_matching_in_the_plane() {
    let case = golden("T10_implicit_SM_Rd_softplus");
    let tolerance = 1e-9;
    let of = |name| of(&case, name);
    let network = signed(PLANE, Activation::Softplus, &of("theta"), &of("a"));
    let [loss, in_a, in_theta] = gradients(&ImplicitScore { beta: 2.0 }, &network, &of("X"));
    assert_close("loss", &loss, &of("loss"), tolerance);
    assert_close("grad_a", &in_a, &of("grad_a"), tolerance);
    let in_theta = in_theta.narrow(1, 0, 2);
    assert_close("grad_theta", &in_theta, &of("grad_theta"), tolerance);
}

#[everywhere]
fn t11_implicit_score_matching_on_the_sphere() {
    let case = golden("T11_implicit_SM_sphere_relu2");
    let tolerance = 1e-9;
    let of = |name| of(&case, name);
    let of_power = |power| {
        let activation = Activation::Relu { power };
        signed(Space::Sphere, activation, &of("theta"), &of("a"))
    };
    let criterion = ImplicitScore { beta: 1.5 };
    let [loss, in_a, in_theta] = gradients(&criterion, &of_power(2), &of("X"));
    assert_close("loss", &loss, &of("loss"), tolerance);
    assert_close("grad_a", &in_a, &of("grad_a"), tolerance.max(1e-7));
    let expected = of("grad_theta_ambient_fd");
    assert_close("grad_theta", &in_theta, &expected, tolerance.max(1e-7));
    let cubic = criterion.loss(&of_power(3), &of("X"), 0).unwrap();
    assert_close("cubic", &cubic, &of("loss_relu3"), tolerance);
    let rectifier = signed(Space::Sphere, Activation::RELU, &of("theta"), &of("a"));
    let error = rectifier.laplacian(&of("X")).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("activation: expected one whose second derivative")
    );
}

#[everywhere]
fn t14_denoising_and_sliced_score_matching() {
    let inputs = golden("T10_implicit_SM_Rd_softplus");
    let case = golden("T14_dsm_ssm");
    let tolerance = 1e-12;
    let given = |name| of(&inputs, name);
    let network = signed(PLANE, Activation::Softplus, &given("theta"), &given("a"));
    let noise = of(&case, "eps");
    let found = denoising_score(&network, &given("X"), (2.0, 0.3), &noise).unwrap();
    assert_close("dsm", &found, &of(&case, "dsm"), tolerance);
    let slices = of(&case, "slices");
    let found = sliced_score(&network, &given("X"), 2.0, &slices).unwrap();
    assert_close("ssm", &found, &of(&case, "ssm"), tolerance);
}

#[everywhere]
fn t15_kernel_stein_discrepancy() {
    let case = golden("T15_KSD_sphere_rbf");
    let tolerance = 1e-12;
    let of = |name| of(&case, name);
    for (scale, name) in [(1.0, "ksd2_U"), (0.0, "ksd2_U_uniform_model")] {
        let a = of("a") * scale;
        let network = signed(Space::Sphere, Activation::RELU, &of("theta"), &a);
        let found = KernelStein { beta: 1.0 }
            .loss(&network, &of("X"), 0)
            .unwrap();
        assert_close(name, &found, &of(name), tolerance);
    }
}

/// Along geodesics, by differences; the Laplacian is the sum over an orthonormal frame.
#[everywhere(f64)]
fn second_derivatives_are_differences_on_every_space() {
    let spaces = [Space::Sphere, PLANE, Space::Torus];
    let activations = [
        Activation::Softplus,
        Activation::Tanh,
        Activation::Relu { power: 3 },
    ];
    for (space, activation) in spaces.iter().flat_map(|s| activations.map(|a| (*s, a))) {
        let context = format!("{space:?} {activation:?}");
        let drawn = Shallow::random(space, activation, 3, &[1.0, -1.0, 1.0, -1.0], 4, place());
        let network = drawn.unwrap();
        let x = space.project(&sphere(6, 3, 5));
        let energy = |y: &Tensor| network.energy(y).unwrap();
        let v = space.tangent(&x, &sphere(6, 3, 7));
        let h = 1e-4;
        let there = energy(&space.exponential(&x, &(&v * h)));
        let back = energy(&space.exponential(&x, &(&v * -h)));
        let expected = (there + back - energy(&x) * 2.0) / (h * h);
        let found = network.second_derivative(&x, &v).unwrap();
        assert_close(&context, &found, &expected, 2e-6);
        let frame = Tensor::eye(3, place());
        let mut sum = Tensor::zeros([6], place());
        for k in 0..3 {
            let axis = space.tangent(&x, &frame.get(k).expand([6, 3], false));
            sum += network.second_derivative(&x, &axis).unwrap();
        }
        assert_close(&context, &network.laplacian(&x).unwrap(), &sum, 1e-12);
    }
}

/// The mean of the sliced criterion over directions is that of the implicit one, base measure included.
#[everywhere]
fn sliced_is_implicit_in_the_mean() {
    let space = Space::Euclidean {
        deviation: Some(0.8),
    };
    let network = Shallow::random(
        space,
        Activation::Softplus,
        2,
        &[1.0, -1.0, 1.0],
        4,
        place(),
    )
    .unwrap();
    let x = sphere(5, 2, 3);
    let implicit = ImplicitScore { beta: 1.5 }.loss(&network, &x, 0).unwrap() * (1.5 * 1.5);
    let sliced = SlicedScore { beta: 1.5, seed: 0 };
    let many = sliced.loss(&network, &x.repeat([20_000, 1]), 0).unwrap();
    let error = number(&(many - &implicit)).abs();
    assert!(
        error < 0.02 * number(&implicit).abs(),
        "{error} of {implicit}"
    );
}

/// A network of one strong neuron, and points of its density.
fn pole() -> (Teacher, Tensor) {
    let neuron = tensor(&[0.6, 0.0, 0.8]).unsqueeze(0);
    let teacher = Teacher::of_neurons(&neuron, &[-5.0], place()).unwrap();
    let data = teacher.sample(600, 3, 0).unwrap();
    (teacher, data)
}

fn kl(teacher: &Teacher, student: &Shallow) -> f64 {
    let density = efy_core::estimate::Density {
        network: student,
        beta: 1.0,
    };
    let rule = Quadrature::of(student, 24).unwrap();
    let found = rule.kullback_leibler(&teacher.density(), &density).unwrap();
    found.read().unwrap().value
}

#[everywhere]
fn steps_against_every_criterion_bring_the_student_to_the_teacher() {
    let (teacher, data) = pole();
    let network = |power| {
        let activation = Activation::Relu { power };
        Shallow::random(Space::Sphere, activation, 3, &[-1.0; 12], 0, place()).unwrap()
    };
    let likelihood = Likelihood {
        sampler: Independence {
            beta: 1.0,
            seed: 0,
            first: 0,
        },
        chains: 400,
        proposals: 30,
    };
    let explicit = ExplicitScore {
        teacher: teacher.network().copy(),
        teacher_beta: 1.0,
        beta: 1.0,
    };
    let feature = FeatureStein {
        starts: 8,
        ascents: 5,
        ..FeatureStein::new(1.0)
    };
    let sliced = SlicedScore { beta: 1.0, seed: 0 };
    let all: [(&str, Box<dyn Criterion>, u32, f64); 6] = [
        ("implicit", Box::new(ImplicitScore { beta: 1.0 }), 2, 0.1),
        ("explicit", Box::new(explicit), 1, 0.1),
        ("sliced", Box::new(sliced), 2, 0.1),
        ("kernel Stein", Box::new(KernelStein { beta: 1.0 }), 1, 0.2),
        ("feature Stein", Box::new(feature), 1, 0.2),
        ("likelihood", Box::new(likelihood), 1, 0.5),
    ];
    for (name, criterion, power, rate) in all {
        let settings = DescentSettings {
            neuron_step: rate,
            weight_step: rate,
            cap: Some(10.0),
        };
        let student = network(power);
        let before = kl(&teacher, &student);
        let mut descent = Descent::new(&student, &data, criterion, settings).unwrap();
        for _ in 0..100 {
            let _loss = descent.step().unwrap();
        }
        let after = kl(&teacher, descent.network());
        assert!(after < 0.25 * before, "{name}: {before} {after}");
    }
}

/// In the plane the score of points with noise is that of a wider density.
#[everywhere]
fn denoising_finds_the_width_of_a_gaussian() {
    let space = Space::Euclidean {
        deviation: Some(3.0),
    };
    // A ring of quadratic units around the origin makes |x|^2/2 of them: their weight is what is learned.
    let directions = 8;
    let angle = Tensor::arange(directions, place()) * (std::f64::consts::TAU / directions as f64);
    let theta = Tensor::stack(&[angle.cos(), angle.sin(), angle.zeros_like()], 1);
    let one = Tensor::ones([directions], place());
    let activation = Activation::Relu { power: 2 };
    let student = Shallow::new(space, activation, theta, &one * 0.1, one.copy()).unwrap();
    let data = space.from_gaussian(&gaussian(4_000)) / 3.0;
    let criterion = DenoisingScore {
        beta: 1.0,
        deviation: 0.5,
        seed: 0,
    };
    let settings = DescentSettings {
        neuron_step: 0.0,
        weight_step: 0.2,
        cap: None,
    };
    let mut descent = Descent::new(&student, &data, criterion, settings).unwrap();
    for _ in 0..150 {
        let _loss = descent.step().unwrap();
    }
    // f = w |x|^2/4, and the precision 1/(1 + 0.25) of data with noise is 1/9 + w/2.
    let found = number(&descent.network().weights().mean(None)) / 2.0 + 1.0 / 9.0;
    assert!((found - 0.8).abs() < 0.05, "{found}");
}

/// Standard Gaussian points of the plane.
fn gaussian(n: i64) -> Tensor {
    // The sum of twelve uniform numbers in +-1/2.
    uniform(&[12, n, 2], 0.5, 3).sum_dim_intlist(0, false, None)
}

/// E<x, pole> of a sample and of quadrature.
fn excess(teacher: &Teacher, x: &Tensor) -> f64 {
    let axis = teacher.network().neurons().get(0);
    let wide = |t: &Tensor| t.to_kind(Kind::Double);
    let rule = Quadrature::of(teacher.network(), 64).unwrap();
    let exact = rule
        .probabilities(&teacher.density())
        .unwrap()
        .dot(&wide(rule.points()).mv(&wide(&axis)));
    number(&(x.mv(&axis).mean(None) - exact))
}

#[everywhere]
fn independence_chains_draw_from_the_density() {
    let (teacher, _) = pole();
    let sampler = Independence {
        beta: 1.0,
        seed: 1,
        first: 0,
    };
    let draw = |proposals| {
        sampler
            .sample(teacher.network(), 10_000, proposals)
            .unwrap()
    };
    let (early, late) = (excess(&teacher, &draw(0)), excess(&teacher, &draw(150)));
    assert!(early < -0.4, "{early}");
    assert!(late.abs() < 0.012, "{late}");
}

#[everywhere]
fn birth_and_death_move_mass_where_it_belongs() {
    let (teacher, _) = pole();
    let reaction = BirthDeath {
        step: 0.1,
        beta: 1.0,
        bandwidth: 0.25,
        seed: 0,
    };
    let mut x = sphere(1_500, 3, 8);
    let before = excess(&teacher, &x);
    for step in 0..40 {
        x = reaction.apply(teacher.network(), &x, step).unwrap();
        assert_eq!(x.size(), [1_500, 3]);
    }
    let after = excess(&teacher, &x);
    // The kernel's width is a bias.
    assert!(before < -0.4 && after.abs() < 0.1, "{before} {after}");
    let error = reaction
        .apply(teacher.network(), &x.narrow(0, 0, 1), 0)
        .unwrap_err();
    assert!(error.to_string().contains("at least two rows"), "{error}");
}
