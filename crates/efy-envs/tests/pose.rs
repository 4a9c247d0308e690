//! What environments look like.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use efy_envs::{Environment, Pendulum, Pose, make, names};

fn lowest(pose: &Pose) -> f64 {
    let ends = pose.capsules.iter();
    let ends = ends.map(|part| part.from[1].min(part.to[1]) - part.radius);
    ends.fold(f64::INFINITY, f64::min)
}

#[test]
fn a_pendulum_is_a_rod_around_its_motor() {
    let mut pendulum = Pendulum::new();
    for (angle, end) in [(0.0, [0.0, 1.0]), (std::f64::consts::FRAC_PI_2, [1.0, 0.0])] {
        pendulum.set_state([angle, 0.0]);
        let pose = pendulum.pose().unwrap();
        let [rod, motor] = pose.capsules[..] else {
            unreachable!("a rod and a motor")
        };
        assert!((0..2).all(|axis| (rod.to[axis] - end[axis]).abs() < 1e-12));
        assert_eq!((rod.from, motor.to), ([0.0; 2], [0.0; 2]));
        assert_eq!((pose.ground, pose.seconds), (None, 0.05));
    }
}

#[test]
fn every_environment_with_a_body_has_limbs_and_stands_on_the_ground() {
    // Capsules, and how many of each limb: the trunk first.
    let bodies: [(&str, &[usize]); 5] = [
        ("hopper", &[1, 3]),
        ("half_cheetah", &[2, 3, 3]),
        ("walker2d", &[1, 3, 3]),
        ("swimmer", &[1, 2]),
        ("ant", &[1, 3, 3, 3, 3]),
    ];
    for name in names() {
        let mut environment = make(name).unwrap();
        let mut observation = vec![0.0; environment.spec().observation];
        environment.reset(0, &mut observation).unwrap();
        let Some((_, limbs)) = bodies.iter().find(|(body, _)| *body == name) else {
            continue;
        };
        let pose = environment.pose().unwrap();
        for (limb, &parts) in limbs.iter().enumerate() {
            let found = pose
                .capsules
                .iter()
                .filter(|part| part.limb == limb)
                .count();
            assert_eq!(found, parts, "{name}, limb {limb}");
        }
        assert_eq!(pose.capsules.len(), limbs.iter().sum::<usize>(), "{name}");
        assert_eq!(pose.ground.is_none(), name == "swimmer");
        if let Some(ground) = pose.ground {
            // Starts are a little off the model's own pose, which stands, but for the ant's: it is let fall.
            let above = lowest(&pose) - ground;
            let most = if name == "ant" { 0.6 } else { 0.15 };
            assert!((-0.15..most).contains(&above), "{name}: {above}");
        }
        // The film does not stand still.
        let action = vec![0.5; environment.spec().action()];
        environment.step(&action, &mut observation).unwrap();
        assert_ne!(environment.pose().unwrap(), pose, "{name}");
    }
}

#[test]
fn a_plant_of_numbers_looks_like_nothing() {
    assert!(make("linear_plant").unwrap().pose().is_none());
}
