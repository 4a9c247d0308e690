//! Energies, gradients and kernels in closed form.

use super::*;
use efy_core::shallow::{Kernel, Law};

const ACTIVATIONS: [Activation; 6] = [
    Activation::Relu { power: 1 },
    Activation::Relu { power: 2 },
    Activation::Relu { power: 3 },
    Activation::Softplus,
    Activation::Tanh,
    Activation::Exponential { sharpness: 3.0 },
];

const SPACES: [Space; 3] = [
    Space::Sphere,
    Space::Euclidean {
        deviation: Some(2.0),
    },
    Space::Torus,
];

#[everywhere]
fn t01_energy_and_gradients() {
    let case = golden("T01_energy_and_gradients");
    let network = network(Activation::RELU);
    let x = of(&case, "X");
    let expect = |name: &str, found: &Tensor| {
        assert_close(name, found, &of(&case, name), exact());
    };
    expect("f", &network.energy(&x).unwrap());
    expect("grad_x_ambient", &network.gradient(&x).unwrap());
    expect(
        "grad_x_riemannian",
        &network.intrinsic_gradient(&x).unwrap(),
    );
    expect("df_dw", &network.weight_gradient(&x).unwrap());
    let fourth = x.narrow(0, 3, 1);
    let one = Tensor::ones([1], place());
    expect(
        "df_dtheta_at_x3",
        &network.neuron_gradient(&fourth, &one).unwrap(),
    );
}

#[everywhere]
fn t12b_the_rectifier_has_slope_0_at_0() {
    let case = golden("T12b_tie_breaking");
    let row = |name| of(&case, name).unsqueeze(0);
    let one = Tensor::ones([1], place());
    let network = Shallow::new(
        Space::Sphere,
        Activation::RELU,
        row("theta"),
        one.copy(),
        one.copy(),
    );
    let slope = network.unwrap().gradient(&row("x")).unwrap();
    assert_close("slope", &slope, &Tensor::zeros([3], place()), 0.0);
}

/// Autograd of the energy finds the gradients in x, in the neurons and in the weights.
#[everywhere]
fn gradients_are_those_of_autograd_on_every_space_for_every_activation() {
    for (space, activation) in SPACES.iter().flat_map(|s| ACTIVATIONS.map(|a| (*s, a))) {
        let drawn = Shallow::random(
            space,
            activation,
            3,
            &[1.0, -1.0, 1.0, -1.0, -1.0],
            4,
            place(),
        );
        let drawn = drawn.unwrap();
        let theta = drawn.neurons().copy().set_requires_grad(true);
        let w = (drawn.weights() * 0.7).set_requires_grad(true);
        let network = Shallow::new(
            space,
            activation,
            theta.shallow_clone(),
            w.shallow_clone(),
            drawn.charges().copy(),
        );
        let network = network.unwrap();
        let x = space.project(&sphere(6, 3, 5)).set_requires_grad(true);
        let q = tensor(&[0.3, 1.0, -2.0, 0.5, 0.1, 1.0]);
        let energy = (network.energy(&x).unwrap() * &q).sum(None);
        let found = Tensor::run_backward(&[energy], &[&x, &theta, &w], false, false);
        let context = format!("{space:?} {activation:?}");
        let _guard = tch::no_grad_guard();
        let in_x = network.gradient(&x).unwrap() * q.unsqueeze(1);
        assert_close(&context, &in_x, &found[0], 1e-12);
        assert_close(
            &context,
            &network.neuron_gradient(&x, &q).unwrap(),
            &found[1],
            1e-12,
        );
        let in_w = network.weight_gradient(&x).unwrap().tr().mv(&q);
        assert_close(&context, &in_w, &found[2], 1e-12);
    }
}

#[everywhere]
fn slope_and_curvature_are_derivatives() {
    let u = tensor(&[-2.1, -0.4, 0.3, 0.8, 1.7]).set_requires_grad(true);
    for activation in ACTIVATIONS {
        let value = activation.value(&u).sum(None);
        let slope = Tensor::run_backward(&[value], &[&u], false, false).remove(0);
        assert_close(
            &format!("{activation:?}"),
            &activation.slope(&u).detach(),
            &slope,
            1e-12,
        );
        if let Some(curvature) = activation.curvature(&u) {
            let slope = activation.slope(&u).sum(None);
            let expected = Tensor::run_backward(&[slope], &[&u], false, false).remove(0);
            assert_close(
                &format!("{activation:?}"),
                &curvature.detach(),
                &expected,
                1e-12,
            );
        }
    }
    assert!(Activation::RELU.curvature(&u).is_none());
}

#[everywhere]
fn t05_arc_cosine_kernels() {
    let case = golden("T05_arc_cosine_kernels");
    let rho = of(&case, "rho");
    let zero = rho.zeros_like();
    let sine = (1.0_f64 - rho.square()).clamp_min(0.0).sqrt();
    for (d, power, name) in [
        (3, 1, "k_relu_d3"),
        (15, 1, "k_relu_d15"),
        (3, 2, "k_relu2_d3"),
    ] {
        let pad = |first: &Tensor, second: &Tensor| {
            let mut columns = vec![first.shallow_clone(), second.shallow_clone()];
            columns.extend((2..d).map(|_| zero.shallow_clone()));
            Tensor::stack(&columns, 1)
        };
        let kernel = Kernel::arc_cosine(power, Law::Sphere).unwrap();
        let x = pad(&rho.ones_like(), &zero).narrow(0, 0, 1);
        let found = kernel.matrix(&x, &pad(&rho, &sine)).unwrap();
        assert_close(name, &found, &of(&case, name), exact());
    }
    let x = tensor(&[1.0, 0.0]).unsqueeze(0);
    let y = Tensor::stack(&[&rho, &sine], 1);
    for (power, name) in [(0, "kappa0"), (1, "kappa1"), (2, "kappa2")] {
        let kernel = Kernel::arc_cosine(power, Law::Gaussian).unwrap();
        let found = kernel.matrix(&x, &y).unwrap() * 2.0;
        assert_close(name, &found, &of(&case, name), exact());
    }
}

/// The mean over many random neurons, lengths other than 1 and the power without a golden vector included.
#[everywhere]
fn kernels_are_the_means_of_random_features() {
    let neurons = sphere(400_000, 4, 1);
    let x = sphere(3, 4, 2) * tensor(&[0.5, 1.0, 2.0]).unsqueeze(1);
    for power in 0..=3 {
        let kernel = Kernel::arc_cosine(power, Law::Sphere)
            .unwrap()
            .matrix(&x, &x)
            .unwrap();
        let features = Activation::Relu { power }.value(&x.mm(&neurons.tr()));
        let mean = features.mm(&features.tr()) / 400_000.0;
        let error = number(&((mean - &kernel).abs() / kernel.abs().max()).max());
        assert!(error < 1e-2, "{power}: {error}");
    }
}

#[everywhere]
fn kernel_gradients_are_those_of_autograd() {
    let x = (sphere(5, 4, 2) * 1.3).set_requires_grad(true);
    let y = sphere(7, 4, 3) * 0.6;
    let q = tensor(&[0.1, 0.2, -0.3, 0.4, 0.1, 0.9, -1.0]);
    for power in 0..=3 {
        let kernel = Kernel::arc_cosine(power, Law::Gaussian).unwrap();
        let sum = kernel.matrix(&x, &y).unwrap().mv(&q).sum(None);
        let expected = Tensor::run_backward(&[sum], &[&x], false, false).remove(0);
        let _guard = tch::no_grad_guard();
        let found = kernel.gradient(&x, &y, &q).unwrap();
        assert_close(&format!("power {power}"), &found, &expected, 1e-11);
    }
}

#[everywhere]
fn t06_mmd_and_the_best_energy_of_the_lazy_regime() {
    let case = golden("T06_mmd_F2_energy");
    let kernel = Kernel::arc_cosine(1, Law::Sphere).unwrap();
    let (x, y) = (of(&case, "X"), of(&case, "Y"));
    let z = of(&case, "x").unsqueeze(0);
    let mmd = kernel.mmd_squared(&x, &y).unwrap();
    let expect = |name: &str, found: &Tensor| {
        assert_close(name, found, &of(&case, name), exact());
    };
    expect("mmd2_V_stat", &mmd);
    expect(
        "F2_optimal_energy_at_x",
        &kernel.dual_energy(&z, &x, &y).unwrap(),
    );
    // On the sphere the golden gradient leaves out what is normal to it.
    let gradient = kernel.witness_gradient(&z, &x, &y).unwrap() / mmd.sqrt();
    let expected = of(&case, "F2_grad_x_ambient").unsqueeze(0);
    let tangent = |g: &Tensor| Space::Sphere.tangent(&z, g);
    assert_close(
        "gradient",
        &tangent(&gradient),
        &tangent(&expected),
        exact(),
    );
}

#[everywhere]
fn the_cap_scales_weights_down_and_never_up() {
    let network = network(Activation::RELU);
    assert_close(
        "above",
        network.capped(2.0).weights(),
        network.weights(),
        1e-15,
    );
    let capped = network.capped(0.5);
    assert!((number(&capped.total_variation()) - 0.5).abs() < tolerance(1e-15));
    let ratio = capped.weights() / network.weights();
    assert!(number(&(ratio.max() - ratio.min())) < tolerance(1e-15));
}

#[everywhere]
fn refusals_name_what_was_wrong() {
    let network = network(Activation::RELU);
    let error = network.energy(&Tensor::zeros([2, 4], place())).unwrap_err();
    assert_eq!(error.to_string(), "x: expected shape [2, 3], found [2, 4]");
    let error = Kernel::arc_cosine(4, Law::Sphere).unwrap_err();
    assert_eq!(
        error.to_string(),
        "kernel.power: expected an integer from 0 to 3, found 4"
    );
    let error = Shallow::random(
        Space::Sphere,
        Activation::Relu { power: 9 },
        3,
        &[1.0],
        0,
        place(),
    );
    assert!(
        error
            .unwrap_err()
            .to_string()
            .starts_with("activation.power")
    );
}
