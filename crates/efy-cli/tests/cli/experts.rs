//! `efy expert`, `efy demos`, `efy play`, and demonstrations as data sets.

use serde_json::Value;

use crate::support::Place;

/// A search that is over in a moment.
const QUICK: &str = "--iterations 4 --directions 3 --top 2 --evaluate-every 2";

#[test]
fn an_expert_is_trained_the_same_twice_and_acts_from_its_file() {
    let place = Place::new();
    let told = place
        .efy(&format!("expert train pendulum {QUICK} --seed 3"))
        .ok();
    let progress: Vec<&str> = told.stderr.lines().collect();
    assert_eq!(progress.len(), 2, "{}", told.told());
    assert!(progress[1].starts_with("pendulum: iteration 4 of 4, 4800 steps, return -"));
    let facts = told.last_json();
    assert_eq!(facts["expert"], "pendulum.json");
    let file = place.json("pendulum.json");
    assert_eq!(file["training"]["seed"], 3);
    assert_eq!(file["training"]["iteration"], facts["iteration"]);
    assert_eq!(file["returns"], facts["returns"]);

    let again = format!("expert train pendulum {QUICK} --seed 3 --quiet --out b.json");
    assert_eq!(place.efy(&again).ok().stderr, "");
    assert_eq!(place.bytes("b.json"), place.bytes("pendulum.json"));
    let judged = place.efy("expert eval pendulum.json --json").ok().json();
    assert_eq!(judged["returns"], facts["returns"]);
    let table = place
        .efy("expert eval pendulum.json --episodes 3")
        .ok()
        .stdout;
    assert!(
        table.contains("episodes        3") && table.contains("median"),
        "{table}"
    );

    let taken = place.efy(&again);
    assert!(
        taken
            .failed(2)
            .ends_with("b.json is there already; use --force to replace it")
    );
}

#[test]
fn what_a_search_cannot_be_asked_for_is_said_in_a_line() {
    let place = Place::new();
    for (line, message) in [
        (
            "expert train pendulm",
            "unknown environment \"pendulm\", expected one of",
        ),
        (
            "expert train pendulum --top 99",
            "top: expected 1 to directions (16), found 99",
        ),
        (
            "expert train pendulum --noise 0",
            "noise: expected a positive number, found 0",
        ),
        (
            "expert eval nobody",
            "unknown expert \"nobody\", expected one of half_cheetah",
        ),
        (
            "demos nobody --episodes 1 --out d",
            "unknown expert \"nobody\"",
        ),
        ("play nobody", "unknown expert \"nobody\""),
    ] {
        let finished = place.efy(line);
        assert!(finished.failed(2).contains(message), "{}", finished.told());
    }
    assert!(place.names().is_empty(), "bad input leaves nothing behind");
}

#[test]
fn experts_are_listed_with_what_they_reach() {
    let list = Place::new().efy("expert list --json").ok().json();
    let names: Vec<&str> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|expert| expert["name"].as_str().unwrap())
        .collect();
    let known = "half_cheetah hopper linear_plant pendulum swimmer walker2d";
    assert_eq!(names.join(" "), known);
    assert!(list[1]["returns"]["mean"].as_f64().unwrap() > 2500.0);
}

#[test]
fn demonstrations_are_a_function_of_expert_and_seed_in_every_format() {
    let place = Place::new();
    let told = place
        .efy("demos pendulum --episodes 3 --seed 5 --out a.safetensors")
        .ok();
    assert!(
        told.stdout
            .starts_with("a.safetensors: 3 episodes of pendulum, 600 steps, return -"),
        "{}",
        told.told()
    );
    for out in ["b.safetensors", "c.csv", "d.npz", "e.csv"] {
        place
            .efy(&format!("demos pendulum --episodes 3 --seed 5 --out {out}"))
            .ok();
    }
    assert_eq!(place.bytes("a.safetensors"), place.bytes("b.safetensors"));
    assert_eq!(place.bytes("c.csv"), place.bytes("e.csv"));
    place
        .efy("demos pendulum --episodes 3 --seed 6 --out b.safetensors")
        .ok();
    assert_ne!(place.bytes("a.safetensors"), place.bytes("b.safetensors"));
    let csv = place.text("c.csv");
    assert!(csv.starts_with("episode,reward,o1,o2,o3,a1\n0,-"), "{csv}");
    assert_eq!(csv.lines().count(), 601);

    for (name, file) in [
        ("one", "a.safetensors"),
        ("two", "c.csv"),
        ("three", "d.npz"),
    ] {
        let line = format!("data import {name} --demonstrations {file} --environment pendulum");
        let told = place.efy(&line).ok().stdout;
        let rest = "3 episodes, 600 steps, 3 numbers observed, 1 in an action\n";
        assert_eq!(told, format!("{name}: {rest}"));
    }
    let bytes = |name| place.bytes(&format!("cache/demonstrations/{name}.safetensors"));
    assert_eq!(bytes("one"), place.bytes("a.safetensors"));
    assert!(bytes("two") == bytes("one") && bytes("three") == bytes("one"));
    let info = place.efy("data info one --json").ok().json();
    assert_eq!(
        (&info["episodes"], &info["environment"]),
        (&3.into(), &"pendulum".into())
    );
    let list = place.efy("data list --json").ok().json();
    let mut sets = list.as_array().unwrap().iter();
    assert!(sets.any(|set| set["name"] == "three" && set["about"] == "demonstrations"));
}

#[test]
fn demonstrations_that_make_no_sense_are_refused_with_file_and_key() {
    let place = Place::new();
    place.write("short.csv", "o1,o2,a1\n1,2,3\n1,2\n");
    place.write("none.csv", "o1,reward\n1,2\n");
    place.write("text.npz", "PK no archive");
    place.write("text.bin", "words");
    for (file, message) in [
        ("short.csv", "short.csv:3: expected 3 numbers, found 2"),
        (
            "none.csv",
            "none.csv: actions: expected rows of numbers, found none",
        ),
        ("text.npz", "text.npz: no valid npz archive"),
        (
            "text.bin",
            "text.bin: expected an npz archive or a safetensors file, found neither",
        ),
        ("gone.npz", "gone.npz: cannot read"),
    ] {
        let finished = place.efy(&format!("data import own --demonstrations {file}"));
        assert!(finished.failed(2).contains(message), "{}", finished.told());
    }
    let none = place.efy("data import own");
    assert!(none.failed(2).contains("--train"), "{}", none.told());
    assert!(
        !place.path("cache").exists(),
        "bad input leaves nothing behind"
    );
}

#[test]
fn an_episode_is_drawn_and_its_numbers_are_beside() {
    let place = Place::new();
    let told = place
        .efy("play pendulum --video --seed 4 --format svg,png")
        .ok();
    let facts = told.last_json();
    assert_eq!(
        (&facts["drawn"], &facts["steps"]),
        (&"film".into(), &200.into())
    );
    for name in ["observation", "action", "return", "poses"] {
        for ending in ["svg", "png", "csv"] {
            let file = format!("play-pendulum/{name}.{ending}");
            assert!(
                facts["files"]
                    .as_array()
                    .unwrap()
                    .contains(&Value::from(file.as_str()))
            );
            assert!(!place.bytes(&file).is_empty());
        }
    }
    assert!(!place.bytes("play-pendulum/film.png").is_empty());
    // 200 steps and the start, 20 a second.
    assert!(!place.bytes("play-pendulum/film/00200.png").is_empty());
    let last = place.text("play-pendulum/return.csv");
    let last: f64 = last
        .lines()
        .last()
        .unwrap()
        .split(',')
        .nth(2)
        .unwrap()
        .parse()
        .unwrap();
    assert!((last - facts["return"].as_f64().unwrap()).abs() < 1e-6);
    let actions = place.text("play-pendulum/action.csv");
    let bounded = |line: &str| {
        line.split(',')
            .nth(2)
            .unwrap()
            .parse::<f64>()
            .unwrap()
            .abs()
            <= 2.0
    };
    assert!(actions.lines().skip(1).all(bounded));
}

#[test]
fn what_looks_like_nothing_has_no_film() {
    let told = Place::new().efy("play linear_plant --video").ok();
    assert!(
        told.stderr
            .contains("linear_plant does not look like anything"),
        "{}",
        told.told()
    );
    assert_eq!(told.last_json()["drawn"], "trajectory");
}

/// The network experts of the folder `shared` beside the workspace, where there is one.
#[test]
fn demonstrations_and_networks_of_others_are_imported() {
    let file = "data/demos/expert_data_Hopper-v4.npz";
    let Some(path) = crate::support::shared(file) else {
        return;
    };
    let place = Place::new();
    let line = format!(
        "data import mlp --environment hopper --demonstrations {}",
        path.display()
    );
    let told = place.efy(&line).ok().stdout;
    let expected = "mlp: 2 episodes, 2000 steps, 11 numbers observed, 3 in an action\n";
    assert_eq!(told, expected);
    let mean = &place.efy("data info mlp --json").ok().json()["mean return"];
    assert!((mean.as_f64().unwrap() - 3717.5).abs() < 1.0, "{mean}");
}
