//! A start does not load what only a GPU needs: 0.1 s and 400 MB.

use std::fs;

use assert_cmd::cargo::cargo_bin;
use goblin::elf::Elf;

use crate::support::{Place, run};

#[test]
fn the_program_needs_no_library_of_cuda() {
    let bytes = fs::read(cargo_bin!("efy")).unwrap();
    let program = Elf::parse(&bytes).unwrap();
    assert!(
        program
            .libraries
            .iter()
            .any(|name| name.starts_with("libtorch_cpu.")),
        "{:?}",
        program.libraries
    );
    for name in &program.libraries {
        assert!(!name.contains("cuda") && !name.contains("cublas"), "{name}");
    }
}

/// The names of the files that the loader opened, as glibc tells them.
fn loaded(place: &Place, line: &str) -> String {
    let mut command = place.command(line);
    command
        .env("LD_DEBUG", "files")
        .env("LD_DEBUG_OUTPUT", place.path("loader"));
    run(&mut command, line).ok();
    let files = place
        .names()
        .into_iter()
        .filter(|path| path.to_string_lossy().contains("/loader."));
    files
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

#[test]
fn neither_a_start_nor_a_training_on_the_cpu_loads_cuda() {
    let place = Place::new();
    for line in [
        "--version",
        "train CONFIG --quiet --device cpu --out run --stop-after 1",
    ] {
        let loaded = loaded(&place, line);
        if loaded.is_empty() {
            return crate::support::skipped("the loader does not tell what it loads");
        }
        assert!(loaded.contains("libtorch_cpu.so"), "{line}");
        assert!(!loaded.contains("libtorch_cuda"), "{line}");
    }
}
