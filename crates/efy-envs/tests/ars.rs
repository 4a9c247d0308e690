//! Augmented random search, in environments that are solved in a moment.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use std::ops::ControlFlow;

use efy_envs::ars::{Progress, Search, Settings, Trained, train};
use efy_envs::{
    Environment, Error, Purpose, Record, Result, Spec, Transition, make, rollout, starts,
};

/// A mass on a line, pushed towards 0: reward 1 - x² - 0.1 v², ends when |x| > 3.
struct Mass {
    spec: Spec,
    state: [f64; 2],
    /// An observation that never changes.
    constant: f64,
}

impl Mass {
    fn boxed() -> Result<Box<dyn Environment>> {
        Ok(Box::new(Mass {
            spec: Spec {
                name: "mass".into(),
                observation: 3,
                low: vec![-1.0],
                high: vec![1.0],
                max_steps: 60,
            },
            state: [0.0; 2],
            constant: 5.0,
        }))
    }

    fn observe(&self, observation: &mut [f64]) {
        observation.copy_from_slice(&[self.state[0], self.state[1], self.constant]);
    }
}

impl Environment for Mass {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn reset(&mut self, seed: u64, observation: &mut [f64]) -> Result<()> {
        let sign = if seed.is_multiple_of(2) { 1.0 } else { -1.0 };
        self.state = [sign * (0.5 + (seed % 97) as f64 / 97.0), 0.0];
        self.observe(observation);
        Ok(())
    }

    fn step(&mut self, action: &[f64], observation: &mut [f64]) -> Result<Transition> {
        let [x, v] = &mut self.state;
        *v += 0.2 * action[0].clamp(-1.0, 1.0);
        *x += 0.2 * *v;
        let reward = 1.0 - x.powi(2) - 0.1 * v.powi(2);
        let terminated = x.abs() > 3.0;
        self.observe(observation);
        Ok(Transition { reward, terminated })
    }
}

fn settings() -> Settings {
    Settings {
        iterations: 40,
        directions: 8,
        top: 4,
        step: 0.1,
        noise: 0.1,
        ..Settings::default()
    }
}

fn trained(settings: &Settings) -> Trained {
    train(&Mass::boxed, settings, &mut |_| ControlFlow::Continue(())).unwrap()
}

#[test]
fn the_mass_is_brought_to_rest() {
    let mut best = trained(&settings());
    assert!(best.returns.mean > 50.0, "{:?}", best.returns);
    let weights = best.policy.weights();
    assert!(weights[0] < 0.0 && weights[1] < 0.0, "{weights:?}");
    assert_eq!((best.policy.mean()[2], best.policy.scale()[2]), (5.0, 1.0));

    let mut environments = vec![Mass::boxed().unwrap()];
    let seeds = starts(Purpose::Evaluation, 0, 20);
    let episodes = rollout(&mut environments, &mut best.policy, &seeds, Record::Returns).unwrap();
    let mean = episodes.iter().map(|episode| episode.total).sum::<f64>() / 20.0;
    assert!(mean > 50.0, "{mean} from starts it was not chosen by");
}

#[test]
fn threads_change_nothing_and_the_seed_changes_all() {
    let with = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let settings = Settings {
            seed,
            iterations: 10,
            ..settings()
        };
        pool.build().unwrap().install(|| trained(&settings))
    };
    assert_eq!(with(1, 7), with(3, 7));
    assert_ne!(with(1, 7).policy, with(1, 8).policy);
}

#[test]
fn the_first_step_is_that_of_the_formula() {
    // With two directions, both kept, W after a step is the sum of both, weighed by differences of returns: from W = 0 and with μ = 0, σ = 1
    // it lies in their span, and a search with N = b = 1 moves by α along its direction alone, since then σ_R = |r⁺ - r⁻| / 2.
    let one = Settings {
        directions: 1,
        top: 1,
        step: 0.25,
        ..settings()
    };
    let mut search = Search::new(&Mass::boxed, one.clone()).unwrap();
    let told = search.iterate().unwrap();
    assert_eq!((told.iteration, search.iteration()), (1, 1));
    let moved = search.policy().unwrap().weights().to_vec();
    let double = Settings { step: 0.5, ..one };
    let mut search = Search::new(&Mass::boxed, double).unwrap();
    search.iterate().unwrap();
    for (weight, half) in search.policy().unwrap().weights().iter().zip(&moved) {
        assert!((weight - 2.0 * half).abs() < 1e-12);
    }
    // W = 2 α δ or -2 α δ: a standard normal direction in three dimensions is neither tiny nor huge.
    let length = moved.iter().map(|w| (w / 0.5).powi(2)).sum::<f64>().sqrt();
    assert!((0.1..6.0).contains(&length), "{length}");
}

#[test]
fn the_bonus_is_taken_off_every_step() {
    let first = |bonus| {
        let settings = Settings {
            bonus,
            ..settings()
        };
        let mut search = Search::new(&Mass::boxed, settings).unwrap();
        search.iterate().unwrap()
    };
    let (with, without) = (first(1.0), first(0.0));
    assert_eq!(with.steps, without.steps);
    let episodes = 2.0 * settings().directions as f64;
    let taken_off = (without.mean - with.mean) * episodes;
    assert!((taken_off - with.steps as f64).abs() < 1e-9, "{taken_off}");
}

#[test]
fn a_search_that_is_stopped_has_a_policy() {
    let mut iterations = 0;
    let mut stop = |progress: &Progress<'_>| {
        iterations = progress.iteration.iteration;
        assert!(progress.evaluated.is_none() && !progress.improved());
        ControlFlow::Break(())
    };
    let best = train(&Mass::boxed, &settings(), &mut stop).unwrap();
    assert_eq!((iterations, best.iteration), (1, 1));
    assert!(best.returns.mean.is_finite());
}

#[test]
fn the_best_of_all_evaluations_is_kept() {
    let mut means = Vec::new();
    let every = Settings {
        evaluate_every: 3,
        iterations: 13,
        ..settings()
    };
    let mut note = |progress: &Progress<'_>| {
        means.extend(progress.evaluated.map(|returns| returns.mean));
        ControlFlow::Continue(())
    };
    let best = train(&Mass::boxed, &every, &mut note).unwrap();
    assert_eq!(means.len(), 5, "after 3, 6, 9, 12 and the last");
    assert_eq!(
        best.returns.mean,
        means.iter().copied().fold(f64::MIN, f64::max)
    );
}

#[test]
fn settings_without_sense_are_refused() {
    let refused = |settings: Settings| match Search::new(&Mass::boxed, settings) {
        Err(Error::Invalid(message)) => message,
        Err(other) => other.to_string(),
        Ok(_) => String::new(),
    };
    let top = Settings {
        top: 9,
        ..settings()
    };
    assert_eq!(refused(top), "top: expected 1 to directions (8), found 9");
    let noise = Settings {
        noise: f64::NAN,
        ..settings()
    };
    assert_eq!(
        refused(noise),
        "noise: expected a positive number, found NaN"
    );
    let none = Settings {
        iterations: 0,
        ..settings()
    };
    assert_eq!(refused(none), "iterations: expected at least 1, found 0");
}

#[test]
fn every_environment_has_settings() {
    for name in efy_envs::names() {
        assert_eq!(Settings::of(name).check().ok(), Some(()), "{name}");
    }
    let two = Settings {
        iterations: 2,
        directions: 2,
        top: 1,
        episodes: 2,
        ..Settings::of("pendulum")
    };
    let best = train(&|| make("pendulum"), &two, &mut |_| {
        ControlFlow::Continue(())
    });
    assert!(best.unwrap().returns.mean < 0.0);
}
