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

#[test]
fn the_program_links_mpi_only_where_it_was_built_for_it() {
    let bytes = fs::read(cargo_bin!("efy")).unwrap();
    let program = Elf::parse(&bytes).unwrap();
    let mut libraries = program.libraries.iter();
    let links = libraries.any(|name| name.starts_with("libmpi") || name.starts_with("libopen-"));
    assert_eq!(links, cfg!(feature = "mpi"), "{:?}", program.libraries);
}

#[cfg(not(feature = "mpi"))]
#[test]
fn a_build_without_mpi_does_not_train_the_same_thing_many_times() {
    let place = Place::new();
    let mut command = place.command("train CONFIG --out run");
    command
        .env("OMPI_COMM_WORLD_RANK", "0")
        .env("OMPI_COMM_WORLD_SIZE", "4");
    let refused = run(&mut command, "train CONFIG --out run");
    let told = refused.failed(2);
    assert!(
        told.starts_with("efy: started as one of 4 processes, but built without MPI"),
        "{told}"
    );
    assert!(
        told.ends_with("--features mpi`") && !place.path("run").exists(),
        "{told}"
    );
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
