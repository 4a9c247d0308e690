//! `efy bench rollout`, and what is said where an environment cannot be had.

use crate::support::Place;

#[test]
fn episodes_are_a_function_of_the_seed() {
    let place = Place::new();
    let told = |more: &str| {
        let line = format!("bench rollout --json --set episodes=5 {more}");
        let mut json = place.efy(&line).ok().json();
        assert!(json["steps_per_second"].as_f64().unwrap() > 0.0);
        let object = json.as_object_mut().unwrap();
        for key in ["seconds", "steps_per_second", "settings"] {
            object.remove(key);
        }
        json
    };
    let one = told("--set environments=1 --set threads=1");
    assert_eq!(one, told("--set environments=3 --set threads=2"));
    assert_eq!((&one["episodes"], &one["steps"]), (&5.into(), &1000.into()));
    assert_ne!(one, told("--set seed=9"));
    assert_ne!(one, told("--set policy=zero"));
    assert_ne!(one, told("--set policy=linear"));
    assert_eq!(told("--set environment=linear_plant")["steps"], 500);
}

#[test]
fn a_line_for_people() {
    let told = Place::new()
        .efy("bench rollout --seconds 0.01 --set environments=2")
        .ok()
        .stdout;
    assert!(
        told.contains(" steps/s  (")
            && told.contains("; pendulum, random policy, 2 environments, threads "),
        "{told}"
    );
}

#[test]
fn mistakes_are_one_line() {
    let place = Place::new();
    for (settings, expected) in [
        (
            "environment=hoper",
            "unknown environment \"hoper\", expected one of ",
        ),
        (
            "environments=0",
            "bench: environments: expected a positive integer, found 0",
        ),
        (
            "threads=0",
            "bench: threads: expected a positive integer, found 0",
        ),
        ("policy=none", "policy"),
        ("environmens=3", "did you mean environments?"),
    ] {
        let told = place.efy(&format!("bench rollout --set {settings}"));
        let told = told.failed(2);
        assert!(told.contains(expected), "{settings}: {told}");
    }
}

#[cfg(feature = "mujoco")]
#[test]
fn mujoco_is_there_and_leaves_no_files() {
    let place = Place::new();
    for environment in ["hopper", "half_cheetah", "walker2d", "swimmer", "ant"] {
        let line = format!("bench rollout --json --set episodes=2 --set environment={environment}");
        let json = place.efy(&line).ok().json();
        assert!(json["steps"].as_u64().unwrap() >= 10, "{json}");
    }
    let doctor = place.efy("doctor --json").ok().json();
    assert_eq!(doctor["mujoco"]["usable"], true);
    assert_eq!(doctor["mujoco"]["version"], "3.17.0");
    let told = place.efy("doctor").ok().stdout;
    assert!(
        told.contains("\nmujoco    3.17.0\nenvs      hopper "),
        "{told}"
    );
    assert!(place.names().is_empty(), "{:?}", place.names());
}

#[cfg(not(feature = "mujoco"))]
#[test]
fn a_build_without_mujoco_says_so() {
    let place = Place::new();
    let told = place.efy("bench rollout --set environment=hopper");
    assert!(
        told.failed(2)
            .contains("hopper needs MuJoCo, which this build is without")
    );
    assert_eq!(
        place.efy("doctor --json").ok().json()["mujoco"]["usable"],
        false
    );
}
