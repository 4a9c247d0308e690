//! The page that `efy report` writes, read as a browser reads it.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set up its files has failed"
)]

mod document;
mod escaping;
mod one_run;
mod several_runs;

use std::fs;
use std::path::{Path, PathBuf};

use efy_plot::report;
use tempfile::TempDir;

use crate::document::Document;

/// Run directories to be.
struct Runs(TempDir);

impl Runs {
    fn new() -> Self {
        Runs(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file of a run.
    fn write(&self, run: &str, file: &str, text: &str) {
        fs::create_dir_all(self.path(run)).unwrap();
        fs::write(self.path(run).join(file), text).unwrap();
    }

    /// Writes a run of four epochs as `efy train` leaves it, with `config` in its configuration.
    fn finished(&self, run: &str, config: &str, accuracy: f64) {
        let mut metrics = String::new();
        for epoch in 1..=4 {
            let (step, loss) = (10 * epoch, 1.0 / f64::from(epoch));
            metrics += &format!(
                "{{\"step\":{step},\"epoch\":{epoch},\"split\":\"train\",\"loss\":{loss}}}\n\
                 {{\"step\":{step},\"epoch\":{epoch},\"split\":\"validation\",\"loss\":{loss},\"micro_f1\":0.5}}\n"
            );
        }
        metrics += "{\"step\":30,\"epoch\":4,\"split\":\"test\",\"loss\":0.25}\n";
        let summary = format!(
            r#"{{"name": "x", "task": "multilabel", "steps": 40, "epochs": 4, "seconds": 75.2,
            "best": {{"step": 30, "monitor": "loss"}}, "validation": {{"loss": 0.3333333333333333, "hamming_accuracy": 0.9}},
            "test": {{"loss": 0.25, "hamming_accuracy": {accuracy}}}}}"#
        );
        self.write(run, "metrics.jsonl", &metrics);
        self.write(run, "summary.json", &summary);
        self.write(run, "config.yaml", config);
        let environment = r#"{"efy": "0.1.0", "device": "Cpu", "threads": 2, "command": ["efy", "train", "a.yaml"],
            "git_commit": null, "started": "2026-01-02T03:04:05.678Z"}"#;
        self.write(run, "env.json", environment);
    }

    fn report(&self, runs: &[&str]) -> String {
        let runs: Vec<_> = runs.iter().map(|name| self.path(name)).collect();
        report(&runs).unwrap()
    }

    fn document(&self, runs: &[&str]) -> Document {
        Document::parse(&self.report(runs))
    }

    /// The message without the folder that the runs are in.
    fn error(&self, runs: &[&str]) -> String {
        let runs: Vec<_> = runs.iter().map(|name| self.path(name)).collect();
        let folder = format!("{}/", self.0.path().display());
        report(&runs).unwrap_err().to_string().replace(&folder, "")
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn the_same_runs_give_the_same_bytes_wherever_they_are() {
    let runs = Runs::new();
    runs.finished("a", "name: a\n", 0.8);
    runs.finished("b", "name: b\n", 0.7);
    for name in ["a", "b"] {
        copy(&runs.path(name), &runs.path(&format!("elsewhere/{name}")));
    }
    let page = runs.report(&["a", "b"]);
    assert_eq!(page, runs.report(&["a", "b"]));
    assert_eq!(page, runs.report(&["elsewhere/a", "elsewhere/b"]));
    assert_ne!(page, runs.report(&["b", "a"]));
}

#[test]
fn what_is_not_a_run_is_named() {
    let runs = Runs::new();
    assert_eq!(
        runs.error(&["nowhere"]),
        "nowhere: no such directory, expected that of a run"
    );
    runs.write("other", "notes.txt", "");
    assert_eq!(
        runs.error(&["other"]),
        "other: not a run: no config.yaml, metrics.jsonl or summary.json in it"
    );
    assert_eq!(
        report(&[]).unwrap_err().to_string(),
        "no run directory given"
    );
}

#[test]
fn a_file_that_cannot_be_understood_is_named() {
    for (file, text) in [
        ("config.yaml", "a: ["),
        ("env.json", "{"),
        ("summary.json", "[]"),
        ("metrics.jsonl", "{\"step\":1}\n"),
    ] {
        let runs = Runs::new();
        runs.finished("a", "name: a\n", 0.8);
        runs.write("a", file, text);
        let message = runs.error(&["a"]);
        assert!(message.starts_with(&format!("a/{file}:")), "{message}");
        assert!(!message.contains('\n'), "{message}");
    }
}
