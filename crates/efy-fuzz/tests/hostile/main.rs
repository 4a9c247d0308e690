//! Every reader of files against what strangers write.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test, a panic is the report"
)]

mod configs;
mod corpus;
mod data;
mod schema;

use std::fs;
use std::path::{Path, PathBuf};

fn workspace() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap()
}

/// The files of a folder and below it, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}")) {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort_unstable();
    found
}

/// All configurations that come along, by name, and the default one.
fn configurations() -> Vec<(String, String)> {
    // Sweeps have a schema of their own, and so have protocols of experiments.
    let run = |path: &PathBuf| {
        !path
            .ancestors()
            .any(|folder| folder.ends_with("configs/sweeps") || folder.ends_with("configs/paper"))
    };
    let yaml = |path: &PathBuf| path.extension().is_some_and(|end| end == "yaml") && run(path);
    let files = files(&workspace().join("configs")).into_iter().filter(yaml);
    let mut found: Vec<_> = files
        .map(|path| {
            (
                path.display().to_string(),
                fs::read_to_string(&path).unwrap(),
            )
        })
        .collect();
    let minimal = "task: multilabel\n".to_owned();
    let config = efy_tasks::config::Config::from_text("minimal", &minimal, &[]).unwrap();
    let resolved = efy_train::config::to_yaml(&config).unwrap();
    found.extend([
        ("minimal".to_owned(), minimal),
        ("resolved".to_owned(), resolved),
    ]);
    assert!(found.len() > 5, "{found:?}");
    found
}
