//! Policies of the linear plant and of the pendulum: what energies and losses come to where they act.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test, a panic is the report"
)]

use efy_core::device::read;
use efy_envs::{Policy, Record, make_many, rollout};
use efy_tasks::config::Config;
use efy_tasks::data::Cache;
use efy_tasks::imitation::{self, Imitation, Lesson, Prepared};
use efy_tasks::supervised::Attendance;
use efy_test::{device, everywhere};
use efy_train::{Metrics, Objective, RunDirectory, Split, Trainer};
use tch::Device;

const PLANT: &str = "
task: imitation
data: {expert: linear_plant, coupling: 0.8, episodes: 5, subsample: 2, validation: 0.1}
model: {kind: pairwise, hidden: [], rank: 4, dtype: f64}
loss: {kind: fenchel_young, regularizer: half_squared_norm, cost: squared, samples: 32}
rollout: {every: 0, episodes: 2, test_episodes: 5}
train: {epochs: 60, batch_size: 64, lr: 0.05, patience: 0, eval_every: 60}
";

fn config(sets: &[&str]) -> Config {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    Config::from_text("plant", PLANT, &sets).unwrap()
}

fn prepared(config: &Config, device: Device) -> Prepared<'_> {
    let cache = Cache::new("no-such-cache");
    Prepared::new(config, Lesson::new(config, &cache).unwrap(), device).unwrap()
}

/// Metrics before and after training.
fn trained(config: &Config, device: Device) -> (Imitation, [Metrics; 2]) {
    let mut objective = prepared(config, device).into_objective();
    let before = objective.evaluate(Split::Validation).unwrap();
    Trainer::new(&config.train, Vec::new())
        .fit(&mut objective)
        .unwrap();
    let after = objective.evaluate(Split::Validation).unwrap();
    (objective, [before, after])
}

/// What an episode costs above the expert's.
fn gap(objective: &mut Imitation) -> f64 {
    let reached = objective
        .evaluate(Split::Test)
        .unwrap()
        .get("return")
        .unwrap();
    objective.arena().references().expert - reached
}

#[test]
fn a_pairwise_policy_is_the_controller_and_a_unary_one_is_not() {
    let gaps = ["pairwise", "unary"].map(|kind| {
        let kind = format!("model.kind={kind}");
        let sets = config(&[
            &kind,
            "train.epochs=200",
            "data.subsample=1",
            "loss.gamma=0.02",
        ]);
        let (mut objective, _) = trained(&sets, Device::Cpu);
        gap(&mut objective)
    });
    assert!(gaps[1] > 0.5, "{gaps:?}");
    assert!(gaps[0].abs() < 0.1 * gaps[1], "{gaps:?}");
}

#[everywhere]
fn every_energy_and_loss_for_actions_learns_them() {
    let linear: &[&[&str]] = &[
        &["model.kind=unary"],
        &["model.coupling=predicted"],
        &[
            "model.coupling=network",
            "model.hidden=[16]",
            "train.lr=0.01",
        ],
        &["model.kind=spen", "train.lr=0.01"],
        &["model.kind=input_concave", "train.lr=0.01"],
        &["loss.regularizer=binary_entropy", "model.kind=unary"],
        &["loss.kind=mse"],
        &["loss.kind=mse", "model.kind=unary"],
        &["loss.kind=least_squares", "model.kind=unary"],
        &["loss.kind=regularized_margin", "loss.gamma=2"],
        &["loss.kind=info_nce"],
    ];
    for sets in linear {
        let fewer = [*sets, &["train.epochs=15", "train.eval_every=15"]].concat();
        let (_, [before, after]) = trained(&config(&fewer), device());
        let error = |metrics: &Metrics| metrics.get("action_error").unwrap();
        assert!(
            error(&after) < 0.8 * error(&before),
            "{sets:?}: {before:?} {after:?}"
        );
        assert_eq!(after.get("return"), None, "it has not acted");
    }
}

#[test]
fn a_run_is_a_policy_that_needs_no_demonstrations() {
    let place = tempfile_place();
    let config = config(&["rollout.every=1", "train.epochs=10", "train.eval_every=5"]);
    let run = RunDirectory::create(Some(&place.path().join("run")), "plant", false).unwrap();
    let test = prepared(&config, Device::Cpu)
        .train(&run, Attendance::default())
        .unwrap();
    let lines = std::fs::read_to_string(run.metrics()).unwrap();
    let acted = lines
        .lines()
        .filter(|line| line.contains("return_normalized"));
    assert_eq!(acted.count(), 3, "two validations and the test: {lines}");

    let mut policy = imitation::open(&run, &config, Device::Cpu).unwrap();
    assert_eq!((policy.observation(), policy.action()), (8, 4));
    let observations: Vec<f64> = (0..16).map(|i| f64::from(i) * 0.3 - 2.0).collect();
    let actions = policy.actions(&observations).unwrap();
    assert_eq!(actions.len(), 8);
    assert!(actions.iter().all(|a| (-1.0..=1.0).contains(a)));
    // Rows are independent.
    assert_eq!(policy.actions(&observations[8..]).unwrap(), actions[4..]);
    let mut same = vec![0.0; 8];
    policy.act(2, &observations, &mut same).unwrap();
    assert_eq!(same, actions);

    let cache = Cache::new(place.path());
    let again = imitation::evaluate(&run, &config, (Split::Test, Device::Cpu), &cache).unwrap();
    assert_eq!(again, test);
    let validation = imitation::evaluate(&run, &config, (Split::Validation, Device::Cpu), &cache);
    assert!(validation.unwrap().get("action_error").unwrap() < 1.0);
    // It acts in environments that it was not trained in.
    let mut environments = make_many("linear_plant", 2).unwrap();
    let episodes = rollout(&mut environments, &mut policy, &[1, 2, 3], Record::Returns).unwrap();
    assert!(episodes.iter().all(|episode| episode.total.is_finite()));
}

fn tempfile_place() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn observations_are_normalized_by_those_of_training_and_seeds_give_other_demonstrations() {
    let of = |seed: &str| {
        let config = config(&[seed]);
        let objective = prepared(&config, Device::Cpu).into_objective();
        let splits = objective.learner().splits();
        let x: Vec<f64> = read::to_vec(&splits.get(Split::Train).x).unwrap();
        let sizes = [Split::Train, Split::Validation, Split::Test];
        (x, sizes.map(|split| splits.get(split).rows.len()))
    };
    let (x, sizes) = of("train.seed=0");
    assert_eq!(sizes, [225, 25, 0]);
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let square = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
    assert!(
        mean.abs() < 1e-9 && (square - 1.0).abs() < 1e-9,
        "{mean} {square}"
    );
    assert_eq!(of("train.seed=0").0, x);
    assert_ne!(of("train.seed=1").0, x);
}

#[test]
fn what_a_policy_cannot_be_is_refused_with_its_key() {
    let refused = |set: &str, key: &str| {
        let error = Config::from_text("plant", PLANT, &[set.to_owned()]).unwrap_err();
        assert!(error.to_string().contains(key), "{set}: {error}");
    };
    refused("data.expert=null", "data.expert: expected an expert");
    refused("data.coupling=1", "data.coupling");
    refused("data.episodes=0", "data.episodes");
    refused("loss.kind=log", "loss.kind");
    refused("loss.regularizer=gini", "loss.regularizer");
    refused("loss.kind=least_squares", "model.kind");
    refused("model.kind=network", "model.kind");
    refused("train.replicas=2", "train.replicas");
    refused("train.refit=true", "train.refit");
    refused("train.monitor=return", "rollout.every");
    refused("rollout.test_episodes=0", "rollout.test_episodes");
    let cache = Cache::new("no-such-cache");
    let wrong = |sets: &[&str]| match Lesson::new(&config(sets), &cache) {
        Ok(_) => panic!("{sets:?} is a lesson"),
        Err(error) => (error.exit_code(), error.to_string()),
    };
    let (code, message) = wrong(&["data.environment=pendulum", "data.coupling=null"]);
    assert_eq!(code, 2);
    assert!(message.contains("data.environment"), "{message}");
    assert_eq!(wrong(&["data.expert=nobody", "data.coupling=null"]).0, 2);
    assert_eq!(wrong(&["data.episodes=1", "data.subsample=1000"]).0, 2);
}
