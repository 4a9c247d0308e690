use std::path::PathBuf;

use super::*;
use crate::data::Cache;
use crate::data::arrays;

/// Three episodes of 4, 1 and 5 steps, d = 2, k = 1, with numbers that need all digits.
fn made() -> Demonstrations {
    let numbers = |n: usize, scale: f64| (0..n).map(|i| (i as f64 - 3.0) / scale).collect();
    Demonstrations::new(
        Some("hopper".to_owned()),
        (numbers(20, 7.0), 2),
        (numbers(10, 3.0), 1),
        numbers(10, 11.0),
        vec![0, 4, 5],
    )
    .unwrap()
}

fn place(name: &str) -> PathBuf {
    tempfile::tempdir().unwrap().keep().join(name)
}

fn refused(path: &std::path::Path) -> String {
    let error = read(path).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    let text = error.to_string();
    text.rsplit_once(path.to_str().unwrap())
        .unwrap()
        .1
        .to_owned()
}

#[test]
fn every_format_comes_back_to_the_last_bit_and_is_the_same_bytes_again() {
    for name in ["d.safetensors", "d.npz", "d.csv"] {
        let path = place(name);
        write(&path, &made()).unwrap();
        let mut found = read(&path).unwrap();
        if name == "d.safetensors" {
            assert_eq!(found.environment.as_deref(), Some("hopper"));
        }
        found.environment = made().environment;
        assert_eq!(found, made(), "{name}");
        let bytes = std::fs::read(&path).unwrap();
        write(&path, &made()).unwrap();
        assert_eq!(bytes, std::fs::read(&path).unwrap(), "{name}");
    }
}

#[test]
fn episodes_are_found_however_a_file_marks_them() {
    let arrays = |marks: &[(&str, &[f64])]| {
        let path = place("d.npz");
        let (observations, actions) = ([0.5; 20], [0.1; 10]);
        let mut all = vec![
            ("obs", vec![10, 2], &observations[..]),
            ("acts", vec![10, 1], &actions[..]),
        ];
        all.extend(
            marks
                .iter()
                .map(|(key, marks)| (*key, vec![marks.len()], *marks)),
        );
        std::fs::write(&path, arrays::npz(&all).unwrap()).unwrap();
        path
    };
    let starts = |marks: &[(&str, &[f64])]| read(&arrays(marks)).unwrap().starts().to_vec();
    let first = [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0];
    let dead = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let late = [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    assert_eq!(starts(&[]), [0]);
    assert_eq!(starts(&[("starts", &[0.0, 4.0, 5.0])]), [0, 4, 5]);
    assert_eq!(starts(&[("episode_starts", &first)]), [0, 4, 5]);
    assert_eq!(starts(&[("lengths", &[4.0, 1.0, 5.0])]), [0, 4, 5]);
    assert_eq!(
        starts(&[("terminals", &dead), ("timeouts", &late)]),
        [0, 4, 5]
    );

    let wrong = |marks: &[(&str, &[f64])]| refused(&arrays(marks));
    let rows = wrong(&[("starts", &[0.0, 10.0])]);
    assert_eq!(rows, ": starts: expected rows below 10");
    let order = wrong(&[("starts", &[0.0, 5.0, 4.0])]);
    assert_eq!(
        order,
        ": starts: expected 0 and then ascending rows below 10"
    );
    let lengths = wrong(&[("lengths", &[4.0, 5.0])]);
    assert_eq!(lengths, ": lengths: expected steps of episodes, 10 in all");
    let marks = wrong(&[("dones", &[0.0; 9])]);
    assert_eq!(marks, ": dones: expected 10 numbers, found the shape [9]");
}

#[test]
fn what_is_wrong_with_a_file_is_said_in_a_line() {
    let path = place("d.npz");
    let npz = |all: &[arrays::Named<'_>]| {
        std::fs::write(&path, arrays::npz(all).unwrap()).unwrap();
        refused(&path)
    };
    let ten = [0.0; 10];
    assert_eq!(
        npz(&[("states", vec![5, 2], &ten)]),
        ": expected an array observations or observation or obs, found states"
    );
    assert_eq!(
        npz(&[
            ("observations", vec![10], &ten),
            ("actions", vec![10, 1], &ten)
        ]),
        ": observations: expected a matrix, a row for each step, found the shape [10]"
    );
    assert_eq!(
        npz(&[
            ("observations", vec![5, 2], &ten),
            ("actions", vec![10, 1], &ten)
        ]),
        ": actions: expected 5 rows, as many as of observations, found 10"
    );
    let infinite = [f64::INFINITY; 10];
    assert_eq!(
        npz(&[
            ("observations", vec![5, 2], &ten),
            ("actions", vec![5, 2], &infinite)
        ]),
        ": actions: expected finite numbers, found inf at number 0"
    );
    std::fs::write(&path, b"no archive").unwrap();
    assert!(refused(&path).starts_with(": expected an npz archive or a safetensors file"));
    std::fs::write(&path, b"PK broken").unwrap();
    assert!(refused(&path).starts_with(": no valid npz archive"));

    let path = place("d.csv");
    let csv = |text: &str| {
        std::fs::write(&path, text).unwrap();
        refused(&path)
    };
    assert_eq!(
        csv("o1,a1\n1,2\n3,x\n"),
        ":3: expected a finite number, found \"x\""
    );
    assert_eq!(csv("o1,a1\n1\n"), ":2: expected 2 numbers, found 1");
    assert_eq!(
        csv("o1\n1\n"),
        ": actions: expected rows of numbers, found none"
    );
    assert!(csv("x,a1\n1,1\n").ends_with("reward, episode, found \"x\""));
}

#[test]
fn episodes_and_returns_are_those_of_the_rows() {
    let all = made();
    assert_eq!((all.len(), all.count(), all.rows(2)), (10, 3, 5..10));
    let last = all.episodes(1..3).unwrap();
    assert_eq!(last.starts(), [0, 1]);
    assert_eq!(last.observations(), &all.observations()[8..]);
    assert_eq!(last.returns(), all.returns()[1..]);
    assert_eq!(all.returns()[1], all.rewards()[4]);
    let message = all.episodes(2..4).unwrap_err().to_string();
    assert!(
        message.contains("expected some of 3 episodes, found 2 to 4"),
        "{message}"
    );
}

#[test]
fn every_nth_pair_is_left_from_a_row_that_the_seed_draws() {
    let n = 100;
    let column: Vec<f64> = (0..2 * n).map(|i| i as f64).collect();
    let both = || (column.clone(), 1);
    let all = Demonstrations::new(None, both(), both(), Vec::new(), vec![0, n]).unwrap();
    let mut offsets = std::collections::BTreeSet::new();
    for seed in 0..40 {
        let some = all.subsample(20, seed);
        assert_eq!(some, all.subsample(20, seed));
        assert_eq!((some.count(), some.len()), (2, 10));
        assert_eq!(some.observations(), some.actions());
        for episode in 0..2 {
            let rows = &some.observations()[some.rows(episode)];
            assert!(rows.windows(2).all(|pair| pair[1] - pair[0] == 20.0));
            offsets.insert(rows[0] as usize - episode * n);
        }
        let alone = all.episodes(0..1).unwrap().subsample(20, seed);
        assert_eq!(alone.observations(), &some.observations()[..5]);
    }
    assert!(offsets.len() > 10 && offsets.iter().all(|&row| row < 20));
    assert_eq!(
        made().subsample(7, 3).count(),
        3,
        "short episodes keep a row"
    );
    assert_eq!(made().subsample(1, 3), made());
}

#[test]
fn mean_and_deviation_are_those_of_each_entry() {
    let rows = vec![1.0, 5.0, 3.0, 5.0];
    let some = Demonstrations::new(None, (rows, 2), (vec![0.0; 2], 1), Vec::new(), vec![0]);
    let some = some.unwrap();
    assert_eq!(some.mean(), [2.0, 5.0]);
    assert_eq!(some.deviation(), [1.0, 0.0]);
}

#[test]
fn recorded_episodes_are_demonstrations_with_actions_in_the_box() {
    let mut environments = efy_envs::make_many("pendulum", 2).unwrap();
    let spec = environments[0].spec().clone();
    let mut policy =
        efy_envs::Linear::new(&spec, vec![9.0; 3], vec![0.0; 3], vec![1.0; 3]).unwrap();
    let record = efy_envs::Record::Everything;
    let episodes = efy_envs::rollout(&mut environments, &mut policy, &[1, 2, 3], record).unwrap();
    let made = Demonstrations::of_episodes(&spec, &episodes).unwrap();
    assert_eq!((made.count(), made.len()), (3, 600));
    assert_eq!(made.environment.as_deref(), Some("pendulum"));
    let bound = made
        .actions()
        .iter()
        .fold(0.0_f64, |most, a| most.max(a.abs()));
    assert_eq!(bound, 2.0);
    for (found, episode) in made.returns().iter().zip(&episodes) {
        assert!((found - episode.total).abs() < 1e-9);
    }
    let nothing = efy_envs::rollout(&mut environments, &mut policy, &[1], Default::default());
    assert!(Demonstrations::of_episodes(&spec, &nothing.unwrap()).is_err());
}

#[test]
fn imported_demonstrations_are_found_by_name() {
    let path = place("d.npz");
    write(&path, &made()).unwrap();
    let cache = Cache::new(path.parent().unwrap().join("cache"));
    assert!(imported(&cache).is_empty());
    import("own", &path, Some("hopper"), &cache, false).unwrap();
    assert_eq!(imported(&cache), ["own"]);
    assert_eq!(load("own", &cache).unwrap(), made());
    assert_eq!(load(path.to_str().unwrap(), &cache).unwrap().len(), 10);
    let again = import("own", &path, None, &cache, false)
        .unwrap_err()
        .to_string();
    assert!(again.contains("--force"), "{again}");
    let unknown = load("onw", &cache).unwrap_err().to_string();
    assert!(unknown.contains("did you mean \"own\"?"), "{unknown}");
    let own = cache.root().join("demonstrations/own.safetensors");
    let other = import("b", &own, Some("ant"), &cache, false)
        .unwrap_err()
        .to_string();
    assert!(
        other.ends_with("environment: expected ant, found hopper"),
        "{other}"
    );
    assert!(import("No", &path, None, &cache, false).is_err());
}
