use efy_envs::{Purpose, Record, make_many, rollout, starts};

use super::*;
use crate::data::arrays;

fn place(name: &str) -> std::path::PathBuf {
    tempfile::tempdir().unwrap().keep().join(name)
}

/// The mean return over evaluation episodes.
fn mean(expert: &Expert, episodes: usize, seed: u64) -> f64 {
    let mut environments = make_many(&expert.environment, episodes).unwrap();
    let mut policy = expert.policy(environments[0].spec()).unwrap();
    let seeds = starts(Purpose::Evaluation, seed, episodes);
    let record = Record::Returns;
    let played = rollout(&mut environments, policy.as_mut(), &seeds, record).unwrap();
    Returns::of(played.iter().map(|episode| episode.total)).mean
}

#[test]
fn every_name_is_an_expert_that_reaches_its_goal() {
    let goals = [
        ("swimmer", 330.0),
        ("half_cheetah", 3800.0),
        ("hopper", 2500.0),
        ("walker2d", 1500.0),
    ];
    for name in Expert::names() {
        let expert = Expert::load(name).unwrap();
        assert_eq!(expert.environment, name);
        let Some((_, goal)) = goals.iter().find(|(known, _)| *known == name) else {
            assert!(expert.training.is_none(), "{name}");
            continue;
        };
        let judged = expert.returns.as_ref().unwrap();
        assert_eq!((judged.seed, judged.episodes), (0, 20), "{name}");
        assert!(judged.mean >= *goal, "{name}: {}", judged.mean);
    }
}

/// What a file says of an expert is what comes of playing it: two episodes of 20, since they take a while.
#[cfg(feature = "mujoco")]
#[test]
fn returns_in_the_files_are_those_of_the_policies() {
    for name in ["swimmer", "hopper"] {
        let expert = Expert::load(name).unwrap();
        let judged = expert.returns.as_ref().unwrap();
        let found = mean(&expert, 2, judged.seed);
        let [low, .., high] = judged.quantiles;
        assert!(
            found >= low - 1e-6 && found <= high + 1e-6,
            "{name}: {found}"
        );
    }
}

#[test]
fn the_pendulum_and_the_plant_are_solved() {
    assert!(mean(&Expert::load("pendulum").unwrap(), 20, 0) > -250.0);
    assert!(mean(&Expert::load("linear_plant").unwrap(), 4, 0).is_finite());
}

#[test]
fn a_file_comes_back_to_the_last_bit() {
    let expert = Expert::load("hopper").unwrap();
    let path = place("hopper.json");
    expert.save(&path).unwrap();
    assert_eq!(Expert::load(path.to_str().unwrap()).unwrap(), expert);
}

#[test]
fn what_does_not_fit_is_said_in_a_line() {
    let unknown = Expert::load("hoper").unwrap_err();
    assert_eq!(unknown.exit_code(), 2);
    assert!(
        unknown
            .to_string()
            .starts_with("unknown expert \"hoper\", expected one of half_")
    );

    let path = place("e.json");
    std::fs::write(&path, "{\n\"environment\": \"hopper\",\n\"weights\": []}").unwrap();
    let message = Expert::load(path.to_str().unwrap())
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("e.json:3: unknown field `weights`"),
        "{message}"
    );

    let pendulum = efy_envs::make("pendulum").unwrap();
    let other = Expert::load("hopper").unwrap().policy(pendulum.spec());
    let message = other.err().unwrap().to_string();
    assert_eq!(
        message,
        "expert: expected one for pendulum, found one for hopper"
    );
    let mut linear = Expert::load("hopper").unwrap();
    linear.environment = "pendulum".to_owned();
    let message = linear.policy(pendulum.spec()).err().unwrap().to_string();
    assert!(
        message.contains("weights: expected rows of 3 numbers, found 11"),
        "{message}"
    );
}

#[test]
fn a_network_of_others_is_the_formula() {
    let path = place("policy.npz");
    let write = |bias: &[f64]| {
        let all: Vec<arrays::Named<'_>> = vec![
            ("obs_mean", vec![3], &[0.5, 0.0, 1.0]),
            ("obs_std", vec![3], &[1.0, 2.0, 4.0]),
            ("W0", vec![3, 2], &[1.0, -1.0, 0.5, 0.0, 2.0, 1.0]),
            ("b0", vec![bias.len()], bias),
            ("Wout", vec![2, 1], &[3.0, -2.0]),
            ("bout", vec![1], &[0.25]),
        ];
        std::fs::write(&path, arrays::npz(&all).unwrap()).unwrap();
    };
    write(&[0.1, 0.2]);
    let expert = import(&path, "pendulum").unwrap();
    let pendulum = efy_envs::make("pendulum").unwrap();
    let mut policy = expert.policy(pendulum.spec()).unwrap();
    let mut action = [0.0];
    policy.act(1, &[1.5, -2.0, 3.0], &mut action).unwrap();
    let [x, y, z] = [1.0 / (1.0 + 1e-6), -2.0 / (2.0 + 1e-6), 2.0 / (4.0 + 1e-6)];
    let hidden: [f64; 2] = [x + 0.5 * y + 2.0 * z + 0.1, -x + z + 0.2];
    let expected = 3.0 * hidden[0].tanh() - 2.0 * hidden[1].tanh() + 0.25;
    assert!((action[0] - expected).abs() < 1e-14);

    write(&[0.1]);
    let message = import(&path, "pendulum").unwrap_err().to_string();
    assert!(
        message.ends_with("b0: expected 2 numbers, found the shape [1]"),
        "{message}"
    );
}
