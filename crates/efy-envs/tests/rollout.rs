//! Rollouts are a function of policy and seeds.

use efy_envs::{
    Environment, Error, Linear, Pendulum, Policy, Random, Record, Result, Zero, make, make_many,
    names, rollout,
};

/// Torque, reward, and angle and speed after it.
const PENDULUM: [(f64, f64, [f64; 2]); 3] = [
    (1.5, -1.02725, [1.0678051619302962, 1.3561032386059226]),
    (
        -3.0,
        -1.3281094632207342,
        [1.1534657462597302, 1.713211686588682],
    ),
    (
        2.0,
        -1.62799265610092,
        [1.288407861944184, 2.698842313689078],
    ),
];

/// Episodes of the random policy on so many environments and threads.
fn episodes(name: &str, count: usize, threads: usize, record: Record) -> Vec<efy_envs::Episode> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    let mut environments = make_many(name, count).unwrap();
    let mut policy = Random::new(environments[0].spec(), 7);
    pool.install(|| {
        rollout(
            &mut environments,
            &mut policy,
            &[5, 3, 9, 3, 0, 1, 2],
            record,
        )
        .unwrap()
    })
}

#[test]
fn episodes_do_not_depend_on_threads_or_environments() {
    for name in names() {
        let alone = episodes(name, 1, 1, Record::Everything);
        assert_eq!(
            alone.iter().map(|e| e.seed).collect::<Vec<_>>(),
            [5, 3, 9, 3, 0, 1, 2]
        );
        assert_eq!(
            alone[1], alone[3],
            "{name}: the same seed, the same episode"
        );
        assert_ne!(
            alone[0].total, alone[1].total,
            "{name}: another seed, another episode"
        );
        for (count, threads) in [(3, 1), (3, 3), (16, 2)] {
            assert_eq!(
                episodes(name, count, threads, Record::Everything),
                alone,
                "{name}"
            );
        }
    }
}

#[test]
fn records_hold_what_they_say() {
    let everything = episodes("pendulum", 2, 1, Record::Everything);
    let rewards = episodes("pendulum", 2, 1, Record::Rewards);
    let returns = episodes("pendulum", 2, 1, Record::Returns);
    for ((full, some), least) in everything.iter().zip(&rewards).zip(&returns) {
        assert_eq!((full.steps, full.terminated), (200, false));
        assert_eq!(
            (
                full.observations.len(),
                full.actions.len(),
                full.rewards.len()
            ),
            (600, 200, 200)
        );
        assert_eq!(full.rewards.iter().sum::<f64>(), full.total);
        assert_eq!(
            (some.observations.len(), some.actions.len(), &some.rewards),
            (0, 0, &full.rewards)
        );
        assert_eq!((least.rewards.len(), least.total), (0, full.total));
    }
    // The first row is the first observation, and acting on it gives the second.
    let mut pendulum = Pendulum::new();
    let mut observation = [0.0; 3];
    pendulum.reset(5, &mut observation).unwrap();
    assert_eq!(observation, everything[0].observations[..3]);
    pendulum
        .step(&everything[0].actions[..1], &mut observation)
        .unwrap();
    assert_eq!(observation, everything[0].observations[3..6]);
}

#[test]
fn pendulum_is_that_of_gymnasium() {
    // From gymnasium 1.4.0: Pendulum-v1, state (1, 0.5), torques 1.5, -3 (clipped), 2.
    let mut pendulum = Pendulum::new();
    pendulum.set_state([1.0, 0.5]);
    let expected = PENDULUM;
    let mut observation = [0.0; 3];
    for (torque, reward, state) in expected {
        let transition = pendulum.step(&[torque], &mut observation).unwrap();
        assert!(
            (transition.reward - reward).abs() < 1e-12,
            "{} {reward}",
            transition.reward
        );
        let [angle, speed] = pendulum.state();
        assert!(
            (angle - state[0]).abs() < 1e-12 && (speed - state[1]).abs() < 1e-12,
            "{angle} {speed}"
        );
        assert_eq!(observation, [angle.cos(), angle.sin(), speed]);
        assert!(!transition.terminated);
    }
}

struct Broken;

impl Policy for Broken {
    fn act(&mut self, _count: usize, _observations: &[f64], actions: &mut [f64]) -> Result<()> {
        actions.fill(f64::NAN);
        Ok(())
    }
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let error = make("hoper").map(|_| ()).unwrap_err().to_string();
    assert!(
        error.ends_with("pendulum, linear_plant")
            && error.starts_with("unknown environment \"hoper\", "),
        "{error}"
    );
    let mut pendulums = make_many("pendulum", 2).unwrap();
    let mut refused = |policy: &mut dyn Policy| {
        rollout(&mut pendulums, policy, &[1], Record::Returns)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused(&mut Broken),
        "pendulum: action 0 is NaN, expected a finite number"
    );
    let error = rollout(&mut [], &mut Broken, &[1], Record::Returns).unwrap_err();
    assert_eq!(error.to_string(), "no environments to run episodes in");
    let mut mixed = vec![make("pendulum").unwrap(), make("linear_plant").unwrap()];
    let error = rollout(&mut mixed, &mut Broken, &[1], Record::Returns).unwrap_err();
    assert_eq!(
        error.to_string(),
        "environments of one rollout must be alike, found pendulum and linear_plant"
    );
    let mut pendulum = Pendulum::new();
    let error = pendulum.step(&[0.0, 0.0], &mut [0.0; 3]).unwrap_err();
    assert_eq!(error.to_string(), "action: expected 1 numbers, found 2");
    assert!(matches!(
        pendulum.reset(0, &mut [0.0; 4]),
        Err(Error::Length {
            what: "observation",
            ..
        })
    ));
    assert!(
        rollout(&mut pendulums, &mut Broken, &[], Record::Returns)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn policies_do_what_they_say() {
    let spec = make("pendulum").unwrap().spec().clone();
    let mut actions = [f64::NAN; 2];
    Zero::new(&spec).act(2, &[1.0; 6], &mut actions).unwrap();
    assert_eq!(actions, [0.0; 2]);
    let mut linear = Linear::new(
        &spec,
        vec![1.0, 2.0, -1.0],
        vec![1.0, 0.0, 0.0],
        vec![1.0, 2.0, 1.0],
    )
    .unwrap();
    linear
        .act(2, &[2.0, 3.0, 4.0, 1.0, 0.0, 0.5], &mut actions)
        .unwrap();
    assert_eq!(actions, [0.0, -0.5]);
    let refused = Linear::new(&spec, vec![0.0; 3], vec![0.0; 3], vec![1.0, 0.0, 1.0]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "scale: number 1 is 0, expected a positive one"
    );

    // The random policy is uniform, and rows do not know of each other.
    let rows: Vec<f64> = (0..3000).map(|i| f64::from(i) * 0.1).collect();
    let mut together = vec![0.0; 1000];
    let mut random = Random::new(&spec, 1);
    random.act(1000, &rows, &mut together).unwrap();
    let mut alone = [0.0];
    random.act(1, &rows[300..303], &mut alone).unwrap();
    assert_eq!(alone[0], together[100]);
    let mean = together.iter().sum::<f64>() / 1000.0;
    let variance = together.iter().map(|a| a * a).sum::<f64>() / 1000.0;
    assert!(
        mean.abs() < 0.15 && (variance - 4.0 / 3.0).abs() < 0.15,
        "{mean} {variance}"
    );
}

#[cfg(not(feature = "mujoco"))]
#[test]
fn a_build_without_mujoco_says_so() {
    let error = make("hopper").map(|_| ()).unwrap_err().to_string();
    assert_eq!(
        error,
        "hopper needs MuJoCo, which this build is without; build with the cargo feature `mujoco`"
    );
    assert_eq!(
        (names(), efy_envs::mujoco_version()),
        (vec!["pendulum", "linear_plant"], None)
    );
}
