//! Negatives and the contrastive loss.

use crate::support::Opaque;
use efy_core::domain::{Cube, Domain, Reals};
use efy_core::energy::{Coupling, Energy, Linear, Quadratic};
use efy_core::loss::{Boltzmann, Contrastive, FenchelYoung, LogLoss, Loss, Sampler};
use efy_core::random::{Stream, generator};
use efy_core::regularizer::HalfSquaredNorm;
use efy_core::solver::Auto;
use efy_test::{assert_close, everywhere, number, place, uniform};
use tch::{Kind, Tensor};

use crate::made_up::{KINDS, fenchel_young, labels};

fn sample(sampler: Sampler, energy: &dyn Energy, start: &Tensor, seed: u64) -> Tensor {
    let random = &mut generator(seed, Stream::Negatives, 0);
    sampler.sample(energy, &Cube, start, random).unwrap()
}

#[everywhere]
fn native_and_general_gibbs_chains_draw_the_same_labels() {
    let (rows, k) = (50, 5);
    let u = uniform(&[rows, k], 1.0, 1);
    let start = uniform(&[rows, k], 0.5, 2) + 0.5;
    for kinds in KINDS {
        let energy = kinds.energy(&u, &kinds.parameter(rows, k, 3));
        let sampler = Sampler::Gibbs { sweeps: 4 };
        let native = sample(sampler, energy.as_ref(), &start, 4);
        let general = sample(sampler, &Opaque(energy.as_ref()), &start, 4);
        assert_close("labels", &native, &general, 0.0);
        let ones = number(&native.mean(None::<Kind>));
        assert!(ones > 0.1 && ones < 0.9, "{ones}");
    }
    let linear = Linear::new(u).unwrap();
    let sampler = Sampler::Gibbs { sweeps: 2 };
    let native = sample(sampler, &linear, &start, 4);
    assert_close(
        "linear",
        &native,
        &sample(sampler, &Opaque(&linear), &start, 4),
        0.0,
    );
}

/// The mean over many chains of the gradient in u and in U, against the exact gradient: all entries
/// within 4.5 standard errors of a mean of numbers in [-1, 1].
#[everywhere]
fn contrastive_gradient_is_unbiased_for_that_of_the_log_loss() {
    let (chains, k) = (20_000, 4);
    let one = uniform(&[1, k], 1.0, 11);
    let y = labels(&[1, k], 12).expand([chains, k], false).contiguous();
    let a = uniform(&[k, 2], 1.0, 13);
    let gradient = |loss: &dyn Loss| {
        let u = one.detach().set_requires_grad(true);
        let matrix = a.matmul(&a.tr()).neg().set_requires_grad(true);
        let rows = u.expand([chains, k], false);
        let energy = Quadratic::new(rows, Coupling::Dense(matrix.shallow_clone())).unwrap();
        let mean = loss.mean_loss(&energy, &y, None).unwrap().mean;
        let gradients = Tensor::run_backward(&[mean], &[&u, &matrix], false, false);
        Tensor::cat(&[gradients[0].reshape([-1]), gradients[1].reshape([-1])], 0)
    };
    let exact = gradient(&LogLoss::new(fenchel_young(1)));
    let sampler = Sampler::Gibbs { sweeps: 20 };
    let estimate = gradient(&Contrastive::new(fenchel_young(1), sampler, 14).unwrap());
    let bound = 4.5 * 0.5 / (chains as f64).sqrt();
    let error = number(&(estimate - &exact).abs().max());
    assert!(error < bound, "{error} {bound}");
    assert!(number(&exact.abs().max()) > 10.0 * bound);
}

/// On all of R^k a quadratic energy is a Gaussian with mean $-U^{-1} u$, which Langevin dynamics with any
/// step keeps exactly.
#[everywhere]
fn langevin_negatives_have_the_mean_of_the_gaussian() {
    let (chains, k) = (20_000, 3);
    let one = uniform(&[1, k], 1.0, 21);
    let a = uniform(&[k, k], 0.5, 22);
    let matrix = (a.matmul(&a.tr()) + Tensor::eye(k, place())).neg();
    let u = one.expand([chains, k], false).contiguous();
    let energy = Quadratic::new(u, Coupling::Dense(matrix.shallow_clone())).unwrap();
    let sampler = Sampler::Langevin {
        steps: 60,
        step_size: 0.1,
    };
    let random = &mut generator(23, Stream::Negatives, 0);
    let start = Tensor::zeros([chains, k], place());
    let samples = sampler.sample(&energy, &Reals, &start, random).unwrap();
    let mean = samples.mean_dim([0].as_slice(), false, None::<Kind>);
    let expected = one.matmul(&matrix.inverse()).neg();
    let error = number(&(mean - &expected).abs().max());
    assert!(error < 4.5 / (chains as f64).sqrt(), "{error}");
    // Variance (-2 U (I + eta/2 U))^{-1} * 2: that of the Gaussian is its limit.
    let centred = &samples - samples.mean_dim([0].as_slice(), true, None::<Kind>);
    let covariance = centred.tr().matmul(&centred) / chains as f64;
    let precision = matrix.neg();
    let discrete = (&precision - precision.matmul(&precision) * 0.05).inverse();
    let error = number(&(covariance - discrete).abs().max());
    assert!(error < 0.04, "{error}");

    let inside = sample(sampler, &energy, &start, 24);
    assert!(number(&Cube.contains(&inside, 0.0).all()) == 1.0);
}

#[everywhere]
fn what_is_drawn_is_a_function_of_seed_and_step_and_chains_go_on_from_their_start() {
    let (rows, k) = (30, 4);
    let energy = Linear::new(uniform(&[rows, k], 0.5, 31)).unwrap();
    let y = labels(&[rows, k], 32);
    let draw = |seed, step, start: Option<&Tensor>| {
        let sampler = Sampler::Gibbs { sweeps: 1 };
        let mut loss = Contrastive::new(fenchel_young(1), sampler, seed).unwrap();
        loss.set_step(step);
        let found = loss.loss(&energy, &y, start).unwrap();
        found.solution.point().unwrap().shallow_clone()
    };
    let first = draw(1, 5, None);
    assert_close("again", &draw(1, 5, None), &first, 0.0);
    for other in [draw(1, 6, None), draw(2, 5, None)] {
        assert!(number(&(other - &first).abs().sum(None::<Kind>)) > 0.0);
    }
    // Strong attraction holds a chain where it starts.
    let stuck = |start: &Tensor| {
        let coupling =
            Coupling::Dense((Tensor::ones([k, k], place()) - Tensor::eye(k, place())) * 60.0);
        let u = Tensor::full([rows, k], -90.0, place());
        let energy = Quadratic::new(u, coupling).unwrap();
        sample(Sampler::Gibbs { sweeps: 3 }, &energy, start, 1)
    };
    for start in [
        Tensor::ones([rows, k], place()),
        Tensor::zeros([rows, k], place()),
    ] {
        assert_close("stuck", &stuck(&start), &start, 0.0);
    }
}

#[test]
fn samplers_that_go_nowhere_are_refused() {
    let predictor = || FenchelYoung::new(HalfSquaredNorm::new(1.0).unwrap(), Cube, Auto::default());
    let message = |sampler| {
        let made = Contrastive::new(predictor(), sampler, 0);
        made.err().unwrap().to_string()
    };
    let gibbs = message(Sampler::Gibbs { sweeps: 0 });
    assert_eq!(
        gibbs,
        "sampler.sweeps: expected a positive integer, found 0"
    );
    let langevin = message(Sampler::Langevin {
        steps: 1,
        step_size: f64::NAN,
    });
    assert_eq!(
        langevin,
        "sampler.step_size: expected a positive number, found NaN"
    );
}

#[everywhere]
fn gibbs_chains_reach_the_marginals() {
    let (chains, k) = (20_000, 5);
    let u = uniform(&[1, k], 1.0, 41)
        .expand([chains, k], false)
        .contiguous();
    let m = uniform(&[k, k], 0.8, 42);
    let energy = Quadratic::new(u, Coupling::Dense(&m + m.tr())).unwrap();
    let start = Tensor::zeros([chains, k], place());
    let samples = sample(Sampler::Gibbs { sweeps: 40 }, &energy, &start, 43);
    let mean = samples.mean_dim([0].as_slice(), false, None::<Kind>);
    let exact = Boltzmann::of(&energy).unwrap().marginals.get(0);
    let error = number(&(mean - exact).abs().max());
    assert!(error < 4.5 * 0.5 / (chains as f64).sqrt(), "{error}");
}
