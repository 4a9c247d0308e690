//! 200 mutations of each configuration: accepted, or refused with the place and the reason.

use efy_fuzz::mutate::{config, random};
use efy_tasks::config::Config;

use crate::configurations;

const MUTATIONS: u64 = 200;

#[test]
fn mutated_configurations_are_read_or_refused_with_file_and_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yaml");
    let name = file.display().to_string();
    for (origin, good) in configurations() {
        let mut refused = 0;
        for seed in 0..MUTATIONS {
            let (bytes, change) = config(&mut random(seed), &good);
            std::fs::write(&file, &bytes).unwrap();
            let error = match Config::load(&file, &[]) {
                Ok(config) => {
                    let yaml = efy_train::config::to_yaml(&config).unwrap();
                    let again = Config::from_text("again", &yaml, &[]).unwrap();
                    assert_eq!(config, again, "{origin}: {change}");
                    continue;
                }
                Err(error) => error,
            };
            refused += 1;
            let message = error.to_string();
            let told = format!("{origin}: {change}: {message}");
            assert_eq!(error.exit_code(), 2, "{told}");
            assert!(!message.contains(char::is_control), "{told}");
            assert!(message.len() < name.len() + 600, "{told}");
            let rest = message
                .strip_prefix(&name)
                .unwrap_or_else(|| panic!("{told}"));
            assert!(is_located(rest), "{told}");
        }
        assert!(
            refused > MUTATIONS / 2,
            "{origin}: only {refused} were refused"
        );
    }
}

/// `:LINE...` or what concerns the file as a whole.
fn is_located(rest: &str) -> bool {
    let line = rest
        .strip_prefix(':')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    // A key that is not there, whose default is not right beside the others, has no line.
    let key = rest
        .strip_prefix(": ")
        .and_then(|rest| rest.split_once(": expected "))
        .is_some_and(|(key, _)| {
            let known = |c: char| c.is_ascii_lowercase() || "._".contains(c);
            key.contains('.') && key.chars().all(known)
        });
    line || key
        || [
            ": expected UTF-8 text, found UTF-16",
            ": expected a key task, found none",
            ": expected a section of keys, found ",
        ]
        .iter()
        .any(|whole| rest.starts_with(whole))
}

#[test]
fn line_ends_and_a_byte_order_mark_change_nothing() {
    for (origin, good) in configurations() {
        let read = |text: &str| Config::from_text(&origin, text, &[]).unwrap();
        let config = read(&good);
        assert_eq!(read(&good.replace('\n', "\r\n")), config);
        assert_eq!(read(&format!("\u{feff}{good}")), config);
    }
}

#[test]
fn what_yaml_makes_of_words_and_numbers_is_refused_where_it_is_not_meant() {
    let cases = [
        (
            "data:\n  standardize: yes\n",
            "c:2:3: data.standardize: expected true or false, found \"yes\"",
        ),
        (
            "data:\n  standardize: 1\n",
            "c:2:3: data.standardize: expected true or false, found 1",
        ),
        ("name: 5\n", "c:1:1: name: expected text, found 5"),
        ("name: no\n", ""),
        (
            "name: ''\n",
            "c:1:1: name: expected 1 to 128 characters, found 0",
        ),
        (
            "train:\n  seed: 18446744073709551616\n",
            "c:2:9: train.seed: expected an integer of 64 bits, found 18446744073709551616",
        ),
        (
            "train:\n  epochs: 1e3\n",
            "c:2:3: train.epochs: expected a whole number",
        ),
        (
            "train:\n  lr: 1e999\n",
            "c:2:3: train.lr: expected a number, found \"1e999\"",
        ),
        (
            "train:\n  lr: -.inf\n",
            "c:2:7: train.lr: expected a finite number, found -.inf",
        ),
        (
            "train:\n  batch_size: 99999999999\n",
            "c:2:3: train.batch_size: expected at most 16777216 examples",
        ),
        (
            "loss:\n  unroll_step_size: .nan\n",
            "c:2:21: loss.unroll_step_size: expected a finite number",
        ),
        (
            "model:\n  hidden: [64, 4294967295]\n",
            "c:2:3: model.hidden: expected widths from 1 to 65536",
        ),
        (
            "model:\n  hidden: [64, 4294967296]\n",
            "c:2:16: model.hidden[1]: expected a whole number from 0 to",
        ),
        (
            "model:\n  rank: 0\n",
            "c:2:3: model.rank: expected a rank from 1 to 65536, found 0",
        ),
        (
            "model:\n  kind: [unary]\n",
            "c:2:3: model.kind: expected a name",
        ),
        (
            "train: []\n",
            "c:1:1: train: expected a section of keys, found a list",
        ),
        (
            "train:\n",
            "c:1:1: train: expected a section of keys, found nothing",
        ),
    ];
    for (text, expected) in cases {
        let text = format!("{text}task: multilabel\n");
        match Config::from_text("c", &text, &[]) {
            Ok(_) => assert_eq!(expected, "", "{text}"),
            Err(error) => {
                let message = error.to_string();
                assert!(
                    !expected.is_empty() && message.starts_with(expected),
                    "{text}{message}"
                );
            }
        }
    }
}
