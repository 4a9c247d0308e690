//! `efy sweep --sbatch`: the script for Slurm, and what a task of it does.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::{Finished, Place, run, skipped};
use crate::sweep::{FOUR, place};

#[test]
fn the_slurm_script_is_a_script() {
    let place = place(FOUR);
    let line = place.efy("sweep s.yaml --out out --sbatch").ok().json();
    assert_eq!(
        line,
        json!({"sweep": "out", "trials": 4, "sbatch": "out/submit.sbatch"})
    );
    assert!(!place.path("out/trials/000").exists());
    let script = place.text("out/submit.sbatch");
    assert!(script.contains("#SBATCH --array=0-3%16\n"), "{script}");
    for (checker, arguments) in [("bash", &["-n"][..]), ("shellcheck", &[])] {
        let path = place.path("out/submit.sbatch");
        match Command::new(checker).args(arguments).arg(path).output() {
            Ok(output) => {
                let told = String::from_utf8_lossy(&output.stdout);
                assert!(
                    output.status.success() && output.stderr.is_empty(),
                    "{checker}: {told}"
                );
            }
            Err(_) => skipped(&format!("no {checker}")),
        }
    }
    let line = task(&place, 2, "exec \"$@\"").ok().json();
    assert_eq!(line["trial"], 2);
    assert!(place.path("out/trials/002/summary.json").is_file());
    // Submitted again, a task whose trial is done says the same and runs nothing.
    place.write("out/trials/002/marker", "");
    assert_eq!(task(&place, 2, "exec \"$@\"").ok().json(), line);
    assert!(place.path("out/trials/002/marker").exists());
}

/// A task of the array, as Slurm would start it; `srun` is a command that does what it is told.
fn task(place: &Place, index: usize, srun: &str) -> Finished {
    place.write("bin/srun", &format!("#!/bin/bash\n{srun}\n"));
    make_executable(&place.path("bin/srun"));
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("bash");
    command
        .arg(place.path("out/submit.sbatch"))
        .env("PATH", format!("{}:{path}", place.path("bin").display()))
        .env("SLURM_ARRAY_TASK_ID", index.to_string())
        .current_dir("/");
    run(&mut assert_cmd::Command::from_std(command), "submit.sbatch")
}

#[test]
fn the_slurm_script_has_what_the_sweep_says() {
    let resources = "slurm:\n  partition: gpu\n  account: 1234\n  qos: long\n  time: 1-12:00:00\n  cpus_per_task: 4\n  \
                     memory: 800M\n  gpus: 1\n  at_once: 3\n  extra: [--constraint=a100]\n  setup: [export SET_UP=yes]";
    let place = place(&format!("{FOUR}\n{resources}"));
    let told = place.efy("sweep s.yaml --out out --slurm").ok().stderr;
    assert!(told.starts_with("4 trials; sbatch "), "{told}");
    let script = place.text("out/submit.sbatch");
    assert!(
        !script.contains("EDIT:") && !script.contains("# EDIT"),
        "{script}"
    );
    for line in [
        "array=0-3%3",
        "time=1-12:00:00",
        "cpus-per-task=4",
        "mem=800M",
        "gres=gpu:1",
        "partition=gpu",
        "account=1234",
        "qos=long",
        "constraint=a100",
    ] {
        assert!(
            script.contains(&format!("\n#SBATCH --{line}\n")),
            "{line}: {script}"
        );
    }
    // The trial is to take the GPU that it is given, or to fail.
    let asked = task(&place, 1, "echo \"\\\"$SET_UP $*\\\"\"").ok().json();
    let asked = asked.as_str().unwrap();
    assert!(
        asked.starts_with("yes ") && asked.ends_with(" --device cuda --index 1"),
        "{asked}"
    );
    // What runs does not depend on it, and the copy in the directory keeps it.
    place.efy("sweep out/sweep.yaml --out out --slurm").ok();
    assert_eq!(place.text("out/submit.sbatch"), script);
}

#[test]
fn more_trials_than_slurm_takes_in_an_array_are_several_arrays() {
    let place = place("parameters: {train.lr: {min: 0.01, max: 0.1, points: 1002}}");
    place.efy("sweep s.yaml --out out --sbatch -q").ok();
    let script = place.text("out/submit.sbatch");
    let limit = "\n#SBATCH --array=0-999%16\n";
    assert!(script.contains(limit), "{script}");
    let index = |first: &str, task_index: usize| {
        let set = script.replace("${EFY_FIRST:-0}", first);
        place.write("out/submit.sbatch", &set);
        task(&place, task_index, "echo \"${@: -1}\"").ok().stdout
    };
    assert_eq!(index("0", 7).trim(), "7");
    assert_eq!(index("1000", 1).trim(), "1001");
    assert_eq!(index("1000", 2), "");
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
