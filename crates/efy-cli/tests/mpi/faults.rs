//! What ends one process ends all of them, soon, and the last checkpoint is good.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use efy_core::random::{Stream, generator};
use rand::RngExt;

use crate::support::Place;
use crate::{SMALL, mpirun, prepared, run, said, small_place, wait_until};

/// Until nobody runs any more.
const MOST: Duration = Duration::from_secs(10);

/// Some seconds, with a checkpoint every 20 steps.
const LONG: &str = "--set train.epochs=400 --set checkpoint.every=20 --set train.eval_every=50";

fn start(mut command: Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// The processes that `mpirun` has started, in the order of their ranks.
fn ranks(mpirun: &Child) -> Vec<u32> {
    let list = format!("/proc/{0}/task/{0}/children", mpirun.id());
    let children = fs::read_to_string(list).unwrap_or_default();
    let mut pids: Vec<u32> = children
        .split_whitespace()
        .map(|pid| pid.parse().unwrap())
        .collect();
    pids.sort_unstable();
    pids
}

fn signal(name: &str, pid: u32) {
    let status = Command::new("kill")
        .args(["-s", name, &pid.to_string()])
        .status();
    assert!(status.unwrap().success());
}

/// Its exit code and what it said; nobody is left after [`MOST`].
fn ended(mut child: Child, pids: &[u32]) -> (Option<i32>, String) {
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(begin.elapsed() < MOST, "processes hang");
        std::thread::sleep(Duration::from_millis(20));
    }
    for pid in pids {
        let gone = || !fs::exists(format!("/proc/{pid}")).unwrap();
        wait_until("a process to end", gone);
    }
    assert!(begin.elapsed() < MOST, "processes hang");
    let output = child.wait_with_output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// The run `out` has the files of the run `straight`.
fn assert_same_files(place: &Place, out: &str) {
    for file in ["weights.safetensors", "metrics.jsonl", "predictions.csv"] {
        let [found, expected] = [out, "straight"].map(|run| place.bytes(&format!("{run}/{file}")));
        assert!(found == expected, "{out}: {file}");
    }
}

#[test]
fn a_process_that_is_killed_ends_all_and_they_go_on_with_the_same_bits() {
    let kills: u32 = std::env::var("EFY_KILLS").map_or(20, |text| text.parse().unwrap());
    let place = small_place();
    let line = format!("train CONFIG --quiet --device cpu {SMALL} {LONG} --out");
    run(&place, 2, &format!("{line} straight")).ok();
    let random = &mut generator(7, Stream::MadeUp, 0);
    let mut killed = 0;
    let mut rounds = 0;
    while killed < kills {
        rounds += 1;
        let name = format!("killed{rounds}");
        let mut child = start(mpirun(&place, 2, &format!("{line} {name}")));
        wait_until("the run", || {
            place.path(&format!("{name}/config.yaml")).exists()
        });
        loop {
            wait_until("the processes", || {
                child.try_wait().unwrap().is_some() || ranks(&child).len() == 2
            });
            std::thread::sleep(Duration::from_millis(random.random_range(0..1500)));
            let pids = ranks(&child);
            let finished = pids.len() < 2 || killed == kills;
            if finished {
                break;
            }
            signal("KILL", pids[random.random_range(0..2)]);
            killed += 1;
            let (code, told) = ended(child, &pids);
            assert_ne!(code, Some(0), "{told}");
            child = start(mpirun(
                &place,
                2,
                &format!("train --quiet --device cpu --resume {name}"),
            ));
        }
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_same_files(&place, &name);
    }
    eprintln!("{killed} kills in {rounds} runs");
}

#[test]
fn a_signal_to_one_process_stops_all_with_a_checkpoint() {
    let place = small_place();
    let line = format!("train CONFIG --quiet --device cpu {SMALL} {LONG} --out");
    run(&place, 2, &format!("{line} straight")).ok();
    for (name, code, rank) in [("TERM", 143, 1), ("INT", 130, 0), ("INT", 130, 1)] {
        let out = format!("{name}{rank}");
        let child = start(mpirun(&place, 2, &format!("{line} {out}")));
        let latest = place.path(&format!("{out}/checkpoints/latest"));
        wait_until("a checkpoint", || latest.exists());
        let pids = ranks(&child);
        signal("USR1", pids[1 - rank]);
        signal(name, pids[rank]);
        let (found, told) = ended(child, &pids);
        assert_eq!(found, Some(code), "{told}");
        let lines = said(&told);
        assert_eq!(lines.len(), 1, "{told}");
        let step = lines[0].strip_prefix("efy: stopped after step ").unwrap();
        let (step, _) = step.split_once(';').unwrap();
        let checkpoint = format!("step-{:09}", step.parse::<u64>().unwrap());
        assert_eq!(fs::read_to_string(latest).unwrap().trim(), checkpoint);
        run(
            &place,
            2,
            &format!("train --quiet --device cpu --resume {out}"),
        )
        .ok();
        assert_same_files(&place, &out);
    }
}

#[test]
fn when_the_disk_of_the_first_is_full_all_stop_with_one_message() {
    let place = small_place();
    let line = format!(
        "train CONFIG --quiet --device cpu {SMALL} --set model.hidden=[64] --set train.epochs=30 --set checkpoint.every=10 --out"
    );
    run(&place, 2, &format!("{line} straight")).ok();
    run(&place, 2, &format!("{line} run --stop-after 75")).ok();
    // As on a full disk: files cannot grow. MPI keeps its own elsewhere.
    let limited = "trap '' XFSZ; ulimit -f 1; exec \"$@\"";
    let efy = place.command("train --quiet --device cpu --resume run");
    let mut command = prepared(&place, &efy);
    command
        .env("OMPI_MCA_btl", "tcp,self")
        .env("PMIX_MCA_gds", "hash");
    command.args(["-n", "1", "bash", "-c", limited, "bash"]);
    command.arg(efy.get_program()).args(efy.get_args());
    command
        .args([":", "-n", "1"])
        .arg(efy.get_program())
        .args(efy.get_args());
    let child = start(command);
    let (code, told) = ended(child, &[]);
    assert_eq!(code, Some(1), "{told}");
    let lines = said(&told);
    assert_eq!(lines.len(), 1, "{told}");
    assert!(
        lines[0].contains("step-000000100: cannot write: File too large"),
        "{told}"
    );
    assert!(
        lines[0].contains("the last good checkpoint is as it was"),
        "{told}"
    );
    run(&place, 2, "train --quiet --device cpu --resume run").ok();
    assert_same_files(&place, "run");
}
