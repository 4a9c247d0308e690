//! Locomotion is gymnasium's: `assets/mujoco/traces.csv.gz`, which `make_traces.py` beside it made.

#![cfg(feature = "mujoco")]

use std::io::Read;

use efy_envs::mujoco::{Body, Locomotion};
use efy_envs::{Environment, Random, Record, make, make_many, names, rollout};

/// What the two sides may differ by.
const TOLERANCE: f64 = 1e-9;

/// A number in [-1, 1) from a counter, exact: as in `make_traces.py`.
fn fraction(n: u64) -> f64 {
    ((n * 2_654_435_761) % (1 << 32) >> 8) as f64 / f64::from(1 << 23) - 1.0
}

struct Row {
    step: u64,
    reward: Option<f64>,
    terminated: bool,
    observation: Vec<f64>,
}

fn trace(body: Body) -> Vec<Row> {
    let zipped: &[u8] = include_bytes!("../../../assets/mujoco/traces.csv.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(zipped)
        .read_to_string(&mut text)
        .unwrap();
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        (cells[0] == body.name()).then(|| Row {
            step: cells[1].parse().unwrap(),
            reward: (!cells[2].is_empty()).then(|| cells[2].parse().unwrap()),
            terminated: cells[3] == "1",
            observation: cells[4..]
                .iter()
                .map(|cell| cell.parse().unwrap())
                .collect(),
        })
    });
    rows.collect()
}

/// Two numbers up to the tolerance, relative where they are large.
fn assert_equal(found: f64, expected: f64, what: &str) {
    let error = (found - expected).abs() / expected.abs().max(1.0);
    assert!(
        error <= TOLERANCE,
        "{what}: {found}, gymnasium has {expected}"
    );
}

fn follows(body: Body) {
    let rows = trace(body);
    assert_eq!(rows.len(), 1001);
    let mut environment = Locomotion::new(body).unwrap();
    let (nq, nv) = (environment.state().0.len(), environment.state().1.len());
    let at_start = environment.state().0.to_vec();
    let positions: Vec<f64> = (0..nq)
        .map(|i| at_start[i] + 0.01 * fraction(i as u64 + 1))
        .collect();
    let velocities: Vec<f64> = (0..nv).map(|i| 0.1 * fraction(i as u64 + 101)).collect();
    environment.set_state(&positions, &velocities).unwrap();
    let (d, k) = (environment.spec().observation, environment.spec().action());
    let mut observation = vec![0.0; d];
    environment.observe(&mut observation).unwrap();
    for row in rows {
        if let Some(reward) = row.reward {
            let action: Vec<f64> = (0..k as u64)
                .map(|i| 1.2 * fraction(1000 * row.step + i))
                .collect();
            let transition = environment.step(&action, &mut observation).unwrap();
            let what = format!("{}, reward of step {}", body.name(), row.step);
            assert_equal(transition.reward, reward, &what);
            assert_eq!(transition.terminated, row.terminated, "{what}");
        }
        for (i, (&found, &expected)) in observation.iter().zip(&row.observation).enumerate() {
            assert_equal(
                found,
                expected,
                &format!("{}, observation {i} of step {}", body.name(), row.step),
            );
        }
        assert!(row.observation.is_empty() || row.observation.len() == d);
    }
}

#[test]
fn hopper_follows_gymnasium() {
    follows(Body::Hopper);
}

#[test]
fn half_cheetah_follows_gymnasium() {
    follows(Body::HalfCheetah);
}

#[test]
fn walker2d_follows_gymnasium() {
    follows(Body::Walker2d);
}

#[test]
fn swimmer_follows_gymnasium() {
    follows(Body::Swimmer);
}

#[test]
fn ant_follows_gymnasium() {
    follows(Body::Ant);
}

#[test]
fn sizes_are_those_of_gymnasium() {
    let sizes: Vec<_> = names()[..5]
        .iter()
        .map(|name| {
            let environment = make(name).unwrap();
            let spec = environment.spec();
            assert!(
                spec.low.iter().all(|&low| low == -1.0)
                    && spec.high.iter().all(|&high| high == 1.0)
            );
            (*name, spec.observation, spec.action(), spec.max_steps)
        })
        .collect();
    let expected = [
        ("hopper", 11, 3, 1000),
        ("half_cheetah", 17, 6, 1000),
        ("walker2d", 17, 6, 1000),
        ("swimmer", 8, 2, 1000),
        ("ant", 27, 8, 1000),
    ];
    assert_eq!(sizes, expected);
}

#[test]
fn starts_are_noise_around_the_models_state() {
    for body in Body::ALL {
        let mut environment = Locomotion::new(body).unwrap();
        let rest = environment.state().0.to_vec();
        let noise = if matches!(body, Body::Hopper | Body::Walker2d) {
            0.005
        } else {
            0.1
        };
        let normal = matches!(body, Body::HalfCheetah | Body::Ant);
        let mut observation = vec![0.0; environment.spec().observation];
        let (mut squares, mut count, mut largest) = (0.0, 0.0, 0.0_f64);
        for seed in 0..200 {
            environment.reset(seed, &mut observation).unwrap();
            let (positions, velocities) = environment.state();
            for (position, rest) in positions.iter().zip(&rest) {
                assert!((position - rest).abs() <= noise, "{}", body.name());
            }
            for velocity in velocities {
                squares += velocity * velocity;
                count += 1.0;
                largest = largest.max(velocity.abs());
            }
        }
        let deviation = (squares / count).sqrt() / noise;
        let expected = if normal { 1.0 } else { 1.0 / 3.0_f64.sqrt() };
        assert!(
            (deviation - expected).abs() < 0.06,
            "{}: {deviation}",
            body.name()
        );
        assert_eq!(largest > noise, normal, "{}", body.name());
    }
}

#[test]
fn an_episode_ends_where_gymnasiums_ends() {
    let mut environments = make_many("hopper", 2).unwrap();
    let mut random = Random::new(environments[0].spec(), 3);
    let episodes = rollout(
        &mut environments,
        &mut random,
        &[0, 1, 2],
        Record::Everything,
    )
    .unwrap();
    for episode in episodes {
        assert!(
            episode.terminated && episode.steps < 300,
            "{} steps",
            episode.steps
        );
        // Upright in all states it acted in: height and angle are the first two that are observed.
        assert!(
            episode
                .observations
                .chunks(11)
                .all(|o| o[0] > 0.7 && o[1].abs() < 0.2)
        );
    }
}

#[test]
fn an_episode_is_its_own() {
    // What was before, a warm start for example, leaves no trace.
    let mut used = Locomotion::new(Body::HalfCheetah).unwrap();
    let mut fresh = Locomotion::new(Body::HalfCheetah).unwrap();
    let mut observations = [[0.0; 17]; 2];
    used.reset(1, &mut observations[0]).unwrap();
    for _ in 0..30 {
        used.step(&[1.0; 6], &mut observations[0]).unwrap();
    }
    used.reset(2, &mut observations[0]).unwrap();
    fresh.reset(2, &mut observations[1]).unwrap();
    for _ in 0..30 {
        used.step(&[-0.5; 6], &mut observations[0]).unwrap();
        fresh.step(&[-0.5; 6], &mut observations[1]).unwrap();
        assert_eq!(observations[0], observations[1]);
    }
}

#[test]
fn physics_out_of_bounds_is_an_error_and_the_next_episode_is_not() {
    let mut environment = Locomotion::new(Body::Hopper).unwrap();
    let mut observation = [0.0; 11];
    let positions = environment.state().0.to_vec();
    for broken in [1e11, f64::NAN] {
        environment.set_state(&positions, &[broken; 6]).unwrap();
        let error = environment.step(&[0.0; 3], &mut observation).unwrap_err();
        assert_eq!(
            error.to_string(),
            "hopper: the state is no longer finite after 1 steps"
        );
        environment.reset(0, &mut observation).unwrap();
        environment.step(&[0.0; 3], &mut observation).unwrap();
    }
    assert!(
        !std::path::Path::new("MUJOCO_LOG.TXT").exists(),
        "MuJoCo wrote about it"
    );
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let refused = |xml: &str| {
        Locomotion::from_xml(Body::Hopper, xml)
            .unwrap_err()
            .to_string()
    };
    let xml = Body::Hopper.xml();
    for broken in [
        &xml[..xml.len() / 2],
        &xml.replace("capsule", "capsul"),
        "",
        "<mujoco/>",
    ] {
        let error = refused(broken);
        assert!(
            error.starts_with("MuJoCo: hopper: ") && !error.contains('\n') && error.len() < 200,
            "{error}"
        );
    }
    assert_eq!(
        refused(Body::Swimmer.xml()),
        "MuJoCo: hopper: the model has 5 positions, 5 velocities and 2 actuators, expected 6 positions, 6 velocities and 3 actuators"
    );
    let mut hopper = make("hopper").unwrap();
    let mut observation = [0.0; 11];
    hopper.reset(0, &mut observation).unwrap();
    let error = hopper
        .step(&[0.0; 4], &mut observation)
        .unwrap_err()
        .to_string();
    assert_eq!(error, "action: expected 3 numbers, found 4");
    let error = hopper
        .step(&[0.0, f64::NAN, 0.0], &mut observation)
        .unwrap_err()
        .to_string();
    assert_eq!(error, "hopper: action 1 is NaN, expected a finite number");
    assert!(
        Locomotion::new(Body::Ant)
            .unwrap()
            .set_state(&[0.0; 14], &[0.0; 14])
            .is_err()
    );
}
