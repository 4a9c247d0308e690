//! The reference of the configuration keys, the schema and the configurations that come along.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Place, below, skipped, workspace};

/// Whether committed files are to be written instead of compared.
pub(crate) fn blessing() -> bool {
    std::env::var_os("EFY_BLESS").is_some_and(|value| value == "1")
}

/// `text` is what the file of the workspace holds. With `EFY_BLESS=1` the file is written instead.
pub(crate) fn assert_is_committed(name: &str, text: &str) {
    let path = workspace().join(name);
    if blessing() {
        fs::write(&path, text).unwrap();
        return;
    }
    if !path.exists() {
        skipped(&format!("no {name}; EFY_BLESS=1 writes it"));
        return;
    }
    let committed = fs::read_to_string(&path).unwrap();
    assert!(
        committed == text,
        "{name} is not what the program says; write it anew with EFY_BLESS=1"
    );
}

#[test]
fn the_reference_in_the_book_is_that_of_the_program() {
    let text = Place::new().efy("reference").ok().stdout;
    assert_is_committed("docs/src/configuration.md", &text);
}

#[test]
fn the_committed_schema_is_that_of_the_program() {
    let text = Place::new().efy("reference --json").ok().stdout;
    assert_is_committed("configs/schema.json", &text);
}

#[test]
fn the_committed_schema_of_sweeps_is_that_of_the_program() {
    let text = Place::new().efy("reference --sweep").ok().stdout;
    assert_is_committed("configs/sweep.schema.json", &text);
}

#[test]
fn reference_and_schema_know_every_key_of_a_resolved_config() {
    let place = Place::new();
    place.train("run", "");
    let reference = place.efy("reference").ok().stdout;
    let schema = place.efy("reference --json").ok().json();
    let (mut path, mut keys) = (Vec::new(), 0);
    for line in place.text("run/config.yaml").lines() {
        let Some((key, _)) = line.split_once(':') else {
            continue;
        };
        let key = key.trim_start();
        path.truncate((line.len() - line.trim_start().len()) / 2);
        let section = path.iter().fold(&schema, |section, key: &&str| {
            resolve(&schema, &section["properties"][key])
        });
        assert!(section["properties"].get(key).is_some(), "{path:?} {key}");
        assert!(
            reference.contains(&format!("\n| `{key}` |")),
            "{path:?} {key}"
        );
        path.push(key);
        keys += 1;
    }
    assert!(keys > 30, "{keys}");
}

/// The object behind a `$ref`.
fn resolve<'a>(schema: &'a Value, property: &'a Value) -> &'a Value {
    let reference = property["$ref"].as_str();
    reference.map_or(property, |reference| {
        schema.pointer(reference.trim_start_matches('#')).unwrap()
    })
}

#[test]
fn every_configuration_that_comes_along_is_valid() {
    let place = Place::new();
    // Sweeps and protocols are no configurations of runs; their own tests check them.
    let mut files = below(&workspace().join("configs"));
    let others = |path: &std::path::Path| {
        let names = path.components().map(|part| part.as_os_str());
        names
            .into_iter()
            .any(|name| name == "sweeps" || name == "paper")
    };
    files.retain(|path| !others(path));
    let yaml = |path: &&std::path::PathBuf| path.extension().is_some_and(|end| end == "yaml");
    let files: Vec<_> = files.iter().filter(yaml).collect();
    assert!(!files.is_empty());
    for file in files {
        let message = refusal(&place, file, "--set train.nonsense=1");
        assert!(message.contains("train.nonsense: unknown key"), "{message}");
        // The configuration is checked before the device is looked for.
        let message = refusal(&place, file, "--device cuda:999");
        assert!(message.contains("device cuda:999"), "{message}");
    }
    assert!(place.names().is_empty());
}

fn refusal(place: &Place, file: &Path, more: &str) -> String {
    let mut command = place.command(&format!("train {more} --out run"));
    let output = command.arg(file).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        output.status.code(),
        Some(2),
        "{}: {stderr}",
        file.display()
    );
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    stderr
}
