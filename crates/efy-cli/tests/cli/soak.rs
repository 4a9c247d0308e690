//! Long runs.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::interrupted::std_command;
use crate::resume::{SMALL, small_place};

/// Resident memory of a process in kilobytes.
fn resident(process: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The last step in a metrics file that is being written.
fn last_step(metrics: &Path) -> u64 {
    let text = fs::read_to_string(metrics).unwrap_or_default();
    let step = |line: &str| {
        line.strip_prefix("{\"step\":")?
            .split(',')
            .next()?
            .parse()
            .ok()
    };
    text.lines().filter_map(step).max().unwrap_or(0)
}

#[cfg(target_os = "linux")]
#[test]
fn memory_stays_where_it_is_for_20_000_steps() {
    let place = small_place();
    let line = format!(
        "train CONFIG --quiet --device cpu {SMALL} --set train.epochs=5100 --set train.log_every=50 \
         --set train.eval_every=100 --set checkpoint.every=1000 --out run"
    );
    let mut command = std_command(&place, &line);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let metrics = place.path("run/metrics.jsonl");
    let (mut early, mut late) = (None, None);
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(
            start.elapsed() < Duration::from_secs(300),
            "it takes too long"
        );
        let (step, memory) = (last_step(&metrics), resident(child.id()));
        match step {
            2000..4000 if early.is_none() => early = memory,
            18_000..20_000 => late = memory,
            _ => {}
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let (Some(early), Some(late)) = (early, late) else {
        panic!("{early:?} and {late:?} at step {}", last_step(&metrics));
    };
    assert!(last_step(&metrics) > 20_000);
    println!("{early} kB after 2,000 steps, {late} kB before 20,000");
    assert!(late <= 1.02 * early, "{early} kB have become {late} kB");
}
