//! `mpirun -n N efy train`, in a build with the feature `mpi`. See `scripts/test-mpi.sh`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test, a panic is the report"
)]

mod faults;
mod same;
#[path = "../cli/support.rs"]
#[allow(dead_code, reason = "the tests without MPI need the rest of it")]
mod support;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{Finished, Place, small_csv};

/// Four steps an epoch, of batches that two and four processes share equally.
const SMALL: &str = "--set data.path=train.csv --set data.test_path=test.csv --set data.label_prefix=y \
                     --set train.batch_size=16 --set train.patience=0 --set train.lr=0.01 --set train.log_every=7 \
                     --set solver.max_iterations=7";

fn small_place() -> Place {
    let place = Place::new();
    place.write("train.csv", &small_csv(107, 1));
    place.write("test.csv", &small_csv(30, 2));
    place
}

/// `mpirun` with so many processes of `efy` with the arguments of `line`, all of them on this machine.
fn mpirun(place: &Place, ranks: usize, line: &str) -> Command {
    let efy = place.command(line);
    let mut command = prepared(place, &efy);
    command.args(["-n", &ranks.to_string()]);
    command.arg(efy.get_program()).args(efy.get_args());
    command
}

/// `mpirun` and where it runs.
fn prepared(place: &Place, efy: &assert_cmd::Command) -> Command {
    let mut command = Command::new("mpirun");
    for (name, value) in efy.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
        .current_dir(place.path("."))
        // One thread each: the processes of a test share a machine.
        .env("OMP_NUM_THREADS", "1")
        .env("RAYON_NUM_THREADS", "1")
        .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
        .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
        .env("OMPI_MCA_rmaps_base_oversubscribe", "1")
        .args(["--bind-to", "none"])
        .stdin(Stdio::null());
    command
}

fn run(place: &Place, ranks: usize, line: &str) -> Finished {
    let mut command = assert_cmd::Command::from_std(mpirun(place, ranks, line));
    support::run(&mut command, &format!("{line} ({ranks} ranks)"))
}

/// What `efy` said among the lines of `mpirun`.
fn said(stderr: &str) -> Vec<&str> {
    let lines = stderr.lines();
    lines.filter(|line| line.starts_with("efy: ")).collect()
}

/// Waits until something is so.
fn wait_until(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "waiting for {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
